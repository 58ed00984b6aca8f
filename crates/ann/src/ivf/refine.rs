use embed_core::{Neighbor, Stop, kernel};

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
                let (dim, mut scores) = (codec.dim(), [0.0; Sq8Query::AT_ONCE]);
                let term = |id: u32| terms.get(id as usize).copied().unwrap_or(0.0);
                ids.iter().take(AHEAD).for_each(|&id| kernel::prefetch_row(codes, dim, id));
                for (at, ids_now) in ids.chunks(Sq8Query::AT_ONCE).enumerate() {
                    let ahead = ids.iter().skip(Sq8Query::AT_ONCE * at + AHEAD).take(Sq8Query::AT_ONCE);
                    ahead.for_each(|&id| kernel::prefetch_row(codes, dim, id));
                    query.fine(codes, ids_now, term, &mut scores);
                    ids_now.iter().zip(scores).for_each(|(&id, score)| offer(id, score));
                }
            }
        }
    }

    /// Turns the candidates of a line into its answers.
    ///
    /// The best ones are scored first. How far their codes were off tells from which estimate on a candidate
    /// may still be an answer; the others are not looked at.
    pub(super) fn refine(&self, scoring: Scoring, line: &mut Line<'_>) {
        if matches!(self, Self::None) {
            return;
        }
        let mut best = line.answers();
        let candidates = line.best.neighbors();
        let first = line.wants().saturating_mul(2).max(FIRST);
        if candidates.len() <= first || matches!(line.request.stop, Stop::Radius(_)) {
            let ids: Vec<u32> = candidates.iter().map(|n| n.id).collect();
            self.score(scoring, line.query, &ids, |id, score| best.offer(id, score));
            line.best = best;
            return;
        }
        let mut candidates = candidates;
        candidates.select_nth_unstable_by(first - 1, Neighbor::nearest_first);
        let (front, rest) = candidates.split_at_mut(first);
        let ids: Vec<u32> = front.iter().map(|n| n.id).collect();
        // The order of sums is that of the ids, whatever order the candidates came in.
        front.sort_unstable_by_key(|n| n.id);
        let mut sorted = ids;
        sorted.sort_unstable();
        let (mut sum, mut squares, mut at) = (0.0f64, 0.0f64, 0usize);
        self.score(scoring, line.query, &sorted, |id, score| {
            best.offer(id, score);
            while front.get(at).is_some_and(|n| n.id < id) {
                at += 1;
            }
            let off = f64::from(score) - front.get(at).map_or(0.0, |n| f64::from(n.score));
            sum += off;
            squares += off * off;
        });
        #[expect(clippy::cast_precision_loss, reason = "a few candidates")]
        let n = first as f64;
        let mean = sum / n;
        let deviation = (squares / n - mean * mean).max(0.0).sqrt();
        // The score of the last answer so far; a candidate has to come up to it.
        let last = best.least();
        let ids: Vec<u32> = rest
            .iter()
            .filter(|n| {
                let bound = f64::from(n.score) + mean + DEVIATIONS * deviation;
                bound >= f64::from(last) || bound.is_nan()
            })
            .map(|n| n.id)
            .collect();
        self.score(scoring, line.query, &ids, |id, score| best.offer(id, score));
        line.best = best;
    }
}

/// Candidates that are scored in any case.
const FIRST: usize = 24;
/// Of a candidate's true score from its estimate, beyond which it is not reckoned with.
const DEVIATIONS: f64 = 4.5;
