use std::sync::Arc;

use embed_core::{Csr, Embeddings, ItemId, Vocab};
use ndarray::Axis;
use seqemb::ItemVectors;

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

/// What was learned of users and items in one graph: a user's input vector is scored against items' output vectors by
/// inner product, which is what the training maximised.
#[derive(Debug, Clone, PartialEq)]
pub struct UserItemVectors {
    /// Input vectors of users `[n_users, dim]`, in the space of the items.
    pub users: Embeddings,
    /// Output vectors of items `[n_items, dim]`.
    pub items: Embeddings,
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

    /// Takes users and items apart again, each under keys of their own.
    ///
    /// # Errors
    /// [`LogGraphError::Vectors`] when there is not a key for each user and item, or a row for each node.
    pub fn split(
        &self,
        vectors: &ItemVectors,
        user_keys: impl Into<Arc<Vocab>>,
        item_keys: impl Into<Arc<Vocab>>,
    ) -> Result<UserItemVectors, LogGraphError> {
        let part = |table: &Embeddings, at: usize| {
            let (users, items) = table.vectors().split_at(Axis(0), at.min(table.len()));
            (users.to_owned(), items.to_owned())
        };
        let items = Embeddings::new(item_keys, part(&vectors.output, self.n_users).1)?;
        let users = part(&vectors.input, self.n_users).0;
        let users = Embeddings::in_space(user_keys, users, items.space())?;
        Ok(UserItemVectors { users, items })
    }
}

/// Checked to be below the most nodes.
fn node(number: usize) -> NodeId {
    NodeId::try_from(number).unwrap_or(NodeId::MAX)
}
