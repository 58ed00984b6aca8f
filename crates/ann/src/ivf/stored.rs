//! Single rows: what is stored of them, and answers that need only a few.

use std::borrow::Cow;

use embed_core::{Bitmap, Filter, ItemId, Metric, SearchError};

use super::coarse::{Coarse, Probe};
use super::line::Line;
use super::payload::Payload;
use super::{Exact, Ivf};
use crate::Damaged;
use crate::scoring::Scoring;

impl Ivf {
    /// The list of a slot.
    pub(super) fn list_of(&self, slot: usize) -> usize {
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        self.starts.partition_point(|&start| start <= slot).saturating_sub(1)
    }

    /// What the code in a slot stands for, as it lies in the lists; `None` where a damaged file has nothing.
    fn decoded(&self, slot: usize, out: &mut [f32]) -> Option<()> {
        let dim = self.dim;
        match &self.payload {
            Payload::Flat { table, .. } => out.copy_from_slice(table.get(slot * dim..(slot + 1) * dim)?),
            Payload::Sq8 { codec, .. } => codec.decode(&self.payload.code(slot), out),
            Payload::Pq { book, .. } | Payload::Fast { book, .. } => {
                book.decode(self.payload.code(slot).into_iter(), out);
                let list = self.list_of(slot);
                let centroid = self.coarse.centroids.get(list * dim..(list + 1) * dim)?;
                out.iter_mut().zip(centroid).for_each(|(x, c)| *x += c);
            }
        }
        Some(())
    }

    pub(super) fn stored_vector(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        let dim = self.dim;
        if out.len() != dim {
            return Err(SearchError::Dimension { expected: dim, got: out.len() });
        }
        let (row, len) = (id as usize, self.n);
        if row >= len {
            return Err(SearchError::UnknownId { id, len });
        }
        match &self.exact {
            Exact::Flat(table) => out.copy_from_slice(&table[row * dim..(row + 1) * dim]),
            Exact::Sq8 { codec, codes, .. } => codec.decode(&codes[row * dim..(row + 1) * dim], out),
            Exact::None => {
                let position = self.positions[row] as usize;
                if position >= self.ids.len() || self.decoded(position, out).is_none() {
                    let source = Box::new(Damaged { id, position, len: self.ids.len() });
                    return Err(SearchError::Implementation { source });
                }
                if let Some(rotation) = &self.rotation {
                    out.copy_from_slice(&rotation.turn_back(out));
                }
            }
        }
        Ok(())
    }

    /// Answers from the allowed rows alone where they are fewer than the lists would look at; whether it did.
    pub(super) fn answer_directly(&self, line: &mut Line<'_>) -> bool {
        if line.wants() == 0 {
            return true;
        }
        let (nlist, nprobe) = (self.coarse.len().max(1), self.plan(line.request, 0).0);
        // Rows in no order cost several times what rows in order do.
        let most = (self.n / nlist).saturating_mul(nprobe) / 8 + 64;
        let allowed: Cow<'_, [ItemId]> = match line.request.filter {
            Filter::Allow(ids) => ids[..ids.partition_point(|&id| (id as usize) < self.n)].into(),
            Filter::Bitmap(Bitmap(words)) => {
                let words = &words[..words.len().min(self.n.div_ceil(64))];
                if words.iter().map(|word| word.count_ones() as usize).sum::<usize>() > most {
                    return false;
                }
                let last = u32::try_from(self.n).unwrap_or(u32::MAX);
                (0..last).filter(|&id| line.request.filter.allows(id)).collect()
            }
            // Others do not say how many rows they allow.
            _ => return false,
        };
        if allowed.len() > most {
            return false;
        }
        let scoring = Scoring::of(self.metric);
        let mut best = line.answers();
        if matches!(self.exact, Exact::None) {
            // With the threshold of the lists, which a radius widens by what codes may be off.
            best = std::mem::replace(&mut line.best, best);
            let mut row = vec![0.0; self.dim];
            for &id in &*allowed {
                let slot = self.positions[id as usize] as usize;
                if self.decoded(slot, &mut row).is_some() {
                    best.offer(id, scoring.one(line.rotated, &row));
                }
            }
        } else {
            self.exact.score(scoring, line.query, &allowed, |id, score| best.offer(id, score));
        }
        line.best = best;
        true
    }

    /// A radius, widened by what a code may be off.
    pub(super) fn widened(&self, least: f32, length: f32, error: f32) -> f32 {
        if error == 0.0 || !least.is_finite() {
            return least;
        }
        let error = error * 1.001;
        match Scoring::of(self.metric) {
            Scoring::Dot => least - error * length,
            Scoring::L2 => {
                let radius = (-least).max(0.0).sqrt() + error;
                // And what rounding of large squares may hide.
                -(radius * radius) - 1e-5 * (length + self.longest) * (length + self.longest)
            }
        }
    }
}

impl Coarse {
    /// Whether a list may hold rows that score `reach`, by the distance of its farthest row from its centroid.
    pub(super) fn may_hold(
        &self,
        metric: Metric,
        (probe, radius): (&Probe, f32),
        (square, length): (f32, f32),
        reach: f32,
    ) -> bool {
        let radius = radius * 1.001;
        let slack = 1e-5 * (length + self.longest + radius) * (length + self.longest + radius);
        match Scoring::of(metric) {
            Scoring::Dot => probe.product + length * radius + slack >= reach,
            Scoring::L2 => {
                let bias = self.biases.get(probe.list as usize).copied().unwrap_or(0.0);
                let distance = (square - 2.0 * (probe.product + bias) - slack).max(0.0).sqrt();
                let nearest = (distance - radius).max(0.0);
                -(nearest * nearest) + slack >= reach
            }
        }
    }
}
