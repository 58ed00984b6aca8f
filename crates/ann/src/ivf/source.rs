//! The vectors as they are clustered, coded and listed.

use embed_core::{Metric, kernel};
use ndarray::ArrayView2;

use super::coarse::longest;
use crate::Vectors;
use crate::rotation::Rotation;
use crate::scoring::square;

/// Rows that are prepared at once.
pub(super) const ROWS: usize = 4096;

/// The vectors as they are indexed: at length 1 under cosine, then rotated.
pub(super) struct Source<'v> {
    pub(super) vectors: Vectors<'v>,
    pub(super) metric: Metric,
    pub(super) dim: usize,
    pub(super) rotation: Option<Rotation>,
    /// Squared length that one more component brings all vectors to, for inner products.
    pub(super) augmented: Option<f64>,
}

impl Source<'_> {
    /// Some rows, at length 1 under cosine.
    pub(super) fn plain(&self, rows: impl Iterator<Item = usize>) -> Vec<f32> {
        let mut out = Vec::with_capacity(rows.size_hint().0 * self.dim);
        for row in rows {
            let start = out.len();
            out.extend(self.vectors.rows.row(row));
            if self.metric == Metric::Cosine {
                kernel::normalize(&mut out[start..]);
            }
        }
        out
    }

    pub(super) fn rows(&self, rows: impl Iterator<Item = usize>) -> Vec<f32> {
        let plain = self.plain(rows);
        self.rotation.as_ref().map_or_else(|| plain.clone(), |rotation| rotation.turn(&plain))
    }

    /// Rows as they are clustered, and how many components they have.
    pub(super) fn clustered(&self, rows: &[f32]) -> (Vec<f32>, usize) {
        let Some(longest) = self.augmented else { return (rows.to_vec(), self.dim) };
        let mut out = Vec::with_capacity(rows.len() / self.dim * (self.dim + 1));
        for row in rows.chunks_exact(self.dim) {
            out.extend_from_slice(row);
            #[expect(clippy::cast_possible_truncation, reason = "kept in f32")]
            out.push(((longest - square(row)).max(0.0).sqrt() as f32).min(f32::MAX));
        }
        (out, self.dim + 1)
    }
}

pub(super) fn view(rows: &[f32], dim: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows.len() / dim, dim), rows).unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
}

pub(super) fn longest_row(vectors: &Vectors<'_>, metric: Metric) -> f32 {
    if metric == Metric::Cosine {
        return 1.000_001;
    }
    vectors.rows.rows().into_iter().fold(0.0, |most, row| match row.as_slice() {
        Some(row) => longest(row, row.len()).max(most),
        None => longest(&row.to_vec(), row.len()).max(most),
    })
}

pub(super) fn subtract(row: &mut [f32], centroids: &[f32], list: u32) {
    let from = list as usize * row.len();
    // Differences of the largest numbers would overflow.
    row.iter_mut().zip(&centroids[from..]).for_each(|(x, c)| *x = (*x - c).clamp(f32::MIN, f32::MAX));
}
