use std::path::Path;

use embed_core::{Parallelism, Run};
use seqemb::{FitError, Training};

use crate::{Graph, NodeError, NodeParams, NodeVectors, WalkParams, WalkReport, Walks};

/// node2vec: vectors of nodes by skip-gram over second-order random walks.
///
/// Walks go from the graph straight into [`seqemb`]'s trainer and are never stored: some MB of them exist at a time.
///
/// ```
/// use embed_core::Run;
/// use graphemb::{Graph, GraphOptions, Node2Vec, NodeParams};
///
/// // Two triangles with a bridge.
/// let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3)];
/// let graph = Graph::from_edges(6, edges, &GraphOptions::default())?;
/// let mut params = NodeParams::node2vec(1.0, 0.5);
/// params.train.dim = 8;
/// params.train.epochs = 20;
/// // The usual ten places would reach every node of so small a graph from every other.
/// params.train.window = seqemb::Window::Sliding { size: 1, dynamic: true };
/// let nodes = Node2Vec::fit(&params, &graph, &mut Run::seeded(1))?;
/// let vector = |node| nodes.vectors.input.row(node).unwrap();
/// let like = |a, b| embed_core::Metric::Cosine.score(vector(a), vector(b));
/// assert!(like(0, 1) > like(0, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - Memory: the graph, what [`Walks`] takes beside it, and what [`seqemb::SkipGram`] takes: `8 · dim` bytes a node.
/// - Complexity: O(passes · nodes · walks · length · window · (1 + negatives) · dim).
/// - Determinism: the same seed gives the same bits on any number of threads; across instruction sets results agree to
///   rounding.
///
/// Grover & Leskovec 2016, "node2vec: scalable feature learning for networks". Differs from it in this: each pass of the
/// training takes new walks; the paper repeats those of the first.
#[derive(Debug, Clone, Copy)]
pub struct Node2Vec;

/// DeepWalk: vectors of nodes by skip-gram over random walks by weight.
///
/// [`Node2Vec`] with p = q = 1, whatever the settings say of them. [`NodeParams::deepwalk`] is the authors' setting.
///
/// Perozzi, Al-Rfou & Skiena 2014, "DeepWalk: online learning of social representations".
#[derive(Debug, Clone, Copy)]
pub struct DeepWalk;

impl Node2Vec {
    /// Learns vectors of all nodes. The observer sees `train`, in nodes of walks, with the mean loss of a prediction.
    ///
    /// # Errors
    /// - [`NodeError::Walk`] for walks that cannot be taken.
    /// - [`NodeError::Fit`] for settings or a training that fail, and with [`seqemb::FitError::Stopped`] when the observer
    ///   says stop.
    /// - [`NodeError::Store`] when the graph's keys cannot be read.
    /// - [`NodeError::Parallelism`] when the threads cannot be started.
    pub fn fit(params: &NodeParams, graph: &Graph, run: &mut Run<'_>) -> Result<NodeVectors, NodeError> {
        whole(fit(params, graph, None, run)?)
    }

    /// Like [`Node2Vec::fit`] (or, with the path of a checkpoint, [`Node2Vec::fit_checkpointed`]), but a training that the
    /// observer stops is no error: what was learned until then is kept, and the report of the vectors says so.
    ///
    /// # Errors
    /// As these, without the stop.
    pub fn fit_until_stopped(
        params: &NodeParams,
        graph: &Graph,
        checkpoint: Option<&Path>,
        run: &mut Run<'_>,
    ) -> Result<NodeVectors, NodeError> {
        fit(params, graph, checkpoint, run)
    }

