use std::sync::{Arc, OnceLock};

use embed_core::ItemId;

/// Rows of an index that are no answers, as a list that filters take. It only grows.
///
/// Ids banned lately are put in their place when the list is first asked for, so that a change costs O(log n) on the
/// average, and the first search after one a pass over the list.
#[derive(Debug, Clone, Default)]
pub(super) struct Banned {
    /// Ascending.
    sorted: Arc<Vec<ItemId>>,
    /// Not in `sorted`, in no order.
    recent: Vec<ItemId>,
    /// All, ascending, where there are recent ones.
    merged: OnceLock<Arc<Vec<ItemId>>>,
}

impl Banned {
    /// Few enough to be merged at each search after a change.
    const RECENT: usize = 256;

    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.recent.len()
    }

    /// Adds an id that is not there.
    pub(super) fn push(&mut self, id: ItemId) {
        self.recent.push(id);
        if self.recent.len() > Self::RECENT + self.sorted.len() / 4 {
            self.sorted = self.all();
            self.recent.clear();
        }
        self.merged = OnceLock::new();
    }

    /// All, ascending.
    pub(super) fn list(&self) -> &[ItemId] {
        if self.recent.is_empty() { &self.sorted } else { self.merged.get_or_init(|| self.all()) }
    }

    fn all(&self) -> Arc<Vec<ItemId>> {
        let mut recent = self.recent.clone();
        recent.sort_unstable();
        Arc::new(merge(&self.sorted, &recent))
    }
}

/// Two ascending lists in one, without what comes twice. O(length of both).
pub(super) fn merge(one: &[ItemId], two: &[ItemId]) -> Vec<ItemId> {
    let mut all = Vec::with_capacity(one.len() + two.len());
    let (mut one, mut two) = (one.iter().copied().peekable(), two.iter().copied().peekable());
    loop {
        match (one.peek(), two.peek()) {
            (Some(a), Some(b)) if a == b => {
                all.extend(one.next());
                two.next();
            }
            (Some(a), Some(b)) if a < b => all.extend(one.next()),
            (Some(_) | None, Some(_)) => all.extend(two.next()),
            (Some(_), None) => all.extend(one.next()),
            (None, None) => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_after_every_change() {
        let mut banned = Banned::default();
        let mut all = Vec::new();
        for step in 0..3000u32 {
            let id = step.wrapping_mul(2_654_435_761);
            banned.push(id);
            all.push(id);
            if step % 97 == 0 {
                all.sort_unstable();
                assert_eq!(banned.list(), all);
                assert_eq!(banned.clone().len(), all.len());
            }
        }
        assert_eq!(merge(&[1, 3, 5], &[1, 2, 5, 9]), [1, 2, 3, 5, 9]);
    }
}
