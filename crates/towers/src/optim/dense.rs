use embed_core::kernel::{self, AdamStep};
use serde::{Deserialize, Serialize};

use super::Step;
use crate::layers::Param;

/// How a matrix follows its gradient g. State: nothing, or one or two values a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Optimizer {
    /// `v ← μ v + g`, `w ← w − η v`.
    Sgd {
        /// μ; 0 keeps no state.
        momentum: f32,
    },
    /// `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`, `w ← w − η m̂ / (√v̂ + ε)` with the bias of both undone (Kingma & Ba
    /// 2015). With weight decay it is AdamW.
    Adam {
        /// β₁
        beta1: f32,
        /// β₂
        beta2: f32,
        /// ε
        epsilon: f32,
    },
    /// `s ← s + g²`, `w ← w − η g / (√s + ε)` (Duchi et al. 2011).
    Adagrad {
        /// ε
        epsilon: f32,
    },
}

impl Default for Optimizer {
    /// Adam with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
    fn default() -> Self {
        Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// Rate and ε of Adam with the bias of this step undone: `η √(1 − β₂ᵗ) / (1 − β₁ᵗ)` and `ε √(1 − β₂ᵗ)`.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a power in f64")]
pub(super) fn unbiased(step: Step, beta1: f32, beta2: f32, epsilon: f32) -> AdamStep {
    let power = |beta: f32| 1.0 - f64::from(beta).powf(step.number as f64);
    let root = power(beta2).sqrt();
    let rate = (f64::from(step.rate) * root / power(beta1)) as f32;
    AdamStep { beta1, beta2, rate, epsilon: (f64::from(epsilon) * root) as f32 }
}

impl Optimizer {
    /// One step of a parameter on its gradient, which is zero afterwards. O(parameters).
    pub fn step(self, param: &mut Param, step: Step) {
        let Param { value, gradient, state, decays } = param;
        let (w, g) = (crate::matrix::values_mut(value), crate::matrix::values_mut(gradient));
        let keep = if *decays { 1.0 - step.rate * step.decay } else { 1.0 };
        if keep < 1.0 {
            w.iter_mut().for_each(|w| *w *= keep);
        }
        let (rate, scale) = (step.rate, step.scale);
        match self {
            Self::Sgd { momentum } if momentum > 0.0 => {
                state.resize(w.len(), 0.0);
                for ((w, g), v) in w.iter_mut().zip(&*g).zip(state) {
                    *v = momentum * *v + scale * g;
                    *w -= rate * *v;
                }
            }
            Self::Sgd { .. } => w.iter_mut().zip(&*g).for_each(|(w, g)| *w -= rate * scale * g),
            Self::Adam { beta1, beta2, epsilon } => {
                state.resize(2 * w.len(), 0.0);
                let (first, second) = state.split_at_mut(w.len());
                g.iter_mut().for_each(|g| *g *= scale);
                kernel::adam(w, g, first, second, unbiased(step, beta1, beta2, epsilon));
            }
            Self::Adagrad { epsilon } => {
                state.resize(w.len(), 0.0);
                g.iter_mut().for_each(|g| *g *= scale);
                kernel::adagrad(w, g, state, rate, epsilon);
            }
        }
        g.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Three steps, written down in f64.
    fn naive(optimizer: Optimizer, gradients: &[f64], rate: f64, decay: f64) -> f64 {
        let (mut w, mut a, mut b) = (0.5f64, 0.0f64, 0.0f64);
        for (t, &g) in (1..).zip(gradients) {
            w *= 1.0 - rate * decay;
            match optimizer {
                Optimizer::Sgd { momentum } => {
                    a = f64::from(momentum) * a + g;
                    w -= rate * a;
                }
                Optimizer::Adam { beta1, beta2, epsilon } => {
                    let (b1, b2) = (f64::from(beta1), f64::from(beta2));
                    a = b1 * a + (1.0 - b1) * g;
                    b = b2 * b + (1.0 - b2) * g * g;
                    let (m, v) = (a / (1.0 - b1.powi(t)), b / (1.0 - b2.powi(t)));
                    w -= rate * m / (v.sqrt() + f64::from(epsilon));
                }
                Optimizer::Adagrad { epsilon } => {
                    a += g * g;
                    w -= rate * g / (a.sqrt() + f64::from(epsilon));
                }
            }
        }
        w
    }

    #[test]
    fn steps_are_as_published() {
        for optimizer in [
            Optimizer::Sgd { momentum: 0.0 },
            Optimizer::Sgd { momentum: 0.9 },
            Optimizer::default(),
            Optimizer::Adagrad { epsilon: 1e-10 },
        ] {
            for decay in [0.0, 0.1] {
                let mut param = Param::weights(array![[0.5]]);
                let gradients = [0.3f32, -0.2, 0.9];
                for (number, g) in (1..).zip(gradients) {
                    param.gradient[[0, 0]] = 4.0 * g;
                    optimizer.step(&mut param, Step { rate: 0.1, number, scale: 0.25, decay, l2: 0.0 });
                    assert_eq!(param.gradient[[0, 0]], 0.0);
                }
                let expected = naive(optimizer, &gradients.map(f64::from), 0.1, decay.into());
                let got = f64::from(param.value[[0, 0]]);
                assert!((got - expected).abs() < 1e-6, "{optimizer:?}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn offsets_do_not_decay() {
        let mut param = Param::offsets(2, 1.0);
        Optimizer::default().step(&mut param, Step { decay: 0.5, ..Step::new(0.1, 1) });
        assert_eq!(param.value, array![[1.0, 1.0]]);
    }
}
