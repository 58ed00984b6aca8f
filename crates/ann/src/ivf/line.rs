use embed_core::{Filter, SearchRequest};

use super::Ivf;
use super::coarse::Probe;
use super::payload::Payload;
use super::reservoir::Reservoir;
use crate::pq::{FastTable, Tables};
use crate::scoring::{Scoring, bounds, square};
use crate::sq::Sq8Query;

/// A query on its way through the lists.
pub(super) struct Line<'a> {
    /// Prepared: at length 1 under cosine.
    pub(super) query: &'a [f32],
    /// The same, rotated where vectors are.
    pub(super) rotated: &'a [f32],
    pub(super) request: &'a SearchRequest<'a>,
    /// Its length, and the square of it.
    pub(super) length: f32,
    pub(super) square: f32,
    k: usize,
    least: f32,
    pub(super) best: Reservoir,
    pub(super) form: Form,
    /// Lists to look into, best first.
    pub(super) probes: Vec<Probe>,
}

/// A query in the form that the codes are scored by.
pub(super) enum Form {
    Flat,
    Sq8(Sq8Query),
    Pq(Tables),
    Fast(FastTable),
}

impl Form {
    /// How far rounded tables may move a score.
    #[expect(clippy::cast_precision_loss, reason = "a bound with room to spare")]
    fn rounding(&self) -> f32 {
        match self {
            Self::Flat | Self::Sq8(_) | Self::Pq(_) => 0.0,
            Self::Fast(table) => 0.5 * table.scale * (table.values.len() / 16) as f32,
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(
        index: &Ivf,
        query: &'a [f32],
        rotated: &'a [f32],
        request: &'a SearchRequest<'a>,
    ) -> Self {
        let scoring = Scoring::of(index.metric);
        let (k, least) = bounds(index.metric, request);
        let square = square(query);
        #[expect(clippy::cast_possible_truncation, reason = "rounded to f32")]
        let (length, square) = (square.sqrt() as f32, square as f32);
        let (_, most) = index.plan(request, k);
        let factor = if scoring == Scoring::L2 { 2.0 } else { 1.0 };
        let form = match &index.payload {
            Payload::Flat { .. } => Form::Flat,
            Payload::Sq8 { codec, .. } => Form::Sq8(codec.query(scoring, rotated, false)),
            Payload::Pq { book, .. } => Form::Pq(Tables::new(book, rotated)),
            Payload::Fast { book, .. } => Form::Fast(FastTable::new(book, rotated, factor)),
        };
        // A radius has to let in what only its code moves out of it; the answer is what may be within.
        let reach = index.widened(least, length, index.error) - form.rounding();
        let least = index.widened(least, length, index.exact.error());
        let best = Reservoir::new(most, reach);
        Self { query, rotated, request, length, square, k, least, best, form, probes: Vec::new() }
    }

    /// An empty set of answers.
    pub(super) fn answers(&self) -> Reservoir {
        Reservoir::new(self.k, self.least)
    }

    pub(super) fn wants(&self) -> usize {
        self.k
    }

    pub(super) fn offer(&mut self, id: u32, score: f32, n: usize) {
        // Slots that only fill a block have no row, and a predicate is asked of rows alone.
        if (id as usize) >= n {
            return;
        }
        let allowed = match self.request.filter {
            Filter::All => true,
            filter => filter.allows(id),
        };
        if allowed {
            self.best.offer(id, score);
        }
    }
}
