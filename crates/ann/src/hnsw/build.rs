//! Builds the graph by prefix doubling (ParlayANN, Manohar et al. 2024): batches of nodes search the graph as
//! it was before the batch, in parallel, and their links are merged in a fixed order. The number of threads
//! changes nothing.

use std::cmp::Reverse;

use embed_core::{Progress, Run, SeededRng};
use rayon::prelude::*;

use super::beam::{Layer, NONE, Scratch};
use super::key;
use super::scratch::ScratchPool;
use super::select::{Candidate, select};
use super::space::Space;
use crate::{BuildError, HnswParams};

/// Most layers. With m = 2 the 33rd would be expected at 2³² nodes.
pub(crate) const MAX_LAYERS: usize = 32;
/// A batch is at most one in so many of all nodes: its nodes do not see each other.
const BATCHES: usize = 50;
/// Smaller batches are not worth starting threads for.
const PARALLEL_FROM: usize = 32;
/// Nodes whose levels come from one random stream.
const STREAM_BLOCK: usize = 4096;

/// The order in which rows become nodes, highest level first and otherwise random, and how many nodes each
/// layer has, the ground first. So the nodes of a layer are the first ones, and node 0 is in all.
pub(super) fn arrange(n: usize, m: usize, seed: u64) -> (Vec<u32>, Vec<usize>) {
    #[expect(clippy::cast_precision_loss, reason = "at most 256")]
    let scale = 1.0 / (m as f64).ln();
    let mut levels = Vec::with_capacity(n);
    for block in 0..n.div_ceil(STREAM_BLOCK) {
        let mut rng = SeededRng::stream(seed, "hnsw levels", block as u64);
        for _ in 0..STREAM_BLOCK.min(n - levels.len()) {
            let level = -(1.0 - rng.unit_f64()).ln() * scale;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 0..32")]
            levels.push(level.clamp(0.0, (MAX_LAYERS - 1) as f64) as u8);
        }
    }
    let mut order: Vec<u32> = (0..u32::MAX).take(n).collect();
    SeededRng::stream(seed, "hnsw order", 0).shuffle(&mut order);
    order.sort_by_key(|&row| Reverse(levels[row as usize]));
    let top = order.first().map_or(0, |&row| usize::from(levels[row as usize]));
    let sizes = (0..=top).map(|l| levels.iter().filter(|&&level| usize::from(level) >= l).count()).collect();
    (order, sizes)
}

/// A graph that grows.
pub(super) struct Draft<'a> {
    space: Space<'a>,
    ef: usize,
    m: usize,
    /// The ground first.
    pub(super) layers: Vec<DraftLayer>,
    pub(super) scratch: ScratchPool,
}

/// The links of one layer with their lengths.
pub(super) struct DraftLayer {
    len: usize,
    width: usize,
    /// `len · width` nodes, each list ended by [`NONE`] or full.
    pub(super) nodes: Vec<u32>,
    distances: Vec<f32>,
    counts: Vec<u16>,
}

/// A link that a new node asks another for.
#[derive(Clone, Copy)]
struct Request {
    target: u32,
    source: Candidate,
}

impl DraftLayer {
    fn new(len: usize, width: usize) -> Self {
        let slots = len * width;
        Self { len, width, nodes: vec![NONE; slots], distances: vec![0.0; slots], counts: vec![0; len] }
    }

