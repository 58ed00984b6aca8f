use embed_core::ParallelismError;
use embed_core::store::StoreError;

/// Why there are no walks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// A number of things out of its range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Count {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: u32,
        /// Least value.
        least: u32,
        /// Greatest value.
        most: u32,
    },
    /// A number on a scale out of its range; NaN is in no range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Number {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// Least value.
        least: f64,
        /// Greatest value.
        most: f64,
    },
    /// A graph without nodes.
    #[error("the graph has no nodes")]
    NoNodes,
    /// A graph without edges: every walk would end where it starts.
    #[error("the graph has {n_nodes} nodes and no edge to walk along")]
    NoEdges {
        /// Number of nodes.
        n_nodes: usize,
    },
    /// A graph from a file that was not verified is none.
    #[error("row {node} of the graph is damaged: verify the file")]
    Damaged {
        /// The row.
        node: usize,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
    /// The file cannot be written, or the keys cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
