use std::error::Error;

use crate::{AnnIndex, ItemId, Run};

/// An index that can change.
pub trait AnnIndexMut: AnnIndex {
    /// Adds a vector `[dim]`; its id, which no other row had.
    ///
    /// # Errors
    /// [`ChangeError::Dimension`], [`ChangeError::NotFinite`], [`ChangeError::Full`].
    fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError>;

    /// Removes a row, which is no answer any more; whether it was there. Its id is not given again before
    /// [`AnnIndexMut::compact`].
    ///
    /// # Errors
    /// [`ChangeError::UnknownId`] where no row ever had the id.
    fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError>;

    /// Gives a row another vector `[dim]`. A removed row is back then.
    ///
    /// # Errors
    /// [`ChangeError::UnknownId`], [`ChangeError::Dimension`], [`ChangeError::NotFinite`].
    fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError>;

    /// Rebuilds the index over the rows that are there, under new ids without gaps in the order of the old.
    ///
    /// # Errors
    /// [`ChangeError::Implementation`] when the build fails; the index is then as it was.
    fn compact(&mut self, run: &mut Run<'_>) -> Result<Remap, ChangeError>;
}

/// Which id each row has after a compaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remap {
    /// The old id of each new one, ascending.
    old: Vec<ItemId>,
}

impl Remap {
    /// From the old ids that remain, ascending.
    #[must_use]
    pub fn new(remaining: Vec<ItemId>) -> Self {
        Self { old: remaining }
    }

    /// The new id of a row; `None` where it was removed. O(log n).
    #[must_use]
    pub fn new_id(&self, old: ItemId) -> Option<ItemId> {
        self.old.binary_search(&old).ok().and_then(|new| ItemId::try_from(new).ok())
    }

    /// The old ids in the order of the new.
    #[must_use]
    pub fn old_ids(&self) -> &[ItemId] {
        &self.old
    }
}

/// Why an index did not change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// A vector of the wrong length.
    #[error("expected a vector of {expected} components, got {got}")]
    Dimension {
        /// Components of the index's vectors.
        expected: usize,
        /// Components given.
        got: usize,
    },
    /// A NaN or infinite component.
    #[error("the vector has {value} in column {column}")]
    NotFinite {
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// An id that no row ever had.
    #[error("no row ever had the id {id}; {ids} were given")]
    UnknownId {
        /// The id.
        id: ItemId,
        /// Ids given so far.
        ids: usize,
    },
    /// There is no id left.
    #[error("all {limit} ids are given")]
    Full {
        /// The most ids.
        limit: usize,
    },
    /// The index could not be rebuilt.
    #[error("the index could not be rebuilt")]
    Implementation {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}
