use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use super::{BatchNorm, BatchNormTape, Module, Param, Slot, Tensor};
use crate::LayerError;
use crate::matrix::{Buffer, each_row, row, sum_rows};

/// The name of a nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ActivationKind {
    /// `x`
    Identity,
    /// `max(x, 0)`
    #[default]
    Relu,
    /// `x Φ(x)` in its tanh form (Hendrycks & Gimpel 2016).
    Gelu,
    /// `max(x, 0) + α min(x, 0)`, α learned for each column from 0.25 (He et al. 2015).
    PRelu,
    /// `p x + (1 − p) α x` with `p = σ(x̂)`, x̂ standardised over the batch, α learned for each column from 0 (Zhou et al. 2018, section 5.2).
    Dice,
}

/// A nonlinearity, with what it learns.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// [`ActivationKind::Identity`]
    Identity,
    /// [`ActivationKind::Relu`]
    Relu,
    /// [`ActivationKind::Gelu`]
    Gelu,
    /// [`ActivationKind::PRelu`] with α `[1, width]`.
    PRelu(Param),
    /// [`ActivationKind::Dice`] with α `[1, width]` and the statistics.
    Dice(Param, Box<BatchNorm>),
}

/// What a forward pass leaves for the way back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActivationTape {
    statistics: BatchNormTape,
    /// p of Dice.
    gate: Buffer,
}

impl Activation {
    /// For `width` columns.
    #[must_use]
    pub fn new(kind: ActivationKind, width: usize) -> Self {
        match kind {
            ActivationKind::Identity => Self::Identity,
            ActivationKind::Relu => Self::Relu,
            ActivationKind::Gelu => Self::Gelu,
            ActivationKind::PRelu => Self::PRelu(Param::offsets(width, 0.25)),
            ActivationKind::Dice => {
                Self::Dice(Param::offsets(width, 0.0), Box::new(BatchNorm::standardizing(width)))
            }
        }
    }

    /// The value that nothing falls below, of those that do no more than that.
    pub(crate) fn floor(&self) -> Option<f32> {
        match self {
            Self::Identity => Some(f32::NEG_INFINITY),
            Self::Relu => Some(0.0),
            _ => None,
        }
    }

    /// Training: `x` `[n, width]` into `y`.
    ///
    /// # Errors
    /// [`LayerError::BatchOfOne`] of Dice, which takes statistics of the batch.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &mut self,
        x: ArrayView2<'_, f32>,
        y: ArrayViewMut2<'_, f32>,
        tape: &mut ActivationTape,
    ) -> Result<(), LayerError> {
        let Self::Dice(alpha, norm) = self else {
            self.rows(x, y);
            return Ok(());
        };
        tape.gate.resize(x.nrows(), x.ncols());
        norm.forward(x, tape.gate.view_mut(), &mut tape.statistics)?;
        tape.gate.as_slice_mut().iter_mut().for_each(|p| *p = sigmoid(*p));
        y.into_iter().zip(x).zip(tape.gate.as_slice()).enumerate().for_each(|(i, ((y, x), p))| {
            *y = x * (p + (1.0 - p) * alpha.values()[i % alpha.value.ncols()]);
        });
        Ok(())
    }

    /// From the gradient of `y` to that of `x`, in place; `x` and `tape` are those of the forward pass.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(
        &mut self,
        x: ArrayView2<'_, f32>,
        tape: &ActivationTape,
        mut dy: ArrayViewMut2<'_, f32>,
    ) {
        match self {
            Self::Identity => {}
            Self::Relu => each_row(x, dy, |x, dy| {
                dy.iter_mut().zip(x).for_each(|(dy, &x)| *dy = if x > 0.0 { *dy } else { 0.0 });
            }),
            Self::Gelu => each_row(x, dy, |x, dy| {
                dy.iter_mut().zip(x).for_each(|(dy, &x)| *dy *= gelu_slope(x));
            }),
            Self::PRelu(alpha) => {
                let width = x.ncols();
                let sums = sum_rows(x.nrows(), width, |i, sum| {
                    for ((s, dy), x) in sum.iter_mut().zip(row(&dy.view(), i)).zip(row(&x, i)) {
                        *s += dy * x.min(0.0);
                    }
                });
                let slopes = alpha.values();
                each_row(x, dy, |x, dy| {
                    for ((dy, &x), a) in dy.iter_mut().zip(x).zip(slopes) {
                        *dy *= if x > 0.0 { 1.0 } else { *a };
                    }
                });
                alpha.gradient_mut().iter_mut().zip(sums).for_each(|(g, s)| *g += s);
            }
            Self::Dice(alpha, norm) => {
                // y = x (p + (1 − p) α): the way through x, and the way through p and the statistics.
                let (n, width) = x.dim();
                let sums = sum_rows(n, width, |i, sum| {
                    let terms = row(&dy.view(), i).iter().zip(row(&x, i)).zip(tape.gate.row(i));
                    sum.iter_mut().zip(terms).for_each(|(s, ((dy, x), p))| *s += dy * x * (1.0 - p));
                });
                let slopes = alpha.values().to_vec();
                let mut through = Buffer::new();
                through.resize(n, width);
                each_row(dy.view(), through.view_mut(), |dy, to| to.copy_from_slice(dy));
                for i in 0..n {
                    let terms = through.row_mut(i).iter_mut().zip(row(&x, i)).zip(tape.gate.row(i));
                    for (((t, x), p), a) in terms.zip(&slopes) {
                        *t *= x * (1.0 - a) * p * (1.0 - p);
                    }
                }
                norm.backward(x, &tape.statistics, through.view_mut());
                for i in 0..n {
                    let terms = through.row(i).iter().zip(tape.gate.row(i)).zip(&slopes);
                    for (dy, ((t, p), a)) in dy.row_mut(i).iter_mut().zip(terms) {
                        *dy = *dy * (p + (1.0 - p) * a) + t;
                    }
                }
                alpha.gradient_mut().iter_mut().zip(sums).for_each(|(g, s)| *g += s);
            }
        }
    }

    /// Serving: rows `x` into `y`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn infer(&self, x: ArrayView2<'_, f32>, y: ArrayViewMut2<'_, f32>) {
        self.rows(x, y);
    }

    /// Serving: one row in place, without allocating.
    ///
    /// # Panics
    /// When the width differs.
    pub fn apply(&self, x: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => x.iter_mut().for_each(|x| *x = x.max(0.0)),
            Self::Gelu => x.iter_mut().for_each(|x| *x = gelu(*x)),
            Self::PRelu(alpha) => {
                x.iter_mut().zip(alpha.values()).for_each(|(x, a)| *x = prelu(*x, *a));
            }
            Self::Dice(alpha, norm) => {
                let statistics = norm.mean.iter().zip(&norm.variance);
                for ((x, a), (mean, variance)) in x.iter_mut().zip(alpha.values()).zip(statistics) {
                    let p = sigmoid((*x - mean) / (variance + norm.epsilon).sqrt());
                    *x *= p + (1.0 - p) * a;
                }
            }
        }
    }

    fn rows(&self, x: ArrayView2<'_, f32>, y: ArrayViewMut2<'_, f32>) {
        each_row(x, y, |x, y| {
            y.copy_from_slice(x);
            self.apply(y);
        });
    }
}

