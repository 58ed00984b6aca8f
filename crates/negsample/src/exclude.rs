use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

/// A sampler whose law does not depend on the context.
pub trait Law: NegativeSampler {
    /// Probability that one draw gives `item`; 0 for an item that is not there.
    fn probability(&self, item: ItemId) -> f64;
}

/// Draws by another sampler's law, given that no positive of the context is drawn.
///
/// A draw that hits a positive is repeated, [`ExcludePositives::RETRIES`] times at most; then the item is
/// drawn exactly from the complement by one pass over the catalogue, so that a user who has almost
/// everything still gets an answer. When nothing is left, the count is short.
#[derive(Debug, Clone)]
pub struct ExcludePositives<S> {
    inner: S,
}

impl<S: Law> ExcludePositives<S> {
    /// Draws that hit a positive before the exact pass: it is reached with probability < 10⁻³ where
    /// positives have at most four fifths of the law.
    pub const RETRIES: usize = 32;

    /// `inner` without the positives of each context.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner }
    }

    /// Probability that is left when the context's positives are taken out.
    fn remaining(&self, cx: &NegativeContext<'_>) -> f64 {
        1.0 - cx.positives.iter().map(|&item| self.inner.probability(item)).sum::<f64>()
    }

    /// One exact draw from the complement, O(n_items); `None` when it is empty.
    fn draw_exactly(&self, positives: &[ItemId], rng: &mut SeededRng) -> Option<ItemId> {
        let n_items = u32::try_from(self.inner.n_items()).unwrap_or(u32::MAX);
        let left = || (0..n_items).filter(|item| positives.binary_search(item).is_err());
        let total: f64 = left().map(|item| self.inner.probability(item)).sum();
        let mut target = rng.unit_f64() * total;
        let mut last = None;
        for item in left() {
            let p = self.inner.probability(item);
            if p > 0.0 {
                last = Some(item);
                if target < p {
                    break;
                }
                target -= p;
            }
        }
        last
    }
}

impl<S: Law> Law for ExcludePositives<S> {
    fn probability(&self, item: ItemId) -> f64 {
        self.inner.probability(item)
    }
}

impl<S: Law> NegativeSampler for ExcludePositives<S> {
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        self.inner.sample_into(cx, rng, out)?;
        if cx.positives.is_empty() {
            return Ok(out.len());
        }
        for slot in 0..out.len() {
            let mut retries = 0;
            while cx.positives.binary_search(&out[slot]).is_ok() {
                if retries == Self::RETRIES {
                    match self.draw_exactly(cx.positives, rng) {
                        Some(item) => out[slot] = item,
                        None => return Ok(slot),
                    }
                    break;
                }
                retries += 1;
                self.inner.sample_into(cx, rng, &mut out[slot..=slot])?;
            }
        }
        Ok(out.len())
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        if cx.positives.binary_search(&item).is_ok() {
            return f32::NEG_INFINITY;
        }
        crate::popularity::log_count(cx.n, self.inner.probability(item) / self.remaining(cx))
    }

    fn n_items(&self) -> usize {
        self.inner.n_items()
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        self.inner.observe(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Popularity, Uniform};

    #[test]
    fn a_user_who_has_almost_everything_gets_what_is_left() {
        let sampler = ExcludePositives::new(Popularity::new(&[1_000_000_000, 1, 0, 1], 1.0).unwrap());
        let mut out = [9; 8];
        let cx = NegativeContext { positives: &[0, 2], n: 8, ..Default::default() };
        assert_eq!(sampler.sample_into(&cx, &mut SeededRng::new(1), &mut out).unwrap(), 8);
        assert!(out.iter().all(|item| [1, 3].contains(item)) && out.contains(&1) && out.contains(&3));
        let all = NegativeContext { positives: &[0, 1, 2, 3], n: 8, ..Default::default() };
        assert_eq!(sampler.sample_into(&all, &mut SeededRng::new(1), &mut out).unwrap(), 0);
    }

    #[test]
    fn the_law_is_renormalised() {
        let sampler = ExcludePositives::new(Uniform::new(10).unwrap());
        let cx = NegativeContext { positives: &[3, 4], n: 4, ..Default::default() };
        assert!((sampler.log_expected_count(&cx, 0).exp() - 0.5).abs() < 1e-6);
        assert_eq!(sampler.log_expected_count(&cx, 3), f32::NEG_INFINITY);
    }
}
