use std::sync::{Mutex, PoisonError};

use embed_core::ItemId;

use super::baskets::Baskets;
use super::params::ItemGraphParams;

/// Counts of one item's companions: 4 bytes an item of the catalogue, a thread.
#[derive(Debug, Default)]
struct Counter {
    /// Invariant: 0 between two items.
    counts: Vec<u32>,
    touched: Vec<ItemId>,
    scored: Vec<(f32, ItemId)>,
}

/// Finds the items most like a given one, by way of the users who have it.
#[derive(Debug)]
pub(crate) struct Similar<'a> {
    baskets: &'a Baskets,
    params: ItemGraphParams,
    users: u32,
    pool: Mutex<Vec<Counter>>,
}

impl<'a> Similar<'a> {
    pub(crate) fn new(baskets: &'a Baskets, params: &ItemGraphParams, users: u64) -> Self {
        let users = u32::try_from(users).unwrap_or(u32::MAX);
        Self { baskets, params: *params, users, pool: Mutex::default() }
    }

    /// The nearest items of each of `items`, with their number first: (item, other, score), others in ascending order.
    pub(crate) fn of(&self, items: std::ops::Range<usize>) -> Vec<(ItemId, ItemId, f32)> {
        let pool = || self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counter = pool().pop().unwrap_or_default();
        counter.counts.resize(self.baskets.n_items(), 0);
        let mut found = Vec::new();
        for item in items {
            let item = ItemId::try_from(item).unwrap_or(ItemId::MAX);
            self.nearest(item, &mut counter);
            found.extend(counter.scored.iter().map(|&(score, other)| (item, other, score)));
        }
        pool().push(counter);
        found
    }

    /// Leaves the nearest items in `counter.scored`. O(Σ |I_u| over the item's users).
    fn nearest(&self, item: ItemId, counter: &mut Counter) {
        let Counter { counts, touched, scored } = counter;
        touched.clear();
        scored.clear();
        let users = self.baskets.users_of(item);
        for &user in users {
            for &other in self.baskets.items_of(user) {
                let count = &mut counts[other as usize];
                if *count == 0 {
                    touched.push(other);
                }
                *count += 1;
            }
        }
        let own = size(users);
        for &other in touched.iter() {
            let together = std::mem::take(&mut counts[other as usize]);
            if other != item && together >= self.params.min_support {
                let theirs = size(self.baskets.users_of(other));
                let score = self.params.similarity.score(together, own, theirs, self.users);
                if score > 0.0 {
                    scored.push((score, other));
                }
            }
        }
        let k = self.params.top_k;
        if scored.len() > k {
            // Ties by ascending id, as everywhere.
            scored.select_nth_unstable_by(k - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            scored.truncate(k);
        }
        scored.sort_unstable_by_key(|&(_, other)| other);
    }
}

fn size(users: &[u32]) -> u32 {
    u32::try_from(users.len()).unwrap_or(u32::MAX)
}
