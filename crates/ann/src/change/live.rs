use std::sync::{Arc, Mutex, PoisonError, RwLock};

use embed_core::{AnnIndexMut, ChangeError, Run};

use super::Changed;
use crate::Index;
use crate::implement::answers_as;

/// An index that many threads search while one changes it.
///
/// A search works on the generation that it found when it began, whatever happens meanwhile: it never waits for
/// a change or a build, only for the moment in which one pointer takes the place of another. Changes wait for
/// each other.
///
/// ```
/// use ann::{IndexSpec, Live};
/// use embed_core::{AnnIndex, AnnIndexMut, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(500, 8, 10, 1);
/// let live = Live::new(IndexSpec::Flat.build(&vectors, Metric::L2, &mut Run::default())?);
/// let before = live.snapshot();
/// live.change(|index| index.remove(7))?;
/// assert_eq!((before.len(), live.len()), (500, 499));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Live {
    current: RwLock<Arc<Changed>>,
    /// Held by whoever makes the next generation.
    writer: Mutex<()>,
}

impl Live {
    /// Starts from an index.
    #[must_use]
    pub fn new(index: Index) -> Self {
        Self { current: RwLock::new(Arc::new(index.into())), writer: Mutex::new(()) }
    }

    /// The present generation, which stays as it is. O(1).
    #[must_use]
    pub fn snapshot(&self) -> Arc<Changed> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the next generation by `work` on a copy of the present one, and swaps it in when `work` succeeds.
    /// O(rows beside the index), and `work`; so make many changes at once.
    ///
    /// # Errors
    /// Those of `work`; then nothing has changed.
    pub fn change<R, E>(&self, work: impl FnOnce(&mut Changed) -> Result<R, E>) -> Result<R, E> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Changed::clone(&self.snapshot());
        let result = work(&mut next)?;
        self.swap(next);
        Ok(result)
    }

    /// Rebuilds the index over the rows that are there, and swaps it in. Searches go on meanwhile; changes wait.
    ///
    /// # Errors
    /// [`ChangeError::Implementation`] when the build fails; then nothing has changed.
    pub fn compact(&self, run: &mut Run<'_>) -> Result<(), ChangeError> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Changed::clone(&self.snapshot());
        next.compact(run)?;
        self.swap(next);
        Ok(())
    }

    /// Puts another index in place of the present one and its changes.
    pub fn replace(&self, index: Index) {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.swap(index.into());
    }

    fn swap(&self, next: Changed) {
        let next = Arc::new(next);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, next);
        drop(current);
        // What nobody searches any more is freed when no search waits.
        drop(before);
    }
}

answers_as!(
    /// Each call answers from one generation.
    Live,
    Self::snapshot
);
