use std::sync::Arc;

use embed_core::{EmbedError, Embedder, KeyTable, Metric, Space};

use super::infer::infer_one;
use super::{GraphSage, SageError};
use crate::NodeId;

/// What [`GraphSage`] has a vector for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NodeInput<'a> {
    /// A node of the graph it was trained on.
    Node(NodeId),
    /// A new node.
    New {
        /// As many as the nodes of the graph have.
        features: &'a [f32],
        /// Nodes of the graph; one that is named twice counts twice. It may have none.
        neighbors: &'a [NodeId],
    },
}

impl<'a> Embedder<NodeInput<'a>> for GraphSage {
    fn dim(&self) -> usize {
        self.nodes.dim()
    }

    fn space(&self) -> Space {
        self.nodes.space()
    }

    fn metric(&self) -> Option<Metric> {
        // Vectors are of length 1, and their products were trained.
        Some(Metric::Cosine)
    }

    fn keys(&self) -> Option<KeyTable> {
        Some(Arc::clone(self.nodes.vocab()).into())
    }

    /// # Errors
    /// - [`EmbedError::Dimension`] when `out` has another length than `dim`.
    /// - [`EmbedError::UnknownItem`] for a node, or a neighbour, that is not in the graph.
    /// - [`EmbedError::Empty`] for a new node with neither features nor neighbours.
    /// - [`EmbedError::Implementation`] with [`SageError::Features`] or [`SageError::NotFinite`] for features that are not
    ///   those of a node.
    fn embed_into(&self, input: &NodeInput<'a>, out: &mut [f32]) -> Result<(), EmbedError> {
        if out.len() != self.nodes.dim() {
            return Err(EmbedError::Dimension { expected: self.nodes.dim(), got: out.len() });
        }
        let n_items = self.nodes.len();
        let (features, neighbors) = match *input {
            NodeInput::Node(item) => {
                let row = self.nodes.row(item).ok_or(EmbedError::UnknownItem { item, n_items })?;
                out.copy_from_slice(row);
                return Ok(());
            }
            NodeInput::New { features, neighbors } => (features, neighbors),
        };
        if features.len() != self.n_features {
            let (expected, got) = (self.n_features, features.len());
            return Err(refused(SageError::Features { expected, got }));
        }
        if let Some((column, &value)) = features.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(refused(SageError::NotFinite { node: n_items, column, value }));
        }
        if features.is_empty() && neighbors.is_empty() {
            return Err(EmbedError::Empty { what: "neighbourhood" });
        }
        if let Some(&item) = neighbors.iter().find(|&&item| item as usize >= n_items) {
            return Err(EmbedError::UnknownItem { item, n_items });
        }
        let mut inputs = features.to_vec();
        inputs.resize(self.n_features + self.params.id_dim, 0.0);
        infer_one(&self.layers, &self.messages, neighbors, inputs, out);
        match out.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            Some((column, &value)) => Err(refused(SageError::NotFinite { node: n_items, column, value })),
            None => Ok(()),
        }
    }
}

fn refused(error: SageError) -> EmbedError {
    EmbedError::Implementation { source: Box::new(error) }
}
