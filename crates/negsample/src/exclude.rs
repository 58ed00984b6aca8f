use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::ArrayView2;

use crate::RefreshableSampler;

/// Another sampler's law restricted to the items that are not among the context's positives.
///
/// Draws again what hits a positive; when the budget of draws is used up (a user who has almost everything),
/// the rest is drawn exactly from the complement. Both follow the inner law renormalised, so the mixture
/// does. When no item but positives has a weight, the count is short.
///
/// O(log positives) a draw; the exact draw is O(n_items · log positives), once a call at most.
#[derive(Debug, Clone, PartialEq)]
pub struct ExcludePositives<S> {
    inner: S,
}

impl<S: NegativeSampler> ExcludePositives<S> {
    /// Excludes the positives of each context from `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner }
    }

    /// The sampler within.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Fills `out` from the complement of the positives by its cumulative weights.
    fn draw_exactly(&self, cx: &NegativeContext<'_>, rng: &mut SeededRng, out: &mut [ItemId]) -> usize {
        let mut items = Vec::new();
        let mut cumulative = Vec::new();
        let mut total = 0.0;
        for (item, weight) in self.complement(cx) {
            if weight > 0.0 {
                total += weight;
                items.push(item);
                cumulative.push(total);
            }
        }
        let Some(last) = items.len().checked_sub(1) else { return 0 };
        for slot in out.iter_mut() {
            let at = rng.unit_f64() * total;
            *slot = items[cumulative.partition_point(|&c| c <= at).min(last)];
        }
        out.len()
    }

    /// Every item that is no positive, with its expected count in one draw of the inner sampler.
    fn complement(&self, cx: &NegativeContext<'_>) -> impl Iterator<Item = (ItemId, f64)> {
        let one = cx.with_draws(1);
        (0..)
            .take(self.inner.n_items())
            .filter(move |item| cx.positives.binary_search(item).is_err())
            .map(move |item| (item, f64::from(self.inner.log_expected_count(&one, item)).exp()))
    }
}

impl<S: NegativeSampler> NegativeSampler for ExcludePositives<S> {
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        let mut kept = 0;
        // As many draws as cost about what the exact way costs.
        let mut budget = 4 * out.len() + self.inner.n_items() / 4;
        while kept < out.len() && budget > 0 {
            let want = (out.len() - kept).min(budget);
            let drawn = self.inner.sample_into(cx, rng, &mut out[kept..kept + want])?;
            budget -= want;
            let mut write = kept;
            for read in kept..kept + drawn {
                let item = out[read];
                if cx.positives.binary_search(&item).is_err() {
                    out[write] = item;
                    write += 1;
                }
            }
            kept = write;
            if drawn == 0 {
                break;
            }
        }
        if kept < out.len() {
            kept += self.draw_exactly(cx, rng, &mut out[kept..]);
        }
        Ok(kept)
    }

    /// The inner value less the logarithm of the share that the positives leave; `-inf` for a positive.
    /// O(positives), or O(n_items) when the positives have more than nine tenths of the weight.
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        let mut log = [0.0];
        match self.log_expected_counts_into(cx, &[item], &mut log) {
            Ok(()) => log[0],
            Err(_) => f32::NEG_INFINITY,
        }
    }

    /// What the positives leave is summed once for all of the items.
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm in f32")]
    fn log_expected_counts_into(
        &self,
        cx: &NegativeContext<'_>,
        items: &[ItemId],
        out: &mut [f32],
    ) -> Result<(), SampleError> {
        SampleError::check_counts(items.len(), out.len())?;
        let mut of_positives = vec![0.0; cx.positives.len()];
        let one = cx.with_draws(1);
        self.inner.log_expected_counts_into(&one, cx.positives, &mut of_positives)?;
        let excluded: f64 = of_positives.iter().map(|log| f64::from(*log).exp()).sum();
        // 1 − excluded loses its digits near 0, so what is left is summed instead.
        let left =
            if excluded < 0.9 { 1.0 - excluded } else { self.complement(cx).map(|(_, weight)| weight).sum() };
        self.inner.log_expected_counts_into(cx, items, out)?;
        for (log, item) in out.iter_mut().zip(items) {
            if cx.positives.binary_search(item).is_ok() {
                *log = f32::NEG_INFINITY;
            } else if *log > f32::NEG_INFINITY {
                *log = (f64::from(*log) - left.ln()) as f32;
            }
        }
        Ok(())
    }

    fn n_items(&self) -> usize {
        self.inner.n_items()
    }
}

impl<S: RefreshableSampler> RefreshableSampler for ExcludePositives<S> {
    fn observe(&mut self, batch: &Batch<'_>) {
        self.inner.observe(batch);
    }

    fn is_stale(&self, cx: &NegativeContext<'_>) -> bool {
        self.inner.is_stale(cx)
    }

    fn refresh(&mut self, cx: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        self.inner.refresh(cx, items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::check_law;
    use crate::{Popularity, Uniform};

    #[test]
    fn positives_are_never_drawn_and_the_rest_keeps_its_law() {
        let counts = [1000u64, 1, 0, 30, 7, 7, 400, 2, 90, 0, 12];
        let sampler = ExcludePositives::new(Popularity::new(&counts, 1.0).unwrap());
        for positives in [&[][..], &[0], &[0, 3, 6], &[0, 3, 4, 5, 6, 8, 10], &[2], &[4, 77]] {
            let weights: Vec<f64> = (0u32..)
                .zip(counts)
                .map(|(i, c)| if positives.contains(&i) { 0.0 } else { c as f64 })
                .collect();
            check_law(&sampler, &NegativeContext::default().positives(positives), &weights);
        }
    }

    #[test]
    fn an_exhausted_pool_gives_a_short_count() {
        let all: Vec<u32> = (0..6).collect();
        let cx = NegativeContext::draws(4).positives(&all);
        let sampler = ExcludePositives::new(Uniform::new(6).unwrap());
        assert_eq!(sampler.sample_into(&cx, &mut SeededRng::new(1), &mut [0; 4]).unwrap(), 0);
        assert_eq!(sampler.log_expected_count(&cx, 3), f32::NEG_INFINITY);
        // Only an item of weight 0 is left.
        let sampler = ExcludePositives::new(Popularity::new(&[1, 0, 1], 1.0).unwrap());
        let cx = NegativeContext::draws(4).positives(&[0, 2]);
        assert_eq!(sampler.sample_into(&cx, &mut SeededRng::new(1), &mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn a_user_who_has_almost_everything_is_answered() {
        let have: Vec<u32> = (0..100_000).filter(|&i| i != 77_777).collect();
        let cx = NegativeContext::draws(3).positives(&have);
        let sampler = ExcludePositives::new(Uniform::new(100_000).unwrap());
        let mut out = [0; 3];
        assert_eq!(sampler.sample_into(&cx, &mut SeededRng::new(1), &mut out).unwrap(), 3);
        assert_eq!(out, [77_777; 3]);
        let expected = sampler.log_expected_count(&cx, 77_777);
        assert!((expected - 3f32.ln()).abs() < 1e-4, "{expected}");
    }
}
