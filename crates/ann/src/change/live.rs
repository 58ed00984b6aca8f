use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use embed_core::{AnnIndexMut, ChangeError, ItemId, Run, SearchError, SearchRequest};

use super::{Changed, KeyedNeighbor, ReplaceError};
use crate::Index;
use crate::implement::answers_as;

/// An index that many threads search while others change it.
///
/// A search works on the generation that it found when it began, whatever happens meanwhile: it never waits for
/// a change or a build, only for the moment in which one pointer takes the place of another. Changes wait for
/// each other, and not for builds: what changes while [`Live::compact`] works is done again on its result.
///
/// A change costs O(dim), a copy of a block of vectors, and O(ids / 4096 + changes / 128); many at once
/// ([`Live::change`]) pay the last but once.
///
/// ```
/// use ann::{IndexSpec, Live, Vectors};
/// use embed_core::{Metric, Run, Vocab, testkit};
///
/// let vectors = testkit::clustered(500, 8, 10, 1);
/// let keys = Vocab::from_keys((0..500).map(|i| format!("sku-{i}")))?;
/// let vectors = Vectors::from(&vectors).keyed(keys);
/// let shop = Live::new(IndexSpec::Flat.build(vectors, Metric::L2, &mut Run::default())?);
/// shop.upsert("sku-new", &[9.0; 8])?;
/// shop.remove_key("sku-3")?;
/// shop.compact(&mut Run::default())?;
/// let nearest = shop.nearest(&[9.0; 8], 3)?;
/// assert_eq!((nearest[0].key.as_str(), nearest[0].id), ("sku-new", 500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Live {
    current: RwLock<Arc<Changed>>,
    /// Held by whoever makes the next generation.
    writer: Mutex<()>,
    /// Held by whoever rebuilds the index.
    compacting: Mutex<()>,
}

impl From<Changed> for Live {
    fn from(index: Changed) -> Self {
        Self { current: RwLock::new(Arc::new(index)), writer: Mutex::new(()), compacting: Mutex::new(()) }
    }
}

impl From<Index> for Live {
    fn from(index: Index) -> Self {
        Changed::from(index).into()
    }
}

impl Live {
    /// Starts from an index.
    #[must_use]
    pub fn new(index: Index) -> Self {
        index.into()
    }

    /// The present generation, which stays as it is. O(1).
    #[must_use]
    pub fn snapshot(&self) -> Arc<Changed> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn turn(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
        lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next generation by `work` on a copy of the present one, and swaps it in when `work` succeeds: all of
    /// its changes are seen at once, or none is made.
    ///
    /// # Errors
    /// Those of `work`; then nothing has changed.
    pub fn change<R, E>(&self, work: impl FnOnce(&mut Changed) -> Result<R, E>) -> Result<R, E> {
        let _turn = Self::turn(&self.writer);
        let mut next = Changed::clone(&self.snapshot());
        let result = work(&mut next)?;
        self.swap(next);
        Ok(result)
    }

    /// [`AnnIndexMut::add`].
    ///
    /// # Errors
    /// As there.
    pub fn add(&self, vector: &[f32]) -> Result<ItemId, ChangeError> {
        self.change(|index| index.add(vector))
    }

    /// [`AnnIndexMut::upsert`].
    ///
    /// # Errors
    /// As there.
    pub fn upsert(&self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError> {
        self.change(|index| index.upsert(key, vector))
    }

    /// [`AnnIndexMut::update`].
    ///
    /// # Errors
    /// As there.
    pub fn update(&self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError> {
        self.change(|index| index.update(id, vector))
    }

    /// [`AnnIndexMut::remove`].
    ///
    /// # Errors
    /// As there.
    pub fn remove(&self, id: ItemId) -> Result<bool, ChangeError> {
        self.change(|index| index.remove(id))
    }

    /// [`AnnIndexMut::remove_key`].
    ///
    /// # Errors
    /// As there.
    pub fn remove_key(&self, key: &str) -> Result<bool, ChangeError> {
        self.change(|index| index.remove_key(key))
    }

    /// [`Changed::nearest`], from one generation.
    ///
    /// # Errors
    /// As there.
    pub fn nearest(&self, query: &[f32], k: usize) -> Result<Vec<KeyedNeighbor>, SearchError> {
        self.snapshot().nearest(query, k)
    }

    /// [`Changed::nearest_by`], from one generation.
    ///
    /// # Errors
    /// As there.
    pub fn nearest_by(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
    ) -> Result<Vec<KeyedNeighbor>, SearchError> {
        self.snapshot().nearest_by(query, request)
    }

    /// Rebuilds the index over the rows that are there, and swaps it in. Searches and changes go on meanwhile; what
    /// changed is done again on the new index before it is swapped in, so no change is lost. Where another index was
    /// put in place meanwhile ([`Live::replace`]), that one is rebuilt. Of two compactions at once, the second waits
    /// for the first.
    ///
    /// # Errors
    /// [`ChangeError::Implementation`] when the build fails or the observer stops it; then nothing has changed but by
    /// others.
    pub fn compact(&self, run: &mut Run<'_>) -> Result<(), ChangeError> {
        let _build = Self::turn(&self.compacting);
        loop {
            let since = self.snapshot();
            if !since.is_changed() {
                return Ok(());
            }
            let index = since.compacted(run)?;
            let _turn = Self::turn(&self.writer);
            let now = self.snapshot();
            if now.has_base_of(&since) {
                self.swap(now.rebased(&since, index));
                return Ok(());
            }
        }
    }

    /// Puts another index in place of the present one and its changes: [`Changed::replaced`].
    ///
    /// Changes made while the other index was built are not in it; make them again afterwards.
    ///
    /// # Errors
    /// As there; then nothing has changed.
    pub fn replace(&self, index: Index) -> Result<(), ReplaceError> {
        let _turn = Self::turn(&self.writer);
        let next = self.snapshot().replaced(index)?;
        self.swap(next);
        Ok(())
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
