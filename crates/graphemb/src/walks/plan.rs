use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use embed_core::SeededRng;

use super::adjacent::{Adjacent, Node, nodes_and_edges};
use super::alias::Aliases;
use super::law::Law;
use crate::{Graph, NodeId, WalkError, WalkParams};

/// What walks need beside the graph.
#[derive(Debug)]
pub(crate) struct Plan<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) length: usize,
    pub(crate) law: Law,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Adjacent,
    /// With weights.
    pub(crate) aliases: Option<Aliases>,
    /// Whether the law is that of node2vec+ on weights.
    pub(crate) extended: bool,
    /// Of node2vec+: from which weight on an edge of each node is strong.
    pub(crate) thresholds: Vec<f32>,
}

/// Random walks on a graph: uniform, by weight, or by the second-order law of node2vec (and node2vec+), exactly.
///
/// From the second step on a walk that came from t to v goes on to x with probability proportional to `w(v, x) · α`,
/// where α is 1/p for x = t, 1 for an x with an edge t → x, and 1/q for any other. The first step is by weight alone. A
/// walk ends early where no edge leaves. Each round starts one walk from each node, in an order of its own.
///
/// It is a [`SequenceSource`](embed_core::SequenceSource) that takes its walks anew each time it is read, in parallel
/// on rayon's current pool, and holds some MB of them; [`Walks::iter`] gives them one by one, [`Walks::save`] writes
/// them to a file.
///
/// ```
/// use graphemb::{Graph, GraphOptions, WalkParams, Walks};
///
/// let graph = Graph::from_edges(4, [(0, 1), (1, 2), (2, 3), (3, 0)], &GraphOptions::default())?;
/// let walks = Walks::new(&graph, &WalkParams { walks: 2, length: 5, p: 4.0, ..Default::default() }, 7)?;
/// assert_eq!(walks.iter().count(), 8);
/// assert!(walks.iter().all(|walk| walk.windows(2).all(|step| graph.has_edge(step[0], step[1]))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - Memory beside the graph: 16 bytes a node and 4 for their order; with p or q other than 1 at most 1.5 bytes an edge
///   and 4 a neighbour, with weights 8 a neighbour and 8 a node. [`Walks::memory`] says how much it is.
/// - Complexity: a step takes O(1) expected time where max(1, 1/q) / min(1, 1/q) is bounded; preparing O(nodes + edges).
/// - Determinism: the same seed gives the same walks in the same order on any number of threads.
///
/// Perozzi, Al-Rfou & Skiena 2014, "DeepWalk"; Grover & Leskovec 2016, "node2vec", section 3.2; Liu, Hirn & Krishnan
/// 2023, "Accurately modeling biased random walks on weighted networks using node2vec+"; Yang et al. 2019,
/// "KnightKing", section 4 (rejection with a lower bound and the way back folded in).
#[derive(Debug)]
pub struct Walks<'g> {
    pub(crate) plan: Plan<'g>,
    pub(crate) params: WalkParams,
    pub(crate) seed: u64,
    /// Steps taken so far, and nanoseconds that they took.
    steps: AtomicU64,
    nanos: AtomicU64,
}

/// Bytes that walks take beside the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalkMemory {
    /// The table of nodes and their order.
    pub nodes: usize,
    /// The test for edges.
    pub edges: usize,
    /// The alias tables of weights, and the thresholds of node2vec+.
    pub weights: usize,
}

