use std::sync::Arc;

use embed_core::Vocab;

use crate::group::Groups;
use crate::log::Log;

/// Which of several interactions of the same user with the same item is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Keep {
    /// The earliest; of equal times, or without times, the first in the file.
    First,
    /// The latest; of equal times, or without times, the last in the file.
    Last,
}

/// What a filter took out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Dropped {
    /// Interactions.
    pub interactions: usize,
    /// User keys.
    pub users: usize,
    /// Item keys.
    pub items: usize,
}

impl Log {
    /// Each pair of user and item once, and how many interactions were taken out. What is kept stays where
    /// it is, with its own time and weight; no key is lost.
    ///
    /// O(n log n) in the longest history, 9 bytes an interaction while it works.
    #[must_use]
    pub fn dedup(&self, keep: Keep) -> (Self, Dropped) {
        let mut groups = self.rows_by_user();
        // Stable: rows of one item stay in the order of histories.
        groups.sort_each_by_key(|row| self.items()[row]);
        let mut kept = vec![false; self.len()];
        for rows in groups.iter() {
            for same in rows.chunk_by(|&a, &b| self.items()[a] == self.items()[b]) {
                let row = match keep {
                    Keep::First => same.first(),
                    Keep::Last => same.last(),
                };
                if let Some(&row) = row {
                    kept[row] = true;
                }
            }
        }
        let log = self.select(|row| kept[row]);
        let dropped = Dropped { interactions: self.len() - log.len(), ..Dropped::default() };
        (log, dropped)
    }

    /// The k-core: the largest part of the log in which every user and every item has at least `k`
    /// interactions, found by taking out users and items with fewer until none is left. It may be empty.
    ///
    /// Repeats count: for a core of distinct pairs call [`Log::dedup`] first. Keys that fall out leave the
    /// vocabularies, so ids are new; the order of what stays is as before. `k = 0` keeps everything.
    ///
    /// O(users + items + interactions): each interaction is taken out at most once. 17 bytes an interaction
    /// while it works.
    ///
    /// Reference: V. Batagelj, M. Zaveršnik, "An O(m) algorithm for cores decomposition of networks", 2003.
    #[must_use]
    pub fn k_core(&self, k: usize) -> (Self, Dropped) {
        let k = k as u64;
        let mut users = Side::new(self.users(), self.user_counts(), k);
        let mut items = Side::new(self.items(), self.item_counts(), k);
        if users.poor.is_empty() && items.poor.is_empty() {
            return (self.clone(), Dropped::default());
        }
        let mut alive = vec![true; self.len()];
        while users.take_out_one(&mut items, &mut alive) || items.take_out_one(&mut users, &mut alive) {}

        let (user_keys, user_ids) = users.survivors(self.user_keys());
        let (item_keys, item_ids) = items.survivors(self.item_keys());
        let log = self.reindexed(&user_ids, &item_ids, Arc::new(user_keys), Arc::new(item_keys));
        let dropped = Dropped {
            interactions: self.len() - log.len(),
            users: self.n_users() - log.n_users(),
            items: self.n_items() - log.n_items(),
        };
        (log, dropped)
    }
}

/// Users or items while a k-core is sought.
struct Side<'log> {
    k: u64,
    ids: &'log [u32],
    groups: Groups,
    /// Interactions that are still there; not kept up once an id is taken out.
    degrees: Vec<u64>,
    /// Invariant: whoever has fewer than `k` is here, or was and is in `gone`; nobody twice.
    poor: Vec<u32>,
    gone: Vec<bool>,
}

impl<'log> Side<'log> {
    fn new(ids: &'log [u32], degrees: Vec<u64>, k: u64) -> Self {
        let poor = (0u32..).zip(&degrees).filter(|&(_, &degree)| degree < k).map(|(id, _)| id).collect();
        Self {
            k,
            ids,
            groups: Groups::new(degrees.len(), ids),
            gone: vec![false; degrees.len()],
            degrees,
            poor,
        }
    }

    /// Takes out someone with fewer than `k`, if there is one, and tells the other side.
    fn take_out_one(&mut self, other: &mut Side<'_>, alive: &mut [bool]) -> bool {
        let Some(id) = self.poor.pop() else { return false };
        self.gone[id as usize] = true;
        for &row in self.groups.get(id) {
            if std::mem::replace(&mut alive[row], false) {
                let degree = &mut other.degrees[other.ids[row] as usize];
                *degree -= 1;
                // Falls below k just now; who was below at the start is listed already.
                if *degree + 1 == other.k {
                    other.poor.push(other.ids[row]);
                }
            }
        }
        true
    }

    /// The keys that stay, and the new id of each old one.
    fn survivors(&self, keys: &Vocab) -> (Vocab, Vec<Option<u32>>) {
        let mut kept = Vocab::new();
        let ids = keys.keys().zip(&self.gone).map(|(key, gone)| {
            // No more keys than before, so there is an id for each.
            if *gone { None } else { kept.intern(key).ok() }
        });
        let ids = ids.collect();
        (kept, ids)
    }
}
