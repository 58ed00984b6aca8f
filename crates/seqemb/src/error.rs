use embed_core::{EmbeddingsError, ParallelismError, SampleError, SourceError, VocabError};

use crate::cold::ColdError;
use crate::{PreparationReport, SideError};

/// A setting out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// A number of things.
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
    /// A number on a scale; NaN is in no range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Number {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// Least value.
        least: f64,
        /// Greatest value.
        most: f64,
    },
    /// A tree's nodes are no items, so they have a table of their own.
    #[error("hierarchical softmax cannot share one table: the nodes of its tree are no items")]
    SharedTree,
}

/// Why training gave no vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// A setting out of its range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// The sequences cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The negative sampler cannot be made or cannot draw.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
    /// The source, the keys and the sampler are not of one catalogue.
    #[error("the {what} has {got} items, the vocabulary has {expected}")]
    Catalogue {
        /// What differs.
        what: &'static str,
        /// Keys in the vocabulary.
        expected: usize,
        /// Items of the other.
        got: usize,
    },
    /// No sequence with two items is left after preparation.
    #[error(
        "nothing to learn from: of {} sequences with {} items none has two items after preparation",
        .preparation.sequences_read, .preparation.items_read
    )]
    Empty {
        /// What was read and what was dropped.
        preparation: Box<PreparationReport>,
    },
    /// The two tables do not fit into the address space.
    #[error("two tables of {n_items} x {dim} components are too large")]
    TooLarge {
        /// Rows.
        n_items: usize,
        /// Columns.
        dim: usize,
    },
    /// A sampler for a training that draws nothing.
    #[error("hierarchical softmax draws no negatives: leave the sampler out, or train by negative sampling")]
    UnusedSampler,
    /// The observer stopped the training before its last epoch.
    #[error(
        "the training was stopped after {epochs_done} of {epochs} epochs; fit_until_stopped, or Training, keeps what was learned"
    )]
    Stopped {
        /// Whole epochs.
        epochs_done: u32,
        /// Epochs asked for.
        epochs: u32,
    },
    /// A vector is no longer finite: the learning rate is too high for this data.
    #[error("training diverged in epoch {epoch}: lower the rate, now {rate}")]
    Diverged {
        /// The epoch, from 0.
        epoch: u32,
        /// The learning rate of the settings.
        rate: f32,
    },
    /// Training goes on from vectors whose keys are not the first ones of the vocabulary.
    #[error("key {key:?} must stay at row {row} of the vocabulary: new keys come after the old ones")]
    Keys {
        /// The row.
        row: usize,
        /// The old key.
        key: String,
    },
    /// Training goes on from vectors of another length.
    #[error("the vectors have {expected} components, the settings ask for {got}")]
    Dimension {
        /// Components of the old vectors.
        expected: usize,
        /// What the settings say.
        got: usize,
    },
    /// Hierarchical softmax cannot go on from vectors.
    #[error("hierarchical softmax cannot go on from vectors: the nodes of its tree are not kept")]
    Tree,
    /// Training goes on from vectors of another number of tables.
    #[error("one table cannot go on from two, nor two from one")]
    Tables,
    /// Side information does not fit.
    #[error(transparent)]
    Side(#[from] SideError),
    /// Vectors of cold items do not fit.
    #[error(transparent)]
    Cold(#[from] ColdError),
    /// A key of a cold item was refused.
    #[error(transparent)]
    Key(#[from] VocabError),
    /// The vectors were refused.
    #[error(transparent)]
    Vectors(#[from] EmbeddingsError),
}
