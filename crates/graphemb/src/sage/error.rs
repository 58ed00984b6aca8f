use embed_core::store::StoreError;
use embed_core::{EmbeddingsError, ParallelismError, SampleError};

use crate::WalkError;

/// Why a [`GraphSage`](crate::GraphSage) was not trained, or has no vectors for a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SageError {
    /// The observer stopped the training before its last epoch.
    #[error("the training was stopped before its last epoch; fit_until_stopped keeps what was learned")]
    Stopped,
    /// A number of things out of its range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Count {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: usize,
        /// Least value.
        least: usize,
        /// Greatest value.
        most: usize,
    },
    /// A number on a scale out of its range; NaN is in no range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Number {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f32,
        /// Least value.
        least: f32,
        /// Greatest value.
        most: f32,
    },
    /// Another number of rows of features than nodes.
    #[error("{got} rows of features for {expected} nodes")]
    FeatureRows {
        /// Number of nodes.
        expected: usize,
        /// Number of rows.
        got: usize,
    },
    /// Another number of features than the model was trained with.
    #[error("nodes have {got} features, the model was trained with {expected}")]
    Features {
        /// Features of the model.
        expected: usize,
        /// Features given.
        got: usize,
    },
    /// A feature is NaN or infinite.
    #[error("feature {column} of node {node} is {value}, must be finite")]
    NotFinite {
        /// The node.
        node: usize,
        /// The feature.
        column: usize,
        /// Its value.
        value: f32,
    },
    /// Nodes have no features and learn nothing for themselves: all would get the same vector.
    #[error("nodes have no features and id_dim is 0: there is nothing to tell them apart by")]
    NoInput,
    /// No walk leaves its start: there are only self-loops.
    #[error("no walk of {n_nodes} nodes leaves its start")]
    NoPairs {
        /// Number of nodes.
        n_nodes: usize,
    },
    /// The sampler draws from another number of nodes.
    #[error("the sampler has {got} items, the graph {expected} nodes")]
    Catalogue {
        /// Number of nodes.
        expected: usize,
        /// Items of the sampler.
        got: usize,
    },
    /// The loss or a vector is no longer finite: the learning rate is too high.
    #[error("training diverged in step {step} of epoch {epoch}: lower the rate, now {rate}")]
    Diverged {
        /// The epoch, from 0.
        epoch: u32,
        /// The step over all epochs, from 0.
        step: u64,
        /// The learning rate of the settings.
        rate: f32,
    },
    /// There are no walks.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Negatives cannot be drawn.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The graph's keys cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vectors were refused.
    #[error(transparent)]
    Vectors(#[from] EmbeddingsError),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
