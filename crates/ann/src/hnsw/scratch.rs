use std::sync::{Mutex, PoisonError};

use super::beam::Scratch;

/// Search memory that is handed out and taken back: as many pieces as there were searches at once.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool<S = Scratch>(Mutex<Vec<S>>);

impl<S: Default> ScratchPool<S> {
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut S) -> R) -> R {
        let pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = pooled.unwrap_or_default();
        let result = work(&mut scratch);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}

/// A copy of an index starts with no search memory of its own.
impl<S: Default> Clone for ScratchPool<S> {
    fn clone(&self) -> Self {
        Self::default()
    }
}
