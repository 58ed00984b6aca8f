use embed_core::kernel::codes;

use super::{MIDDLE, Sq8};
use crate::scoring::Scoring;

/// A query against codes of one byte a component: its components as multiples of the steps, in bytes too, so
/// that a score is a product of bytes. Exact integers: the same bits on every machine.
///
/// The high bytes alone are a *coarse* score, which ranks nearly as well; with the low bytes it is *fine*: the
/// decoded row's, to about 2⁻¹⁵ of the lengths.
#[derive(Debug, Clone)]
pub(crate) struct Sq8Query {
    /// The query in 8 bits, `[dim]`, of −127 to 127.
    pub(crate) high: Vec<i8>,
    /// What the high bytes leave out, in 8 more bits.
    low: Vec<i8>,
    /// The coarse score of a row is `scale · dot(high, code) + offset + term(row)`.
    pub(crate) scale: f32,
    /// See `scale`.
    pub(crate) offset: f32,
    /// The fine score is `(dot(high, code) + dot(low, code) / 256) · scale + fine_offset + term(row)`.
    fine_offset: f64,
}

impl Sq8 {
    /// Prepares a query, which is of length 1 under cosine. O(dim).
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats stop at the borders of integers")]
    pub(crate) fn query(&self, scoring: Scoring, query: &[f32]) -> Sq8Query {
        let weight = |((&q, &mid), &step): ((&f32, &f32), &f32)| match scoring {
            Scoring::Dot => q * step,
            Scoring::L2 => (q - mid) * step,
        };
        let weights: Vec<f32> = query.iter().zip(&self.mid).zip(&self.step).map(weight).collect();
        let widest = weights.iter().fold(0.0f32, |widest, w| widest.max(w.abs()));
        let unit = if widest > 0.0 { widest / 127.0 } else { 1.0 };
        let (mut high, mut low) = (Vec::with_capacity(weights.len()), Vec::with_capacity(weights.len()));
        let (mut highs, mut lows) = (0i64, 0i64);
        for w in weights {
            let steps = w / unit;
            let rounded = (steps + 0.5f32.copysign(steps)) as i8;
            let rest = (steps - f32::from(rounded)) * 256.0;
            let rest = (rest + 0.5f32.copysign(rest)) as i8;
            (highs, lows) = (highs + i64::from(rounded), lows + i64::from(rest));
            high.push(rounded);
            low.push(rest);
        }
        // What the query scores with the row whose codes are all 128, and what the products hold of it.
        let middle: f64 = match scoring {
            Scoring::Dot => query.iter().zip(&self.mid).map(|(&q, &m)| f64::from(q) * f64::from(m)).sum(),
            Scoring::L2 => {
                let square = |(&q, &m): (&f32, &f32)| (f64::from(q) - f64::from(m)).powi(2);
                -query.iter().zip(&self.mid).map(square).sum::<f64>()
            }
        };
        let scale = if scoring == Scoring::L2 { 2.0 * unit } else { unit };
        #[expect(clippy::cast_precision_loss, reason = "at most 2³¹")]
        let held = |sum: i64| f64::from(scale) * f64::from(MIDDLE) * sum as f64;
        let offset = (middle - held(highs)) as f32;
        let fine_offset = middle - held(highs) - held(lows) / 256.0;
        Sq8Query { high, low, scale, offset, fine_offset }
    }
}

impl Sq8Query {
    /// The coarse score from `dot(high, code)` and the row's term.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "rounded as every instruction set does")]
    pub(crate) fn coarse(&self, sum: i32, term: f32) -> f32 {
        self.scale * sum as f32 + self.offset + term
    }

    /// The fine score of a row.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
    pub(crate) fn fine(&self, code: &[u8], term: f32) -> f32 {
        let sum = f64::from(codes::dot(&self.high, code)) + f64::from(codes::dot(&self.low, code)) / 256.0;
        (sum * f64::from(self.scale) + self.fine_offset + f64::from(term)) as f32
    }
}
