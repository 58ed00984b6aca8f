use embed_core::SeededRng;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use towers::Buffer;
use towers::layers::{
    Activation, ActivationTape, Linear, Module, Param, Slot, Tensor, normalize_rows, normalize_rows_backward,
};

use super::aggregate::{each_row, max, max_backward, mean, mean_backward, row};
use super::field::Hop;

/// `h_v ← σ(W · [h_v, AGG(h_u : u ∈ N(v))])`, brought to length 1 (Algorithm 1, lines 4, 5 and 7).
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Of max pooling: what each neighbour goes through first.
    pub(super) pool: Option<Linear>,
    /// W `[width, inputs + message]`.
    pub(super) linear: Linear,
    pub(super) activation: Activation,
}

/// What a forward pass leaves for the way back, and room for that way.
#[derive(Debug, Default)]
pub(super) struct Tape {
    /// Of max pooling: what neighbours say.
    messages: Buffer,
    /// Which neighbour has each maximum.
    chosen: Vec<u32>,
    /// `[h_v, AGG]`
    both: Buffer,
    lengths: Vec<f32>,
    /// The output.
    pub(super) y: Buffer,
    d_both: Buffer,
    d_messages: Buffer,
}

impl Layer {
    /// The last layer does not bend, as in the authors' code: inner products of vectors that cannot be negative could
    /// not be either.
    pub(super) fn new(
        inputs: usize,
        hidden: Option<usize>,
        width: usize,
        last: bool,
        rng: &mut SeededRng,
    ) -> Self {
        let pool = hidden.map(|hidden| Linear::new(inputs, hidden, true, rng));
        let linear = Linear::new(inputs + hidden.unwrap_or(inputs), width, false, rng);
        Self { pool, linear, activation: Self::activation(last) }
    }

    pub(super) fn activation(last: bool) -> Activation {
        if last { Activation::Identity } else { Activation::Relu }
    }

    /// Components of a row that it reads.
    pub(super) fn inputs(&self) -> usize {
        self.linear.inputs() - self.message()
    }

    /// Components of what a neighbour says.
    pub(super) fn message(&self) -> usize {
        self.pool.as_ref().map_or(self.linear.inputs() / 2, Linear::outputs)
    }

    /// What max pooling is over: `ReLU(W x + b)`.
    pub(super) fn messages(pool: &Linear, x: ArrayView2<'_, f32>, mut y: ArrayViewMut2<'_, f32>) {
        pool.forward(x, y.view_mut());
        each_row(y, |_, y| Activation::Relu.apply(y));
    }

    /// From `[h_v, AGG]` to the output.
    pub(super) fn combine(
        &self,
        both: ArrayView2<'_, f32>,
        mut y: ArrayViewMut2<'_, f32>,
        lengths: &mut Vec<f32>,
    ) {
        self.linear.forward(both, y.view_mut());
        each_row(y.view_mut(), |_, y| self.activation.apply(y));
        normalize_rows(y, lengths);
    }

    /// Rows `x` `[hop.inputs, inputs]` into `tape.y` `[hop.outputs(), width]`.
    pub(super) fn forward(&self, x: ArrayView2<'_, f32>, hop: &Hop, tape: &mut Tape) {
        let (n, inputs) = (hop.outputs(), self.inputs());
        tape.both.resize(n, inputs + self.message());
        let (own, pooled) = tape.both.view_mut().split_at(Axis(1), inputs);
        each_row(own, |i, own| own.copy_from_slice(row(&x, i)));
        match &self.pool {
            None => mean(x, &hop.lists, pooled),
            Some(pool) => {
                tape.messages.resize(hop.inputs, pool.outputs());
                Self::messages(pool, x, tape.messages.view_mut());
                max(tape.messages.view(), &hop.lists, pooled, &mut tape.chosen);
            }
        }
        tape.y.resize(n, self.linear.outputs());
        self.combine(tape.both.view(), tape.y.view_mut(), &mut tape.lengths);
    }

    /// Adds to the gradients of the parameters, and writes that of `x` if it is wanted. `dy` is used up.
    pub(super) fn backward(
        &mut self,
        x: ArrayView2<'_, f32>,
        hop: &Hop,
        tape: &mut Tape,
        dy: &mut Buffer,
        dx: Option<&mut Buffer>,
    ) {
        normalize_rows_backward(tape.y.view(), &tape.lengths, dy.view_mut());
        // A length changes no sign, which is all that is asked of the rows before the ReLU.
        self.activation.backward(tape.y.view(), &ActivationTape::default(), dy.view_mut());
        let (n, inputs) = (hop.outputs(), self.inputs());
        let wanted = dx.is_some() || self.pool.is_some();
        tape.d_both.resize(n, inputs + self.message());
        self.linear.backward(tape.both.view(), dy.view(), wanted.then(|| tape.d_both.view_mut()));
        let (own, pooled) = tape.d_both.view().split_at(Axis(1), inputs);
        let mut dx = dx;
        if let Some(dx) = &mut dx {
            dx.resize(hop.inputs, inputs);
        }
        if let Some(pool) = &mut self.pool {
            let d_messages = &mut tape.d_messages;
            d_messages.resize(hop.inputs, pool.outputs());
            max_backward(&tape.chosen, &hop.back, pooled, d_messages.view_mut());
            Activation::Relu.backward(
                tape.messages.view(),
                &ActivationTape::default(),
                d_messages.view_mut(),
            );
            pool.backward(x, d_messages.view(), dx.as_mut().map(|dx| dx.view_mut()));
        } else if let Some(dx) = &mut dx {
            dx.view_mut().fill(0.0);
            mean_backward(&hop.lists, &hop.back, pooled, dx.view_mut());
        }
        if let Some(dx) = dx {
            let (first, _) = dx.view_mut().split_at(Axis(0), n);
            each_row(first, |i, dx| dx.iter_mut().zip(row(&own, i)).for_each(|(dx, own)| *dx += own));
        }
    }

    /// Forgets what only training needs.
    pub(super) fn serve(&mut self) {
        let mut slots = Vec::new();
        self.slots(&mut slots);
        for slot in slots {
            if let Slot::Param(Param { gradient, state, .. }) = slot {
                *gradient = ndarray::Array2::zeros((0, 0));
                *state = Vec::new();
            }
        }
    }
}

impl Module for Layer {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        self.linear.tensors(path, out);
        if let Some(pool) = &self.pool {
            pool.tensors(&format!("{path}.pool"), out);
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        self.linear.slots(out);
        if let Some(pool) = &mut self.pool {
            pool.slots(out);
        }
    }
}
