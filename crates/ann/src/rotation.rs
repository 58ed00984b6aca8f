//! Learned rotations.

use embed_core::gemm;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::aligned::Aligned;

/// An orthogonal matrix `[dim, dim]`; a row vector x becomes x R.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    pub(crate) matrix: Aligned<f32>,
    pub(crate) dim: usize,
}

impl Rotation {
    pub(crate) fn view(&self) -> Option<ArrayView2<'_, f32>> {
        ArrayView2::from_shape((self.dim, self.dim), &self.matrix[..]).ok()
    }

    /// Turns rows `[n, dim]`. A row's bits do not depend on the rows beside it. O(n · dim²).
    pub(crate) fn turn(&self, rows: &[f32]) -> Vec<f32> {
        self.times(rows, false)
    }

    /// Turns rows back.
    pub(crate) fn turn_back(&self, rows: &[f32]) -> Vec<f32> {
        self.times(rows, true)
    }

    fn times(&self, rows: &[f32], back: bool) -> Vec<f32> {
        let shape = (rows.len() / self.dim, self.dim);
        let mut out = vec![0.0; rows.len()];
        let views = (
            ArrayView2::from_shape(shape, rows),
            self.view(),
            ArrayViewMut2::from_shape(shape, &mut out[..]),
        );
        if let (Ok(rows), Some(matrix), Ok(out)) = views {
            gemm::gemm(1.0, rows, if back { matrix.reversed_axes() } else { matrix }, 0.0, out);
        }
        out
    }
}
