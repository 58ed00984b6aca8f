use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

use crate::Law;

/// Every item with the same probability 1/N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uniform {
    n_items: u32,
}

impl Uniform {
    /// Draws from `n_items` items.
    ///
    /// # Errors
    /// [`SampleError::NoItems`] for 0, [`SampleError::TooManyItems`] beyond `u32::MAX`.
    pub fn new(n_items: usize) -> Result<Self, SampleError> {
        let limit = u32::MAX as usize;
        match u32::try_from(n_items) {
            Ok(0) => Err(SampleError::NoItems { items: 0 }),
            Ok(n_items) => Ok(Self { n_items }),
            Err(_) => Err(SampleError::TooManyItems { got: n_items, limit }),
        }
    }
}

impl Law for Uniform {
    fn probability(&self, item: ItemId) -> f64 {
        if item < self.n_items { 1.0 / f64::from(self.n_items) } else { 0.0 }
    }
}

impl NegativeSampler for Uniform {
    fn sample_into(
        &self,
        _cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        out.fill_with(|| rng.below(self.n_items));
        Ok(out.len())
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        crate::popularity::log_count(cx.n, self.probability(item))
    }

    fn n_items(&self) -> usize {
        self.n_items as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_items_is_checked() {
        assert!(matches!(Uniform::new(0), Err(SampleError::NoItems { items: 0 })));
        assert!(matches!(Uniform::new(1 << 40), Err(SampleError::TooManyItems { .. })));
        assert_eq!(Uniform::new(7).unwrap().probability(7), 0.0);
    }
}
