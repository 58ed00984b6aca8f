use petgraph::EdgeType;
use petgraph::visit::{EdgeRef, IntoEdgeReferences, NodeIndexable};

use crate::{Graph, GraphBuilder, GraphError, GraphOptions, NodeId};

impl Graph {
    /// A graph from one of petgraph. Node `i` is its node of index `i`; an index without a node, as a `StableGraph` has
    /// after a removal, is an isolated node. `weight` gives the weight of an edge from petgraph's.
    ///
    /// ```
    /// use graphemb::{Graph, GraphOptions};
    ///
    /// let pet = petgraph::graph::UnGraph::<&str, f32>::from_edges([(0, 1, 0.5), (1, 2, 2.0)]);
    /// let options = GraphOptions { weighted: true, ..GraphOptions::default() };
    /// let graph = Graph::from_petgraph(&pet, |&weight| weight, &options)?;
    /// assert_eq!(graph.weight(2, 1), Some(2.0));
    /// # Ok::<(), graphemb::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// As [`GraphBuilder::push`] and [`GraphBuilder::build`].
    pub fn from_petgraph<G>(
        graph: G,
        mut weight: impl FnMut(&G::EdgeWeight) -> f32,
        options: &GraphOptions,
    ) -> Result<Self, GraphError>
    where
        G: IntoEdgeReferences + NodeIndexable,
    {
        let n_nodes = graph.node_bound();
        let mut builder = GraphBuilder::new(n_nodes, options)?;
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
