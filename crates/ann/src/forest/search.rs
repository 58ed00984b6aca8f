//! One queue over all trees: the part that the query is the least beyond the planes of comes first.

use std::collections::BinaryHeap;

use embed_core::{AnnIndex, Filter, Neighbor, SearchError, SearchRequest, Stop, kernel};

use super::{LEAF, RpForest};
use crate::flat::exact;
use crate::hnsw::{Costs, Key, key};
use crate::implement::walks;
use crate::scan::Collector;
use crate::scoring::{bounds, prepare};

pub(crate) type ScratchPool = crate::hnsw::ScratchPool<Scratch>;

/// What a search needs beside the forest.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// One bit a position; all clear but those of `touched`.
    visited: Vec<u64>,
    touched: Vec<u32>,
    /// Parts to look into: how far the query is within their planes, and which.
    queue: BinaryHeap<u64>,
    /// The different positions met that the filter allows.
    candidates: Vec<u32>,
    costs: Vec<f32>,
    keys: Vec<Key>,
    bytes: Vec<u8>,
    plane_bytes: Vec<u8>,
}

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
        request.check(query, self.dim)?;
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
        let n = self.len();
        let Scratch { visited, touched, queue, candidates, plane_bytes, .. } = scratch;
        touched.drain(..).for_each(|position| visited[position as usize / 64] = 0);
        visited.resize(visited.len().max(n.div_ceil(64)), 0);
        candidates.clear();
        queue.clear();
        queue.extend(self.roots.iter().map(|&root| part(f32::INFINITY, root)));
        let planes = self.planes.normals.query(query, plane_bytes);
        let stored = self.stored();
        while let Some(best) = queue.pop() {
            let within = key::cost(best);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
            let node = best as u32;
            if node & LEAF == 0 {
                let Some(&offset) = self.planes.offsets.get(node as usize) else { continue };
                let margin = -planes.cost(node) - offset;
                let children = [2 * node as usize, 2 * node as usize + 1].map(|i| self.planes.children[i]);
                for (child, margin) in children.into_iter().zip([-margin, margin]) {
                    // In a sound file all are; in any other the walk ends nevertheless.
                    if child & LEAF != 0 || child > node {
                        queue.push(part(within.min(margin), child));
                    }
                }
                continue;
            }
            for &position in self.members_of(node & !LEAF) {
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
            if candidates.len() >= search_k {
                break;
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

/// A part in the queue: its cost half is how far within its planes the query is.
fn part(within: f32, node: u32) -> u64 {
    key::new(within, 0) | u64::from(node)
}
