//! One answer from the index without what is banned, and from the vectors beside it.

use embed_core::{
    AnnIndex, Filter, ItemId, KeyTable, Metric, Neighbor, Parallelism, SearchError, SearchRequest, Space,
};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::banned::merge;
use super::states::State;
use super::{Changed, KeyedNeighbor, NoKeys};
use crate::scan::Collector;
use crate::scoring::{Scoring, bounds, check, prepare};

/// Longer lists of a request are asked one id at a time, and not merged.
const MERGED: usize = 1 << 14;

impl AnnIndex for Changed {
    fn dim(&self) -> usize {
        self.base.dim()
    }

    /// The rows that are there; ids may be larger.
    fn len(&self) -> usize {
        self.base.len() - self.banned.len() + self.pending.len()
    }

    fn id_bound(&self) -> usize {
        self.given as usize
    }

    fn metric(&self) -> Metric {
        self.base.metric()
    }

    fn space(&self) -> Space {
        self.base.space()
    }

    fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
        Ok(self.key_table()?.cloned())
    }

    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        let dim = self.dim();
        if out.len() != dim {
            return Err(SearchError::Dimension { expected: dim, got: out.len() });
        }
        match self.states.get(id) {
            State::Unchanged if self.base.names().has(id, self.base.len()) => self.base.vector_into(id, out),
            State::Unchanged | State::Removed => Err(SearchError::UnknownId { id, len: self.len() }),
            State::Beside(slot) => {
                out.copy_from_slice(self.pending.row(slot));
                Ok(())
            }
        }
    }

    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        out.clear();
        check(request, query, self.dim())?;
        let filter = self.without_banned(request.filter);
        self.base.search_into(query, &request.filter(filter.filter()), out)?;
        self.add_pending(query, request, out);
        Ok(())
    }

    fn search_batch(
        &self,
        queries: ArrayView2<'_, f32>,
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
        let filters: Vec<Remaining<'_>> =
            requests.iter().map(|request| self.without_banned(request.filter)).collect();
        let remaining: Vec<SearchRequest<'_>> =
            requests.iter().zip(&filters).map(|(request, filter)| request.filter(filter.filter())).collect();
        let mut answers = self.base.search_batch(queries, &remaining, parallelism)?;
        if !self.pending.is_empty() {
            parallelism.install(|| {
                answers.par_iter_mut().enumerate().for_each(|(q, out)| {
                    let request = &requests[q.min(requests.len() - 1)];
                    self.add_pending(&queries.row(q).to_vec(), request, out);
                });
            })?;
        }
        Ok(answers)
    }
}

/// A filter by which no banned row is an answer.
enum Remaining<'f> {
    Borrowed(Filter<'f>),
    Deny(Vec<ItemId>),
    Allow(Vec<ItemId>),
    Where(Box<dyn Fn(ItemId) -> bool + Sync + 'f>),
}

impl Remaining<'_> {
    fn filter(&self) -> Filter<'_> {
        match self {
            Self::Borrowed(filter) => *filter,
            Self::Deny(ids) => Filter::Deny(ids),
            Self::Allow(ids) => Filter::Allow(ids),
            Self::Where(holds) => Filter::Where(&**holds),
        }
    }
}

impl Changed {
    fn without_banned<'f>(&'f self, filter: Filter<'f>) -> Remaining<'f> {
        if self.banned.len() == 0 {
            return Remaining::Borrowed(filter);
        }
        let unchanged = |id| self.states.get(id) == State::Unchanged;
        match filter {
            // The search refuses it and names what is wrong.
            Filter::Deny(ids) | Filter::Allow(ids) if !ids.is_sorted_by(|a, b| a < b) => {
                Remaining::Borrowed(filter)
            }
            Filter::All => Remaining::Borrowed(Filter::Deny(self.banned.list())),
            Filter::Deny(ids) if ids.len() + self.banned.len() <= MERGED => {
                Remaining::Deny(merge(ids, self.banned.list()))
            }
            Filter::Allow(ids) => Remaining::Allow(ids.iter().copied().filter(|&id| unchanged(id)).collect()),
            _ => Remaining::Where(Box::new(move |id| unchanged(id) && filter.allows(id))),
        }
    }

    /// Puts the rows beside the index among the answers of the index.
    fn add_pending(&self, query: &[f32], request: &SearchRequest<'_>, out: &mut Vec<Neighbor>) {
        let (k, least) = bounds(self.metric(), request);
        if self.pending.is_empty() || k == 0 {
            return;
        }
        let mut best = Collector::new(k.min(out.len() + self.pending.len()), least);
        best.absorb(out);
        let query = prepare(self.metric(), query);
        self.pending.scan(Scoring::of(self.metric()), &query, request.filter, &mut best);
        out.clear();
        best.drain_into(out);
    }

    /// The k nearest rows with their keys, nearest first.
    ///
    /// # Errors
    /// As [`AnnIndex::search_into`], and [`SearchError::Implementation`] with [`NoKeys`] where the index has no keys.
    pub fn nearest(&self, query: &[f32], k: usize) -> Result<Vec<KeyedNeighbor>, SearchError> {
        self.nearest_by(query, &SearchRequest::k(k))
    }

    /// [`Changed::nearest`] for any request.
    ///
    /// # Errors
    /// As [`Changed::nearest`].
    pub fn nearest_by(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
    ) -> Result<Vec<KeyedNeighbor>, SearchError> {
        let missing = |id| SearchError::Implementation { source: Box::new(NoKeys { id }) };
        let keys = self.key_table()?.ok_or_else(|| missing(None))?;
        let keyed = |n: Neighbor| {
            let key = keys.key(n.id).ok_or_else(|| missing(Some(n.id)))?.to_owned();
            Ok(KeyedNeighbor { id: n.id, key, score: n.score })
        };
        self.search(query, request)?.into_iter().map(keyed).collect()
    }
}
