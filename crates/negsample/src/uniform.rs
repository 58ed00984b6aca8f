use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

/// Every item of the catalogue with the same probability `1 / n_items`; positives are not excluded.
///
/// One 32-bit draw and one multiplication an item, exactly uniform. No memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uniform {
    n_items: u32,
}

impl Uniform {
    /// A sampler over items `0..n_items`.
    ///
    /// # Errors
    /// - [`SampleError::NoItems`] for an empty catalogue.
    /// - [`SampleError::TooManyItems`] beyond `u32::MAX` items.
    pub fn new(n_items: usize) -> Result<Self, SampleError> {
        if n_items == 0 {
            return Err(SampleError::NoItems { items: 0 });
        }
        let limit = u32::MAX as usize;
        let n_items =
            u32::try_from(n_items).map_err(|_| SampleError::TooManyItems { got: n_items, limit })?;
        Ok(Self { n_items })
    }
}

impl NegativeSampler for Uniform {
    fn sample_into(
        &self,
        _cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        // A generator of its own in the loop, so that its state stays in registers.
        let mut local = rng.clone();
        for item in out.iter_mut() {
            *item = local.below(self.n_items);
        }
        *rng = local;
        Ok(out.len())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a logarithm in f32")]
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        if item < self.n_items {
            (cx.n as f64 / f64::from(self.n_items)).ln() as f32
        } else {
            f32::NEG_INFINITY
        }
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
    fn every_item_is_drawn_alike() {
        check_law(&Uniform::new(37).unwrap(), &NegativeContext::default(), &[1.0; 37]);
    }

    #[test]
    fn bad_catalogues_are_refused() {
        assert!(matches!(Uniform::new(0), Err(SampleError::NoItems { items: 0 })));
        assert!(matches!(Uniform::new(1 << 32), Err(SampleError::TooManyItems { .. })));
    }

    #[test]
    fn the_draws_of_a_seed_never_change() {
        let mut out = [0; 5];
        let n = Uniform::new(1000)
            .unwrap()
            .sample_into(&NegativeContext::default(), &mut SeededRng::new(1), &mut out)
            .unwrap();
        assert_eq!((n, out), (5, GOLDEN));
    }

    const GOLDEN: [u32; 5] = [811, 747, 100, 746, 184];
}
