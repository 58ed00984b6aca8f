use std::sync::Arc;

use embed_core::ItemId;

/// Ids of a page.
const PAGE: usize = 1 << 12;
const REMOVED: u32 = 1;
/// The slot 0.
const FIRST: u32 = 2;

/// State of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is as it is in the index, or is not there.
    Unchanged,
    /// It was in the index, and is no answer any more.
    Removed,
    /// Its vector lies beside the index, in this slot.
    Beside(u32),
}

/// The state of each id. A copy shares all pages, and a change copies one of them.
#[derive(Debug, Clone, Default)]
pub(super) struct States(Vec<Option<Arc<[u32; PAGE]>>>);

impl States {
    #[inline]
    pub(super) fn get(&self, id: ItemId) -> State {
        let page = self.0.get(id as usize / PAGE).and_then(Option::as_ref);
        match page.map_or(0, |page| page[id as usize % PAGE]) {
            0 => State::Unchanged,
            REMOVED => State::Removed,
            slot => State::Beside(slot - FIRST),
        }
    }

    pub(super) fn set(&mut self, id: ItemId, state: State) {
        let at = id as usize / PAGE;
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        let page = self.0[at].get_or_insert_with(|| Arc::new([0; PAGE]));
        Arc::make_mut(page)[id as usize % PAGE] = match state {
            State::Unchanged => 0,
            State::Removed => REMOVED,
            State::Beside(slot) => slot + FIRST,
        };
    }

    /// The removed ids, ascending. O(pages with changes).
    pub(super) fn removed(&self) -> impl Iterator<Item = ItemId> {
        // In this order: the last page ends where the numbers do.
        let pages = self.0.iter().zip((0u32..).step_by(PAGE));
        let pages = pages.filter_map(|(page, first)| Some((first, page.as_ref()?)));
        pages.flat_map(|(first, page)| {
            (first..=u32::MAX).zip(&page[..]).filter(|(_, state)| **state == REMOVED).map(|(id, _)| id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_reach_to_the_last_id() {
        let mut states = States::default();
        let last = u32::MAX - 1;
        for (id, state) in
            [(0, State::Removed), (4095, State::Beside(0)), (4096, State::Removed), (last, State::Removed)]
        {
            states.set(id, state);
            assert_eq!((states.get(id), states.get(id ^ 1)), (state, State::Unchanged));
        }
        let before = states.clone();
        states.set(4096, State::Beside(7));
        assert_eq!(states.removed().collect::<Vec<_>>(), [0, last]);
        assert_eq!(before.removed().collect::<Vec<_>>(), [0, 4096, last]);
        assert_eq!(states.get(u32::MAX), State::Unchanged);
    }
}
