use embed_core::store::StoreError;
use embed_core::{Metric, ParallelismError, VocabError};

/// Why an index was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Vectors of no component.
    #[error("vectors must have at least one component")]
    ZeroDim,
    /// A metric that came after this crate.
    #[error("the metric {metric} is not known here")]
    Metric {
        /// The metric.
        metric: Metric,
    },
    /// More rows than ids.
    #[error("{got} vectors are above the limit of {limit}")]
    TooManyRows {
        /// The most that the family holds.
        limit: usize,
        /// Rows given.
        got: usize,
    },
    /// A NaN or infinite component.
    #[error("vector {row} has {value} in column {column}")]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A different number of keys than vectors.
    #[error("{keys} keys for {vectors} vectors")]
    Keys {
        /// Number of keys.
        keys: usize,
        /// Number of vectors.
        vectors: usize,
    },
    /// A set of trained rows that is of another table.
    #[error("trained rows of a table of {got}, but there are {expected} vectors")]
    Mask {
        /// Number of vectors.
        expected: usize,
        /// Rows that the set is of.
        got: usize,
    },
    /// The parameters contradict themselves.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// The observer stopped the build. Half an index is worth nothing, so there is none.
    #[error("stopped after {done} of {total} vectors")]
    Cancelled {
        /// Vectors in the graph by then.
        done: usize,
        /// Vectors in all.
        total: usize,
    },
    /// More components than the family's codes hold.
    #[error("vectors of {got} components are above the limit of {limit}")]
    TooManyColumns {
        /// The most that the family holds.
        limit: usize,
        /// Components given.
        got: usize,
    },
    /// Vectors to be added have another number of components than those of the index.
    #[error("the vectors have {got} components, those of the index {expected}")]
    Dimension {
        /// Components of the index.
        expected: usize,
        /// Components given.
        got: usize,
    },
    /// Vectors to be added live in another space than those of the index.
    #[error("the vectors live in space {got:016x}, those of the index in {expected:016x}")]
    Space {
        /// The space of the index.
        expected: u64,
        /// The space given.
        got: u64,
    },
    /// The keys of added vectors.
    #[error(transparent)]
    Vocab(#[from] VocabError),
    /// The file of an index that is added to.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The same, when it points outside itself.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}

/// Which parameter is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {got}, expected {least} to {most}")]
pub struct ParamsError {
    /// The field of the parameter struct.
    pub name: &'static str,
    /// Its least value.
    pub least: usize,
    /// Its greatest value.
    pub most: usize,
    /// The value given.
    pub got: usize,
}

/// An index file that was opened but not verified points outside itself: it was damaged after it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the index file is damaged: row {id} is said to be stored at {position} of {len}")]
pub struct Damaged {
    /// The row that was looked up.
    pub id: embed_core::ItemId,
    /// Where the file says it is.
    pub position: usize,
    /// Number of rows stored.
    pub len: usize,
}
