use embed_core::kernel;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::{Linear, Module, Param, Slot, Tensor};
use crate::LayerError;
use crate::matrix::{ROWS, block, each_block, each_row_mut};

/// Batch normalisation of each column: `y = γ (x − μ) / √(σ² + ε) + β`.
///
/// In training μ and σ² (over n, not n − 1) are those of the batch; in serving the running ones, which follow
/// `r ← (1 − m) r + m s`, with the variance over n − 1 as s. So a record's vector does not depend on what else is asked for.
///
/// Ioffe & Szegedy 2015, algorithms 1 and 2.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// γ and β `[1, width]`; none where the layer only standardises.
    pub affine: Option<(Param, Param)>,
    /// Running mean `[width]`.
    pub mean: Vec<f32>,
    /// Running variance `[width]`.
    pub variance: Vec<f32>,
    /// m, the share of a new batch in the running statistics.
    pub momentum: f32,
    /// ε
    pub epsilon: f32,
}

/// The statistics of the batch of a forward pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchNormTape {
    mean: Vec<f32>,
    /// 1 / √(σ² + ε)
    scale: Vec<f32>,
}

/// What there is to know of some rows: their number, their mean and the sum of squares about it, column by column.
#[derive(Debug)]
pub(crate) struct Moments {
    n: f32,
    mean: Vec<f32>,
    squares: Vec<f32>,
}

impl Moments {
    /// Of rows of this width.
    #[expect(clippy::cast_precision_loss, reason = "a block has few rows")]
    pub(crate) fn of(x: &[f32], width: usize) -> Self {
        let n = (x.len() / width.max(1)) as f32;
        let (mut mean, mut squares) = (vec![0.0; width], vec![0.0; width]);
        if n > 0.0 {
            kernel::sum_rows(x, &mut mean);
            mean.iter_mut().for_each(|m| *m /= n);
            kernel::sum_squares(x, &mean, &mut squares);
        }
        Self { n, mean, squares }
    }

    /// Of both (Chan, Golub & LeVeque 1983).
    fn and(mut self, other: Self) -> Self {
        let n = self.n + other.n;
        let share = other.n / n.max(1.0);
        let terms = other.mean.iter().zip(&other.squares);
        for ((mean, squares), (mean_b, squares_b)) in self.mean.iter_mut().zip(&mut self.squares).zip(terms) {
            let apart = mean_b - *mean;
            *mean += apart * share;
            *squares += squares_b + apart * apart * self.n * share;
        }
        Self { n, ..self }
    }
}

