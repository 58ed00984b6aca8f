//! Rows that codes are trained on.

use std::ops::Range;

use embed_core::{Parallelism, ParallelismError, gemm};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Rows that are turned together.
const TILE: usize = 64;

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

    /// Some columns of all rows, `[n, columns]`. O(n · dim), with a rotation O(n · dim · columns).
    pub(crate) fn columns(
        &self,
        columns: Range<usize>,
        parallelism: Parallelism,
    ) -> Result<Vec<f32>, ParallelismError> {
        let (dim, width) = (self.dim, columns.len());
        let mut out = vec![0.0; self.n * width];
        if width == 0 {
            return Ok(out);
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
        })?;
        Ok(out)
    }
}
