use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::ArrayView2;

use crate::{RefreshableSampler, split};

/// Draws from several samplers by weight. Of `n` draws a source with share `w` gives `⌊n·w⌋` or `⌈n·w⌉`, `n·w` on
/// average; what one source falls short of (no hard negative left) is not made up by another.
///
/// [`NegativeSampler::log_expected_count`] is over all sources: an item that two of them draw has the sum of both
/// expected counts, whichever drew it. A batch and fresh vectors go to every source.
///
/// ```
/// use embed_core::{NegativeContext, NegativeSampler};
/// use negsample::{Mixture, Popularity, Uniform};
///
/// let mixture = Mixture::new(Uniform::new(4)?, 1.0)?.with(Popularity::new(&[8, 1, 1, 0], 1.0)?, 3.0)?;
/// let cx = NegativeContext::draws(8);
/// let expected = mixture.log_expected_count(&cx, 0).exp();
/// assert!((expected - (2.0 / 4.0 + 6.0 * 0.8)).abs() < 1e-5);
/// # Ok::<(), embed_core::SampleError>(())
/// ```
pub struct Mixture {
    sources: Vec<Box<dyn RefreshableSampler>>,
    weights: Vec<f64>,
    /// Share of the sources up to each one; the last is 1.
    cumulative: Vec<f64>,
}

impl Mixture {
    /// A mixture of one.
    ///
    /// # Errors
    /// As [`Mixture::with`].
    pub fn new(source: impl RefreshableSampler + 'static, weight: f64) -> Result<Self, SampleError> {
        Self { sources: Vec::new(), weights: Vec::new(), cumulative: Vec::new() }.with(source, weight)
    }

    /// The same with one source more; a sampler of your own that stays as it is goes in as [`Fixed`](crate::Fixed). Weights
    /// are relative to their sum.
    ///
    /// # Errors
    /// - [`SampleError::BadWeight`] when the weight is negative or not finite, or the sum overflows.
    /// - [`SampleError::NoItems`] when the first weight is 0.
    /// - [`SampleError::Catalogue`] when the source has another number of items than the first.
    pub fn with(
        mut self,
        source: impl RefreshableSampler + 'static,
        weight: f64,
    ) -> Result<Self, SampleError> {
        let total = self.weights.iter().sum::<f64>() + weight;
        if weight.is_nan() || weight < 0.0 || !total.is_finite() {
            return Err(SampleError::BadWeight { item: self.sources.len(), weight });
        }
        if total <= 0.0 {
            return Err(SampleError::NoItems { items: source.n_items() });
        }
        if let Some(first) = self.sources.first()
            && first.n_items() != source.n_items()
        {
            return Err(SampleError::Catalogue { expected: first.n_items(), got: source.n_items() });
        }
        self.sources.push(Box::new(source));
        self.weights.push(weight);
        let mut sum = 0.0;
        self.cumulative = self
            .weights
            .iter()
            .map(|weight| {
                sum += weight / total;
                sum.min(1.0)
            })
            .collect();
        if let Some(last) = self.cumulative.last_mut() {
            *last = 1.0;
        }
        Ok(self)
    }

    /// The sources with the cumulative share up to each.
    fn sources(&self) -> impl Iterator<Item = (&dyn NegativeSampler, f64)> {
        self.sources.iter().map(|source| source as &dyn NegativeSampler).zip(self.cumulative.iter().copied())
    }
}

impl NegativeSampler for Mixture {
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        split::draw(self.sources(), cx, rng, out)
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        let mut log = [0.0];
        match self.log_expected_counts_into(cx, &[item], &mut log) {
            Ok(()) => log[0],
            Err(_) => f32::NEG_INFINITY,
        }
    }

    fn log_expected_counts_into(
        &self,
        cx: &NegativeContext<'_>,
        items: &[ItemId],
        out: &mut [f32],
    ) -> Result<(), SampleError> {
        SampleError::check_counts(items.len(), out.len())?;
        let (mut sums, mut from) = (vec![0.0; items.len()], 0.0);
        for (source, to) in self.sources() {
            split::add_expected_counts(source, cx, items, (from, to), &mut sums)?;
            from = to;
        }
        split::logarithms(&sums, out);
        Ok(())
    }

    fn n_items(&self) -> usize {
        self.sources.first().map_or(0, NegativeSampler::n_items)
    }
}

impl RefreshableSampler for Mixture {
    fn observe(&mut self, batch: &Batch<'_>) {
        self.sources.iter_mut().for_each(|source| source.observe(batch));
    }

    fn is_stale(&self, cx: &NegativeContext<'_>) -> bool {
        self.sources.iter().any(|source| source.is_stale(cx))
    }

    fn refresh(&mut self, cx: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        let mut stale = self.sources.iter_mut().filter(|source| source.is_stale(cx));
        stale.try_for_each(|source| source.refresh(cx, items))
    }
}

impl std::fmt::Debug for Mixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mixture").field("weights", &self.weights).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::check_law;
    use crate::{ExcludePositives, Popularity, Uniform};

    fn mixture() -> Mixture {
        let popularity = Popularity::new(&[9, 0, 3, 1, 1, 1], 1.0).unwrap();
        Mixture::new(Uniform::new(6).unwrap(), 0.3).unwrap().with(popularity, 0.7).unwrap()
    }

    #[test]
    fn the_law_is_over_all_sources() {
        let counts = [9.0, 0.0, 3.0, 1.0, 1.0, 1.0];
        let weights = counts.map(|c| 0.3 / 6.0 + 0.7 * c / 15.0);
        check_law(&mixture(), &NegativeContext::default(), &weights);
        let positives = [0, 3];
        let mut rest = weights;
        positives.iter().for_each(|&item: &u32| rest[item as usize] = 0.0);
        let cx = NegativeContext::default().positives(&positives);
        check_law(&ExcludePositives::new(mixture()), &cx, &rest);
    }

    #[test]
    fn what_cannot_be_mixed_is_refused() {
        let uniform = |n| Uniform::new(n).unwrap();
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let error = Mixture::new(uniform(3), 1.0).unwrap().with(uniform(3), bad).unwrap_err();
            assert!(matches!(error, SampleError::BadWeight { item: 1, .. }), "{error}");
        }
        assert!(matches!(Mixture::new(uniform(3), 0.0), Err(SampleError::NoItems { .. })));
        let error = Mixture::new(uniform(3), 1.0).unwrap().with(uniform(4), 1.0).unwrap_err();
        assert!(matches!(error, SampleError::Catalogue { expected: 3, got: 4 }));
    }
}
