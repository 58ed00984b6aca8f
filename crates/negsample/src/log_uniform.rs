use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

/// Items by their rank of popularity, rank `r` from 0 with probability `ln((r + 2) / (r + 1)) / ln(n + 1)`: close
/// to Zipf's law, with nothing but an order to know. Positives are not excluded.
///
/// Memory: none where ids are ranks, else 8 bytes an item. A draw is O(1): one exponential.
///
/// The law of TensorFlow's log-uniform candidate sampler, after Jean, Cho, Memisevic & Bengio 2015, "On using very
/// large target vocabulary for neural machine translation", section 3.
#[derive(Debug, Clone, PartialEq)]
pub struct LogUniform {
    n_items: u32,
    /// `ln(n_items + 1)`.
    log_range: f64,
    /// The item of each rank and the rank of each item; `None` where they are the same.
    order: Option<(Vec<ItemId>, Vec<u32>)>,
}

impl LogUniform {
    /// Over items `0..n_items` that are in the order of popularity, the most popular first.
    ///
    /// # Errors
    /// - [`SampleError::NoItems`] for an empty catalogue.
    /// - [`SampleError::TooManyItems`] beyond `u32::MAX` items.
    pub fn new(n_items: usize) -> Result<Self, SampleError> {
        if n_items == 0 {
            return Err(SampleError::NoItems { items: 0 });
        }
        let limit = u32::MAX as usize;
        let n = u32::try_from(n_items).map_err(|_| SampleError::TooManyItems { got: n_items, limit })?;
        Ok(Self { n_items: n, log_range: (f64::from(n) + 1.0).ln(), order: None })
    }

    /// Ranks items by `counts` `[n_items]`, the greatest first, equal ones by id. O(n log n).
    ///
    /// # Errors
    /// As [`LogUniform::new`].
    pub fn from_counts(counts: &[u64]) -> Result<Self, SampleError> {
        let sampler = Self::new(counts.len())?;
        let mut items: Vec<ItemId> = (0..sampler.n_items).collect();
        items.sort_by_key(|&item| std::cmp::Reverse(counts[item as usize]));
        let mut ranks = vec![0; items.len()];
        for (rank, &item) in (0..).zip(&items) {
            ranks[item as usize] = rank;
        }
        Ok(Self { order: Some((items, ranks)), ..sampler })
    }
}

impl NegativeSampler for LogUniform {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is in 0..=n")]
    fn sample_into(
        &self,
        _cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        for item in out.iter_mut() {
            let rank = ((rng.unit_f64() * self.log_range).exp() - 1.0) as u32;
            // Rounding may reach n itself.
            let rank = rank.min(self.n_items - 1);
            *item = self.order.as_ref().map_or(rank, |(items, _)| items[rank as usize]);
        }
        Ok(out.len())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a logarithm in f32")]
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        if item >= self.n_items {
            return f32::NEG_INFINITY;
        }
        let rank = f64::from(self.order.as_ref().map_or(item, |(_, ranks)| ranks[item as usize]));
        let p = (1.0 / (rank + 1.0)).ln_1p() / self.log_range;
        (cx.n as f64 * p).ln() as f32
    }

    fn n_items(&self) -> usize {
        self.n_items as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::check_law;

    #[test]
    fn ranks_follow_the_law() {
        let weights: Vec<f64> = (0..100).map(|r| (f64::from(r + 2) / f64::from(r + 1)).ln()).collect();
        check_law(&LogUniform::new(100).unwrap(), &NegativeContext::default(), &weights);
        let one = LogUniform::new(1).unwrap();
        check_law(&one, &NegativeContext::default(), &[1.0]);
    }

    #[test]
    fn counts_give_the_ranks() {
        // Ranks 3, 1, 2, 0: of the equal counts the lower id comes first.
        let by_rank = [1.0f64, 1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0].map(f64::ln_1p);
        let expected = [by_rank[3], by_rank[1], by_rank[2], by_rank[0]];
        check_law(&LogUniform::from_counts(&[1, 5, 5, 9]).unwrap(), &NegativeContext::default(), &expected);
    }

    #[test]
    fn bad_catalogues_are_refused() {
        assert!(matches!(LogUniform::new(0), Err(SampleError::NoItems { items: 0 })));
        assert!(matches!(LogUniform::new(1 << 32), Err(SampleError::TooManyItems { .. })));
    }

    #[test]
    fn the_draws_of_a_seed_never_change() {
        let mut out = [0; 6];
        let sampler = LogUniform::new(1000).unwrap();
        sampler.sample_into(&NegativeContext::default(), &mut SeededRng::new(1), &mut out).unwrap();
        assert_eq!(out, GOLDEN);
    }

    const GOLDEN: [u32; 6] = [271, 173, 0, 172, 2, 58];
}
