use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

use crate::{AliasTable, Law};

/// Items in proportion to count^α: Mikolov et al. 2013 ("Distributed representations of words and phrases"),
/// section 2.2, where α = 0.75. An item of count zero is never drawn, whatever α is.
///
/// Memory: 8 bytes an item for draws, and 8 for the probabilities. A draw is O(1).
#[derive(Debug, Clone)]
pub struct Popularity {
    table: AliasTable,
    probability: Vec<f64>,
}

impl Popularity {
    /// The published exponent.
    pub const DEFAULT_EXPONENT: f64 = 0.75;

    /// The law count^`exponent` over items with these counts.
    ///
    /// # Errors
    /// - [`SampleError::BadExponent`] when the exponent is no finite number.
    /// - [`SampleError::NoItems`] when no count is positive, [`SampleError::TooManyItems`].
    /// - [`SampleError::BadWeight`] when a power is too large for an f64.
    pub fn new(counts: &[u64], exponent: f64) -> Result<Self, SampleError> {
        if !exponent.is_finite() {
            return Err(SampleError::BadExponent { exponent });
        }
        #[expect(clippy::cast_precision_loss, reason = "a relative error of 2⁻⁵³ in a count is none")]
        let weights: Vec<f64> =
            counts.iter().map(|&c| if c == 0 { 0.0 } else { (c as f64).powf(exponent) }).collect();
        Self::from_weights(&weights)
    }

    /// The law in proportion to any weights `[n_items]`.
    ///
    /// # Errors
    /// As [`AliasTable::new`].
    pub fn from_weights(weights: &[f64]) -> Result<Self, SampleError> {
        let table = AliasTable::new(weights)?;
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let total: f64 = weights.iter().map(|w| w / largest).sum();
        let probability = weights.iter().map(|w| w / largest / total).collect();
        Ok(Self { table, probability })
    }
}

/// ln(n · p); −∞ for what is never drawn.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a logarithm fits an f32")]
pub(crate) fn log_count(n: usize, probability: f64) -> f32 {
    (n as f64 * probability).ln() as f32
}

impl Law for Popularity {
    fn probability(&self, item: ItemId) -> f64 {
        self.probability.get(item as usize).copied().unwrap_or(0.0)
    }
}

impl NegativeSampler for Popularity {
    fn sample_into(
        &self,
        _cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        out.fill_with(|| self.table.draw(rng));
        Ok(out.len())
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        log_count(cx.n, self.probability(item))
    }

    fn n_items(&self) -> usize {
        self.probability.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_bends_the_law() {
        let counts = [16, 1, 0];
        for (exponent, ratio) in [(0.75, 8.0), (0.0, 1.0), (-0.5, 0.25), (1.0, 16.0)] {
            let law = Popularity::new(&counts, exponent).unwrap();
            assert!((law.probability(0) / law.probability(1) - ratio).abs() < 1e-12);
            assert_eq!(law.probability(2), 0.0, "a count of zero stays zero at exponent {exponent}");
        }
        assert!(matches!(Popularity::new(&counts, f64::NAN), Err(SampleError::BadExponent { .. })));
        assert!(matches!(Popularity::new(&[0], 0.0), Err(SampleError::NoItems { .. })));
        assert!(matches!(Popularity::new(&[u64::MAX], 1e6), Err(SampleError::BadWeight { .. })));
    }
}
