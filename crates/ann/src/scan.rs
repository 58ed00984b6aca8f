//! The exact answer by looking at every row that the filter allows.

use embed_core::{Filter, ItemId, Neighbor, TopK};

use crate::scoring::Scoring;

/// Rows scored in one go: their scores stay in the first-level cache.
const BLOCK: usize = 256;

/// Keeps the best of what it is offered, from a least score on.
pub(crate) struct Collector {
    top: TopK,
    least: f32,
}

impl Collector {
    pub(crate) fn new(k: usize, least: f32) -> Self {
        Self { top: TopK::new(k), least }
    }

    /// A row below this score cannot enter.
    #[inline]
    pub(crate) fn threshold(&self) -> f32 {
        self.least.max(self.top.least_score())
    }

    /// Offers a row. A score that is no number (an overflow of both signs) never enters.
    #[inline]
    pub(crate) fn offer(&mut self, id: ItemId, score: f32) {
        if score >= self.threshold() {
            self.top.push(id, score);
        }
    }

    pub(crate) fn absorb(&mut self, other: &[Neighbor]) {
        other.iter().for_each(|n| self.offer(n.id, n.score));
    }

    pub(crate) fn drain_into(&mut self, out: &mut Vec<Neighbor>) {
        self.top.drain_into(out);
    }
}

/// Rows and the ids that they stand for.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) scoring: Scoring,
    pub(crate) dim: usize,
    /// `n · dim` values.
    pub(crate) table: &'a [f32],
    /// The order in which the rows are stored, where that is not the order of their ids.
    pub(crate) order: Option<Order<'a>>,
}

/// Position ↔ ids, where equal rows are stored once. Values of an unverified file may be out of range.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    /// The ids, those of a position together.
    pub(crate) ids: &'a [ItemId],
    /// Where those of a position start in `ids`, and the end; empty where each position has one.
    pub(crate) starts: &'a [u32],
    /// Most ids of a position.
    pub(crate) most: usize,
    /// The position of each id.
    pub(crate) positions: &'a [u32],
}

impl<'a> Order<'a> {
    #[inline]
    fn of(&self, position: usize) -> &'a [ItemId] {
        let (start, end) = match self.starts.get(position..) {
            Some(&[start, end, ..]) => (start as usize, end as usize),
            _ => (position, position + 1),
        };
        self.ids.get(start..end.min(start + self.most)).unwrap_or_default()
    }
}

impl<'a> Stored<'a> {
    /// Number of stored rows.
    pub(crate) fn rows(&self) -> usize {
        self.table.len() / self.dim
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.order.map_or(self.rows(), |order| order.positions.len())
    }

    /// The ids of a stored row.
    #[inline]
    pub(crate) fn ids(&self, position: u32) -> impl Iterator<Item = ItemId> + use<'a> {
        let (one, several): (Option<ItemId>, &[ItemId]) = match self.order {
            None => (Some(position), &[]),
            Some(order) => (None, order.of(position as usize)),
        };
        let len = self.len();
        one.into_iter().chain(several.iter().copied().filter(move |&id| (id as usize) < len))
    }

    /// Where the row of an id is stored.
    pub(crate) fn position(&self, id: ItemId) -> Option<u32> {
        match self.order {
            None => Some(id),
            Some(order) => order.positions.get(id as usize).copied(),
        }
        .filter(|&position| (position as usize) < self.rows())
    }

    /// Offers every allowed row of the positions `from..to` to `best`; `query` is prepared.
    pub(crate) fn scan(
        &self,
        query: &[f32],
        filter: Filter<'_>,
        (from, to): (u32, u32),
        best: &mut Collector,
    ) {
        match filter {
            // Few rows are banned, so they are scored like the others and looked up only when they would enter.
            Filter::All | Filter::Deny(_) => self.scan_all(query, filter, (from, to), best),
            Filter::Allow(ids) => {
                let inside = |id| self.position(id).filter(|p| (from..to).contains(p)).map(|p| (p, id));
                self.scan_some(query, ids.iter().filter_map(|&id| inside(id)), best);
            }
            // Others are asked for every row.
            _ => {
                let allowed = |p| self.ids(p).filter(|&id| filter.allows(id)).map(move |id| (p, id));
                self.scan_some(query, (from..to).flat_map(allowed), best);
            }
        }
    }

    fn scan_all(&self, query: &[f32], filter: Filter<'_>, (from, to): (u32, u32), best: &mut Collector) {
        let mut scores = [0.0; BLOCK];
        let mut position = from;
        for rows in self.table[from as usize * self.dim..to as usize * self.dim].chunks(BLOCK * self.dim) {
            let scores = &mut scores[..rows.len() / self.dim];
            self.scoring.rows(query, rows, scores);
            for &score in &*scores {
                if score >= best.threshold() {
                    let allowed = self.ids(position).filter(|&id| filter.allows(id));
                    allowed.for_each(|id| best.offer(id, score));
                }
                position += 1;
            }
        }
    }

    fn scan_some(&self, query: &[f32], mut rows: impl Iterator<Item = (u32, ItemId)>, best: &mut Collector) {
        let (mut positions, mut ids, mut scores) = ([0; BLOCK], [0; BLOCK], [0.0; BLOCK]);
        loop {
            let mut n = 0;
            for (position, id) in rows.by_ref().take(BLOCK) {
                (positions[n], ids[n]) = (position, id);
                n += 1;
            }
            if n == 0 {
                return;
            }
            self.scoring.gather(query, self.table, &positions[..n], &mut scores[..n]);
            ids[..n].iter().zip(&scores[..n]).for_each(|(&id, &score)| best.offer(id, score));
        }
    }
}
