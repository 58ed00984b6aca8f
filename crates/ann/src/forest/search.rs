//! One queue over all trees: the part whose planes say the least against it comes first.

use std::collections::BinaryHeap;

use embed_core::{AnnIndex, Filter, Neighbor, SearchError, SearchRequest, Stop, kernel};

use super::{LEAF, RpForest};
use crate::flat::exact;
use crate::hnsw::{Coded, Costs, Key, key};
use crate::implement::walks;
use crate::scan::Collector;
use crate::scoring::{bounds, check, prepare};

pub(crate) type ScratchPool = crate::hnsw::ScratchPool<Scratch>;

/// What a search needs beside the forest.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// One bit a position; all clear but those of `touched`.
    visited: Vec<u64>,
    touched: Vec<u32>,
    /// Parts to look into: minus what is against them, and which.
    queue: BinaryHeap<u64>,
    wave: Wave,
    /// The different positions met that the filter allows.
    candidates: Vec<u32>,
    costs: Vec<f32>,
    keys: Vec<Key>,
    bytes: Vec<u8>,
    plane_bytes: Vec<u8>,
}

/// The parts that are looked into in one go, so that their memory is waited for together.
#[derive(Debug, Default)]
struct Wave {
    /// As in the queue, of those that are split; their planes; what the offsets exceed the products with the query by.
    parts: Vec<u64>,
    planes: Vec<u32>,
    shortfalls: Vec<f32>,
    leaves: Vec<u32>,
}

/// Most parts of a wave.
const WAVE: usize = 16;
/// Candidates scored in one go.
const BLOCK: usize = 32;

walks!(RpForest);

impl RpForest {
    fn search_with(
        &self,
        scratch: &mut Scratch,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        out.clear();
        check(request, query, self.dim)?;
        let effort = self.efforts.resolve(request)?.unwrap_or(self.search_k).max(1);
        let search_k = if let Stop::K(k) = request.stop { effort.max(k) } else { effort };
        let (k, least) = bounds(self.metric, request);
        if k == 0 || self.is_empty() {
            return Ok(());
        }
        let query = prepare(self.metric, query);
        let stored = self.stored();
        let allowed = request.filter.at_most(self.len());
        // With a share s of rows allowed, a search meets search_k / s rows.
        if (allowed as u128) * (allowed as u128) <= (search_k as u128) * (self.len() as u128) {
            exact(&stored, self.metric, &query, request, out);
            return Ok(());
        }
        self.collect(scratch, &query, request.filter, search_k);
        if let Stop::K(k) = request.stop {
            self.keep_best(scratch, &query, k.saturating_add(k / 2).saturating_add(8));
        }
        let Scratch { candidates, costs, .. } = scratch;
        candidates.iter().for_each(|&position| kernel::prefetch_row(stored.table, self.dim, position));
        costs.resize(candidates.len(), 0.0);
        stored.scoring.gather(&query, stored.table, candidates, costs);
        let mut best = Collector::new(k.min(candidates.len()), least);
        for (&position, &score) in candidates.iter().zip(&*costs) {
            stored.ids(position).for_each(|id| best.offer(id, score));
        }
        best.drain_into(out);
        Ok(())
    }

