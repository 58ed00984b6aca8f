use embed_core::{EmbeddingsError, ParallelismError, SourceError};

use crate::GraphError;

/// Why a log makes no graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogGraphError {
    /// A setting out of its range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Count {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: u64,
        /// Least value.
        least: u64,
        /// Greatest value.
        most: u64,
    },
    /// A user has an item that the catalogue does not.
    #[error("user {user} has item {item}: the catalogue has {n_items} items")]
    UnknownItem {
        /// The user.
        user: usize,
        /// The item.
        item: u32,
        /// Items of the catalogue.
        n_items: usize,
    },
    /// More users or nodes than ids.
    #[error("{got} {what} are above the limit of {limit}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        got: usize,
        /// The most.
        limit: usize,
    },
    /// The edges make no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The sequences cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The vectors were refused.
    #[error(transparent)]
    Vectors(#[from] EmbeddingsError),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
    /// The observer said stop: half a graph is none.
    #[error("stopped")]
    Stopped,
}
