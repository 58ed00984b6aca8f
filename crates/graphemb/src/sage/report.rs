use serde::{Deserialize, Serialize};

/// What a training of [`GraphSage`](crate::GraphSage) did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SageReport {
    /// Nodes of the graph.
    pub nodes: u64,
    /// Nodes without an edge: their vectors come from what they are alone.
    pub isolated: u64,
    /// Pairs learned from.
    pub pairs: u64,
    /// Steps taken.
    pub steps: u64,
    /// Vectors computed for them: distinct nodes of each batch, summed.
    pub vectors: u64,
    /// Mean loss of a pair in each epoch that was begun.
    pub losses: Vec<f64>,
    /// Whether the observer ended the training early.
    pub stopped: bool,
}
