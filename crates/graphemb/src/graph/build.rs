use embed_core::store::StoredKeys;

use super::compress::{compress, compress_weighted};
use crate::{Graph, GraphError, GraphOptions, NodeId, ParallelEdges, SelfLoops};

/// Collects edges and compresses them. Memory: 8 bytes an edge, 4 more with weights, and the graph.
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    options: GraphOptions,
    n_nodes: usize,
    edges: Vec<(NodeId, NodeId)>,
    /// Empty without weights.
    weights: Vec<f32>,
    report: BuildReport,
}

/// What became of the edges given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BuildReport {
    /// Edges given.
    pub edges_read: u64,
    /// Self-loops left out under [`SelfLoops::Drop`].
    pub self_loops_dropped: u64,
    /// Edges that were merged into a parallel one.
    pub parallel_merged: u64,
}

impl GraphBuilder {
    /// For a graph of so many nodes.
    ///
    /// # Errors
    /// [`GraphError::TooManyNodes`] beyond [`Graph::MAX_NODES`].
    pub fn new(n_nodes: usize, options: &GraphOptions) -> Result<Self, GraphError> {
        if n_nodes > Graph::MAX_NODES {
            return Err(GraphError::TooManyNodes { got: n_nodes, limit: Graph::MAX_NODES });
        }
        let report = BuildReport::default();
        Ok(Self { options: *options, n_nodes, edges: Vec::new(), weights: Vec::new(), report })
    }

    /// Adds an edge. The weight is checked and, in an unweighted graph, left out.
    ///
    /// # Errors
    /// - [`GraphError::UnknownNode`] for an end that is no node.
    /// - [`GraphError::Weight`] for a weight that is NaN, infinite, 0 or below.
    /// - [`GraphError::SelfLoop`] under [`SelfLoops::Refuse`].
    pub fn push(&mut self, source: NodeId, target: NodeId, weight: f32) -> Result<(), GraphError> {
        let edge = self.report.edges_read;
        for node in [source, target] {
            if node as usize >= self.n_nodes {
                return Err(GraphError::UnknownNode { edge, node: node.into(), n_nodes: self.n_nodes });
            }
        }
        if !(weight.is_finite() && weight > 0.0) {
            return Err(GraphError::Weight { edge, source_node: source, target_node: target, weight });
        }
        self.report.edges_read += 1;
        if source == target {
            match self.options.self_loops {
                SelfLoops::Keep => {}
                SelfLoops::Drop => {
                    self.report.self_loops_dropped += 1;
                    return Ok(());
                }
                SelfLoops::Refuse => return Err(GraphError::SelfLoop { edge, node: source }),
            }
        }
        self.edges.push((source, target));
        if self.options.weighted {
            self.weights.push(weight);
        }
        Ok(())
    }

    /// More nodes, for edges yet to come; never fewer.
    pub(crate) fn grow(&mut self, n_nodes: usize) {
        self.n_nodes = self.n_nodes.max(n_nodes);
    }

    /// Compresses the edges into a graph. O(edges · log(degree)), in parallel on rayon's current pool; the result does
    /// not depend on the order of the edges.
    ///
    /// # Errors
    /// [`GraphError::WeightOverflow`] when parallel edges have a sum beyond f32.
    pub fn build(self) -> Result<(Graph, BuildReport), GraphError> {
        let Self { options, n_nodes, edges, weights, mut report } = self;
        let rows = if options.weighted {
            compress_weighted(n_nodes, edges, weights, options.directed, options.parallel)?
        } else {
            compress(n_nodes, edges, options.directed)
        };
        let graph = Graph {
            directed: options.directed,
            weighted: options.weighted,
            n_loops: rows.n_loops,
            offsets: rows.offsets.into(),
            neighbors: rows.neighbors.into(),
            weights: rows.weights.into(),
            keys: StoredKeys::default(),
        };
        report.parallel_merged = report.edges_read - report.self_loops_dropped - graph.n_edges();
        Ok((graph, report))
    }
}

/// The weight of merged edges, taken in ascending order so that it does not depend on the order given.
pub(crate) fn merged(parallel: ParallelEdges, weights: impl Iterator<Item = f32>) -> f32 {
    match parallel {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a weight in f32; an overflow is found by the caller"
        )]
        ParallelEdges::Sum => weights.map(f64::from).sum::<f64>() as f32,
        ParallelEdges::Max => weights.fold(0.0, f32::max),
    }
}
