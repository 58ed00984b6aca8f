use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

use crate::AliasTable;

/// Items with probability `countᵅ / Σ countᵅ`: α = 0.75 in word2vec, 0 for all seen items alike, 1 for the
/// empirical frequency, below 0 for rare items first. Positives are not excluded.
///
/// An item with count 0 is never drawn, whatever α. Memory: 8 bytes an item that draws touch, and 4 for
/// [`NegativeSampler::log_expected_count`]. A draw is O(1), building O(n).
///
/// Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed representations of words and phrases and
/// their compositionality", section 2.2.
#[derive(Debug, Clone, PartialEq)]
pub struct Popularity {
    table: AliasTable,
    /// Natural logarithm of each item's probability.
    log_p: Vec<f32>,
}

impl Popularity {
    /// The law of `counts` `[n_items]` under exponent `alpha`, any finite number. O(n).
    ///
    /// # Errors
    /// - [`SampleError::BadExponent`] when `alpha` is NaN or infinite.
    /// - [`SampleError::NoItems`] when no count is above 0.
    /// - [`SampleError::TooManyItems`] beyond `u32::MAX` items.
    #[expect(clippy::cast_precision_loss, reason = "a count beyond 2⁵³ needs no exact weight")]
    pub fn new(counts: &[u64], alpha: f64) -> Result<Self, SampleError> {
        if !alpha.is_finite() {
            return Err(SampleError::BadExponent { exponent: alpha });
        }
        let seen = || counts.iter().filter(|&&c| c > 0);
        // Relative to the item that weighs most, so that no exponent overflows.
        let heaviest = if alpha < 0.0 { seen().min() } else { seen().max() };
        let Some(&heaviest) = heaviest else { return Err(SampleError::NoItems { items: counts.len() }) };
        let weight = |&count: &u64| match count {
            0 => 0.0,
            count => (alpha * ((count as f64).ln() - (heaviest as f64).ln())).exp(),
        };
        Self::from_weights(&counts.iter().map(weight).collect::<Vec<_>>())
    }

    /// Items with probability `weights[item] / Σ weights`. O(n).
    ///
    /// # Errors
    /// As [`AliasTable::new`].
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm in f32")]
    pub fn from_weights(weights: &[f64]) -> Result<Self, SampleError> {
        let table = AliasTable::new(weights)?;
        let log_total = weights.iter().sum::<f64>().ln();
        let log_p = weights.iter().map(|w| (w.ln() - log_total) as f32).collect();
        Ok(Self { table, log_p })
    }
}

impl NegativeSampler for Popularity {
    fn sample_into(
        &self,
        _cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        // A generator of its own in the loop, so that its state stays in registers.
        let mut local = rng.clone();
        for item in out.iter_mut() {
            *item = self.table.sample(&mut local);
        }
        *rng = local;
        Ok(out.len())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a logarithm in f32")]
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        let log_p = self.log_p.get(item as usize).copied().unwrap_or(f32::NEG_INFINITY);
        log_p + (cx.n as f64).ln() as f32
    }

    fn n_items(&self) -> usize {
        self.log_p.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::check_law;

    #[test]
    fn draws_follow_the_counts_under_every_exponent() {
        let counts = [1000u64, 1, 0, 30, 7, 7, 400, 2, 90, 0, 12];
        for alpha in [0.75, 1.0, 0.0, -0.5, 2.0] {
            let weights: Vec<f64> =
                counts.iter().map(|&c| if c == 0 { 0.0 } else { (c as f64).powf(alpha) }).collect();
            check_law(&Popularity::new(&counts, alpha).unwrap(), &NegativeContext::default(), &weights);
        }
    }

    #[test]
    fn no_exponent_overflows() {
        for alpha in [300.0, -300.0] {
            let sampler = Popularity::new(&[u64::MAX, 1, 5], alpha).unwrap();
            let mut out = [0; 20];
            sampler.sample_into(&NegativeContext::default(), &mut SeededRng::new(2), &mut out).unwrap();
            assert_eq!(out, [if alpha > 0.0 { 0 } else { 1 }; 20]);
        }
        assert!(matches!(Popularity::new(&[1], f64::NAN), Err(SampleError::BadExponent { .. })));
        assert!(matches!(Popularity::new(&[0, 0], 0.0), Err(SampleError::NoItems { items: 2 })));
        assert!(matches!(Popularity::new(&[], 1.0), Err(SampleError::NoItems { items: 0 })));
    }

    #[test]
    fn the_draws_of_a_seed_never_change() {
        let mut out = [0; 8];
        let sampler = Popularity::new(&[5, 0, 9, 2, 1, 1, 1, 40], 0.75).unwrap();
        sampler.sample_into(&NegativeContext::default(), &mut SeededRng::new(1), &mut out).unwrap();
        assert_eq!(out, GOLDEN);
    }

    const GOLDEN: [u32; 8] = [7, 7, 0, 7, 7, 7, 2, 4];
}
