use std::error::Error;

use ndarray::ArrayView2;

use crate::{ItemId, SeededRng};

/// Draws the items that a positive is contrasted with.
///
/// Implementations are immutable while they draw, so that threads share them; what changes with the data
/// (queues, streaming counts) changes in [`NegativeSampler::observe`]. `embed_core::testkit` holds the
/// conformance suite.
pub trait NegativeSampler: Send + Sync {
    /// Fills `out` with negatives for the context and returns how many were drawn: fewer than `out.len()` is
    /// an answer (the pool is exhausted), and what follows them in `out` is unspecified.
    ///
    /// # Errors
    /// [`SampleError`] when the sampler cannot serve this context.
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError>;

    /// Natural logarithm of how often `item` is expected among the `cx.n` candidates of this context: what
    /// log Q correction subtracts. `-inf` for an item that is never drawn.
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32;

    /// [`NegativeSampler::log_expected_count`] of each of `items` into `out`: for laws that cost a search, which serves all of them.
    ///
    /// # Panics
    /// When there are not as many values as items.
    fn log_expected_counts_into(&self, cx: &NegativeContext<'_>, items: &[ItemId], out: &mut [f32]) {
        assert_eq!(items.len(), out.len(), "a count for each item");
        out.iter_mut().zip(items).for_each(|(out, &item)| *out = self.log_expected_count(cx, item));
    }

    /// Number of items the sampler draws from: every id it gives is below it.
    fn n_items(&self) -> usize;

    /// Learns from a batch of positives; called once a batch, in batch order.
    fn observe(&mut self, _batch: &Batch<'_>) {}

    /// Whether the law depends on [`NegativeContext::target`]: negatives are then drawn for one positive at a time.
    fn needs_target(&self) -> bool {
        false
    }

    /// Whether the sampler wants the item vectors of now before it serves this step and epoch: one whose law
    /// depends on them, and whose copy has aged. Trainers ask between batches.
    fn is_stale(&self, _cx: &NegativeContext<'_>) -> bool {
        false
    }

    /// Takes the vectors `[n_items, dim]` that a context's query is scored against, as they are before this step.
    ///
    /// # Errors
    /// [`SampleError`] when nothing can be made of them.
    fn refresh(&mut self, _cx: &NegativeContext<'_>, _items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        Ok(())
    }
}

/// What a draw may depend on.
#[derive(Debug, Clone, Copy, Default)]
pub struct NegativeContext<'a> {
    /// Training step.
    pub step: u64,
    /// Pass over the data, from 0.
    pub epoch: u32,
    /// The vector that positives are scored against, where the law depends on it.
    pub query: Option<&'a [f32]>,
    /// Items that must not be drawn, ascending, each once; a sampler that does not exclude ignores them.
    pub positives: &'a [ItemId],
    /// The positive that these negatives are for, where there is one.
    pub target: Option<ItemId>,
    /// The positives of the whole batch, in batch order.
    pub batch: &'a [ItemId],
    /// How many negatives this context gets in all.
    pub n: usize,
}

/// A batch of positives, as a trainer saw it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch<'a> {
    /// Training step.
    pub step: u64,
    /// Positive items, in batch order.
    pub positives: &'a [ItemId],
}

/// Why a sampler was not made, or could not draw.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// There is no item to draw.
    #[error("a sampler needs at least one item with a positive weight, got {items} items")]
    NoItems {
        /// How many items there are.
        items: usize,
    },
    /// More items than ids.
    #[error("{got} items, at most {limit} can be sampled")]
    TooManyItems {
        /// How many items there are.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A weight that is no weight.
    #[error("weight of item {item} is {weight}: weights are finite and not negative")]
    BadWeight {
        /// The item.
        item: usize,
        /// Its weight.
        weight: f64,
    },
    /// An exponent that is no number.
    #[error("exponent {exponent} of the popularity law: a finite number is needed")]
    BadExponent {
        /// The exponent.
        exponent: f64,
    },
    /// A setting out of its range.
    #[error("{name} is {got}, must be in {least}..={most}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: f64,
        /// Least value.
        least: f64,
        /// Greatest value.
        most: f64,
    },
    /// Samplers that are combined differ in their catalogues.
    #[error("samplers over {expected} and {got} items cannot be combined")]
    Catalogue {
        /// Items of the first.
        expected: usize,
        /// Items of another.
        got: usize,
    },
    /// The context lacks what the law depends on.
    #[error("the sampler needs {what} in its context")]
    MissingContext {
        /// What is missing.
        what: &'static str,
    },
    /// A sampler of another crate failed.
    #[error("the sampler failed")]
    Implementation {
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
}
