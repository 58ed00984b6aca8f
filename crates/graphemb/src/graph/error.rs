use embed_core::VocabError;

/// Why edges do not make a graph.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// An edge names a node that is not there.
    #[error("edge {edge} names node {node}: the graph has {n_nodes} nodes")]
    UnknownNode {
        /// The edge, from 0.
        edge: u64,
        /// The node.
        node: u64,
        /// Number of nodes.
        n_nodes: usize,
    },
    /// A weight is not a positive finite number.
    #[error(
        "edge {edge} from {source_node} to {target_node} has weight {weight}, must be finite and above 0"
    )]
    Weight {
        /// The edge, from 0.
        edge: u64,
        /// Where it starts.
        source_node: u32,
        /// Where it ends.
        target_node: u32,
        /// Its weight.
        weight: f32,
    },
    /// The sum of parallel edges is beyond f32.
    #[error("the parallel edges from {source_node} to {target_node} have a sum that is not finite")]
    WeightOverflow {
        /// Where they start.
        source_node: u32,
        /// Where they end.
        target_node: u32,
    },
    /// A self-loop under [`SelfLoops::Refuse`](crate::SelfLoops::Refuse).
    #[error("edge {edge} is a self-loop of node {node}")]
    SelfLoop {
        /// The edge, from 0.
        edge: u64,
        /// The node.
        node: u32,
    },
    /// More nodes than ids.
    #[error("{got} nodes are above the limit of {limit}")]
    TooManyNodes {
        /// Number of nodes.
        got: usize,
        /// The most a graph has.
        limit: usize,
    },
    /// More edges than petgraph has numbers for.
    #[error("{got} edges are above the limit of {limit}")]
    TooManyEdges {
        /// Number of edges, an undirected one counted at both ends.
        got: usize,
        /// The most that fit.
        limit: usize,
    },
    /// Another number of keys than nodes.
    #[error("{got} keys for {expected} nodes")]
    Keys {
        /// Number of nodes.
        expected: usize,
        /// Number of keys.
        got: usize,
    },
    /// The keys of the nodes are no vocabulary.
    #[error(transparent)]
    Key(#[from] VocabError),
}
