use embed_core::{Batch, NegativeContext, SeededRng};
use ndarray::{Array2, ArrayView2};
use negsample::RefreshableSampler;
use towers::optim::Step;

use super::field::{Field, Neighborhoods};
use super::infer::{Inferred, infer};
use super::loss::{Contrast, Pairs};
use super::net::{Net, Pass};
use super::{SageError, SageParams};
use crate::{Graph, NodeId};

/// A training under way.
pub(super) struct Trainer<'a> {
    params: &'a SageParams,
    features: ArrayView2<'a, f32>,
    graph: &'a Graph,
    sampler: &'a mut dyn RefreshableSampler,
    seed: u64,
    pub(super) net: Net,
    around: Neighborhoods<'a>,
    field: Field,
    pass: Pass,
    contrast: Contrast,
    /// Pairs that wait for their step.
    sources: Vec<NodeId>,
    targets: Vec<NodeId>,
    negatives: Vec<NodeId>,
    nodes: Vec<NodeId>,
    numbers: Vec<u32>,
    pub(super) steps: u64,
    pub(super) pairs: u64,
    pub(super) vectors: u64,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        params: &'a SageParams,
        graph: &'a Graph,
        features: ArrayView2<'a, f32>,
        sampler: &'a mut dyn RefreshableSampler,
        seed: u64,
    ) -> Self {
        let sizes = params.layers.iter().map(|layer| layer.sample).collect();
        Self {
            params,
            features,
            graph,
            sampler,
            seed,
            net: Net::new(params, graph.n_nodes(), features.ncols(), seed),
            around: Neighborhoods::new(graph, sizes, seed),
            field: Field::default(),
            pass: Pass::default(),
            contrast: Contrast::new(params.temperature, params.negative_weight),
            sources: Vec::with_capacity(params.batch),
            targets: Vec::with_capacity(params.batch),
            negatives: Vec::new(),
            nodes: Vec::new(),
            numbers: Vec::new(),
            steps: 0,
            pairs: 0,
            vectors: 0,
        }
    }

    /// Takes a pair; whether there are enough for a step.
    pub(super) fn push(&mut self, source: NodeId, target: NodeId) -> bool {
        self.sources.push(source);
        self.targets.push(target);
        self.sources.len() >= self.params.batch
    }

    /// Learns from the pairs taken and gives the sum of their losses; 0 without any.
    pub(super) fn step(&mut self, epoch: u32) -> Result<f64, SageError> {
        if self.sources.is_empty() {
            return Ok(0.0);
        }
        let n = self.params.negatives;
        let cx = NegativeContext::draws(n).at(self.steps, epoch);
        if self.sampler.is_stale(&cx) {
            let vectors = self.infer().1;
            self.sampler.refresh(&cx, vectors.view())?;
        }
        let cx = cx.batch(&self.targets);
        let mut rng = SeededRng::stream(self.seed, "sage step", self.steps);
        self.negatives.resize(n, 0);
        let drawn = self.sampler.sample_into(&cx, &mut rng, &mut self.negatives)?;
        self.negatives.truncate(drawn);

        self.nodes.clear();
        self.nodes.extend(self.sources.iter().chain(&self.targets).chain(&self.negatives));
        self.around.start(&self.nodes, &mut self.field, &mut self.numbers);
        self.vectors += self.field.nodes.len() as u64;
        self.around.finish(&mut self.field);
        self.net.forward(self.features, &self.field, self.params.id_dropout, &mut rng, &mut self.pass);

        let pairs = self.sources.len();
        let (sources, rest) = self.numbers.split_at(pairs);
        let (targets, negatives) = rest.split_at(pairs);
        let mut gradient = std::mem::take(&mut self.pass.gradient);
        let loss =
            self.contrast.loss(self.pass.vectors(), Pairs { sources, targets, negatives }, &mut gradient);
        self.pass.gradient = gradient;
        if !loss.is_finite() {
            return Err(self.diverged(epoch));
        }
        self.net.backward(&self.field, &mut self.pass);
        self.net.step(Step::new(self.params.rate, self.steps + 1));
        self.sampler.observe(&Batch::new(self.steps, &self.targets));
        self.sources.clear();
        self.targets.clear();
        self.steps += 1;
        self.pairs += pairs as u64;
        Ok(loss)
    }

    /// What each node says at each layer, and the vectors of all nodes as they are now.
    pub(super) fn infer(&self) -> Inferred {
        let (n_nodes, width) = (self.graph.n_nodes(), self.features.ncols() + self.params.id_dim);
        let mut inputs = Array2::zeros((n_nodes, width));
        for (node, mut input) in (0..).zip(inputs.rows_mut()) {
            self.net.input(self.features, node, false, input.as_slice_mut().unwrap_or_default());
        }
        infer(&self.net.layers, self.graph, inputs)
    }

    pub(super) fn diverged(&self, epoch: u32) -> SageError {
        SageError::Diverged { epoch, step: self.steps, rate: self.params.rate }
    }
}
