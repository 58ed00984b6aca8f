use petgraph::EdgeType;
use petgraph::visit::{EdgeRef, GraphProp, IntoEdgeReferences, NodeIndexable};

use crate::{Graph, GraphBuilder, GraphError, GraphOptions, NodeId, ParallelEdges, SelfLoops};

impl Graph {
    /// A weighted graph from one of petgraph, directed where that is. Node `i` is its node of index `i`; an index without a
    /// node, as a `StableGraph` has after a removal, is an isolated node. `weight` gives the weight of an edge from
    /// petgraph's; `|_| 1.0` where edges have none. Parallel edges become one with the sum of their weights, self-loops are
    /// kept; [`Graph::from_petgraph_with`] says otherwise.
    ///
    /// ```
    /// use graphemb::Graph;
    ///
    /// let pet = petgraph::graph::UnGraph::<&str, f32>::from_edges([(0, 1, 0.5), (1, 2, 2.0)]);
    /// let graph = Graph::from_petgraph(&pet, |&weight| weight)?;
    /// assert_eq!((graph.weight(2, 1), graph.is_directed()), (Some(2.0), false));
    /// # Ok::<(), graphemb::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// As [`GraphBuilder::push`] and [`GraphBuilder::build`].
    pub fn from_petgraph<G>(graph: G, weight: impl FnMut(&G::EdgeWeight) -> f32) -> Result<Self, GraphError>
    where
        G: IntoEdgeReferences + NodeIndexable + GraphProp,
    {
        Self::from_petgraph_with(graph, weight, ParallelEdges::default(), SelfLoops::default())
    }

    /// Like [`Graph::from_petgraph`], saying what becomes of parallel edges and of self-loops.
    ///
    /// # Errors
    /// As [`Graph::from_petgraph`]; [`GraphError::SelfLoop`] under [`SelfLoops::Refuse`].
    pub fn from_petgraph_with<G>(
        graph: G,
        mut weight: impl FnMut(&G::EdgeWeight) -> f32,
        parallel: ParallelEdges,
        self_loops: SelfLoops,
    ) -> Result<Self, GraphError>
    where
        G: IntoEdgeReferences + NodeIndexable + GraphProp,
    {
        let n_nodes = graph.node_bound();
        let options = GraphOptions { directed: graph.is_directed(), weighted: true, parallel, self_loops };
        let mut builder = GraphBuilder::new(n_nodes, &options)?;
        for (edge, reference) in (0..).zip(graph.edge_references()) {
            let id = |node| {
                let index = graph.to_index(node);
                NodeId::try_from(index).map_err(|_| GraphError::UnknownNode {
                    edge,
                    node: index as u64,
                    n_nodes,
                })
            };
            builder.push(id(reference.source())?, id(reference.target())?, weight(reference.weight()))?;
        }
        Ok(builder.build()?.0)
    }

    /// The graph as one of petgraph, [`petgraph::Directed`] or [`petgraph::Undirected`], node numbers as node weights. An
    /// undirected edge becomes two directed ones; directed edges that go both ways stay two.
    ///
    /// # Errors
    /// [`GraphError::TooManyEdges`] beyond petgraph's edge numbers.
    pub fn to_petgraph<T: EdgeType>(&self) -> Result<petgraph::Graph<NodeId, f32, T>, GraphError> {
        let limit = u32::MAX as usize;
        if self.n_entries() > limit {
            return Err(GraphError::TooManyEdges { got: self.n_entries(), limit });
        }
        let mut graph = petgraph::Graph::with_capacity(self.n_nodes(), self.n_entries());
        let nodes: Vec<_> = (0..).take(self.n_nodes()).map(|node| graph.add_node(node)).collect();
        for (source, target, weight) in self.edges() {
            let (Some(&a), Some(&b)) = (nodes.get(source as usize), nodes.get(target as usize)) else {
                continue;
            };
            graph.add_edge(a, b, weight);
            if T::is_directed() && !self.directed && source != target {
                graph.add_edge(b, a, weight);
            }
        }
        Ok(graph)
    }
}