    /// Fills `candidates` with about `search_k` allowed positions of the likeliest leaves.
    fn collect(&self, scratch: &mut Scratch, query: &[f32], filter: Filter<'_>, search_k: usize) {
        let Scratch { visited, touched, queue, wave, candidates, plane_bytes, .. } = scratch;
        touched.drain(..).for_each(|position| visited[position as usize / 64] = 0);
        visited.resize(visited.len().max(self.len().div_ceil(64)), 0);
        candidates.clear();
        queue.clear();
        queue.extend(self.roots.iter().map(|&root| part(0.0, root)));
        let planes = self.planes.normals.shortfalls(query, plane_bytes);
        while !queue.is_empty() && candidates.len() < search_k {
            self.pop(queue, wave, &planes);
            wave.shortfalls.resize(wave.planes.len(), 0.0);
            planes.costs(&wave.planes, &mut wave.shortfalls);
            for &leaf in &wave.leaves {
                let members = self.members_of(leaf);
                kernel::prefetch_row(members, members.len(), 0);
            }
            for (&parent, &shortfall) in wave.parts.iter().zip(&wave.shortfalls) {
                let plane = node(parent);
                let children = [2 * plane as usize, 2 * plane as usize + 1].map(|i| self.planes.children[i]);
                for (child, inside) in children.into_iter().zip([shortfall, -shortfall]) {
                    // In a sound file all are; in any other the walk ends nevertheless.
                    if child & LEAF != 0 || child > plane {
                        let beyond = (self.spread - inside).max(0.0);
                        queue.push(part(key::cost(parent) - beyond * beyond, child));
                    }
                }
            }
            for &leaf in &wave.leaves {
                if candidates.len() < search_k {
                    self.meet(leaf, filter, visited, touched, candidates);
                }
            }
        }
    }

    /// Takes the first parts of the queue, and asks for what is to be known of them.
    fn pop(&self, queue: &mut BinaryHeap<u64>, wave: &mut Wave, planes: &Coded<'_>) {
        wave.parts.clear();
        wave.planes.clear();
        wave.leaves.clear();
        for _ in 0..WAVE {
            let Some(first) = queue.pop() else { break };
            if node(first) & LEAF != 0 {
                let leaf = node(first) & !LEAF;
                kernel::prefetch_row(&self.leaves, 1, leaf);
                wave.leaves.push(leaf);
            } else if (node(first) as usize) < self.planes.len() {
                planes.prefetch(node(first));
                kernel::prefetch_row(&self.planes.children, 2, node(first));
                wave.parts.push(first);
                wave.planes.push(node(first));
            }
        }
    }

    /// Adds those members of a leaf to `candidates` that have not been met and are allowed.
    fn meet(
        &self,
        leaf: u32,
        filter: Filter<'_>,
        visited: &mut [u64],
        touched: &mut Vec<u32>,
        candidates: &mut Vec<u32>,
    ) {
        let (n, stored) = (self.len(), self.stored());
        for &position in self.members_of(leaf) {
            let Some(word) = visited.get_mut(position as usize / 64) else { continue };
            let bit = 1 << (position % 64);
            if *word & bit != 0 || position as usize >= n {
                continue;
            }
            *word |= bit;
            touched.push(position);
            if matches!(filter, Filter::All) || stored.ids(position).any(|id| filter.allows(id)) {
                candidates.push(position);
            }
        }
    }

    fn members_of(&self, leaf: u32) -> &[u32] {
        match self.leaves.get(leaf as usize..) {
            Some(&[start, end, ..]) => self.members.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Leaves the `most` nearest candidates by their codes.
    fn keep_best(&self, scratch: &mut Scratch, query: &[f32], most: usize) {
        let Scratch { candidates, keys, bytes, .. } = scratch;
        if candidates.len() <= most {
            return;
        }
        let of = self.codes.query(query, bytes);
        let mut costs = [0.0; BLOCK];
        keys.clear();
        let blocks = candidates.chunks(BLOCK);
        let ahead = blocks.clone().skip(1).chain(std::iter::once(&[][..]));
        for (block, next) in blocks.zip(ahead) {
            next.iter().for_each(|&position| of.prefetch(position));
            let costs = &mut costs[..block.len()];
            of.costs(block, costs);
            keys.extend(block.iter().zip(&*costs).map(|(&position, &cost)| key::new(cost, position)));
        }
        keys.select_nth_unstable(most - 1);
        candidates.clear();
        candidates.extend(keys[..most].iter().map(|&key| key::node(key)));
    }
}

/// A part in the queue: its cost half is minus what is against it.
fn part(order: f32, node: u32) -> u64 {
    key::new(order, 0) | u64::from(node)
}

/// The plane, or the leaf with its mark, of a part in the queue.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn node(part: u64) -> u32 {
    part as u32
}
