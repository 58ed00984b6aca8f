use embed_core::ParallelismError;

use crate::intrinsic::IntrinsicError;

/// Why vectors were not projected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// More axes than the vectors have, or none.
    #[error("{got} axes, but there can be from 1 to {most}")]
    Axes {
        /// How many were asked for.
        got: usize,
        /// Components of a vector.
        most: usize,
    },
    /// Vectors of another dimension than the axes were found for.
    #[error("vectors have {got} components, the axes {expected}")]
    Dimension {
        /// Components of an axis.
        expected: usize,
        /// Components of a vector.
        got: usize,
    },
    /// A setting that is out of bounds.
    #[error("{name} must be from {least} to {most}, not {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The least it can be.
        least: f64,
        /// The most it can be.
        most: f64,
        /// What it is.
        got: f64,
    },
    /// More vectors than can be laid out.
    #[error("{got} vectors, at most {limit} can be laid out: draw a sample")]
    TooMany {
        /// How many there are.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The layout ended in what is no number.
    #[error("the layout of vector {row} is no number")]
    Diverged {
        /// The first such vector.
        row: usize,
    },
    /// Vectors that cannot be measured.
    #[error(transparent)]
    Vectors(#[from] IntrinsicError),
    /// The observer stopped the work.
    #[error("stopped after {done} of {total} epochs")]
    Stopped {
        /// Epochs done.
        done: usize,
        /// Epochs in all.
        total: usize,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
