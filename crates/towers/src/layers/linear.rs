use embed_core::{SeededRng, kernel};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::Uniform;

use super::{Module, Param, Slot, Tensor};
use crate::matrix::{ROWS, block, each_block, product};

/// `y = x Wᵀ + b` for rows `x` `[n, inputs]`, `y` `[n, outputs]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// W `[outputs, inputs]`.
    pub weight: Param,
    /// b `[1, outputs]`, if there is one.
    pub bias: Option<Param>,
}

impl Linear {
    /// Weights and offsets uniform in ±1 / √inputs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a scale")]
    pub fn new(inputs: usize, outputs: usize, bias: bool, rng: &mut SeededRng) -> Self {
        let bound = 1.0 / (inputs.max(1) as f32).sqrt();
        let mut uniform = |rows, columns| match Uniform::new(-bound, bound) {
            Ok(law) => Array2::random_using((rows, columns), law, rng),
            Err(_) => Array2::zeros((rows, columns)),
        };
        let weight = Param::weights(uniform(outputs, inputs));
        let bias = bias.then(|| Param { decays: false, ..Param::weights(uniform(1, outputs)) });
        Self { weight, bias }
    }

    /// Begins as `y = x`, without offsets.
    #[must_use]
    pub fn identity(dim: usize) -> Self {
        Self { weight: Param::weights(Array2::eye(dim)), bias: None }
    }

    /// Columns of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weight.value.ncols()
    }

    /// Columns of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.weight.value.nrows()
    }

    /// `y = x Wᵀ + b`, in training and in serving. O(n · inputs · outputs).
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(&self, x: ArrayView2<'_, f32>, y: ArrayViewMut2<'_, f32>) {
        self.forward_above(x, f32::NEG_INFINITY, y);
    }

    /// `y = max(x Wᵀ + b, floor)`.
    pub(crate) fn forward_above(&self, x: ArrayView2<'_, f32>, floor: f32, mut y: ArrayViewMut2<'_, f32>) {
        product(1.0, x, self.weight.value.t(), 0.0, y.view_mut());
        if let Some(bias) = &self.bias {
            each_block(y, |_, y| kernel::offset_rows(y, bias.values(), floor));
        }
    }

    /// Adds to the gradients of W and b, and writes that of `x` if it is wanted:
    /// `dW += dyᵀ x`, `db += Σ dy`, `dx = dy W`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(
        &mut self,
        x: ArrayView2<'_, f32>,
        dy: ArrayView2<'_, f32>,
        dx: Option<ArrayViewMut2<'_, f32>>,
    ) {
        let Self { weight: Param { value, gradient, .. }, bias } = self;
        let mut of_parameters = || {
            product(1.0, dy.t(), x, 1.0, gradient.view_mut());
            if let Some(bias) = bias {
                let sum = bias.gradient_mut();
                (0..dy.nrows().div_ceil(ROWS)).for_each(|number| kernel::sum_rows(block(&dy, number), sum));
            }
        };
        let Some(dx) = dx else { return of_parameters() };
        rayon::join(of_parameters, || product(1.0, dy, value.view(), 0.0, dx));
    }

    /// One row `[inputs]` into `[outputs]`, without allocating. Agrees with [`Linear::forward`] to rounding.
    ///
    /// # Panics
    /// When the lengths do not fit.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        self.apply_above(x, f32::NEG_INFINITY, y);
    }

    /// [`Linear::apply`] with a floor.
    pub(crate) fn apply_above(&self, x: &[f32], floor: f32, y: &mut [f32]) {
        kernel::dot_rows(x, self.weight.values(), y);
        if let Some(bias) = &self.bias {
            kernel::offset_rows(y, bias.values(), floor);
        }
    }
}

impl Module for Linear {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        out.push(self.weight.tensor(path, "weight"));
        out.extend(self.bias.as_ref().map(|bias| bias.tensor(path, "bias")));
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        out.push(Slot::Param(&mut self.weight));
        out.extend(self.bias.as_mut().map(Slot::Param));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, random};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut rng = SeededRng::new(1);
        let mut layer = Linear::new(5, 3, true, &mut rng);
        let (x, dy) = (random(7, 5, 2), random(7, 3, 3));
        let (mut y, mut dx) = (Array2::zeros((7, 3)), Array2::zeros((7, 5)));
        layer.forward(x.view(), y.view_mut());
        layer.backward(x.view(), dy.view(), Some(dx.view_mut()));
        let bias = layer.bias.clone().unwrap();
        let check = Check::new(&[&x, &layer.weight.value, &bias.value], |a| {
            let (x, w, b) = (&a[0], &a[1], &a[2]);
            x.dot(&w.t()) + b
        });
        check.forward(&y);
        check.backward(&dy, &[&dx, &layer.weight.gradient, &bias.gradient]);
        let mut row = [0.0; 3];
        layer.apply(x.row(2).as_slice().unwrap(), &mut row);
        assert!(row.iter().zip(y.row(2)).all(|(a, b)| (a - b).abs() < 1e-6));
        layer.backward(x.view(), dy.view(), None);
        assert!(
            (layer.weight.gradient[[1, 2]] - 2.0 * check.gradients(&dy)[1][[1, 2]] as f32).abs() < 1e-4,
            "added"
        );
    }
}
