use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::ArrayView2;

/// Sampler whose law follows the training: it learns from batches, or looks at the item vectors of now.
///
/// Trainers take this trait, so that a sampler that must be kept up to date is. One that stays as it is goes in as
/// [`Fixed`]; those of this crate ([`Uniform`](crate::Uniform), [`Popularity`](crate::Popularity),
/// [`LogUniform`](crate::LogUniform)) go in as they are. Wrappers hand every call to what they wrap.
pub trait RefreshableSampler: NegativeSampler {
    /// Learns from a batch of positives; called once a batch, in batch order.
    fn observe(&mut self, batch: &Batch<'_>);

    /// Staleness: true where the sampler wants the item vectors of now before it serves this step and epoch: one whose law
    /// depends on them, and whose copy has aged. Trainers ask between batches.
    fn is_stale(&self, cx: &NegativeContext<'_>) -> bool;

    /// Takes the vectors `[n_items, dim]` that a context's query is scored against, as they are before this step.
    ///
    /// # Errors
    /// [`SampleError`] when nothing can be made of them.
    fn refresh(&mut self, cx: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError>;
}

/// A sampler that stays as it is while a training goes on.
///
/// ```
/// use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
/// use negsample::{Fixed, Mixture, Uniform};
///
/// /// Always the first item.
/// struct First;
///
/// impl NegativeSampler for First {
///     fn n_items(&self) -> usize {
///         9
///     }
///     fn sample_into(&self, _: &NegativeContext<'_>, _: &mut SeededRng, out: &mut [ItemId]) -> Result<usize, SampleError> {
///         out.fill(0);
///         Ok(out.len())
///     }
///     fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
///         if item == 0 { (cx.n as f32).ln() } else { f32::NEG_INFINITY }
///     }
/// }
///
/// let mixture = Mixture::new(Fixed(First), 0.1)?.with(Uniform::new(9)?, 0.9)?;
/// # let _ = mixture;
/// # Ok::<(), SampleError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed<S>(pub S);

impl<S: NegativeSampler> NegativeSampler for Fixed<S> {
    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        self.0.sample_into(cx, rng, out)
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        self.0.log_expected_count(cx, item)
    }

    fn log_expected_counts_into(
        &self,
        cx: &NegativeContext<'_>,
        items: &[ItemId],
        out: &mut [f32],
    ) -> Result<(), SampleError> {
        self.0.log_expected_counts_into(cx, items, out)
    }
}

macro_rules! fixed {
    ($([$($generics:tt)*] $sampler:ty),*) => {$(
        impl<$($generics)*> RefreshableSampler for $sampler {
            fn observe(&mut self, _batch: &Batch<'_>) {}

            fn is_stale(&self, _cx: &NegativeContext<'_>) -> bool {
                false
            }

            fn refresh(
                &mut self,
                _cx: &NegativeContext<'_>,
                _items: ArrayView2<'_, f32>,
            ) -> Result<(), SampleError> {
                Ok(())
            }
        }
    )*};
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<S: RefreshableSampler + ?Sized> RefreshableSampler for $pointer {
            fn observe(&mut self, batch: &Batch<'_>) {
                (**self).observe(batch);
            }

            fn is_stale(&self, cx: &NegativeContext<'_>) -> bool {
                (**self).is_stale(cx)
            }

            fn refresh(
                &mut self,
                cx: &NegativeContext<'_>,
                items: ArrayView2<'_, f32>,
            ) -> Result<(), SampleError> {
                (**self).refresh(cx, items)
            }
        }
    )*};
}

fixed!([S: NegativeSampler] Fixed<S>, [] crate::Uniform, [] crate::Popularity, [] crate::LogUniform);
forward!(&mut S, Box<S>);
