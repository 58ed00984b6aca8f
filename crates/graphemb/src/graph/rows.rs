use std::sync::Arc;

use embed_core::store::{SharedSlice, StoreError, StoredKeys};
use embed_core::{Csr, Vocab, VocabError};

use crate::{GraphBuilder, GraphError, GraphOptions, NodeId};

/// A graph in compressed rows: for each node its neighbours in ascending order, each once, and their weights.
///
/// An undirected edge stands in the rows of both ends, a self-loop once. Isolated nodes have empty rows. Memory:
/// 8 bytes a node, 4 bytes a neighbour and 4 more with weights; in memory or mapped from a file.
///
/// ```
/// use graphemb::{Graph, GraphOptions};
///
/// let options = GraphOptions { weighted: true, ..GraphOptions::default() };
/// let graph = Graph::from_weighted_edges(4, [(0, 1, 2.0), (2, 1, 0.5), (0, 1, 1.0)], &options)?;
/// assert_eq!((graph.n_nodes(), graph.n_edges(), graph.n_isolated()), (4, 2, 1));
/// assert_eq!((graph.neighbors(1), graph.weights(1)), (&[0, 2][..], &[3.0, 0.5][..]));
/// # Ok::<(), graphemb::GraphError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) directed: bool,
    pub(crate) weighted: bool,
    /// Number of self-loops.
    pub(crate) n_loops: u64,
    /// Invariant of a built or verified graph: `n_nodes + 1` offsets from 0, non-decreasing, to the number of
    /// neighbours. One that was opened and not verified may break it, so every use checks.
    pub(crate) offsets: SharedSlice<u64>,
    pub(crate) neighbors: SharedSlice<NodeId>,
    /// As long as `neighbors`, or empty.
    pub(crate) weights: SharedSlice<f32>,
    pub(crate) keys: StoredKeys,
}

impl Graph {
    /// Most nodes of a graph; `u32::MAX` itself stays free as "no node".
    pub const MAX_NODES: usize = u32::MAX as usize;

    /// A graph of `n_nodes` from pairs (source, target), in any order. O(edges · log(degree)), in parallel on
    /// rayon's current pool.
    ///
    /// # Errors
    /// As [`GraphBuilder::push`] and [`GraphBuilder::build`].
    pub fn from_edges(
        n_nodes: usize,
        edges: impl IntoIterator<Item = (NodeId, NodeId)>,
        options: &GraphOptions,
    ) -> Result<Self, GraphError> {
        Self::from_weighted_edges(n_nodes, edges.into_iter().map(|(a, b)| (a, b, 1.0)), options)
    }

    /// A graph of `n_nodes` from (source, target, weight), in any order.
    ///
    /// # Errors
    /// As [`GraphBuilder::push`] and [`GraphBuilder::build`].
    pub fn from_weighted_edges(
        n_nodes: usize,
        edges: impl IntoIterator<Item = (NodeId, NodeId, f32)>,
        options: &GraphOptions,
    ) -> Result<Self, GraphError> {
        let mut builder = GraphBuilder::new(n_nodes, options)?;
        for (source, target, weight) in edges {
            builder.push(source, target, weight)?;
        }
        Ok(builder.build()?.0)
    }

    /// A graph from adjacency lists: row `i` holds the targets of node `i`, its values their weights. In an undirected
    /// graph an edge that stands in the lists of both ends is two parallel edges; with weights take
    /// [`ParallelEdges::Max`](crate::ParallelEdges::Max) then.
    ///
    /// # Errors
    /// As [`GraphBuilder::push`] and [`GraphBuilder::build`].
    pub fn from_adjacency(rows: &Csr, options: &GraphOptions) -> Result<Self, GraphError> {
        let mut builder = GraphBuilder::new(rows.n_rows(), options)?;
        for (source, row) in (0..).zip(rows.rows()) {
            let weights = rows.row_values(source as usize);
            for (i, &target) in row.iter().enumerate() {
                builder.push(source, target, weights.get(i).copied().unwrap_or(1.0))?;
            }
        }
        Ok(builder.build()?.0)
    }

    /// The same graph with keys for its nodes, in the order of their ids.
    ///
    /// # Errors
    /// [`GraphError::Keys`] when there are more or fewer keys than nodes.
    pub fn with_keys(self, keys: impl Into<Arc<Vocab>>) -> Result<Self, GraphError> {
        let keys = keys.into();
        if keys.len() != self.n_nodes() {
            return Err(GraphError::Keys { expected: self.n_nodes(), got: keys.len() });
        }
        Ok(Self { keys: StoredKeys::from(Some(keys)), ..self })
    }

    /// The keys of the nodes, if they have some. Read from the file on first use.
    ///
    /// # Errors
    /// [`StoreError`] when the file's keys are none.
    pub fn keys(&self) -> Result<Option<&Arc<Vocab>>, StoreError> {
        self.keys.get()
    }

