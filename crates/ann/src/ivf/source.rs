//! The vectors as they are clustered, coded and listed.

use std::ops::Range;

use embed_core::{Metric, kernel};
use ndarray::{ArrayView2, ArrayViewMut1};

use super::coarse::longest;
use crate::Vectors;
use crate::rotation::Rotation;
use crate::scoring::square;

/// Bytes of rows that are prepared at once.
const TOGETHER: usize = 1 << 20;

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
    /// A row, at length 1 under cosine.
    pub(super) fn read(&self, row: usize, out: &mut [f32]) {
        ArrayViewMut1::from(&mut *out).assign(&self.vectors.row(row));
        if self.metric == Metric::Cosine {
            kernel::normalize(out);
        }
    }

    /// Some rows, at length 1 under cosine.
    pub(super) fn plain(&self, rows: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let mut out = vec![0.0; rows.len() * self.dim];
        out.chunks_exact_mut(self.dim).zip(rows).for_each(|(out, row)| self.read(row, out));
        out
    }

    pub(super) fn rows(&self, rows: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let plain = self.plain(rows);
        match &self.rotation {
            Some(rotation) => rotation.turn(&plain),
            None => plain,
        }
    }

    /// All rows in chunks of about 1 MiB, as `rows` gives them.
    pub(super) fn chunks<'c, R: Fn(Range<usize>) -> Vec<f32> + 'c>(
        &self,
        rows: R,
    ) -> impl Iterator<Item = Vec<f32>> + 'c + use<'c, R> {
        let (n, size) = (self.vectors.len(), self.together());
        (0..n).step_by(size).map(move |from| rows(from..(from + size).min(n)))
    }

    /// How many rows are prepared at once.
    pub(super) fn together(&self) -> usize {
        (TOGETHER / (4 * self.dim)).clamp(16, 4096)
    }

    /// A row as it is clustered: before it is rotated, which changes no distance.
    pub(super) fn clustered(&self, row: usize, out: &mut [f32]) {
        let (plain, rest) = out.split_at_mut(self.dim);
        self.read(row, plain);
        if let (Some(longest), [last]) = (self.augmented, rest) {
            #[expect(clippy::cast_possible_truncation, reason = "kept in f32")]
            let missing = ((longest - square(plain)).max(0.0).sqrt() as f32).min(f32::MAX);
            *last = missing;
        }
    }

    /// How many components a row has as it is clustered.
    pub(super) fn width(&self) -> usize {
        self.dim + usize::from(self.augmented.is_some())
    }
}

pub(super) fn view(rows: &[f32], dim: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows.len() / dim, dim), rows).unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
}

pub(super) fn longest_row(vectors: &Vectors<'_>, metric: Metric) -> f32 {
    if metric == Metric::Cosine {
        return 1.000_001;
    }
    vectors.rows().fold(0.0, |most, row| match row.as_slice() {
        Some(row) => longest(row, row.len()).max(most),
        None => longest(&row.to_vec(), row.len()).max(most),
    })
}

/// Differences of the largest numbers would overflow.
pub(super) fn subtract(row: &mut [f32], centroid: &[f32]) {
    row.iter_mut().zip(centroid).for_each(|(x, c)| *x = (*x - c).clamp(f32::MIN, f32::MAX));
}
