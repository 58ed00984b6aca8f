use embed_core::SeededRng;
use ndarray::ArrayViewMut2;

use crate::LayerError;
use crate::matrix::each_row_mut;

/// Sets each value to zero with probability `rate` in training, and divides the others by `1 − rate`; in serving it does
/// nothing.
///
/// Srivastava et al. 2014, in the inverted form. What is kept is a function of the seed, the step and the row, so that the
/// way back needs no memory: the same call masks the gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    rate: f32,
}

impl Dropout {
    /// With this probability of zero.
    ///
    /// # Errors
    /// [`LayerError::Setting`] when it is not in 0..1.
    pub fn new(rate: f32) -> Result<Self, LayerError> {
        if (0.0..1.0).contains(&rate) {
            return Ok(Self { rate });
        }
        Err(LayerError::Setting { name: "dropout", got: rate.into(), expected: "at least 0 and below 1" })
    }

    /// The probability of zero.
    #[must_use]
    pub fn rate(self) -> f32 {
        self.rate
    }

    /// Masks activations, and with the same seed, purpose and step their gradients.
    pub fn mask(self, seed: u64, purpose: &str, step: u64, x: ArrayViewMut2<'_, f32>) {
        if self.rate <= 0.0 {
            return;
        }
        let scale = 1.0 / (1.0 - self.rate);
        each_row_mut(x, |i, x| {
            let mut rng = SeededRng::stream(seed, purpose, (step << 24) ^ i as u64);
            for x in x {
                *x = if rng.unit_f32() < self.rate { 0.0 } else { *x * scale };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn the_mean_stays_and_the_mask_is_that_of_the_step() {
        let dropout = Dropout::new(0.3).unwrap();
        let mask = |step| {
            let mut x = Array2::ones((200, 50));
            dropout.mask(1, "layer", step, x.view_mut());
            x
        };
        let x = mask(4);
        assert!((x.mean().unwrap() - 1.0f32).abs() < 0.02);
        assert!(x.iter().all(|&x| x == 0.0 || (x - 1.0 / 0.7).abs() < 1e-6));
        assert_eq!(x, mask(4));
        assert_ne!(x, mask(5));
        for bad in [-0.1, 1.0, f32::NAN] {
            assert!(matches!(Dropout::new(bad), Err(LayerError::Setting { .. })));
        }
    }
}