    pub(super) fn frozen(&self) -> Layer<'_> {
        Layer { links: &self.nodes, width: self.width, len: self.len }
    }

    pub(super) fn links(&self, node: u32) -> impl Iterator<Item = Candidate> + '_ {
        let start = node as usize * self.width;
        let range = start..start + usize::from(self.counts[node as usize]);
        let pairs = self.nodes[range.clone()].iter().zip(&self.distances[range]);
        pairs.map(|(&node, &distance)| Candidate { node, distance })
    }

    pub(super) fn has_room(&self, node: u32) -> bool {
        usize::from(self.counts[node as usize]) < self.width
    }

    /// Replaces a node's links by at most `width` others.
    pub(super) fn set(&mut self, node: u32, links: &[Candidate]) {
        let start = node as usize * self.width;
        for i in 0..self.width {
            let link = links.get(i);
            self.nodes[start + i] = link.map_or(NONE, |link| link.node);
            self.distances[start + i] = link.map_or(0.0, |link| link.distance);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the width is at most 512")]
        let count = links.len().min(self.width) as u16;
        self.counts[node as usize] = count;
    }

    /// A node's links when those that ask for one have been considered; at first as long as there is room,
    /// then the diverse ones.
    fn merged(&self, space: Space<'_>, requests: &[Request]) -> Vec<Candidate> {
        let Some(target) = requests.first().map(|request| request.target) else { return Vec::new() };
        let mut links: Vec<Candidate> = self.links(target).collect();
        links.extend(requests.iter().map(|request| request.source));
        if links.len() <= self.width {
            return links;
        }
        links.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.node.cmp(&b.node)));
        select(space, &links, self.width)
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(space: Space<'a>, sizes: &[usize], params: &HnswParams) -> Self {
        let width = |l| if l == 0 { 2 * params.m } else { params.m };
        Self {
            space,
            ef: params.ef_construction.max(params.m),
            m: params.m,
            layers: sizes.iter().enumerate().map(|(l, &len)| DraftLayer::new(len, width(l))).collect(),
            scratch: ScratchPool::default(),
        }
    }

    /// Inserts all nodes.
    pub(super) fn fill(&mut self, run: &mut Run<'_>) -> Result<(), BuildError> {
        let n = self.layers.first().map_or(0, |ground| ground.len);
        let mut done = 1.min(n);
        while done < n {
            if !run.report(&Progress::new("graph", done as u64, n as u64).unit("vectors")).goes_on() {
                return Err(BuildError::Cancelled { done, total: n });
            }
            let end = n.min(done + done.min(n.div_ceil(BATCHES)));
            if end - done < PARALLEL_FROM {
                let found = (node_id(done)..node_id(end)).map(|node| self.find(node)).collect();
                self.link(done, found);
            } else {
                run.parallelism.install(|| {
                    let nodes = (node_id(done)..node_id(end)).into_par_iter();
                    let found = nodes.map(|node| self.find(node)).collect();
                    self.link(done, found);
                })?;
            }
            done = end;
        }
        Ok(())
    }

    /// The links of a new node in each of its layers, the ground first.
    fn find(&self, node: u32) -> Vec<Vec<Candidate>> {
        let of = self.space.from(node);
        let layers = self.layers.iter().take_while(|layer| (node as usize) < layer.len).count();
        let mut found = vec![Vec::new(); layers];
        self.scratch.with(|scratch| {
            let above = self.layers[layers..].iter().rev();
            let mut entry = above.fold(0, |entry, layer| scratch.descend(layer.frozen(), entry, &of));
            for (layer, found) in self.layers.iter().zip(&mut found).rev() {
                scratch.search(layer.frozen(), entry, self.ef, &of);
                entry = scratch.pool.first().map_or(entry, |&nearest| key::node(nearest));
                *found = select(self.space, &candidates(scratch), self.m);
            }
        });
        found
    }

    /// The reached nodes of the ground layer that are nearest to a node.
    pub(super) fn nearest(&self, node: u32) -> Vec<Candidate> {
        let of = self.space.from(node);
        let Some((ground, above)) = self.layers.split_first() else { return Vec::new() };
        self.scratch.with(|scratch| {
            let above = above.iter().rev();
            let entry = above.fold(0, |entry, layer| scratch.descend(layer.frozen(), entry, &of));
            scratch.search(ground.frozen(), entry, self.ef, &of);
            candidates(scratch)
        })
    }

    /// Gives new nodes their links, and asks the other ends for theirs.
    fn link(&mut self, first: usize, found: Vec<Vec<Vec<Candidate>>>) {
        for (l, layer) in self.layers.iter_mut().enumerate() {
            let mut requests = Vec::new();
            for (node, links) in (node_id(first)..).zip(&found) {
                let Some(links) = links.get(l) else { break };
                layer.set(node, links);
                requests.extend(links.iter().map(|link| Request {
                    target: link.node,
                    source: Candidate { node, distance: link.distance },
                }));
            }
            // No two are equal, so the order does not depend on how the sort runs.
            requests.par_sort_unstable_by(|a, b| {
                (a.target.cmp(&b.target))
                    .then(a.source.distance.total_cmp(&b.source.distance))
                    .then(a.source.node.cmp(&b.source.node))
            });
            let groups: Vec<&[Request]> = requests.chunk_by(|a, b| a.target == b.target).collect();
            let space = self.space;
            let merged: Vec<Vec<Candidate>> =
                groups.par_iter().map(|group| layer.merged(space, group)).collect();
            for (group, links) in groups.iter().zip(&merged) {
                layer.set(group[0].target, links);
            }
        }
    }
}

fn candidates(scratch: &Scratch) -> Vec<Candidate> {
    let candidate = |&key: &key::Key| Candidate { node: key::node(key), distance: key::cost(key) };
    scratch.pool.iter().map(candidate).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a graph has fewer than 2³¹ nodes")]
pub(super) fn node_id(node: usize) -> u32 {
    node as u32
}
