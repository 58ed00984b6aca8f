use std::error::Error;

use crate::{ItemId, SeededRng};

/// Draws the items that a positive is contrasted with.
///
/// Implementations are immutable, so that threads share them. A sampler whose law follows the training is besides a
/// `negsample::RefreshableSampler`. `embed_core::testkit` holds the conformance suite.
pub trait NegativeSampler: Send + Sync {
    /// Number of items the sampler draws from: every id it gives is below it.
    fn n_items(&self) -> usize;

    /// Fills `out` with negatives for the context and returns how many were drawn: fewer than `out.len()` is
    /// an answer (the pool is exhausted), and what follows them in `out` is unspecified. The length of `out` says how many
    /// are drawn now; `cx.n`, how many the context gets in all.
    ///
    /// # Errors
    /// [`SampleError`] when the sampler cannot serve this context: [`SampleError::MissingTarget`] where the law depends
    /// on [`NegativeContext::target`] and there is none, and a trainer then draws for one positive at a time.
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError>;

    /// Natural logarithm of how often `item` is expected among the `cx.n` candidates of this context: what
    /// log Q correction subtracts. `-inf` for an item that is never drawn.
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32;

    /// [`NegativeSampler::log_expected_count`] of each of `items` into `out`: for laws that cost a search, which serves
    /// all of them.
    ///
    /// # Errors
    /// [`SampleError::Counts`] when there are not as many values as items; as [`NegativeSampler::sample_into`] where the
    /// sampler cannot serve this context.
    fn log_expected_counts_into(
        &self,
        cx: &NegativeContext<'_>,
        items: &[ItemId],
        out: &mut [f32],
    ) -> Result<(), SampleError> {
        SampleError::check_counts(items.len(), out.len())?;
        out.iter_mut().zip(items).for_each(|(out, &item)| *out = self.log_expected_count(cx, item));
        Ok(())
    }
}

/// What a draw may depend on.
///
/// ```
/// use embed_core::NegativeContext;
///
/// let cx = NegativeContext::draws(5).positives(&[2, 7]).target(7).at(100, 1);
/// assert_eq!((cx.n, cx.target, cx.step, cx.epoch), (5, Some(7), 100, 1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
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

impl<'a> NegativeContext<'a> {
    /// A context that gets `n` negatives in all, of which nothing else is known.
    #[must_use]
    pub fn draws(n: usize) -> Self {
        Self { n, ..Self::default() }
    }

    /// The same at a training step of an epoch.
    #[must_use]
    pub fn at(self, step: u64, epoch: u32) -> Self {
        Self { step, epoch, ..self }
    }

    /// The same with the vector that positives are scored against.
    #[must_use]
    pub fn query(self, query: &'a [f32]) -> Self {
        Self { query: Some(query), ..self }
    }

    /// The same with items that must not be drawn, ascending, each once.
    #[must_use]
    pub fn positives(self, positives: &'a [ItemId]) -> Self {
        Self { positives, ..self }
    }

    /// The same for one positive.
    #[must_use]
    pub fn target(self, target: ItemId) -> Self {
        Self { target: Some(target), ..self }
    }

    /// The same within a batch of positives.
    #[must_use]
    pub fn batch(self, batch: &'a [ItemId]) -> Self {
        Self { batch, ..self }
    }

    /// The same for another number of negatives in all.
    #[must_use]
    pub fn with_draws(self, n: usize) -> Self {
        Self { n, ..self }
    }
}

/// A batch of positives, as a trainer saw it.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// Training step.
    pub step: u64,
    /// Positive items, in batch order.
    pub positives: &'a [ItemId],
}

impl<'a> Batch<'a> {
    /// The positives of a training step, in batch order.
    #[must_use]
    pub fn new(step: u64, positives: &'a [ItemId]) -> Self {
        Self { step, positives }
    }
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
    /// The law depends on the positive, and the context has none.
    #[error("the sampler draws for one positive at a time: its context needs the target")]
    MissingTarget,
    /// Another number of values than items.
    #[error("expected a value for each of {expected} items, got room for {got}")]
    Counts {
        /// Number of items.
        expected: usize,
        /// Number of values.
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

impl SampleError {
    /// Checks that there is a value for each of `expected` items.
    ///
    /// # Errors
    /// [`SampleError::Counts`].
    pub fn check_counts(expected: usize, got: usize) -> Result<(), Self> {
        if expected == got { Ok(()) } else { Err(Self::Counts { expected, got }) }
    }
}
