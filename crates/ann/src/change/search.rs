//! One answer from the index without what is banned, and from the vectors beside it.

use embed_core::{AnnIndex, Filter, ItemId, KeyTable, Metric, Neighbor, SearchError, SearchRequest, Space};

use super::Changed;
use crate::scan::Collector;
use crate::scoring::{Scoring, bounds, check, prepare};

impl AnnIndex for Changed {
    fn dim(&self) -> usize {
        self.base.dim()
    }

    /// The rows that are there; ids may be larger.
    fn len(&self) -> usize {
        self.base.len() - self.dead_ids.len() + self.ids.len()
    }

    fn metric(&self) -> Metric {
        self.base.metric()
    }

    fn space(&self) -> Space {
        self.base.space()
    }

    fn id_bound(&self) -> usize {
        self.given as usize
    }

    fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
        match &self.keys {
            Some(keys) => Ok(Some(keys.clone())),
            None => AnnIndex::keys(&*self.base),
        }
    }

    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        let dim = self.dim();
        if out.len() != dim {
            return Err(SearchError::Dimension { expected: dim, got: out.len() });
        }
        if let Ok(place) = self.ids.binary_search(&id) {
            out.copy_from_slice(&self.rows[place * dim..(place + 1) * dim]);
            return Ok(());
        }
        if !self.in_base(id) || self.is_dead(id) {
            return Err(SearchError::UnknownId { id, len: self.len() });
        }
        self.base.vector_into(id, out)
    }

    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        out.clear();
        check(request, query, self.dim())?;
        self.search_base(query, request, out)?;
        if self.ids.is_empty() {
            return Ok(());
        }
        let (k, least) = bounds(self.metric(), request);
        if k == 0 {
            out.clear();
            return Ok(());
        }
        let mut best = Collector::new(k.min(out.len() + self.ids.len()), least);
        best.absorb(out);
        let query = prepare(self.metric(), query);
        let mut scores = vec![0.0; self.ids.len()];
        Scoring::of(self.metric()).rows(&query, &self.rows, &mut scores);
        let allowed = self.ids.iter().zip(&scores).filter(|(id, _)| request.filter.allows(**id));
        allowed.for_each(|(&id, &score)| best.offer(id, score));
        out.clear();
        best.drain_into(out);
        Ok(())
    }
}

impl Changed {
    fn search_base(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        let merged: Vec<ItemId>;
        let alive;
        let filter = match request.filter {
            filter if self.dead_ids.is_empty() => filter,
            Filter::All => Filter::Deny(&self.dead_ids),
            Filter::Deny(ids) => {
                let mut both: Vec<ItemId> = ids.iter().chain(&self.dead_ids).copied().collect();
                both.sort_unstable();
                both.dedup();
                merged = both;
                Filter::Deny(&merged)
            }
            Filter::Allow(ids) => {
                merged = ids.iter().copied().filter(|&id| !self.is_dead(id)).collect();
                Filter::Allow(&merged)
            }
            other => {
                alive = move |id| !self.is_dead(id) && other.allows(id);
                Filter::Where(&alive)
            }
        };
        self.base.search_into(query, &request.filter(filter), out)
    }
}
