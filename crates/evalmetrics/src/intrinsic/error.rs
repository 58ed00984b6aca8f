use embed_core::{ItemId, KMeansError, ParallelismError};

/// Why vectors were not looked into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrinsicError {
    /// Fewer rows than anything can be said of.
    #[error("{got} vectors are too few: at least {least} are needed")]
    TooFewRows {
        /// How many are needed.
        least: usize,
        /// How many there are.
        got: usize,
    },
    /// More rows than ids.
    #[error("{got} vectors, at most {limit} can be looked at")]
    TooManyRows {
        /// How many there are.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// Vectors without components.
    #[error("the vectors have no components")]
    NoComponents,
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
    /// A vector so long that products with it are beyond an `f32`.
    #[error("vector {row} has a length of {length}: at most {most} can be measured")]
    TooLong {
        /// The row.
        row: usize,
        /// Its length.
        length: f64,
        /// The most that is served.
        most: f64,
    },
    /// What belongs to the items comes in another number than the vectors do.
    #[error("{what} of {got} items, but vectors of {expected}")]
    Items {
        /// What was given.
        what: &'static str,
        /// Number of vectors.
        expected: usize,
        /// How many were given.
        got: usize,
    },
    /// Nothing to tell apart.
    #[error("{got} labels with items: at least {least} are needed")]
    TooFewLabels {
        /// How many are needed.
        least: usize,
        /// How many there are.
        got: usize,
    },
    /// No label has two items.
    #[error("no label is shared by two items")]
    NoPairs,
    /// A measure of clusters, and an item that is in several.
    #[error("item {item} has {got} labels: clusters do not overlap")]
    SeveralLabels {
        /// The first such item.
        item: ItemId,
        /// Its labels.
        got: usize,
    },
    /// A parameter of 0.
    #[error("{name} must be at least 1")]
    Zero {
        /// The parameter.
        name: &'static str,
    },
    /// An item without a vector.
    #[error("item {item} is not among the {n_items} vectors")]
    UnknownItem {
        /// The item.
        item: ItemId,
        /// Number of vectors.
        n_items: usize,
    },
    /// No clusters were found.
    #[error(transparent)]
    KMeans(#[from] KMeansError),
    /// The observer stopped the work.
    #[error("stopped after {done} of {total} items")]
    Stopped {
        /// Items done.
        done: usize,
        /// Items in all.
        total: usize,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
