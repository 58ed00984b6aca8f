use embed_core::{ItemId, SearchError};

use crate::{BuildError, ParamsError};

/// Why recall was not measured, or an index not tuned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// A recall that no search can have.
    #[error("recall is {recall}, expected more than 0 and at most 1")]
    Recall {
        /// The recall.
        recall: f32,
    },
    /// The parameters contradict themselves.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A sample of no queries says nothing.
    #[error("the sample holds no query")]
    NoQueries,
    /// The index keeps codes, and the sample has no vectors to measure against.
    #[error(
        "the index keeps codes only: recall is measured against the vectors that it was built from; give them"
    )]
    CodesOnly,
    /// Vectors that are not those of the index.
    #[error(
        "the sample's vectors are {got_rows} of {got_dim} components, those of the index {rows} of {dim}"
    )]
    OtherVectors {
        /// Rows of the index.
        rows: usize,
        /// Components of the index's vectors.
        dim: usize,
        /// Rows given.
        got_rows: usize,
        /// Components given.
        got_dim: usize,
    },
    /// Not one true answer a query.
    #[error("{got} lists of true neighbours for {queries} queries")]
    Lists {
        /// Number of queries.
        queries: usize,
        /// Number of lists.
        got: usize,
    },
    /// A true neighbour that is no row.
    #[error("true neighbour {position} of query {query} is row {id}, but there are {rows} rows")]
    UnknownId {
        /// The query.
        query: usize,
        /// The place in its list.
        position: usize,
        /// The row.
        id: ItemId,
        /// Rows there are.
        rows: usize,
    },
    /// More effort finds no more, and that is not enough. The index is as it was.
    #[error("recall {recall} of {k} answers is out of reach: {reached} is the best, at effort {effort}")]
    OutOfReach {
        /// The recall asked for.
        recall: f32,
        /// Answers a query.
        k: usize,
        /// The best recall that was measured.
        reached: f32,
        /// The effort that gave it.
        effort: u64,
    },
    /// The observer stopped the work. The index is as it was.
    #[error("stopped after {measured} efforts were measured")]
    Cancelled {
        /// Efforts measured by then.
        measured: usize,
    },
    /// A query that cannot be searched for.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Vectors that cannot be searched in.
    #[error(transparent)]
    Build(#[from] BuildError),
}
