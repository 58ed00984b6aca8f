use std::error::Error;

use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::{KeyTable, Metric, Parallelism, ParallelismError, Space};

/// Turns an input (an item id, a history, a record of features) into a vector.
///
/// Immutable and shared between threads. `embed_core::testkit` holds the conformance suite.
pub trait Embedder<In: ?Sized>: Send + Sync {
    /// Components of a vector.
    fn dim(&self) -> usize;

    /// The space of the vectors that this embedder's output is to be scored against; [`Space::ANY`] says that it may be
    /// scored against any, and that nothing is checked.
    fn space(&self) -> Space;

    /// The metric by which the output is meant to be scored; `None`: by any.
    fn metric(&self) -> Option<Metric>;

    /// Keys of the item ids that inputs hold, where the embedder knows them: an index under other keys is refused.
    fn keys(&self) -> Option<KeyTable> {
        None
    }

    /// Writes the vector of `input` into `out` `[dim]`.
    ///
    /// # Errors
    /// [`EmbedError`] when the input has no vector, or `out` has another length than `dim`.
    fn embed_into(&self, input: &In, out: &mut [f32]) -> Result<(), EmbedError>;

    /// The vector of `input`, `[dim]`.
    ///
    /// # Errors
    /// As [`Embedder::embed_into`].
    fn embed(&self, input: &In) -> Result<Vec<f32>, EmbedError> {
        let mut out = vec![0.0; self.dim()];
        self.embed_into(input, &mut out)?;
        Ok(out)
    }

    /// Writes one vector a row for each input into `out` `[inputs.len(), dim]`, in parallel.
    ///
    /// # Errors
    /// As [`Embedder::embed_into`], for the first input in order that fails.
    fn embed_batch_into(
        &self,
        inputs: &[&In],
        parallelism: Parallelism,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError>
    where
        In: Sync,
    {
        if out.dim() != (inputs.len(), self.dim()) {
            return Err(EmbedError::Shape {
                expected: (inputs.len(), self.dim()),
                got: (out.nrows(), out.ncols()),
            });
        }
        let failures = parallelism.install(|| {
            out.axis_iter_mut(Axis(0))
                .into_par_iter()
                .zip(inputs)
                .enumerate()
                .filter_map(|(row, (mut target, input))| {
                    let result = match target.as_slice_mut() {
                        Some(slice) => self.embed_into(input, slice),
                        None => self.embed(input).map(|v| target.iter_mut().zip(v).for_each(|(t, x)| *t = x)),
                    };
                    result.err().map(|error| (row, error))
                })
                .min_by_key(|(row, _)| *row)
        })?;
        failures.map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// Why an input got no vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// Nothing to embed.
    #[error("the {what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// An item that the embedder does not know.
    #[error("item {item} is not among the {n_items} items of the model")]
    UnknownItem {
        /// The item.
        item: u32,
        /// Number of items known.
        n_items: usize,
    },
    /// A buffer of the wrong length.
    #[error("expected a vector of {expected} components, got {got}")]
    Dimension {
        /// Components of a vector.
        expected: usize,
        /// Length of the buffer.
        got: usize,
    },
    /// A matrix of the wrong shape.
    #[error("expected a matrix of shape {expected:?}, got {got:?}")]
    Shape {
        /// Rows and columns needed.
        expected: (usize, usize),
        /// Rows and columns given.
        got: (usize, usize),
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
    /// An embedder of another crate failed.
    #[error("the embedder failed")]
    Implementation {
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
}
