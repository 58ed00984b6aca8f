use std::sync::Arc;

use embed_core::ItemId;

/// Ids of a page.
const PAGE: usize = 1 << 12;
const REMOVED: u32 = 1;
/// The slot 0.
const FIRST: u32 = 2;

/// What became of a row.
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
        let pages =
            (0u32..).step_by(PAGE).zip(&self.0).filter_map(|(first, page)| Some((first, page.as_ref()?)));
        pages.flat_map(|(first, page)| {
            (first..=u32::MAX).zip(&page[..]).filter(|(_, state)| **state == REMOVED).map(|(id, _)| id)
        })
    }
}
