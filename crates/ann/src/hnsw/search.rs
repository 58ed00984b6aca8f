//! Which way to answer a request: through the graph, or by looking at the rows that are allowed.

use embed_core::{AnnIndex, Filter, Neighbor, SearchError, SearchRequest, Stop, kernel};

use super::beam::{Costs, Layer, Scratch, Wanted};
use super::key::{self, Key};
use super::space::{Dot, L2};
use super::{Codes, Hnsw};
use crate::flat::exact;
use crate::implement::walks;
use crate::scan::Stored;
use crate::scoring::{Scoring, bounds, check, prepare};

/// A search of width ef looks at about so many times ef nodes, at twice the price of rows in order.
const NODES_PER_EF: usize = 8;
/// Beyond this width a heap is faster than a sorted pool.
const WIDEST_POOL: usize = 1024;

/// How many of the best by codes are scored by their vectors to find the k best.
fn refined(k: usize) -> usize {
    k.saturating_add(k / 2).saturating_add(8)
}

walks!(Hnsw);

impl Hnsw {
    fn search_with(
        &self,
        scratch: &mut Scratch,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        out.clear();
        check(request, query, self.dim)?;
        let effort = self.efforts.resolve(request)?.unwrap_or(self.ef_search).max(1);
        let ef = if let Stop::K(k) = request.stop { effort.max(k) } else { effort };
        let (k, least) = bounds(self.metric, request);
        if k == 0 || self.is_empty() {
            return Ok(());
        }
        let query = prepare(self.metric, query);
        let stored = self.stored();
        let table = stored.table;
        let through_graph = !self.scan_is_cheaper(ef, request.filter)
            && match (stored.scoring, &self.codes) {
                (_, Some(codes)) if matches!(request.stop, Stop::K(_)) => {
                    self.walk_coded(scratch, codes, &query, request, (ef, k), out)
                }
                (Scoring::L2, _) => {
                    self.walk(scratch, &L2 { query: &query, table }, request, ef, (k, least), out)
                }
                (Scoring::Dot, _) => {
                    self.walk(scratch, &Dot { query: &query, table }, request, ef, (k, least), out)
                }
            };
        if !through_graph {
            exact(&stored, self.metric, &query, request, out);
        }
        Ok(())
    }

    /// Whether looking at every allowed row costs less than a walk that has to find `ef` of them. With a share
    /// s of rows allowed, the scan looks at s · n rows and the walk at about 8 · ef / s.
    fn scan_is_cheaper(&self, ef: usize, filter: Filter<'_>) -> bool {
        let n = self.len();
        let allowed = filter.at_most(n);
        let walk = ef.saturating_mul(NODES_PER_EF);
        (allowed as u128) * (allowed as u128) <= (walk as u128) * (n as u128)
    }

    /// Appends the answer found in the graph; false when the walk took too long to be worth it, as under a
    /// predicate that holds for few rows, or within a radius that holds many.
    fn walk(
        &self,
        scratch: &mut Scratch,
        of: &impl Costs,
        request: &SearchRequest<'_>,
        ef: usize,
        (k, least): (usize, f32),
        out: &mut Vec<Neighbor>,
    ) -> bool {
        let found = self.find(scratch, (request, ef, least), of);
        if found {
            answer(&self.stored(), &scratch.pool, (k, least), request.filter, out);
        }
        found
    }

    /// Fills the pool, nearest first; false as in `walk`.
    fn find(
        &self,
        scratch: &mut Scratch,
        (request, ef, least): (&SearchRequest<'_>, usize, f32),
        of: &impl Costs,
    ) -> bool {
        let above = self.upper.iter().rev();
        let entry = above.fold(0, |entry, layer| scratch.descend(self.layer(layer), entry, of));
        let ground = self.ground();
        let plain = matches!((request.stop, request.filter), (Stop::K(_), Filter::All));
        if plain && ef <= WIDEST_POOL {
            scratch.search(ground, entry, ef, of);
            return true;
        }
        self.walk_filtered(scratch, ground, entry, (request, ef, least), of)
    }

    /// Appends the k best of what a walk over the codes finds, by their exact scores; false as in `walk`.
    fn walk_coded(
        &self,
        scratch: &mut Scratch,
        codes: &Codes,
        query: &[f32],
        request: &SearchRequest<'_>,
        (ef, k): (usize, usize),
        out: &mut Vec<Neighbor>,
    ) -> bool {
        let mut bytes = std::mem::take(&mut scratch.bytes);
        let found = self.find(scratch, (request, ef, f32::NEG_INFINITY), &codes.query(query, &mut bytes));
        scratch.bytes = bytes;
        if found {
            scratch.pool.truncate(refined(k).max(ef / 2));
            let stored = self.stored();
            scratch.rescore(|nodes, costs| {
                nodes.iter().for_each(|&node| kernel::prefetch_row(stored.table, self.dim, node));
                stored.scoring.gather(query, stored.table, nodes, costs);
                costs.iter_mut().for_each(|cost| *cost = -*cost);
            });
            answer(&stored, &scratch.pool, (k, f32::NEG_INFINITY), request.filter, out);
        }
        found
    }

    fn walk_filtered(
        &self,
        scratch: &mut Scratch,
        ground: Layer<'_>,
        entry: u32,
        (request, ef, least): (&SearchRequest<'_>, usize, f32),
        of: &impl Costs,
    ) -> bool {
        let within = if let Stop::Radius(_) = request.stop { -least } else { f32::NEG_INFINITY };
        let budget = self.ground().len / 4;
        let stored = self.stored();
        let allowed = |node| stored.ids(node).any(|id| request.filter.allows(id));
        let found = scratch.search_filtered(ground, entry, Wanted { ef, within, budget }, of, allowed);
        scratch.pool.sort_unstable();
        found
    }
}

/// The k best rows of the nodes in a sorted pool; ties by id.
fn answer(
    stored: &Stored<'_>,
    pool: &[Key],
    (k, least): (usize, f32),
    filter: Filter<'_>,
    out: &mut Vec<Neighbor>,
) {
    let most = k.min(stored.len());
    out.reserve(most.min(pool.len()));
    for &key in pool {
        let score = -key::cost(key);
        let tied = out.last().is_some_and(|last| last.score == score);
        if out.len() >= most && !tied || score.is_nan() || score < least {
            break;
        }
        let allowed = stored.ids(key::node(key)).filter(|&id| filter.allows(id));
        out.extend(allowed.map(|id| Neighbor::new(id, score)));
    }
    out.sort_unstable_by(Neighbor::nearest_first);
    out.truncate(most);
}
