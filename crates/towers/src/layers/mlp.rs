use embed_core::SeededRng;
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use super::batch_norm::Moments;
use super::{
    Activation, ActivationKind, ActivationTape, BatchNorm, BatchNormTape, Dropout, Linear, Module, Slot,
    Tensor,
};
use crate::LayerError;
use crate::matrix::{Buffer, each_row_mut, product_then};

/// The shape of an [`Mlp`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MlpParams {
    /// Widths of the hidden layers; none leaves one linear map.
    pub hidden: Vec<usize>,
    /// The nonlinearity of the hidden layers.
    pub activation: ActivationKind,
    /// Whether hidden layers are normalised over the batch, before the nonlinearity.
    pub batch_norm: bool,
    /// Probability with which a hidden value is dropped in training.
    pub dropout: f32,
}

/// Hidden layers, each linear map, normalisation, nonlinearity and dropout, and a linear map to the output.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    hidden: Vec<Hidden>,
    output: Linear,
    dropout: Dropout,
}

#[derive(Debug, Clone, PartialEq)]
struct Hidden {
    linear: Linear,
    norm: Option<BatchNorm>,
    activation: Activation,
}

/// What a training pass keeps: three matrices a hidden layer.
#[derive(Debug, Clone, Default)]
pub struct MlpTape {
    hidden: Vec<HiddenTape>,
    step: (u64, u64),
}

#[derive(Debug, Clone, Default)]
struct HiddenTape {
    linear: Buffer,
    norm: Buffer,
    out: Buffer,
    gradient: Buffer,
    statistics: BatchNormTape,
    activation: ActivationTape,
}

/// Memory for serving, kept from call to call.
#[derive(Debug, Clone, Default)]
pub struct MlpScratch {
    now: Buffer,
    next: Buffer,
}

impl Mlp {
    /// From rows of `inputs` columns to rows of `outputs`.
    ///
    /// # Errors
    /// [`LayerError::Setting`] for a width of 0 or a rate of dropout out of its range.
    pub fn new(
        params: &MlpParams,
        inputs: usize,
        outputs: usize,
        rng: &mut SeededRng,
    ) -> Result<Self, LayerError> {
        let dropout = Dropout::new(params.dropout)?;
        let mut width = inputs;
        let mut hidden = Vec::with_capacity(params.hidden.len());
        for &next in &params.hidden {
            if next == 0 {
                return Err(LayerError::Setting { name: "hidden width", got: 0.0, expected: "at least 1" });
            }
            hidden.push(Hidden {
                linear: Linear::new(width, next, !params.batch_norm, rng),
                norm: params.batch_norm.then(|| BatchNorm::new(next)),
                activation: Activation::new(params.activation, next),
            });
            width = next;
        }
        Ok(Self { hidden, output: Linear::new(width, outputs, true, rng), dropout })
    }

    /// The same network, whose output begins at 0 for every input.
    pub(crate) fn silent(mut self) -> Self {
        self.output.weight.value.fill(0.0);
        if let Some(bias) = &mut self.output.bias {
            bias.value.fill(0.0);
        }
        self
    }