impl<'g> Walks<'g> {
    /// Prepares walks. O(nodes + edges).
    ///
    /// # Errors
    /// - [`WalkError::Count`], [`WalkError::Number`] for a setting out of its range.
    /// - [`WalkError::NoNodes`], [`WalkError::NoEdges`] when there is nowhere to walk.
    /// - [`WalkError::Damaged`] for a graph from a damaged file.
    pub fn new(graph: &'g Graph, params: &WalkParams, seed: u64) -> Result<Self, WalkError> {
        params.validate()?;
        check(graph)?;
        let law = Law::new(params);
        let weighted = params.weighted && graph.is_weighted();
        let extended = params.extended.filter(|_| weighted && !law.is_first_order());
        let (nodes, edges) = nodes_and_edges(graph, law.looks_for_edges() && extended.is_none());
        let plan = Plan {
            graph,
            length: params.length as usize,
            law,
            nodes,
            edges,
            aliases: weighted.then(|| Aliases::new(graph)),
            extended: extended.is_some(),
            thresholds: extended.map(|gamma| thresholds(graph, gamma)).unwrap_or_default(),
        };
        Ok(Self { plan, params: *params, seed, steps: AtomicU64::new(0), nanos: AtomicU64::new(0) })
    }

    /// The settings.
    #[must_use]
    pub fn params(&self) -> &WalkParams {
        &self.params
    }

    /// Number of walks.
    #[must_use]
    pub fn n_walks(&self) -> u64 {
        self.plan.nodes.len() as u64 * u64::from(self.params.walks)
    }

    /// Bytes taken beside the graph.
    #[must_use]
    pub fn memory(&self) -> WalkMemory {
        let nodes = self.plan.nodes.len() * (size_of::<Node>() + size_of::<NodeId>());
        let aliases = self.plan.aliases.as_ref().map_or(0, Aliases::bytes);
        let weights = aliases + size_of_val(&self.plan.thresholds[..]);
        WalkMemory { nodes, edges: self.plan.edges.bytes(), weights }
    }

    /// Steps taken so far, over all readings, and the seconds that they took.
    #[must_use]
    pub fn taken(&self) -> (u64, f64) {
        let nanos = self.nanos.load(Ordering::Relaxed);
        (self.steps.load(Ordering::Relaxed), Duration::from_nanos(nanos).as_secs_f64())
    }

    pub(crate) fn count(&self, steps: u64, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.steps.fetch_add(steps, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The nodes in the order in which a round starts from them.
    pub(crate) fn order(&self, round: u64) -> Vec<NodeId> {
        let mut order: Vec<NodeId> = (0..).take(self.plan.nodes.len()).collect();
        SeededRng::stream(self.seed, "walk order", round).shuffle(&mut order);
        order
    }
}

/// That rows lie within the graph, and neighbours are nodes, as a graph from a file need not have it.
fn check(graph: &Graph) -> Result<(), WalkError> {
    let n_nodes = graph.n_nodes();
    if n_nodes == 0 {
        return Err(WalkError::NoNodes);
    }
    if graph.n_entries() == 0 {
        return Err(WalkError::NoEdges { n_nodes });
    }
    for node in 0..n_nodes {
        let range = graph.range(node);
        let stored = (graph.offsets[node], graph.offsets[node + 1]);
        let beyond = range.end > graph.n_entries() || u32::try_from(range.len()).is_err();
        if beyond || (range.start as u64, range.end as u64) != stored {
            return Err(WalkError::Damaged { node });
        }
        let damaged = graph.neighbors[range].iter().any(|&id| id as usize >= n_nodes);
        let weights = graph.weights(NodeId::try_from(node).unwrap_or(NodeId::MAX));
        if damaged || weights.iter().any(|w| !(w.is_finite() && *w > 0.0)) {
            return Err(WalkError::Damaged { node });
        }
    }
    Ok(())
}

/// Mean weight of each node's edges and γ standard deviations.
fn thresholds(graph: &Graph, gamma: f64) -> Vec<f32> {
    let threshold = |node| {
        let weights = graph.weights(node);
        let n = (weights.len() as f64).max(1.0);
        let mean = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let variance = weights.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n;
        #[expect(clippy::cast_possible_truncation, reason = "a weight in f32")]
        let threshold = (mean + gamma * variance.sqrt()) as f32;
        threshold
    };
    (0..).take(graph.n_nodes()).map(threshold).collect()
}
