//! Builds the graph by prefix doubling (ParlayANN, Manohar et al. 2024): batches of nodes search the graph as
//! it was before the batch, in parallel, and their links are merged in a fixed order. The number of threads
//! changes nothing.

use std::cmp::Reverse;

use embed_core::{Progress, Run, SeededRng};
use rayon::prelude::*;

use super::Hnsw;
use super::beam::{Costs, Layer, NONE, Scratch};
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
    let levels = levels(n, m, seed);
    let mut order: Vec<u32> = (0..u32::MAX).take(n).collect();
    SeededRng::stream(seed, "hnsw order", 0).shuffle(&mut order);
    order.sort_by_key(|&row| Reverse(levels[row as usize]));
    let sizes = layer_sizes(&levels);
    (order, sizes)
}

/// The highest layer of each of `n` nodes.
pub(super) fn levels(n: usize, m: usize, seed: u64) -> Vec<u8> {
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
    levels
}

/// Nodes of each layer, the ground first.
pub(super) fn layer_sizes(levels: &[u8]) -> Vec<usize> {
    let top = levels.iter().copied().max().unwrap_or(0);
    (0..=top).map(|l| levels.iter().filter(|&&level| level >= l).count()).collect()
}

/// A graph that grows.
pub(super) struct Draft<'a> {
    space: Space<'a>,
    pub(super) ef: usize,
    m: usize,
    /// Where walks start: a node of the highest layer that has any.
    entry: u32,
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

    /// Forgets the distances: no node is linked any more.
    pub(super) fn settle(&mut self) {
        self.distances = Vec::new();
    }

    /// Takes over the links of a finished layer. `new` has the number here of each node there, `old` the reverse,
    /// where there is one.
    fn take_over(&mut self, layer: Layer<'_>, new: &[u32], old: &[u32], space: Space<'_>) {
        let rows = self.nodes.par_chunks_mut(self.width).zip(self.distances.par_chunks_mut(self.width));
        rows.zip(&mut self.counts).zip(old).enumerate().for_each(
            |(node, (((nodes, distances), count), &old))| {
                let mut links = 0;
                for link in layer.of(old) {
                    nodes[links] = new[link as usize];
                    links += 1;
                }
                space.from(node_id(node)).costs(&nodes[..links], &mut distances[..links]);
                #[expect(clippy::cast_possible_truncation, reason = "the width is at most 512")]
                let links = links as u16;
                *count = links;
            },
        );
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
            entry: 0,
            layers: sizes.iter().enumerate().map(|(l, &len)| DraftLayer::new(len, width(l))).collect(),
            scratch: ScratchPool::default(),
        }
    }

    /// Takes over a finished graph. `new` has the number here of each of its nodes, `old` the reverse, with
    /// [`NONE`] for those it does not have.
    pub(super) fn take_over(&mut self, graph: &Hnsw, new: &[u32], old: &[u32]) {
        let theirs =
            std::iter::once(graph.ground()).chain(graph.upper.iter().map(|upper| graph.layer(upper)));
        for (layer, theirs) in self.layers.iter_mut().zip(theirs) {
            layer.take_over(theirs, new, old, self.space);
        }
        self.entry = new.first().copied().unwrap_or(0);
    }

    /// Inserts nodes, in ascending order, into a graph that holds `inside` others.
    pub(super) fn insert(
        &mut self,
        nodes: &[u32],
        inside: usize,
        run: &mut Run<'_>,
    ) -> Result<(), BuildError> {
        let total = inside + nodes.len();
        let mut left = nodes;
        while let Some(&first) = left.first() {
            let done = total - left.len();
            if !run.report(&Progress::new("graph", done as u64, total as u64).unit("vectors")).goes_on() {
                return Err(BuildError::Cancelled { done, total });
            }
            // What rises above the entry becomes the entry, before others look for their way from it.
            let rises = first < self.entry;
            let size = if rises { 1 } else { done.min(total.div_ceil(BATCHES)).min(left.len()) };
            let batch;
            (batch, left) = left.split_at(size);
            if size < PARALLEL_FROM {
                let found = batch.iter().map(|&node| self.find(node)).collect();
                self.link(batch, found);
            } else {
                run.parallelism.install(|| {
                    let found = batch.par_iter().map(|&node| self.find(node)).collect();
                    self.link(batch, found);
                })?;
            }
            self.entry = self.entry.min(first);
        }
        Ok(())
    }

    /// The layers of a node, and those that a walk from the entry passes through before, top first.
    fn way(&self, node: u32) -> (&[DraftLayer], impl Iterator<Item = &DraftLayer>) {
        let layers_of =
            |node: u32| self.layers.iter().take_while(|layer| (node as usize) < layer.len).count();
        let (own, above) = self.layers[..layers_of(self.entry)].split_at(layers_of(node.max(self.entry)));
        (own, above.iter().rev())
    }

    /// The links of a new node in each of its layers, the ground first.
    fn find(&self, node: u32) -> Vec<Vec<Candidate>> {
        let of = self.space.from(node);
        let (own, above) = self.way(node);
        let mut found = vec![Vec::new(); own.len()];
        self.scratch.with(|scratch| {
            let mut entry =
                above.fold(self.entry, |entry, layer| scratch.descend(layer.frozen(), entry, &of));
            for (layer, found) in own.iter().zip(&mut found).rev() {
                scratch.search(layer.frozen(), entry, self.ef, &of);
                entry = scratch.pool.first().map_or(entry, |&nearest| key::node(nearest));
                *found = select(self.space, &candidates(scratch), self.m);
            }
        });
        found
    }

    /// The reached nodes of the ground layer that are nearest to a node, at most `ef`.
    pub(super) fn nearest(&self, node: u32, ef: usize) -> Vec<Candidate> {
        let of = self.space.from(node);
        let Some((ground, above)) = self.layers.split_first() else { return Vec::new() };
        self.scratch.with(|scratch| {
            let above = above.iter().rev();
            let entry = above.fold(self.entry, |entry, layer| scratch.descend(layer.frozen(), entry, &of));
            scratch.search(ground.frozen(), entry, ef, &of);
            candidates(scratch)
        })
    }

    /// Gives new nodes their links, and asks the other ends for theirs.
    fn link(&mut self, nodes: &[u32], found: Vec<Vec<Vec<Candidate>>>) {
        for (l, layer) in self.layers.iter_mut().enumerate() {
            let mut requests = Vec::new();
            for (&node, links) in nodes.iter().zip(&found) {
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
