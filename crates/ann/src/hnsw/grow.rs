//! From rows to a finished graph, whether all are new or some have their links already.

use embed_core::{ItemId, Metric, Run, Space as VectorSpace};
use rayon::prelude::*;

use super::augment::{augmented, norm_spread};
use super::beam::NONE;
use super::build::{Draft, node_id};
use super::codes::{Codes, MAX_DIM as MAX_CODED_DIM};
use super::copies::Groups;
use super::scratch::ScratchPool;
use super::space::Space;
use super::{Hnsw, HnswReport, reorder, repair, uppers};
use crate::aligned::Aligned;
use crate::id_map::Names;
use crate::scoring::Scoring;
use crate::tune::Efforts;
use crate::{BuildError, HnswParams};

/// Most nodes that are asked whether a search for their own vector finds them.
const SAMPLE: usize = 1000;
/// How wide that search is.
const WIDTH: usize = 16;

/// What a graph is made of.
pub(super) struct Plan<'p> {
    pub(super) metric: Metric,
    pub(super) dim: usize,
    pub(super) params: HnswParams,
    /// Equal rows, each group a node.
    pub(super) groups: Groups,
    /// The group of each node, nodes of higher layers first.
    pub(super) order: Vec<u32>,
    /// Nodes of each layer, the ground first.
    pub(super) sizes: Vec<usize>,
    /// The vectors of some rows as they are stored, in the order given.
    pub(super) rows: &'p dyn Fn(&[ItemId]) -> Aligned<f32>,
    /// A graph of some of the nodes, and the number here of each of its own.
    pub(super) old: Option<(&'p Hnsw, Vec<u32>)>,
    pub(super) space: VectorSpace,
    pub(super) names: Names,
}

impl Plan<'_> {
    /// Links all nodes.
    ///
    /// Not more is kept at a time than the rows that links are chosen by, their codes, and links with their
    /// distances; then finished links and rows.
    pub(super) fn grow(self, run: &mut Run<'_>) -> Result<Hnsw, BuildError> {
        let Self { metric, dim, params, groups, order, sizes, .. } = &self;
        let (dim, scoring) = (*dim, Scoring::of(*metric));
        let firsts = |order: &[u32]| order.iter().map(|&group| groups.rows(group)[0]).collect::<Vec<_>>();
        let drafted = (self.rows)(&firsts(order));
        let spread = norm_spread(&drafted, dim);
        let augments = *metric == Metric::InnerProduct;
        let placed = if augments { augmented(params.product_graph, &drafted, dim) } else { None };
        let (drafted, near, width) =
            placed.map_or((drafted, scoring, dim), |rows| (rows, Scoring::L2, dim + 1));
        let parallelism = run.parallelism;
        let coded = |scoring, rows: &[f32], dim| {
            parallelism.install(|| (dim <= MAX_CODED_DIM).then(|| Codes::of(scoring, rows, dim)))
        };
        let codes = coded(near, &drafted, width)?;

        let space = Space { scoring: near, table: &drafted, dim: width, codes: codes.as_ref() };
        let mut draft = Draft::new(space, sizes, params);
        let mut inside = order.len().min(1);
        let mut fresh: Vec<u32> = (1..node_id(order.len().max(1))).collect();
        if let Some((hnsw, new)) = &self.old {
            let mut old = vec![NONE; order.len()];
            new.iter().zip(0..).for_each(|(&new, number)| old[new as usize] = number);
            run.parallelism.install(|| draft.take_over(hnsw, new, &old))?;
            inside = new.len();
            fresh = (0..node_id(old.len())).filter(|&node| old[node as usize] == NONE).collect();
        }
        draft.insert(&fresh, inside, run)?;
        let unreachable = repair::repair(&mut draft, run)?;
        let (self_sampled, self_matched) = run.parallelism.install(|| self_match(&draft, order.len()))?;
        let mut layers = draft.layers;
        // Only the codes of the rows as they are outlive the build.
        let codes = codes.filter(|_| params.sq8 && width == dim);
        drop(drafted);
        layers.iter_mut().for_each(super::build::DraftLayer::settle);

        let breadth_first = reorder::breadth_first(&layers);
        let new = reorder::inverse(&breadth_first);
        let links = |layer| reorder::renumbered(layer, &breadth_first, &new);
        let ground = Aligned::collect(
            layers.first().map_or(0, |ground| ground.nodes.len()),
            layers.iter().take(1).flat_map(links),
        );
        let above = layers.iter().skip(1);
        let upper_nodes =
            Aligned::collect(above.clone().map(|layer| layer.nodes.len()).sum(), above.flat_map(links));
        let n_layers = layers.len();
        drop(layers);
        let order: Vec<u32> = breadth_first.iter().map(|&node| order[node as usize]).collect();
        let codes = codes.map(|codes| codes.reordered(&breadth_first));
        let table = (self.rows)(&firsts(&order));
        let codes = match codes {
            None if params.sq8 => coded(scoring, &table, dim)?,
            codes => codes,
        };
        let report = HnswReport {
            nodes: order.len() as u64,
            layers: n_layers as u64,
            links: ground.iter().filter(|&&link| link != NONE).count() as u64,
            unreachable_before: unreachable as u64,
            repaired: unreachable as u64,
            self_sampled: self_sampled as u64,
            self_matched: self_matched as u64,
            norm_spread: spread,
        };
        let Rows { ids, starts, nodes } = rows_of(groups, &order);
        Ok(Hnsw {
            metric: *metric,
            dim,
            m: params.m,
            ef_construction: params.ef_construction,
            ef_search: params.ef_search,
            product_graph: params.product_graph,
            ids,
            starts,
            copies: groups.largest(),
            nodes,
            ground,
            links: upper_nodes,
            upper: uppers(sizes, params.m),
            codes,
            report,
            efforts: Efforts::default(),
            space: self.space,
            names: self.names,
            scratch: ScratchPool::default(),
            table,
        })
    }
}

/// Which rows the nodes are.
struct Rows {
    ids: Aligned<ItemId>,
    starts: Aligned<u32>,
    nodes: Aligned<u32>,
}

fn rows_of(groups: &Groups, order: &[u32]) -> Rows {
    let n = order.iter().map(|&group| groups.rows(group).len()).sum();
    let (mut ids, mut starts, mut nodes) = (Vec::with_capacity(n), Vec::new(), vec![0; n]);
    for (node, &group) in order.iter().enumerate() {
        starts.push(node_id(ids.len()));
        ids.extend_from_slice(groups.rows(group));
        groups.rows(group).iter().for_each(|&row| nodes[row as usize] = node_id(node));
    }
    starts.push(node_id(n));
    if order.len() == n {
        starts.clear();
    }
    Rows { ids: Aligned::copy(&ids), starts: Aligned::copy(&starts), nodes: Aligned::copy(&nodes) }
}

/// Of some nodes, evenly spaced, how many there are, and how many a narrow search for their own vector finds.
fn self_match(draft: &Draft<'_>, n: usize) -> (usize, usize) {
    let step = n.div_ceil(SAMPLE).max(1);
    let sample: Vec<u32> = (0..node_id(n)).step_by(step).collect();
    let found = |node: &&u32| draft.nearest(**node, WIDTH).iter().any(|found| found.node == **node);
    (sample.len(), sample.par_iter().filter(found).count())
}
