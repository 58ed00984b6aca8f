use embed_core::{Csr, ItemId, SeededRng};

use super::report::ItemGraphReport;
use crate::LogGraphError;

/// Users' items as sets, both ways: 4 bytes an interaction each, 8 bytes a user and an item.
#[derive(Debug)]
pub(crate) struct Baskets {
    /// Where each user's items start in `items`, and the end.
    user_starts: Vec<usize>,
    items: Vec<ItemId>,
    item_starts: Vec<usize>,
    users: Vec<u32>,
}

impl Baskets {
    /// Sorted sets of at most `most` items a user; larger ones are sampled without replacement, from a stream of the
    /// user's own.
    pub(crate) fn new(
        histories: &Csr,
        n_items: usize,
        most: usize,
        seed: u64,
        report: &mut ItemGraphReport,
    ) -> Result<Self, LogGraphError> {
        for (what, got) in [("users", histories.n_rows()), ("items", n_items)] {
            let limit = u32::MAX as usize;
            if got > limit {
                return Err(LogGraphError::TooMany { what, got, limit });
            }
        }
        let (mut user_starts, mut items) = (vec![0], Vec::with_capacity(histories.n_entries()));
        let mut set: Vec<ItemId> = Vec::new();
        for (user, row) in histories.rows().enumerate() {
            set.clear();
            set.extend_from_slice(row);
            set.sort_unstable();
            set.dedup();
            if let Some(&item) = set.last().filter(|&&item| item as usize >= n_items) {
                return Err(LogGraphError::UnknownItem { user, item, n_items });
            }
            report.users += u64::from(!set.is_empty());
            if set.len() > most {
                report.users_sampled += 1;
                report.items_left_out += (set.len() - most) as u64;
                let mut rng = SeededRng::stream(seed, "item graph users", user as u64);
                for place in 0..most {
                    let rest = u32::try_from(set.len() - place).unwrap_or(u32::MAX);
                    set.swap(place, place + rng.below(rest) as usize);
                }
                set.truncate(most);
                set.sort_unstable();
            }
            let n = set.len() as u64;
            report.pairs_counted += n * n.saturating_sub(1);
            items.extend_from_slice(&set);
            user_starts.push(items.len());
        }
        let (item_starts, users) = invert(&user_starts, &items, n_items);
        Ok(Self { user_starts, items, item_starts, users })
    }

    pub(crate) fn n_items(&self) -> usize {
        self.item_starts.len() - 1
    }

    /// The items of a user.
    #[inline]
    pub(crate) fn items_of(&self, user: u32) -> &[ItemId] {
        &self.items[self.user_starts[user as usize]..self.user_starts[user as usize + 1]]
    }

    /// The users of an item.
    #[inline]
    pub(crate) fn users_of(&self, item: ItemId) -> &[u32] {
        &self.users[self.item_starts[item as usize]..self.item_starts[item as usize + 1]]
    }
}

fn invert(user_starts: &[usize], items: &[ItemId], n_items: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0usize; n_items + 1];
    for &item in items {
        starts[item as usize + 1] += 1;
    }
    for item in 0..n_items {
        starts[item + 1] += starts[item];
    }
    let mut next = starts.clone();
    let mut users = vec![0u32; items.len()];
    for (user, pair) in (0u32..).zip(user_starts.windows(2)) {
        for &item in &items[pair[0]..pair[1]] {
            users[next[item as usize]] = user;
            next[item as usize] += 1;
        }
    }
    (starts, users)
}
