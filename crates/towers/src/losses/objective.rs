use embed_core::kernel;
use serde::{Deserialize, Serialize};

/// A loss of a positive logit p and the logits n of its negatives. A negative of `-inf` is masked: it is as if it were not
/// there.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Objective {
    /// `−ln (eᵖ / (eᵖ + Σ eⁿ))`: cross-entropy with the positive at index 0; sampled softmax with log Q correction.
    #[default]
    Softmax,
    /// The mean of `−ln σ(p − n)` over the negatives (Rendle et al. 2009).
    Bpr,
    /// `(1 − p) + weight · mean of max(0, n − margin)`: cosine contrastive loss (Mao et al. 2021, equation 1).
    Contrastive {
        /// Cosine below which a negative is left alone.
        margin: f32,
        /// What the negatives weigh against the positive.
        weight: f32,
    },
    /// `−ln σ(p) − Σ ln σ(−n)`: log loss (He et al. 2017; Rendle et al. 2020).
    Logistic,
}

impl Objective {
    /// The loss of a row; the negatives are overwritten by the gradients of their logits. Gives the loss and the gradient of
    /// p. NaN of NaN. O(negatives).
    pub fn row(self, positive: f32, negatives: &mut [f32]) -> (f32, f32) {
        match self {
            Self::Softmax => {
                let shift = positive.max(kernel::max(negatives));
                let rest = kernel::exp_sum(negatives, shift);
                let own = (positive - shift).exp();
                let total = own + rest;
                let scale = 1.0 / total;
                kernel::scale(negatives, scale);
                // Not `own / total − 1`, which has no digits left where the positive is sure.
                (shift + total.ln() - positive, -rest * scale)
            }
            Self::Bpr => {
                let scale = 1.0 / live(negatives).max(1.0);
                let (mut loss, mut slope) = (0.0, 0.0);
                for n in negatives {
                    let (l, s) = logistic(positive - *n);
                    loss += l;
                    slope += s;
                    *n = s * scale;
                }
                (loss * scale, -slope * scale)
            }
            Self::Contrastive { margin, weight } => {
                let scale = weight / live(negatives).max(1.0);
                // Sums side by side, as one alone would wait for itself.
                let mut excess = [0.0f32; 16];
                let each = |(n, excess): (&mut f32, &mut f32)| {
                    // A NaN is no less than the margin.
                    let above = if *n <= margin { 0.0 } else { *n - margin };
                    *excess += above;
                    *n = if above == 0.0 { 0.0 } else { scale };
                };
                let mut chunks = negatives.chunks_exact_mut(16);
                chunks.by_ref().for_each(|chunk| chunk.iter_mut().zip(&mut excess).for_each(each));
                chunks.into_remainder().iter_mut().zip(&mut excess).for_each(each);
                let excess: f32 = excess.iter().sum();
                (1.0 - positive + scale * excess, -1.0)
            }
            Self::Logistic => {
                let (mut loss, slope) = logistic(positive);
                for n in negatives {
                    let (l, s) = logistic(-*n);
                    loss += l;
                    *n = s;
                }
                (loss, -slope)
            }
        }
    }
}

/// `−ln σ(x)` and `σ(−x)`.
fn logistic(x: f32) -> (f32, f32) {
    let e = (-x.abs()).exp();
    let loss = (-x).max(0.0) + e.ln_1p();
    let falls = if x >= 0.0 { e } else { 1.0 };
    (if x.is_nan() { f32::NAN } else { loss }, falls / (1.0 + e))
}

/// How many negatives are not masked.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn live(negatives: &[f32]) -> f32 {
    count(negatives, |n| n != f32::NEG_INFINITY) as f32
}

/// How many values are so. In 32 bits, which takes half of what 64 take.
pub(super) fn count(values: &[f32], is: impl Fn(f32) -> bool) -> u32 {
    values.iter().map(|value| u32::from(is(*value))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const ALL: [Objective; 4] = [
        Objective::Softmax,
        Objective::Bpr,
        Objective::Contrastive { margin: 0.2, weight: 3.0 },
        Objective::Logistic,
    ];

    fn naive(objective: Objective, p: f64, n: &[f64]) -> f64 {
        let count = n.len() as f64;
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        match objective {
            Objective::Softmax => -(p.exp() / (p.exp() + n.iter().map(|n| n.exp()).sum::<f64>())).ln(),
            Objective::Bpr => n.iter().map(|n| -sigma(p - n).ln()).sum::<f64>() / count,
            Objective::Contrastive { margin, weight } => {
                let excess: f64 = n.iter().map(|n| (n - f64::from(margin)).max(0.0)).sum();
                1.0 - p + f64::from(weight) * excess / count
            }
            Objective::Logistic => -sigma(p).ln() - n.iter().map(|n| sigma(-n).ln()).sum::<f64>(),
        }
    }

    #[test]
    fn losses_and_gradients_are_those_of_the_definitions() {
        let many: Vec<f64> = (0..37).map(|k| (0.7 * f64::from(k)).sin()).collect();
        for (objective, n) in
            ALL.into_iter().flat_map(|o| [(o, vec![0.7f64, -0.3, 0.1, 0.21]), (o, many.clone())])
        {
            let p = 0.4f64;
            // A masked negative in the middle changes nothing.
            let mut got: Vec<f32> = n.iter().map(|&x| x as f32).collect();
            got.insert(2, f32::NEG_INFINITY);
            let (loss, slope) = objective.row(p as f32, &mut got);
            assert_eq!(got.remove(2), 0.0);
            let value = |p: f64, n: &[f64]| naive(objective, p, n);
            let near =
                |got: f32, expected: f64| assert!((f64::from(got) - expected).abs() < 1e-5, "{objective:?}");
            near(loss, value(p, &n));
            near(slope, (value(p + 1e-5, &n) - value(p - 1e-5, &n)) / 2e-5);
            for (k, got) in got.iter().enumerate() {
                let moved = |by: f64| {
                    let mut n = n.clone();
                    n[k] += by;
                    value(p, &n)
                };
                near(*got, (moved(1e-6) - moved(-1e-6)) / 2e-6);
            }
        }
    }

    #[test]
    fn extremes_stay_finite_and_nan_is_not_hidden() {
        for objective in ALL {
            for (p, n) in [(-80.0, 90.0), (90.0, -80.0), (0.0, f32::NEG_INFINITY)] {
                let mut negatives = [n];
                let (loss, slope) = objective.row(p, &mut negatives);
                assert!(
                    loss.is_finite() && slope.is_finite() && negatives[0].is_finite(),
                    "{objective:?} at {p}, {n}"
                );
            }
            assert!(objective.row(f32::NAN, &mut [0.0]).0.is_nan(), "{objective:?}");
            assert!(objective.row(0.0, &mut [f32::NAN]).0.is_nan(), "{objective:?}");
            assert!(objective.row(0.3, &mut []).0.is_finite());
        }
    }
}
