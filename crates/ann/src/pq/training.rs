//! Rows that codes are trained on.

use std::ops::Range;

use embed_core::{Parallelism, ParallelismError, gemm};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Rows that are turned together.
const TILE: usize = 64;
/// Rows whose deviations are summed by one task.
const PART: usize = 4096;

/// Subtracts something from some columns of a row.
type Subtract<'t> = &'t (dyn Fn(usize, Range<usize>, &mut [f32]) + Sync);

/// Rows that are read as they are needed, a few of their columns at a time: a copy of all may be larger than the index.
pub(crate) struct Training<'t> {
    pub(crate) n: usize,
    pub(crate) dim: usize,
    /// Writes a row.
    pub(crate) read: &'t (dyn Fn(usize, &mut [f32]) + Sync),
    /// What rows are multiplied by, `[dim, dim]`.
    pub(crate) rotation: Option<ArrayView2<'t, f32>>,
    /// What codes do not have to say.
    pub(crate) subtract: Subtract<'t>,
}

impl Training<'_> {
    /// Rows as they are.
    pub(crate) fn plain<'t>(
        n: usize,
        dim: usize,
        read: &'t (dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Training<'t> {
        Training { n, dim, read, rotation: None, subtract: &|_, _, _| {} }
    }

    /// The standard deviation of each column as it is coded, without the rotation. O(n · dim).
    pub(crate) fn deviations(&self, parallelism: Parallelism) -> Result<Vec<f64>, ParallelismError> {
        let dim = self.dim;
        // Sums, then sums of squares, of each part of the rows; added up in their order.
        let parts: Vec<Vec<f64>> = parallelism.install(|| {
            let part = |from: usize| {
                let (mut row, mut sums) = (vec![0.0f32; dim], vec![0.0f64; 2 * dim]);
                let (plain, squares) = sums.split_at_mut(dim);
                for read in from * PART..((from + 1) * PART).min(self.n) {
                    (self.read)(read, &mut row);
                    (self.subtract)(read, 0..dim, &mut row);
                    for ((&x, sum), square) in row.iter().zip(&mut *plain).zip(&mut *squares) {
                        *sum += f64::from(x);
                        *square += f64::from(x) * f64::from(x);
                    }
                }
                sums
            };
            (0..self.n.div_ceil(PART)).into_par_iter().map(part).collect()
        })?;
        let mut sums = vec![0.0; 2 * dim];
        parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x));
        let n = self.n.max(1) as f64;
        let (plain, squares) = sums.split_at(dim);
        let deviation = |(sum, square): (&f64, &f64)| (square / n - (sum / n).powi(2)).max(0.0).sqrt();
        Ok(plain.iter().zip(squares).map(deviation).collect())
    }

    /// Some columns of as many of the first rows as `out` `[n, columns]` has room for. O(n · dim), with a rotation
    /// O(n · dim · columns).
    pub(crate) fn columns(
        &self,
        out: &mut [f32],
        columns: Range<usize>,
        parallelism: Parallelism,
    ) -> Result<(), ParallelismError> {
        let (dim, width) = (self.dim, columns.len());
        if width == 0 {
            return Ok(());
        }
        parallelism.install(|| {
            out.par_chunks_mut(TILE * width).enumerate().for_each_init(
                || vec![0.0; TILE * dim],
                |rows, (tile, out)| {
                    let (from, n) = (tile * TILE, out.len() / width);
                    for (row, read) in rows.chunks_exact_mut(dim).zip(from..from + n) {
                        (self.read)(read, row);
                    }
                    match &self.rotation {
                        Some(rotation) => {
                            let rows = ArrayView2::from_shape((n, dim), &rows[..n * dim]);
                            let turned = ArrayViewMut2::from_shape((n, width), &mut *out);
                            if let (Ok(rows), Ok(turned)) = (rows, turned) {
                                gemm::gemm(
                                    1.0,
                                    rows,
                                    rotation.slice_axis(Axis(1), columns.clone().into()),
                                    0.0,
                                    turned,
                                );
                            }
                        }
                        None => {
                            for (row, out) in rows.chunks_exact(dim).zip(out.chunks_exact_mut(width)) {
                                out.copy_from_slice(&row[columns.clone()]);
                            }
                        }
                    }
                    for (row, out) in (from..).zip(out.chunks_exact_mut(width)) {
                        (self.subtract)(row, columns.clone(), out);
                    }
                },
            );
        })
    }
}
