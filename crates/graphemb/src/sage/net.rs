use embed_core::SeededRng;
use ndarray::{ArrayView2, Axis};
use towers::Buffer;
use towers::layers::{Module, Slot, Table};
use towers::optim::{Optimizer, Step, TableOptimizer};

use super::aggregate::{each_row, row};
use super::field::Field;
use super::layer::{Layer, Tape};
use super::{Aggregator, SageParams};
use crate::NodeId;

/// What is learned: the layers, and what nodes learn for themselves.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) layers: Vec<Layer>,
    pub(super) ids: Option<Table>,
    n_features: usize,
}

/// A pass of a batch through the net.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// h⁰: features, then what the nodes learned for themselves.
    pub(super) inputs: Buffer,
    /// Which nodes are seen with zeros for the latter; empty for none.
    hidden: Vec<bool>,
    pub(super) tapes: Vec<Tape>,
    /// Gradient of the vectors, then of each layer's input.
    pub(super) gradient: Buffer,
    other: Buffer,
}

impl Pass {
    /// The vectors.
    pub(super) fn vectors(&self) -> ArrayView2<'_, f32> {
        self.tapes.last().map_or_else(|| self.inputs.view(), |tape| tape.y.view())
    }
}

impl Net {
    pub(super) fn new(params: &SageParams, n_nodes: usize, n_features: usize, seed: u64) -> Self {
        let mut rng = SeededRng::stream(seed, "sage weights", 0);
        let mut inputs = n_features + params.id_dim;
        let mut layers = Vec::with_capacity(params.layers.len());
        for (k, layer) in params.layers.iter().enumerate() {
            let hidden = match params.aggregator {
                Aggregator::Mean => None,
                Aggregator::MaxPool { hidden } => Some(hidden),
            };
            let last = k + 1 == params.layers.len();
            layers.push(Layer::new(inputs, hidden, layer.width, last, &mut rng));
            inputs = layer.width;
        }
        #[expect(clippy::cast_precision_loss, reason = "a scale")]
        let ids = (params.id_dim > 0)
            .then(|| Table::normal(n_nodes, params.id_dim, 1.0 / (params.id_dim as f32).sqrt(), &mut rng));
        Self { layers, ids, n_features }
    }

    /// The vectors of the first nodes of a field. `dropout` is the share of nodes seen without what they learned.
    pub(super) fn forward(
        &self,
        features: ArrayView2<'_, f32>,
        field: &Field,
        dropout: f32,
        rng: &mut SeededRng,
        pass: &mut Pass,
    ) {
        pass.hidden.clear();
        if dropout > 0.0 && self.ids.is_some() {
            pass.hidden.extend(field.nodes.iter().map(|_| rng.unit_f32() < dropout));
        }
        let width = self.n_features + self.ids.as_ref().map_or(0, Table::dim);
        pass.inputs.resize(field.nodes.len(), width);
        let hidden = &pass.hidden;
        each_row(pass.inputs.view_mut(), |i, input| {
            let hide = hidden.get(i).copied().unwrap_or(false);
            self.input(features, field.nodes[i], hide, input);
        });
        pass.tapes.resize_with(self.layers.len(), Tape::default);
        for (k, layer) in self.layers.iter().enumerate() {
            let (below, here) = pass.tapes.split_at_mut(k);
            let x = below.last().map_or_else(|| pass.inputs.view(), |tape| tape.y.view());
            layer.forward(x, &field.hops[k], &mut here[0]);
        }
    }

    /// h⁰ of a node.
    pub(super) fn input(&self, features: ArrayView2<'_, f32>, node: NodeId, hide: bool, input: &mut [f32]) {
        let (given, learned) = input.split_at_mut(self.n_features);
        given.copy_from_slice(row(&features, node as usize));
        match &self.ids {
            Some(ids) if !hide => learned.copy_from_slice(ids.row(node)),
            _ => learned.fill(0.0),
        }
    }

    /// From `pass.gradient`, that of the vectors, to those of all that is learned.
    pub(super) fn backward(&mut self, field: &Field, pass: &mut Pass) {
        for (k, layer) in self.layers.iter_mut().enumerate().rev() {
            let (below, here) = pass.tapes.split_at_mut(k);
            let x = below.last().map_or_else(|| pass.inputs.view(), |tape| tape.y.view());
            let wanted = k > 0 || self.ids.is_some();
            let dx = wanted.then_some(&mut pass.other);
            layer.backward(x, &field.hops[k], &mut here[0], &mut pass.gradient, dx);
            std::mem::swap(&mut pass.gradient, &mut pass.other);
        }
        let Some(ids) = &mut self.ids else { return };
        let gradient = pass.gradient.view();
        let learned = gradient.split_at(Axis(1), self.n_features).1;
        if pass.hidden.is_empty() {
            return ids.gradients.add_rows(&field.nodes, learned);
        }
        for (i, &node) in field.nodes.iter().enumerate().filter(|(i, _)| !pass.hidden[*i]) {
            ids.gradients.add_rows(&[node], learned.select(Axis(0), &[i]).view());
        }
    }

    /// One step of Adam.
    pub(super) fn step(&mut self, step: Step) {
        let mut slots = Vec::new();
        self.layers.iter_mut().for_each(|layer| layer.slots(&mut slots));
        for slot in slots {
            if let Slot::Param(param) = slot {
                Optimizer::default().step(param, step);
            }
        }
        if let Some(ids) = &mut self.ids {
            TableOptimizer::lazy_adam().step(ids, step);
        }
    }
}
