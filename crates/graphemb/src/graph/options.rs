/// How edges become a [`Graph`](crate::Graph). The default: undirected, unweighted, self-loops kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GraphOptions {
    /// Edges go one way only. Undirected edges are kept once for each end.
    pub directed: bool,
    /// Edges keep their weights (1 where none is given). Without weights, parallel edges are one edge.
    pub weighted: bool,
    /// What parallel edges of a weighted graph become.
    pub parallel: ParallelEdges,
    /// What happens to edges from a node to itself.
    pub self_loops: SelfLoops,
}

/// What several edges between the same two nodes become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParallelEdges {
    /// One edge with the sum of their weights.
    #[default]
    Sum,
    /// One edge with the largest of their weights.
    Max,
}

/// What happens to edges from a node to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfLoops {
    /// They are edges like any other; an undirected one is one neighbour, not two.
    #[default]
    Keep,
    /// They are left out and counted.
    Drop,
    /// They are an error.
    Refuse,
}