    /// Columns of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.hidden.first().map_or(&self.output, |hidden| &hidden.linear).inputs()
    }

    /// Columns of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.output.outputs()
    }

    /// The linear maps in order, each with the nonlinearity after it; of a folded network that is all there is.
    pub fn layers(&self) -> impl Iterator<Item = (&Linear, &Activation)> {
        let hidden = self.hidden.iter().map(|hidden| (&hidden.linear, &hidden.activation));
        hidden.chain([(&self.output, &Activation::Identity)])
    }

    /// Training: `x` `[n, inputs]` into `y` `[n, outputs]`. Seed and step say what is dropped.
    ///
    /// # Errors
    /// [`LayerError::BatchOfOne`] when a batch has to be normalised and has one row.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &mut self,
        x: ArrayView2<'_, f32>,
        y: ArrayViewMut2<'_, f32>,
        (seed, step): (u64, u64),
        tape: &mut MlpTape,
    ) -> Result<(), LayerError> {
        tape.hidden.resize_with(self.hidden.len(), HiddenTape::default);
        tape.step = (seed, step);
        let n = x.nrows();
        let mut input = x;
        for (number, (layer, tape)) in self.hidden.iter_mut().zip(&mut tape.hidden).enumerate() {
            let width = layer.linear.outputs();
            tape.linear.resize(n, width);
            tape.out.resize(n, width);
            match (&mut layer.norm, layer.activation.floor()) {
                // Without a bias, as where there is a normalisation: it would be taken away again.
                (Some(norm), floor) => {
                    let weight = layer.linear.weight.value.t();
                    let moments =
                        product_then(input, weight, tape.linear.view_mut(), |x| Moments::of(x, width));
                    norm.observe(moments, &mut tape.statistics)?;
                    let x = tape.linear.view();
                    if let Some(floor) = floor {
                        norm.normalize(x, floor, tape.out.view_mut(), &tape.statistics);
                    } else {
                        tape.norm.resize(n, width);
                        norm.normalize(x, f32::NEG_INFINITY, tape.norm.view_mut(), &tape.statistics);
                        let (x, y) = (tape.norm.view(), tape.out.view_mut());
                        layer.activation.forward(x, y, &mut tape.activation)?;
                    }
                }
                (None, _) => {
                    layer.linear.forward(input, tape.linear.view_mut());
                    let (x, y) = (tape.linear.view(), tape.out.view_mut());
                    layer.activation.forward(x, y, &mut tape.activation)?;
                }
            }
            self.dropout.mask(seed, DROPOUT, purpose(step, number), tape.out.view_mut());
            input = tape.out.view();
        }
        self.output.forward(input, y);
        Ok(())
    }

    /// From the gradient of `y` to that of `x`, if it is wanted; adds to those of the parameters.
    ///
    /// # Panics
    /// When `tape` is not that of the forward pass on `x`.
    pub fn backward(
        &mut self,
        x: ArrayView2<'_, f32>,
        dy: ArrayView2<'_, f32>,
        mut dx: Option<ArrayViewMut2<'_, f32>>,
        tape: &mut MlpTape,
    ) {
        let (n, depth) = (x.nrows(), self.hidden.len());
        let (seed, step) = tape.step;
        let Some(last) = tape.hidden.last_mut() else {
            return self.output.backward(x, dy, dx);
        };
        last.gradient.resize(n, self.output.inputs());
        self.output.backward(last.out.view(), dy, Some(last.gradient.view_mut()));
        for number in (0..depth).rev() {
            let (before, rest) = tape.hidden.split_at_mut(number);
            let (layer, tape) = (&mut self.hidden[number], &mut rest[0]);
            self.dropout.mask(seed, DROPOUT, purpose(step, number), tape.gradient.view_mut());
            let gradient = tape.gradient.view_mut();
            match (&mut layer.norm, layer.activation.floor()) {
                (Some(norm), Some(floor)) => {
                    let above = (floor == 0.0).then(|| tape.out.view());
                    norm.backward_through(tape.linear.view(), above, &tape.statistics, gradient);
                }
                (Some(norm), None) => {
                    layer.activation.backward(tape.norm.view(), &tape.activation, gradient);
                    norm.backward(tape.linear.view(), &tape.statistics, tape.gradient.view_mut());
                }
                (None, _) => layer.activation.backward(tape.linear.view(), &tape.activation, gradient),
            }
            match before.last_mut() {
                Some(before) => {
                    before.gradient.resize(n, layer.linear.inputs());
                    layer.linear.backward(
                        before.out.view(),
                        tape.gradient.view(),
                        Some(before.gradient.view_mut()),
                    );
                }
                None => layer.linear.backward(x, tape.gradient.view(), dx.take()),
            }
        }
    }

    /// Serving: `x` into `y`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn infer(&self, x: ArrayView2<'_, f32>, y: ArrayViewMut2<'_, f32>, scratch: &mut MlpScratch) {
        let n = x.nrows();
        let mut first = true;
        for layer in &self.hidden {
            scratch.next.resize(n, layer.linear.outputs());
            let input = if first { x } else { scratch.now.view() };
            match (&layer.norm, &layer.linear.bias, layer.activation.floor()) {
                (None, Some(_), Some(floor)) => {
                    layer.linear.forward_above(input, floor, scratch.next.view_mut());
                }
                (norm, ..) => {
                    layer.linear.forward(input, scratch.next.view_mut());
                    norm.iter().for_each(|norm| norm.infer(scratch.next.view_mut()));
                    each_row_mut(scratch.next.view_mut(), |_, row| layer.activation.apply(row));
                }
            }
            std::mem::swap(&mut scratch.now, &mut scratch.next);
            first = false;
        }
        self.output.forward(if first { x } else { scratch.now.view() }, y);
    }

    /// Serving: one row, without allocating once the scratch has grown. The normalisations must be folded.
    ///
    /// # Panics
    /// When the lengths do not fit.
    pub fn apply(&self, x: &[f32], y: &mut [f32], scratch: &mut MlpScratch) {
        let mut first = true;
        for layer in &self.hidden {
            scratch.next.resize(1, layer.linear.outputs());
            let input = if first { x } else { scratch.now.as_slice() };
            match (&layer.norm, &layer.linear.bias, layer.activation.floor()) {
                (None, Some(_), Some(floor)) => {
                    layer.linear.apply_above(input, floor, scratch.next.as_slice_mut());
                }
                (norm, ..) => {
                    layer.linear.apply(input, scratch.next.as_slice_mut());
                    norm.iter().for_each(|norm| norm.infer(scratch.next.view_mut()));
                    layer.activation.apply(scratch.next.as_slice_mut());
                }
            }
            std::mem::swap(&mut scratch.now, &mut scratch.next);
            first = false;
        }
        self.output.apply(if first { x } else { scratch.now.as_slice() }, y);
    }

    /// The same function in serving, with each normalisation folded into the linear map before it.
    #[must_use]
    pub fn folded(&self) -> Self {
        let mut folded = self.clone();
        for layer in &mut folded.hidden {
            if let Some(norm) = layer.norm.take() {
                layer.linear = norm.folded(&layer.linear);
            }
        }
        folded
    }
}