impl BatchNorm {
    /// γ = 1, β = 0, running mean 0 and variance 1, m = 0.1, ε = 10⁻⁵.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            affine: Some((Param::offsets(width, 1.0), Param::offsets(width, 0.0))),
            ..Self::standardizing(width)
        }
    }

    /// Without γ and β.
    #[must_use]
    pub fn standardizing(width: usize) -> Self {
        Self {
            affine: None,
            mean: vec![0.0; width],
            variance: vec![1.0; width],
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Training: normalises `x` `[n, width]` into `y` by the statistics of the batch, and lets the running ones follow.
    ///
    /// # Errors
    /// [`LayerError::BatchOfOne`] when there are fewer than two rows: they have no variance.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &mut self,
        x: ArrayView2<'_, f32>,
        y: ArrayViewMut2<'_, f32>,
        tape: &mut BatchNormTape,
    ) -> Result<(), LayerError> {
        let blocks = (0..x.nrows().div_ceil(ROWS)).into_par_iter();
        let moments = blocks.map(|number| Moments::of(block(&x, number), x.ncols())).collect();
        self.observe(moments, tape)?;
        self.normalize(x, f32::NEG_INFINITY, y, tape);
        Ok(())
    }

    /// Takes in the statistics of a batch, block by block in order.
    pub(crate) fn observe(
        &mut self,
        blocks: Vec<Moments>,
        tape: &mut BatchNormTape,
    ) -> Result<(), LayerError> {
        let Some(Moments { n, mean, squares }) = blocks.into_iter().reduce(Moments::and) else {
            return Err(LayerError::BatchOfOne { rows: 0 });
        };
        if n < 2.0 {
            return Err(LayerError::BatchOfOne { rows: 1 });
        }
        tape.scale = squares.iter().map(|s| 1.0 / (s / n + self.epsilon).sqrt()).collect();
        for (column, (running, batch)) in self.mean.iter_mut().zip(&mean).enumerate() {
            *running += self.momentum * (batch - *running);
            let variance = squares[column] / (n - 1.0);
            self.variance[column] += self.momentum * (variance - self.variance[column]);
        }
        tape.mean = mean;
        Ok(())
    }

    /// `y = max(γ (x − μ) / √(σ² + ε) + β, floor)` by the statistics that were observed.
    pub(crate) fn normalize(
        &self,
        x: ArrayView2<'_, f32>,
        floor: f32,
        y: ArrayViewMut2<'_, f32>,
        tape: &BatchNormTape,
    ) {
        let (factor, offset) = self.affine_of(&tape.mean, &tape.scale);
        each_block(y, |number, y| kernel::scale_rows(block(&x, number), &factor, &offset, floor, y));
    }

    /// From the gradient of `y` to that of `x`, in place; adds to those of γ and β. `x` and `tape` are those of the
    /// forward pass.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(&mut self, x: ArrayView2<'_, f32>, tape: &BatchNormTape, dy: ArrayViewMut2<'_, f32>) {
        self.backward_through(x, None, tape, dy);
    }

    /// [`BatchNorm::backward`], where a floor of 0 made `above` of `y`, and `dy` is the gradient of that.
    #[expect(clippy::cast_precision_loss, reason = "a batch has fewer than 2²⁴ rows")]
    pub(crate) fn backward_through(
        &mut self,
        x: ArrayView2<'_, f32>,
        above: Option<ArrayView2<'_, f32>>,
        tape: &BatchNormTape,
        mut dy: ArrayViewMut2<'_, f32>,
    ) {
        let (n, width) = x.dim();
        // Σ dy and Σ dy · x̂, side by side.
        let blocks = each_block(dy.view_mut(), |number, dy| {
            if let Some(above) = &above {
                kernel::gate(dy, block(above, number));
            }
            let mut sums = vec![0.0; 2 * width];
            let (plain, normal) = sums.split_at_mut(width);
            kernel::sum_products(dy, block(&x, number), &tape.mean, &tape.scale, plain, normal);
            sums
        });
        let mut sums = vec![0.0; 2 * width];
        blocks.iter().for_each(|block| kernel::sum_rows(block, &mut sums));
        let (plain, normal) = sums.split_at(width);
        let share = 1.0 / n as f32;
        // dx = γ s (dy − Σ dy / n − x̂ Σ (dy x̂) / n) = a dy + b x + c
        let (mut a, mut b, mut c) = (vec![0.0; width], vec![0.0; width], vec![0.0; width]);
        for column in 0..width {
            let scale = tape.scale[column];
            let gamma = self.affine.as_ref().map_or(1.0, |(gamma, _)| gamma.values()[column]);
            a[column] = gamma * scale;
            b[column] = -gamma * scale * scale * normal[column] * share;
            c[column] = -gamma * scale * plain[column] * share - b[column] * tape.mean[column];
        }
        if let Some((gamma, beta)) = &mut self.affine {
            gamma.gradient_mut().iter_mut().zip(normal).for_each(|(g, x)| *g += x);
            beta.gradient_mut().iter_mut().zip(plain).for_each(|(g, x)| *g += x);
        }
        each_block(dy, |number, dy| kernel::combine_rows(dy, block(&x, number), &a, &b, &c));
    }

    /// Serving: normalises rows in place by the running statistics.
    ///
    /// # Panics
    /// When the width differs.
    pub fn infer(&self, x: ArrayViewMut2<'_, f32>) {
        let (factor, offset) = self.factors();
        each_row_mut(x, |_, x| {
            for ((x, f), o) in x.iter_mut().zip(&factor).zip(&offset) {
                *x = *x * f + o;
            }
        });
    }

    /// Serving is `f · x + o`: f and o.
    #[must_use]
    pub fn factors(&self) -> (Vec<f32>, Vec<f32>) {
        let scale: Vec<f32> = self.variance.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect();
        self.affine_of(&self.mean, &scale)
    }

    /// The one linear layer that does in serving what `linear` and this layer after it do.
    ///
    /// # Panics
    /// When the widths differ.
    #[must_use]
    pub fn folded(&self, linear: &Linear) -> Linear {
        assert_eq!(self.width(), linear.outputs(), "the width of a layer and of its normalisation");
        let (factor, mut offset) = self.factors();
        let mut weight = linear.weight.value.clone();
        for (mut row, f) in weight.rows_mut().into_iter().zip(&factor) {
            row *= *f;
        }
        if let Some(bias) = &linear.bias {
            for ((o, f), b) in offset.iter_mut().zip(&factor).zip(bias.values()) {
                *o += f * b;
            }
        }
        let mut bias = Param::offsets(offset.len(), 0.0);
        bias.value.row_mut(0).iter_mut().zip(offset).for_each(|(b, o)| *b = o);
        Linear { weight: Param::weights(weight), bias: Some(bias) }
    }

    fn affine_of(&self, mean: &[f32], scale: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let Some((gamma, beta)) = &self.affine else {
            return (scale.to_vec(), mean.iter().zip(scale).map(|(m, s)| -m * s).collect());
        };
        let factor: Vec<f32> = gamma.values().iter().zip(scale).map(|(g, s)| g * s).collect();
        let offset = beta.values().iter().zip(mean).zip(&factor).map(|((b, m), f)| b - m * f).collect();
        (factor, offset)
    }
}

