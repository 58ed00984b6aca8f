use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};

use embed_core::{ItemId, SequenceSource, SourceError};

use crate::Walks;

/// The walks of one pass after the other, as the trainer's sequences: each pass takes walks of its own, which depend on
/// its number and the seed alone, so that a training can be taken up between two.
#[derive(Debug)]
pub(super) struct Passes<'w, 'g> {
    walks: &'w Walks<'g>,
    pass: AtomicU32,
}

impl<'w, 'g> Passes<'w, 'g> {
    pub(super) fn new(walks: &'w Walks<'g>) -> Self {
        Self { walks, pass: AtomicU32::new(0) }
    }

    /// The next reading is of this pass.
    pub(super) fn start(&self, pass: u32) {
        self.pass.store(pass, Ordering::Relaxed);
    }
}

impl SequenceSource for Passes<'_, '_> {
    fn n_items(&self) -> usize {
        self.walks.n_items()
    }

    fn for_each_sequence(
        &self,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.walks.for_each_of_pass(self.pass.load(Ordering::Relaxed), visit);
        Ok(())
    }
}