    /// Like [`Node2Vec::fit`], with a checkpoint in `path` after every pass. If there is one of the same settings, seed and
    /// graph already, goes on from it, and gives the same bits as without the interruption.
    ///
    /// # Errors
    /// As [`Node2Vec::fit`], and [`NodeError::Checkpoint`] when the file cannot be read or written, or is of another
    /// training.
    pub fn fit_checkpointed(
        params: &NodeParams,
        graph: &Graph,
        path: impl AsRef<Path>,
        run: &mut Run<'_>,
    ) -> Result<NodeVectors, NodeError> {
        whole(fit(params, graph, Some(path.as_ref()), run)?)
    }
}

impl DeepWalk {
    /// Learns vectors of all nodes, as [`Node2Vec::fit`].
    ///
    /// # Errors
    /// As [`Node2Vec::fit`].
    pub fn fit(params: &NodeParams, graph: &Graph, run: &mut Run<'_>) -> Result<NodeVectors, NodeError> {
        whole(fit(&first_order(params), graph, None, run)?)
    }

    /// As [`Node2Vec::fit_until_stopped`].
    ///
    /// # Errors
    /// As [`Node2Vec::fit_until_stopped`].
    pub fn fit_until_stopped(
        params: &NodeParams,
        graph: &Graph,
        checkpoint: Option<&Path>,
        run: &mut Run<'_>,
    ) -> Result<NodeVectors, NodeError> {
        fit(&first_order(params), graph, checkpoint, run)
    }

    /// As [`Node2Vec::fit_checkpointed`].
    ///
    /// # Errors
    /// As [`Node2Vec::fit_checkpointed`].
    pub fn fit_checkpointed(
        params: &NodeParams,
        graph: &Graph,
        path: impl AsRef<Path>,
        run: &mut Run<'_>,
    ) -> Result<NodeVectors, NodeError> {
        whole(fit(&first_order(params), graph, Some(path.as_ref()), run)?)
    }
}

fn first_order(params: &NodeParams) -> NodeParams {
    let walks = WalkParams { p: 1.0, q: 1.0, extended: None, ..params.walks };
    NodeParams { walks, train: params.train.clone() }
}

/// The vectors of a training that went to its end.
fn whole(nodes: NodeVectors) -> Result<NodeVectors, NodeError> {
    let (report, epochs) = (&nodes.vectors.report, nodes.vectors.params.epochs);
    if report.stopped {
        return Err(FitError::Stopped { epochs_done: report.epochs_done, epochs }.into());
    }
    Ok(nodes)
}

fn fit(
    params: &NodeParams,
    graph: &Graph,
    checkpoint: Option<&Path>,
    run: &mut Run<'_>,
) -> Result<NodeVectors, NodeError> {
    // One pool for walks and training.
    let parallelism = std::mem::replace(&mut run.parallelism, Parallelism::All);
    let fitted = parallelism.install(|| train(params, graph, checkpoint, run));
    run.parallelism = parallelism;
    fitted?
}

fn train(
    params: &NodeParams,
    graph: &Graph,
    checkpoint: Option<&Path>,
    run: &mut Run<'_>,
) -> Result<NodeVectors, NodeError> {
    let walks = Walks::new(graph, &params.walks, run.seed)?;
    let keys = graph.keys_or_numbers()?;
    let mut training = match checkpoint.filter(|path| path.exists()) {
        Some(path) => Training::resume(path, &params.train, &walks, keys, run.seed)?,
        None => Training::new(&params.train, &walks, keys, run.seed)?,
    };
    loop {
        let goes_on = training.epoch(&walks, run)?;
        if let (Some(path), false) = (checkpoint, training.report().stopped) {
            training.save(path)?;
        }
        if !goes_on {
            break;
        }
    }
    let passes = training.report().epochs_done;
    let taken = walks.taken();
    let report = WalkReport {
        nodes: graph.n_nodes() as u64,
        edges: graph.n_edges(),
        isolated: graph.n_isolated() as u64,
        walks: walks.n_walks() * u64::from(passes),
        steps: taken.0,
        seconds: taken.1,
    };
    Ok(NodeVectors { vectors: training.finish()?, walks: report })
}
