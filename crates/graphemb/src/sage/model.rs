use std::sync::Arc;

use embed_core::{Embeddings, Parallelism, Vocab};
use ndarray::{Array2, ArrayView2, Axis};

use super::fit::{check_features, check_graph};
use super::infer::infer;
use super::layer::Layer;
use super::{SageError, SageParams, SageReport};
use crate::Graph;

/// GraphSAGE: a function from what a node is like and who its neighbours are to its vector, learned without labels. It
/// has vectors for nodes that were not there when it was trained.
///
/// Layer k makes of a node's vector and those of its neighbours `h_v ← σ(W · [h_v, AGG(h_u : u ∈ N(v))])`, of length 1,
/// starting from the features; what nodes near each other on random walks get is drawn together,
/// `−ln σ(z_u · z_v / τ) − Q E ln σ(−z_u · z_n / τ)` with negatives n.
///
/// It is an [`Embedder`](embed_core::Embedder) of [`NodeInput`](crate::NodeInput): a node of the graph, or the features
/// and neighbours of a new one. Neither the graph nor the features are needed after training.
///
/// ```
/// use embed_core::{Embedder, Metric, Run};
/// use graphemb::{Graph, GraphOptions, GraphSage, NodeInput, SageParams};
/// use ndarray::array;
///
/// // Two triangles with a bridge; the feature tells them apart, mostly.
/// let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3)];
/// let graph = Graph::from_edges(6, edges, &GraphOptions::default())?;
/// let features = array![[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]];
/// let params = SageParams { epochs: 20, ..SageParams::items() };
/// let model = GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(1))?;
///
/// let new = model.embed(&NodeInput::New { features: &[1.0, 0.0], neighbors: &[0, 1] })?;
/// let like = |node| Metric::Cosine.score(&new, model.nodes().row(node).unwrap());
/// assert!(like(0) > like(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - Memory: `4 · dim` bytes a node, and 4 for each component that it says to its neighbours at each layer.
/// - Complexity: a step computes each distinct node of a batch and of the neighbourhoods drawn for it once; all vectors
///   together O(nodes · width² + edges · width) a layer. A new node: O(layers · (neighbours · width + width²)).
/// - Determinism: the same seed gives the same bits on any number of threads; across instruction sets results agree to
///   rounding.
///
/// Hamilton, Ying & Leskovec 2017, "Inductive representation learning on large graphs", Algorithms 1 and 2, equations 1
/// and 3. Differs from it in this: a node with fewer neighbours than the sample is seen with each of them once; vectors
/// are made from all neighbours, not from samples; the last layer does not bend, as in the authors' code; weights of edges
/// count in walks, not in aggregation.
#[derive(Debug, Clone)]
pub struct GraphSage {
    pub(super) params: SageParams,
    pub(super) report: SageReport,
    pub(super) n_features: usize,
    pub(super) layers: Vec<Layer>,
    /// What each node says to its neighbours, for each layer `[n_nodes, message]`.
    pub(super) messages: Vec<Array2<f32>>,
    pub(super) nodes: Embeddings,
}

impl GraphSage {
    pub(super) fn from_parts(
        params: SageParams,
        report: SageReport,
        n_features: usize,
        layers: Vec<Layer>,
        messages: Vec<Array2<f32>>,
        keys: Arc<Vocab>,
        vectors: Array2<f32>,
    ) -> Result<Self, SageError> {
        let nodes = Embeddings::new(keys, vectors)?;
        Ok(Self { params, report, n_features, layers, messages, nodes })
    }

    /// The vectors of the graph's nodes `[n_nodes, dim]`, of length 1, under its keys (or their numbers).
    #[must_use]
    pub fn nodes(&self) -> &Embeddings {
        &self.nodes
    }

    /// Features that a node has.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The settings.
    #[must_use]
    pub fn params(&self) -> &SageParams {
        &self.params
    }

    /// What the training did.
    #[must_use]
    pub fn report(&self) -> &SageReport {
        &self.report
    }

    /// Vectors for all nodes of another graph, or of the same one grown, from their features `[n_nodes, n_features]`. Their
    /// space is that of [`GraphSage::nodes`]. What nodes learned for themselves does not travel to another graph: all have
    /// zeros there.
    ///
    /// # Errors
    /// - [`SageError::Features`] for another number of features than in training.
    /// - [`SageError::FeatureRows`], [`SageError::NotFinite`] for features that are none.
    /// - [`SageError::Walk`] for a graph from a damaged file, [`SageError::Store`] when its keys cannot be read.
    /// - [`SageError::Parallelism`] when the threads cannot be started.
    pub fn embed_graph(
        &self,
        graph: &Graph,
        features: ArrayView2<'_, f32>,
        parallelism: Parallelism,
    ) -> Result<Embeddings, SageError> {
        if features.ncols() != self.n_features {
            return Err(SageError::Features { expected: self.n_features, got: features.ncols() });
        }
        check_features(features, graph.n_nodes())?;
        check_graph(graph)?;
        let keys = graph.keys_or_numbers()?;
        let mut inputs = Array2::zeros((graph.n_nodes(), self.n_features + self.params.id_dim));
        inputs.view_mut().split_at(Axis(1), self.n_features).0.assign(&features);
        let (_, vectors) = parallelism.install(|| infer(&self.layers, graph, inputs))?;
        Ok(Embeddings::in_space(keys, vectors, self.nodes.space())?)
    }
}
