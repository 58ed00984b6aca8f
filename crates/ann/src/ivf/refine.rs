use embed_core::kernel;

use super::line::Line;
use crate::aligned::Aligned;
use crate::scoring::Scoring;
use crate::sq::{Sq8, Sq8Query};

/// What the best candidates are scored again by, in the order of rows.
#[derive(Debug, Clone)]
pub(crate) enum Exact {
    /// Nothing.
    None,
    /// The vectors, `[n, dim]`.
    Flat(Aligned<f32>),
    /// Their bytes, `[n, dim]`, and terms `[n]` under L2.
    Sq8 { codec: Sq8, codes: Aligned<u8>, terms: Aligned<f32> },
}

/// Rows of candidates that are asked for ahead of their scoring.
const AHEAD: usize = 8;

impl Exact {
    /// Largest distance of a vector from what scores it.
    pub(super) fn error(&self) -> f32 {
        match self {
            Self::None | Self::Flat(_) => 0.0,
            // Half a step in every component, and as much again for the query's rounding.
            Self::Sq8 { codec, .. } => codec.step.iter().map(|step| step * step).sum::<f32>().sqrt(),
        }
    }

    /// Scores the ids of each line again, and gives them to `offer`.
    pub(super) fn score(
        &self,
        scoring: Scoring,
        query: &[f32],
        ids: &[u32],
        mut offer: impl FnMut(u32, f32),
    ) {
        match self {
            Self::None => {}
            Self::Flat(table) => {
                let mut scores = [0.0; 4];
                let dim = query.len();
                ids.iter().take(AHEAD).for_each(|&id| kernel::prefetch_row(table, dim, id));
                for (at, ids_now) in ids.chunks(4).enumerate() {
                    let ahead = ids.iter().skip(4 * at + AHEAD).take(4);
                    ahead.for_each(|&id| kernel::prefetch_row(table, dim, id));
                    let scores = &mut scores[..ids_now.len()];
                    scoring.gather(query, table, ids_now, scores);
                    ids_now.iter().zip(&*scores).for_each(|(&id, &score)| offer(id, score));
                }
            }
            Self::Sq8 { codec, codes, terms } => {
                let query: Sq8Query = codec.query(scoring, query, true);
                let dim = codec.dim();
                ids.iter().take(AHEAD).for_each(|&id| kernel::prefetch_row(codes, dim, id));
                for (at, &id) in ids.iter().enumerate() {
                    if let Some(&ahead) = ids.get(at + AHEAD) {
                        kernel::prefetch_row(codes, dim, ahead);
                    }
                    let row = id as usize;
                    let code = codes.get(row * dim..(row + 1) * dim);
                    let term = if scoring == Scoring::L2 { terms.get(row).copied() } else { Some(0.0) };
                    if let (Some(code), Some(term)) = (code, term) {
                        offer(id, query.fine(code, term));
                    }
                }
            }
        }
    }

    /// Turns the candidates of a line into its answers.
    pub(super) fn refine(&self, scoring: Scoring, line: &mut Line<'_>) {
        if matches!(self, Self::None) {
            return;
        }
        let mut ids: Vec<u32> = line.best.ids().collect();
        // Neighbours in memory come one after the other.
        ids.sort_unstable();
        let mut best = line.answers();
        self.score(scoring, line.query, &ids, |id, score| best.offer(id, score));
        line.best = best;
    }
}
