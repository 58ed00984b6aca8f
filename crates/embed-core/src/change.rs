use std::error::Error;
use std::ops::Range;

use ndarray::ArrayView2;

use crate::{AnnIndex, ItemId, Run};

/// An index that can change. The id of a row never changes: not by other changes, and not by a compaction.
///
/// Rows are named by id, or in an index with keys by key; a key that is new gets the next id. `embed_core::testkit`
/// holds the conformance suite.
pub trait AnnIndexMut: AnnIndex {
    /// Adds a vector `[dim]` without a key; its id, which no other row had.
    ///
    /// # Errors
    /// [`ChangeError::KeyNeeded`] where the index has keys; [`ChangeError::Dimension`], [`ChangeError::NotFinite`],
    /// [`ChangeError::Full`].
    fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError>;

    /// Adds vectors `[n, dim]` without keys; their ids, one after the other. All are added, or none.
    ///
    /// # Errors
    /// As [`AnnIndexMut::add`], for the first vector that fails.
    fn add_batch(&mut self, vectors: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError>;

    /// Gives the row of `key` this vector `[dim]`, and adds the row where there is none; its id. A key that was removed
    /// gets its old id.
    ///
    /// # Errors
    /// [`ChangeError::Unkeyed`] where the index has no keys; [`ChangeError::Dimension`], [`ChangeError::NotFinite`],
    /// [`ChangeError::Full`], [`ChangeError::Implementation`] when keys cannot be read.
    fn upsert(&mut self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError>;

    /// Gives a row another vector `[dim]`. A removed row is back then.
    ///
    /// # Errors
    /// [`ChangeError::UnknownId`], [`ChangeError::Dimension`], [`ChangeError::NotFinite`].
    fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError>;

    /// Removes a row, which is no answer any more; whether it was there. Its id is given to no other row.
    ///
    /// # Errors
    /// [`ChangeError::UnknownId`] where no row ever had the id.
    fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError>;

    /// Removes the row of `key`; whether it was there. A key that was never there is no error.
    ///
    /// # Errors
    /// [`ChangeError::Unkeyed`] where the index has no keys; [`ChangeError::Implementation`] when keys cannot be read.
    fn remove_key(&mut self, key: &str) -> Result<bool, ChangeError>;

    /// Rebuilds the index over the rows that are there, which keep their ids and keys.
    ///
    /// # Errors
    /// [`ChangeError::Implementation`] when the build fails; the index is then as it was.
    fn compact(&mut self, run: &mut Run<'_>) -> Result<(), ChangeError>;
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
    /// A row without a key for an index with keys.
    #[error("the index names its rows by key: add the row by a key (upsert)")]
    KeyNeeded,
    /// A key for an index without keys.
    #[error(
        "the index has no keys, got the key {key:?}: name the row by its id, or build the index from vectors with keys"
    )]
    Unkeyed {
        /// The key.
        key: String,
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