const DROPOUT: &str = "dropout";

/// Layers draw from streams of their own.
fn purpose(step: u64, number: usize) -> u64 {
    (step << 8) | number as u64
}

impl Module for Mlp {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        for (number, layer) in self.hidden.iter().enumerate() {
            layer.linear.tensors(&format!("{path}.{number}"), out);
            if let Some(norm) = &layer.norm {
                norm.tensors(&format!("{path}.{number}.norm"), out);
            }
            layer.activation.tensors(&format!("{path}.{number}.activation"), out);
        }
        self.output.tensors(&format!("{path}.output"), out);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        for layer in &mut self.hidden {
            layer.linear.slots(out);
            if let Some(norm) = &mut layer.norm {
                norm.slots(out);
            }
            layer.activation.slots(out);
        }
        self.output.slots(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, Axis};

    fn params() -> MlpParams {
        MlpParams { hidden: vec![6, 5], batch_norm: true, activation: ActivationKind::Gelu, dropout: 0.0 }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut mlp = Mlp::new(&params(), 4, 3, &mut SeededRng::new(1)).unwrap();
        let (x, dy) = (random(8, 4, 2), random(8, 3, 3));
        let (mut y, mut dx, mut tape) = (Array2::zeros((8, 3)), Array2::zeros((8, 4)), MlpTape::default());
        let weights: Vec<Array2<f32>> = mlp.layers().map(|(linear, _)| linear.weight.value.clone()).collect();
        let bias = mlp.output.bias.as_ref().unwrap().value.clone();
        mlp.forward(x.view(), y.view_mut(), (1, 0), &mut tape).unwrap();
        mlp.backward(x.view(), dy.view(), Some(dx.view_mut()), &mut tape);
        let gelu = |x: f64| {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        };
        let check = Check::new(&[&x, &weights[0], &weights[1], &weights[2], &bias], |a| {
            let norm = |x: Wide| {
                let centred = &x - &x.mean_axis(Axis(0)).unwrap();
                let variance = (&centred * &centred).mean_axis(Axis(0)).unwrap();
                centred / variance.mapv(|v| (v + 1e-5).sqrt())
            };
            let h = norm(a[0].dot(&a[1].t())).mapv(gelu);
            let h = norm(h.dot(&a[2].t())).mapv(gelu);
            h.dot(&a[3].t()) + &a[4]
        });
        check.forward(&y);
        let gradients: Vec<&Array2<f32>> = mlp.layers().map(|(linear, _)| &linear.weight.gradient).collect();
        let bias = &mlp.output.bias.as_ref().unwrap().gradient;
        check.backward(&dy, &[&dx, gradients[0], gradients[1], gradients[2], bias]);
    }

    #[test]
    fn serving_is_the_same_folded_in_rows_and_one_by_one() {
        let mut mlp = Mlp::new(&params(), 4, 3, &mut SeededRng::new(1)).unwrap();
        let x = random(40, 4, 2);
        let (mut y, mut scratch) = (Array2::zeros((40, 3)), MlpScratch::default());
        for _ in 0..5 {
            mlp.forward(x.view(), y.view_mut(), (1, 0), &mut MlpTape::default()).unwrap();
        }
        mlp.infer(x.view(), y.view_mut(), &mut scratch);
        let mut folded = Array2::zeros((40, 3));
        mlp.folded().infer(x.view(), folded.view_mut(), &mut scratch);
        assert!(y.iter().zip(&folded).all(|(a, b)| (a - b).abs() < 1e-5));
        let mut row = [0.0; 3];
        mlp.folded().apply(x.row(7).as_slice().unwrap(), &mut row, &mut scratch);
        assert!(row.iter().zip(y.row(7)).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(mlp.folded().layers().all(|(linear, _)| linear.bias.is_some()));
    }

    #[test]
    fn bad_shapes_are_refused() {
        let with = |hidden, dropout| MlpParams { hidden, dropout, ..params() };
        for bad in [with(vec![3, 0], 0.0), with(vec![3], 1.0)] {
            assert!(matches!(Mlp::new(&bad, 4, 3, &mut SeededRng::new(1)), Err(LayerError::Setting { .. })));
        }
        assert_eq!(Mlp::new(&MlpParams::default(), 4, 3, &mut SeededRng::new(1)).unwrap().inputs(), 4);
    }
}
