use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use embed_core::{Flow, Parallelism, Progress, Run};
use ndarray::ArrayView2;
use negsample::RefreshableSampler;

use super::train::Trainer;
use super::{GraphSage, SageError, SageParams, SageReport};
use crate::{Graph, NodeId, Walks};

/// Between two words to the observer.
const PAUSE: Duration = Duration::from_millis(100);

impl GraphSage {
    /// Learns from a graph and the features of its nodes `[n_nodes, n_features]` (of no columns if there are none),
    /// with negatives by degree to the power of 0.75, as in the paper. The observer sees `train`, in walks, with the mean
    /// loss of a pair.
    ///
    /// # Errors
    /// - [`SageError::Count`], [`SageError::Number`] for a setting out of its range.
    /// - [`SageError::FeatureRows`], [`SageError::NotFinite`] for features that are none.
    /// - [`SageError::NoInput`] without features when `id_dim` is 0.
    /// - [`SageError::Walk`], [`SageError::NoPairs`] for a graph on which nobody can walk.
    /// - [`SageError::Diverged`] when the loss or a vector is no longer finite.
    /// - [`SageError::Stopped`] when the observer says stop; [`GraphSage::fit_until_stopped`] keeps what was learned.
    /// - [`SageError::Store`] when the graph's keys cannot be read; [`SageError::Parallelism`] when the threads cannot be
    ///   started.
    pub fn fit(
        params: &SageParams,
        graph: &Graph,
        features: ArrayView2<'_, f32>,
        run: &mut Run<'_>,
    ) -> Result<Self, SageError> {
        Self::fit_until_stopped(params, graph, features, run)?.whole()
    }

    /// Like [`GraphSage::fit`], but a training that the observer stops is no error: what was learned until then is kept,
    /// and the report says so.
    ///
    /// # Errors
    /// As [`GraphSage::fit`], without [`SageError::Stopped`].
    pub fn fit_until_stopped(
        params: &SageParams,
        graph: &Graph,
        features: ArrayView2<'_, f32>,
        run: &mut Run<'_>,
    ) -> Result<Self, SageError> {
        // Walks check the graph's rows; a sampler of its degrees must not come first.
        params.validate()?;
        drop(Walks::new(graph, &params.walks, run.seed)?);
        let mut sampler = negsample::Popularity::new(&degrees(graph), 0.75)?;
        fit_in_pool(params, graph, features, &mut sampler, run)
    }

    /// Like [`GraphSage::fit`], with negatives of another law. A context has the targets of the batch, no query: all pairs
    /// of a step share their negatives.
    ///
    /// # Errors
    /// As [`GraphSage::fit`]; [`SageError::Catalogue`], [`SageError::Sample`] when the sampler cannot serve.
    pub fn fit_with(
        params: &SageParams,
        graph: &Graph,
        features: ArrayView2<'_, f32>,
        sampler: &mut dyn RefreshableSampler,
        run: &mut Run<'_>,
    ) -> Result<Self, SageError> {
        fit_in_pool(params, graph, features, sampler, run)?.whole()
    }

    /// The model of a training that went to its end.
    fn whole(self) -> Result<Self, SageError> {
        if self.report().stopped { Err(SageError::Stopped) } else { Ok(self) }
    }
}

fn fit_in_pool(
    params: &SageParams,
    graph: &Graph,
    features: ArrayView2<'_, f32>,
    sampler: &mut dyn RefreshableSampler,
    run: &mut Run<'_>,
) -> Result<GraphSage, SageError> {
    params.validate()?;
    let parallelism = std::mem::replace(&mut run.parallelism, Parallelism::All);
    let fitted = parallelism.install(|| fit(params, graph, features, sampler, run));
    run.parallelism = parallelism;
    fitted?
}

/// Edges at each node, in and out.
fn degrees(graph: &Graph) -> Vec<u64> {
    let mut degrees = vec![0u64; graph.n_nodes()];
    for node in (0..).take(graph.n_nodes()) {
        let row = graph.neighbors(node);
        degrees[node as usize] += row.len() as u64;
        if graph.is_directed() {
            row.iter().for_each(|&target| degrees[target as usize] += 1);
        }
    }
    degrees
}