fn prelu(x: f32, alpha: f32) -> f32 {
    x.max(0.0) + alpha * x.min(0.0)
}

/// `1 / (1 + e⁻ˣ)`
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

const GELU: f32 = 0.797_884_6; // √(2/π)

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + (GELU * (x + 0.044_715 * x * x * x)).tanh())
}

fn gelu_slope(x: f32) -> f32 {
    let t = (GELU * (x + 0.044_715 * x * x * x)).tanh();
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU * (1.0 + 3.0 * 0.044_715 * x * x)
}

impl Module for Activation {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        match self {
            Self::Identity | Self::Relu | Self::Gelu => {}
            Self::PRelu(alpha) => out.push(alpha.tensor(path, "alpha")),
            Self::Dice(alpha, norm) => {
                out.push(alpha.tensor(path, "alpha"));
                norm.tensors(path, out);
            }
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        match self {
            Self::Identity | Self::Relu | Self::Gelu => {}
            Self::PRelu(alpha) => out.push(Slot::Param(alpha)),
            Self::Dice(alpha, norm) => {
                out.push(Slot::Param(alpha));
                norm.slots(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, Axis};

    fn wide(kind: ActivationKind, a: &[Wide]) -> Wide {
        let (x, alpha) = (&a[0], &a[1]);
        let bend = |x: f64| match kind {
            ActivationKind::Relu => x.max(0.0),
            ActivationKind::Gelu => {
                0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
            }
            _ => x,
        };
        match kind {
            ActivationKind::PRelu => x.mapv(|x| x.max(0.0)) + x.mapv(|x| x.min(0.0)) * alpha,
            ActivationKind::Dice => {
                let centred = x - &x.mean_axis(Axis(0)).unwrap();
                let variance = (&centred * &centred).mean_axis(Axis(0)).unwrap();
                let p = (centred / variance.mapv(|v| (v + 1e-5).sqrt())).mapv(|x| 1.0 / (1.0 + (-x).exp()));
                x * &p + x * &p.mapv(|p| 1.0 - p) * alpha
            }
            _ => x.mapv(bend),
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        use ActivationKind::{Dice, Gelu, Identity, PRelu, Relu};
        for kind in [Identity, Relu, Gelu, PRelu, Dice] {
            let mut layer = Activation::new(kind, 4);
            let mut alpha = random(1, 4, 7);
            if let Activation::PRelu(param) | Activation::Dice(param, _) = &mut layer {
                param.value.assign(&alpha);
            } else {
                alpha.fill(0.0);
            }
            let (x, dy) = (random(9, 4, 8), random(9, 4, 9));
            let (mut y, mut dx, mut tape) = (Array2::zeros((9, 4)), dy.clone(), ActivationTape::default());
            layer.forward(x.view(), y.view_mut(), &mut tape).unwrap();
            layer.backward(x.view(), &tape, dx.view_mut());
            let check = Check::new(&[&x, &alpha], |a| wide(kind, a));
            check.forward(&y);
            let mut got = vec![&dx];
            if let Activation::PRelu(param) | Activation::Dice(param, _) = &layer {
                got.push(&param.gradient);
            }
            check.backward(&dy, &got);
        }
    }

    #[test]
    fn dice_serves_by_running_statistics() {
        let mut layer = Activation::new(ActivationKind::Dice, 2);
        let (x, mut y) = (random(50, 2, 1), Array2::zeros((50, 2)));
        for _ in 0..300 {
            layer.forward(x.view(), y.view_mut(), &mut ActivationTape::default()).unwrap();
        }
        let mut served = Array2::zeros((50, 2));
        layer.infer(x.view(), served.view_mut());
        assert!(served.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-2));
        let one = layer.forward(
            x.slice(ndarray::s![..1, ..]),
            y.slice_mut(ndarray::s![..1, ..]),
            &mut ActivationTape::default(),
        );
        assert!(matches!(one, Err(LayerError::BatchOfOne { rows: 1 })));
    }
}
