use embed_core::{EmbedError, EmbeddingsError, ParallelismError, SampleError};

/// Why a layer could not work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Batch normalisation has no statistics of fewer than two rows.
    #[error(
        "batch normalisation in training needs at least 2 rows, got {rows}: use larger batches, or none of it"
    )]
    BatchOfOne {
        /// Rows of the batch.
        rows: usize,
    },
    /// Rows, offsets or masks that do not belong together.
    #[error("expected {expected} {what}, got {got}")]
    Shape {
        /// What is counted.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A setting out of its range.
    #[error("{name} is {got}, must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// What it must be.
        expected: &'static str,
    },
}

/// Why there is no trained model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// A layer cannot be made, or cannot work.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The features do not fit the schema.
    #[error(transparent)]
    Features(#[from] crate::features::FeatureError),
    /// The negatives cannot be drawn.
    #[error("negatives cannot be drawn")]
    Sample(#[from] SampleError),
    /// Negatives that cannot be.
    #[error(transparent)]
    Negatives(#[from] crate::train::NegativesError),
    /// Validation without items to rank.
    #[error("validation is asked for, and no items are held out for it: give them, or leave validation out")]
    NothingHeldOut,
    /// The observer stopped the training, so that the model is not finished.
    #[error("training was stopped at step {step} of {steps}, after {epochs_done} whole passes")]
    Stopped {
        /// Passes that went to their end.
        epochs_done: u32,
        /// Steps done.
        step: u64,
        /// Steps of a whole training.
        steps: u64,
    },
    /// Nothing to train on.
    #[error(
        "{users} users with {interactions} interactions hold no positive to train on: each needs a history beside it"
    )]
    Empty {
        /// Users.
        users: usize,
        /// Their interactions.
        interactions: usize,
    },
    /// Two things are over different numbers of items or users.
    #[error("{what}: expected {expected}, got {got}")]
    Catalogue {
        /// What differs.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The loss or a gradient is no number before a first pass was complete, so that there is nothing to keep.
    #[error("training diverged at step {step}, in its first pass: lower the rate, now {rate}")]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// Learning rate of the tables.
        rate: f32,
    },
    /// Retrieval made no vector of a history.
    #[error("retrieval made no vector of a history")]
    Embed(#[from] EmbedError),
    /// The vectors of the items were refused.
    #[error(transparent)]
    Vectors(#[from] EmbeddingsError),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