fn fit(
    params: &SageParams,
    graph: &Graph,
    features: ArrayView2<'_, f32>,
    sampler: &mut dyn RefreshableSampler,
    run: &mut Run<'_>,
) -> Result<GraphSage, SageError> {
    let n_nodes = graph.n_nodes();
    check_features(features, n_nodes)?;
    if features.ncols() + params.id_dim == 0 {
        return Err(SageError::NoInput);
    }
    if sampler.n_items() != n_nodes {
        return Err(SageError::Catalogue { expected: n_nodes, got: sampler.n_items() });
    }
    let walks = Walks::new(graph, &params.walks, run.seed)?;
    let keys = graph.keys_or_numbers()?;
    let features = features.as_standard_layout();
    let mut trainer = Trainer::new(params, graph, features.view(), sampler, run.seed);
    let mut watch = Watch::new(&walks, params.epochs, run);
    let mut losses = Vec::new();
    for epoch in 0..params.epochs {
        let before = trainer.pairs;
        let loss = pass(&walks, epoch, &mut trainer, &mut watch)?;
        let learned = trainer.pairs - before;
        if learned > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            losses.push(loss / learned as f64);
        } else if !watch.stopped {
            return Err(SageError::NoPairs { n_nodes });
        }
        if watch.stopped {
            break;
        }
    }
    let report = SageReport {
        nodes: n_nodes as u64,
        isolated: graph.n_isolated() as u64,
        pairs: trainer.pairs,
        steps: trainer.steps,
        vectors: trainer.vectors,
        losses,
        stopped: watch.stopped,
    };
    let (messages, vectors) = trainer.infer();
    if !messages.iter().chain([&vectors]).all(|h| towers::all_finite(h.as_slice().unwrap_or_default())) {
        return Err(trainer.diverged(params.epochs - 1));
    }
    let mut layers = trainer.net.layers;
    layers.iter_mut().for_each(super::layer::Layer::serve);
    GraphSage::from_parts(params.clone(), report, features.ncols(), layers, messages, keys, vectors)
}

/// One pass over walks of its own: the start of each is to be near the other nodes of it. The sum of the losses.
fn pass(
    walks: &Walks<'_>,
    epoch: u32,
    trainer: &mut Trainer<'_>,
    watch: &mut Watch<'_, '_>,
) -> Result<f64, SageError> {
    let mut loss = 0.0;
    let mut failed = None;
    let mut step = |trainer: &mut Trainer<'_>, watch: &mut Watch<'_, '_>| match trainer.step(epoch) {
        Ok(of_step) => {
            loss += of_step;
            watch.tell(of_step, trainer.pairs)
        }
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    };
    let complete = walks.for_each_of_pass(epoch, |walk| {
        let start = walk[0];
        for &near in walk.iter().filter(|&&near| near != start) {
            if trainer.push(start, near) {
                step(trainer, watch)?;
            }
        }
        watch.done += 1;
        ControlFlow::Continue(())
    });
    if complete {
        let _ = step(trainer, watch);
    }
    failed.map_or(Ok(loss), Err)
}

/// What the observer is told, and what it said.
struct Watch<'r, 'o> {
    run: &'r mut Run<'o>,
    /// Walks.
    done: u64,
    total: u64,
    last: Instant,
    /// Losses and pairs that it has not been told of.
    loss: f64,
    pairs: u64,
    stopped: bool,
}

impl<'r, 'o> Watch<'r, 'o> {
    fn new(walks: &Walks<'_>, epochs: u32, run: &'r mut Run<'o>) -> Self {
        let total = walks.n_walks() * u64::from(epochs);
        let stopped = run.report(&Progress::new("train", 0, total).unit("walks")) == Flow::Stop;
        Self { run, done: 0, total, last: Instant::now(), loss: 0.0, pairs: 0, stopped }
    }

    fn tell(&mut self, loss: f64, pairs: u64) -> ControlFlow<()> {
        self.loss += loss;
        if !self.stopped && (self.last.elapsed() >= PAUSE || self.done == self.total) && pairs > self.pairs {
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            let mean = self.loss / (pairs - self.pairs) as f64;
            let progress = Progress::new("train", self.done, self.total).unit("walks").loss(mean);
            self.stopped = self.run.report(&progress) == Flow::Stop;
            (self.last, self.loss, self.pairs) = (Instant::now(), 0.0, pairs);
        }
        if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// That there is a row for each node, and every value is finite.
pub(super) fn check_features(features: ArrayView2<'_, f32>, n_nodes: usize) -> Result<(), SageError> {
    if features.nrows() != n_nodes {
        return Err(SageError::FeatureRows { expected: n_nodes, got: features.nrows() });
    }
    let (got, most) = (features.ncols(), SageParams::MAX_FEATURES);
    if got > most {
        return Err(SageError::Count { name: "number of features", got, least: 0, most });
    }
    match features.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((node, column), &value)) => Err(SageError::NotFinite { node, column, value }),
        None => Ok(()),
    }
}

/// That neighbours are nodes, as in a graph from a damaged file they need not be.
pub(super) fn check_graph(graph: &Graph) -> Result<(), SageError> {
    let n_nodes = graph.n_nodes();
    let beyond = |node: &NodeId| graph.neighbors(*node).iter().any(|&id| id as usize >= n_nodes);
    match (0..).take(n_nodes).find(beyond) {
        Some(node) => Err(crate::WalkError::Damaged { node: node as usize }.into()),
        None => Ok(()),
    }
}
