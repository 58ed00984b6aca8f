use embed_core::kernel;

use super::{MIDDLE, Sq8};
use crate::scoring::{Scoring, product, square};

/// A query against codes of one byte a component: its components as multiples of the steps, in bytes too, so
/// that a score is a product of bytes. Exact integers: the same bits on every machine.
///
/// The high bytes alone are a *coarse* score, which ranks nearly as well; with the low bytes it is *fine*: the
/// decoded row's, to about 2⁻¹⁵ of the lengths.
#[derive(Debug, Clone)]
pub(crate) struct Sq8Query {
    /// The query in 8 bits, `[dim]`, of −127 to 127.
    pub(crate) high: Vec<i8>,
    /// The high bytes, and what they leave out in 254ths, as rows are multiplied with: 128 stands for zero. Empty
    /// where only coarse scores are wanted.
    both: [Vec<u8>; 2],
    /// The coarse score of a row is `scale · dot(high, code) + offset + term(row)`.
    pub(crate) scale: f32,
    /// See `scale`.
    pub(crate) offset: f32,
    /// The fine score is `(dot(high, code) + dot(low, code) / 254) · scale + fine_offset + term(row)`.
    fine_offset: f64,
}

impl Sq8 {
    /// Prepares a query, which is of length 1 under cosine; with its low bytes where scores are to be `fine`.
    /// O(dim).
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32; bytes are cut from rounded numbers")]
    pub(crate) fn query(&self, scoring: Scoring, query: &[f32], fine: bool) -> Sq8Query {
        let mut weights = query.to_vec();
        if scoring == Scoring::L2 {
            weights.iter_mut().zip(&self.mid).for_each(|(w, mid)| *w -= mid);
        }
        // What the query scores with the row whose codes are all 128.
        let middle = match scoring {
            Scoring::Dot => product(query, &self.mid),
            Scoring::L2 => -square(&weights),
        };
        weights.iter_mut().zip(&self.step).for_each(|(w, step)| *w *= step);
        let widest = weights.iter().fold(0.0f32, |widest, w| if w.abs() > widest { w.abs() } else { widest });
        let unit = if widest > 0.0 && widest.is_finite() { widest / 127.0 } else { 1.0 };
        let inverse = 1.0 / unit;
        // From −127 to 127, where the low byte of the sum with 1.5 · 2²³ is the nearest integer.
        let rounded = |x: f32| ((x + ROUND).to_bits() as u8).cast_signed();
        weights.iter_mut().for_each(|w| *w *= inverse);
        let high: Vec<i8> = weights.iter().map(|&w| rounded(w)).collect();
        let mut low = Vec::new();
        if fine {
            // At most 127 again: half a step of 256.
            let rest = |(&w, &high): (&f32, &i8)| rounded((w - f32::from(high)) * 254.0);
            low = weights.iter().zip(&high).map(rest).collect();
        }
        let sum = |bytes: &[i8]| f64::from(bytes.iter().map(|&b| i32::from(b)).sum::<i32>());
        let scale = if scoring == Scoring::L2 { 2.0 * unit } else { unit };
        let held = f64::from(scale) * f64::from(MIDDLE);
        let offset = (middle - held * sum(&high)) as f32;
        let fine_offset = middle - held * (sum(&high) + sum(&low) / 254.0);
        let both = if fine {
            [&high, &low].map(|bytes| bytes.iter().map(|&b| b.cast_unsigned() ^ 128).collect())
        } else {
            Default::default()
        };
        Sq8Query { high, both, scale, offset, fine_offset }
    }
}

/// Beside it, an f32 has no room for fractions.
const ROUND: f32 = 12_582_912.0;

impl Sq8Query {
    /// The coarse score from `dot(high, code)` and the row's term.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "rounded as every instruction set does")]
    #[cfg(test)]
    pub(crate) fn coarse(&self, sum: i32, term: f32) -> f32 {
        self.scale * sum as f32 + self.offset + term
    }

    /// The fine scores of at most [`Self::AT_ONCE`] rows `ids` of a table of codes, each of which is in it, by what
    /// `term` gives for each.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
    pub(crate) fn fine(&self, table: &[u8], ids: &[u32], term: impl Fn(u32) -> f32, scores: &mut [f32]) {
        let (mut high, mut low) = ([0; Self::AT_ONCE], [0; Self::AT_ONCE]);
        let (high, low) = (&mut high[..ids.len()], &mut low[..ids.len()]);
        kernel::dot_codes_gather(&self.both[0], table, ids, high);
        kernel::dot_codes_gather(&self.both[1], table, ids, low);
        for ((score, &id), (&high, &low)) in scores.iter_mut().zip(ids).zip(high.iter().zip(&*low)) {
            let sum = f64::from(high) + f64::from(low) / 254.0;
            *score = (sum * f64::from(self.scale) + self.fine_offset + f64::from(term(id))) as f32;
        }
    }

    /// Rows that are scored in one go.
    pub(crate) const AT_ONCE: usize = 4;
}
