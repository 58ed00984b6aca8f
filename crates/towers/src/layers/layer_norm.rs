use ndarray::{ArrayView2, ArrayViewMut2};

use super::{Module, Param, Slot, Tensor};
use crate::matrix::{each_row, each_row_mut, row, sum_rows};

/// Normalises each row: `y = γ (x − μ) / √(σ² + ε) + β` with mean and variance over the row's columns.
///
/// Ba, Kiros & Hinton 2016.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// γ `[1, width]`
    pub gamma: Param,
    /// β `[1, width]`
    pub beta: Param,
    /// ε
    pub epsilon: f32,
}

/// Mean and `1 / √(σ² + ε)` of each row of a forward pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerNormTape {
    rows: Vec<(f32, f32)>,
}

impl LayerNorm {
    /// γ = 1, β = 0, ε = 10⁻⁵.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { gamma: Param::offsets(width, 1.0), beta: Param::offsets(width, 0.0), epsilon: 1e-5 }
    }

    /// Training: `x` `[n, width]` into `y`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(&self, x: ArrayView2<'_, f32>, y: ArrayViewMut2<'_, f32>, tape: &mut LayerNormTape) {
        tape.rows.clear();
        tape.rows.extend((0..x.nrows()).map(|i| self.statistics(row(&x, i))));
        self.infer(x, y);
    }

    /// From the gradient of `y` to that of `x`, in place; adds to those of γ and β.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[expect(clippy::cast_precision_loss, reason = "a width")]
    pub fn backward(&mut self, x: ArrayView2<'_, f32>, tape: &LayerNormTape, dy: ArrayViewMut2<'_, f32>) {
        let (n, width) = x.dim();
        let sums = sum_rows(n, 2 * width, |i, sum| {
            let (mean, scale) = tape.rows[i];
            let (beta, gamma) = sum.split_at_mut(width);
            let terms = row(&dy.view(), i).iter().zip(row(&x, i));
            for ((b, g), (dy, x)) in beta.iter_mut().zip(gamma).zip(terms) {
                *b += dy;
                *g += dy * (x - mean) * scale;
            }
        });
        let factors = self.gamma.values();
        each_row_mut(dy, |i, dy| {
            let (mean, scale) = tape.rows[i];
            let x = row(&x, i);
            let (mut plain, mut normal) = (0.0, 0.0);
            for ((dy, x), g) in dy.iter_mut().zip(x).zip(factors) {
                *dy *= g;
                plain += *dy;
                normal += *dy * (x - mean) * scale;
            }
            let share = 1.0 / width as f32;
            for (dy, x) in dy.iter_mut().zip(x) {
                *dy = scale * (*dy - share * (plain + normal * (x - mean) * scale));
            }
        });
        let (beta, gamma) = sums.split_at(width);
        self.beta.gradient_mut().iter_mut().zip(beta).for_each(|(g, s)| *g += s);
        self.gamma.gradient_mut().iter_mut().zip(gamma).for_each(|(g, s)| *g += s);
    }

    /// Serving: `x` into `y`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn infer(&self, x: ArrayView2<'_, f32>, y: ArrayViewMut2<'_, f32>) {
        each_row(x, y, |x, y| {
            y.copy_from_slice(x);
            self.apply(y);
        });
    }

    /// Serving: one row in place, without allocating.
    pub fn apply(&self, x: &mut [f32]) {
        let (mean, scale) = self.statistics(x);
        for ((x, g), b) in x.iter_mut().zip(self.gamma.values()).zip(self.beta.values()) {
            *x = (*x - mean) * scale * g + b;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a width")]
    fn statistics(&self, x: &[f32]) -> (f32, f32) {
        let n = x.len().max(1) as f32;
        let mean = x.iter().sum::<f32>() / n;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

impl Module for LayerNorm {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        out.extend([self.gamma.tensor(path, "gamma"), self.beta.tensor(path, "beta")]);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        out.extend([Slot::Param(&mut self.gamma), Slot::Param(&mut self.beta)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, random};
    use ndarray::{Array2, Axis};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut layer = LayerNorm::new(5);
        (layer.gamma.value, layer.beta.value) = (random(1, 5, 1), random(1, 5, 2));
        let (x, dy) = (random(6, 5, 3), random(6, 5, 4));
        let (mut y, mut dx, mut tape) = (Array2::zeros((6, 5)), dy.clone(), LayerNormTape::default());
        layer.forward(x.view(), y.view_mut(), &mut tape);
        layer.backward(x.view(), &tape, dx.view_mut());
        let check = Check::new(&[&x, &layer.gamma.value, &layer.beta.value], |a| {
            let centred = &a[0] - &a[0].mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
            let variance = (&centred * &centred).mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
            centred / variance.mapv(|v| (v + 1e-5).sqrt()) * &a[1] + &a[2]
        });
        check.forward(&y);
        check.backward(&dy, &[&dx, &layer.gamma.gradient, &layer.beta.gradient]);
    }
}
