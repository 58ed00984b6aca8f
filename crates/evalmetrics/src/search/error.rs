use embed_core::{ItemId, ParallelismError, SearchError};

/// Why answers were not measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchEvalError {
    /// Nothing to look through, or nothing to look for.
    #[error("there are no {what}")]
    Empty {
        /// Rows or queries.
        what: &'static str,
    },
    /// A parameter of 0.
    #[error("{name} must be at least 1")]
    Zero {
        /// The parameter.
        name: &'static str,
    },
    /// More vectors than ids.
    #[error("{got} {what}, at most {limit} can be searched")]
    TooMany {
        /// Rows or queries.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// Queries and rows of different dimension.
    #[error("queries have {got} components, rows have {expected}")]
    Dimension {
        /// Components of a row.
        expected: usize,
        /// Components of a query.
        got: usize,
    },
    /// A NaN or infinite component, or one beyond 1e15.
    #[error("{what} {row} has {value} in column {column}: components are at most 1e15 in size")]
    Component {
        /// Row or query.
        what: &'static str,
        /// Its number.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// Another number of answers than queries.
    #[error("{got} answers for {expected} queries")]
    Answers {
        /// Number of queries.
        expected: usize,
        /// Number of answers.
        got: usize,
    },
    /// An answer with a row that is not there.
    #[error("the answer of query {query} has row {id}, but there are {n_rows}")]
    UnknownRow {
        /// The query.
        query: usize,
        /// The row.
        id: ItemId,
        /// Rows in all.
        n_rows: usize,
    },
    /// An index over other vectors than the truth is of.
    #[error("the index has {got} rows, the truth is of {expected}")]
    OtherRows {
        /// Rows of the truth.
        expected: usize,
        /// Rows of the index.
        got: usize,
    },
    /// The index gave no answer.
    #[error("no answer for query {query}")]
    Search {
        /// The query.
        query: usize,
        /// Why.
        source: SearchError,
    },
    /// The observer stopped the work.
    #[error("stopped after {done} of {total} {unit}")]
    Stopped {
        /// How many were done.
        done: usize,
        /// How many there are.
        total: usize,
        /// What was counted.
        unit: &'static str,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