    /// The keys of the nodes, or their numbers as text.
    ///
    /// # Errors
    /// As [`Graph::keys`].
    pub fn keys_or_numbers(&self) -> Result<Arc<Vocab>, StoreError> {
        match self.keys()? {
            Some(keys) => Ok(Arc::clone(keys)),
            None => Ok(Arc::new(numbers(self.n_nodes()).unwrap_or_default())),
        }
    }

    /// Number of nodes.
    #[must_use]
    #[inline]
    pub fn n_nodes(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of edges; an undirected edge is one.
    #[must_use]
    pub fn n_edges(&self) -> u64 {
        let entries = self.neighbors.len() as u64;
        if self.directed { entries } else { entries.saturating_add(self.n_loops) / 2 }
    }

    /// Number of neighbours over all rows: an undirected edge between two nodes counts twice.
    #[must_use]
    pub fn n_entries(&self) -> usize {
        self.neighbors.len()
    }

    /// Number of edges from a node to itself.
    #[must_use]
    pub fn n_self_loops(&self) -> u64 {
        self.n_loops
    }

    /// Number of nodes with no edge, in or out. O(nodes), directed O(nodes + edges).
    #[must_use]
    pub fn n_isolated(&self) -> usize {
        let empty = |node: &usize| self.range(*node).is_empty();
        let candidates = (0..self.n_nodes()).filter(empty);
        if !self.directed {
            return candidates.count();
        }
        let mut reached = vec![false; self.n_nodes()];
        for &node in self.neighbors.iter() {
            if let Some(reached) = reached.get_mut(node as usize) {
                *reached = true;
            }
        }
        candidates.filter(|&node| !reached[node]).count()
    }

    /// Whether edges go one way only.
    #[must_use]
    pub fn is_directed(&self) -> bool {
        self.directed
    }

    /// Whether edges have weights of their own.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Number of neighbours of a node (in a directed graph: of edges that leave it); 0 for a node that is not there.
    #[must_use]
    #[inline]
    pub fn degree(&self, node: NodeId) -> usize {
        self.neighbors(node).len()
    }

    /// The neighbours of a node in ascending order; empty for a node that is not there.
    #[must_use]
    #[inline]
    pub fn neighbors(&self, node: NodeId) -> &[NodeId] {
        self.neighbors.get(self.range(node as usize)).unwrap_or_default()
    }

    /// The weights of a node's edges in the order of [`Graph::neighbors`]; empty for an unweighted graph.
    #[must_use]
    #[inline]
    pub fn weights(&self, node: NodeId) -> &[f32] {
        if !self.weighted {
            return &[];
        }
        self.weights.get(self.range(node as usize)).unwrap_or_default()
    }

    /// The weight of the edge from one node to another, 1 in an unweighted graph, if there is one. O(log degree).
    #[must_use]
    pub fn weight(&self, source: NodeId, target: NodeId) -> Option<f32> {
        let at = self.neighbors(source).binary_search(&target).ok()?;
        if self.weighted { self.weights(source).get(at).copied() } else { Some(1.0) }
    }

    /// Whether there is an edge from one node to another. O(log degree).
    #[must_use]
    pub fn has_edge(&self, source: NodeId, target: NodeId) -> bool {
        self.neighbors(source).binary_search(&target).is_ok()
    }

    /// All edges as (source, target, weight) in the order of their sources, then targets; an undirected edge comes
    /// once, from its smaller end.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, f32)> {
        (0..).take(self.n_nodes()).flat_map(move |source| {
            let weights = self.weights(source);
            let row = self.neighbors(source).iter().enumerate();
            row.filter(move |&(_, &target)| self.directed || source <= target)
                .map(move |(i, &target)| (source, target, weights.get(i).copied().unwrap_or(1.0)))
        })
    }

    /// Where a node's row lies; empty for a node that is not there.
    #[inline]
    pub(crate) fn range(&self, node: usize) -> std::ops::Range<usize> {
        let (start, end) = match (self.offsets.get(node), self.offsets.get(node.wrapping_add(1))) {
            (Some(&start), Some(&end)) if start <= end => (start, end),
            _ => (0, 0),
        };
        usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX)
    }
}

/// Same rows, weights and kind; keys are not compared.
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        (self.directed, self.weighted, self.n_loops) == (other.directed, other.weighted, other.n_loops)
            && self.offsets == other.offsets
            && self.neighbors == other.neighbors
            && self.weights == other.weights
    }
}

/// The keys "0", "1", ….
pub(crate) fn numbers(n: usize) -> Result<Vocab, VocabError> {
    Vocab::from_keys((0..n).map(|node| node.to_string()))
}
