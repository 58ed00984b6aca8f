use embed_core::{Csr, ItemId};

use crate::{Graph, GraphBuilder, GraphOptions, LogGraphError, NodeId, ParallelEdges, SelfLoops};

/// The graph of users and their items: user `u` is node `u`, item `i` is node `n_users + i`.
///
/// ```
/// use embed_core::Csr;
/// use graphemb::UserItemGraph;
///
/// let histories = Csr::from_rows([&[0, 2][..], &[2]]);
/// let bipartite = UserItemGraph::build(&histories, 3, false)?;
/// assert_eq!(bipartite.graph.neighbors(bipartite.item_node(2).unwrap()), [0, 1]);
/// # Ok::<(), graphemb::LogGraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UserItemGraph {
    /// Undirected; weighted when histories had values or repeats were counted.
    pub graph: Graph,
    /// Number of users.
    pub n_users: usize,
    /// Number of items.
    pub n_items: usize,
}

impl UserItemGraph {
    /// One row of items a user. With `weighted`, edges weigh what the values of the rows say (1 each without), and
    /// repeats add up; else every edge weighs the same. O(interactions).
    ///
    /// # Errors
    /// - [`LogGraphError::UnknownItem`] names the first item that is not below `n_items`.
    /// - [`LogGraphError::TooMany`] beyond u32 nodes.
    /// - [`LogGraphError::Graph`] for a value that is no weight.
    pub fn build(histories: &Csr, n_items: usize, weighted: bool) -> Result<Self, LogGraphError> {
        let n_users = histories.n_rows();
        let n_nodes = n_users.saturating_add(n_items);
        if n_nodes > Graph::MAX_NODES {
            return Err(LogGraphError::TooMany {
                what: "users and items",
                got: n_nodes,
                limit: Graph::MAX_NODES,
            });
        }
        let options = GraphOptions {
            directed: false,
            weighted,
            parallel: ParallelEdges::Sum,
            self_loops: SelfLoops::Refuse,
        };
        let mut builder = GraphBuilder::new(n_nodes, &options)?;
        for (user, row) in histories.rows().enumerate() {
            let values = histories.row_values(user);
            for (at, &item) in row.iter().enumerate() {
                if item as usize >= n_items {
                    return Err(LogGraphError::UnknownItem { user, item, n_items });
                }
                let weight = if weighted { values.get(at).copied().unwrap_or(1.0) } else { 1.0 };
                builder.push(node(user), node(n_users + item as usize), weight)?;
            }
        }
        let (graph, _) = builder.build()?;
        Ok(Self { graph, n_users, n_items })
    }

    /// The node of an item, if there is one.
    #[must_use]
    pub fn item_node(&self, item: ItemId) -> Option<NodeId> {
        ((item as usize) < self.n_items).then(|| node(self.n_users + item as usize))
    }
}

/// Checked to be below the most nodes.
fn node(number: usize) -> NodeId {
    NodeId::try_from(number).unwrap_or(NodeId::MAX)
}