impl Module for BatchNorm {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        if let Some((gamma, beta)) = &self.affine {
            out.extend([gamma.tensor(path, "gamma"), beta.tensor(path, "beta")]);
        }
        for (name, values) in [("mean", &self.mean), ("variance", &self.variance)] {
            out.push(Tensor { name: format!("{path}.{name}"), shape: (1, values.len()), values });
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        if let Some((gamma, beta)) = &mut self.affine {
            out.extend([Slot::Param(gamma), Slot::Param(beta)]);
        }
        out.extend([Slot::Kept(&mut self.mean), Slot::Kept(&mut self.variance)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use embed_core::SeededRng;
    use ndarray::{Array2, Axis};

    pub(crate) fn standardized(x: &Wide, epsilon: f64) -> Wide {
        let mean = x.mean_axis(Axis(0)).unwrap();
        let centred = x - &mean;
        let variance = (&centred * &centred).mean_axis(Axis(0)).unwrap();
        centred / variance.mapv(|v| (v + epsilon).sqrt())
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut layer = BatchNorm::new(3);
        let (gamma, beta) = layer.affine.as_mut().unwrap();
        (gamma.value, beta.value) = (random(1, 3, 1), random(1, 3, 2));
        let (gamma, beta) = (gamma.value.clone(), beta.value.clone());
        let (x, dy) = (random(300, 3, 3), random(300, 3, 4));
        let (mut y, mut tape, mut dx) = (Array2::zeros((300, 3)), BatchNormTape::default(), dy.clone());
        layer.forward(x.view(), y.view_mut(), &mut tape).unwrap();
        layer.backward(x.view(), &tape, dx.view_mut());
        let check = Check::new(&[&x, &gamma, &beta], |a| standardized(&a[0], 1e-5) * &a[1] + &a[2]);
        check.forward(&y);
        let (gamma, beta) = layer.affine.as_ref().unwrap();
        check.backward(&dy, &[&dx, &gamma.gradient, &beta.gradient]);
    }

    #[test]
    fn serving_uses_the_running_statistics_and_folds_into_the_layer_before() {
        let mut rng = SeededRng::new(5);
        let linear = Linear::new(4, 3, true, &mut rng);
        let mut layer = BatchNorm::new(3);
        let x = random(500, 4, 6) * 3.0 + 1.0;
        let (mut z, mut y) = (Array2::zeros((500, 3)), Array2::zeros((500, 3)));
        linear.forward(x.view(), z.view_mut());
        for _ in 0..200 {
            layer.forward(z.view(), y.view_mut(), &mut BatchNormTape::default()).unwrap();
        }
        let trained = y.clone();
        layer.infer(z.view_mut());
        assert!(z.iter().zip(&trained).all(|(a, b)| (a - b).abs() < 5e-3), "a batch that never changes");
        layer.folded(&linear).forward(x.view(), y.view_mut());
        assert!(z.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn a_batch_of_one_is_refused_in_training_and_served() {
        let mut layer = BatchNorm::new(2);
        let (x, mut y) = (random(1, 2, 1), Array2::zeros((1, 2)));
        let result = layer.forward(x.view(), y.view_mut(), &mut BatchNormTape::default());
        assert!(matches!(result, Err(LayerError::BatchOfOne { rows: 1 })));
        layer.infer(y.view_mut());
        assert!(y.iter().all(|x| x.is_finite()));
    }
}
