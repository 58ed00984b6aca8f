//! Means and products of the columns of many rows.

use embed_core::{Parallelism, ParallelismError, gemm};
use ndarray::{Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;

/// Rows of a block.
const BLOCK: usize = 1024;
/// Blocks whose products are kept at once.
const AT_ONCE: usize = 16;

/// The mean of each column.
pub(crate) fn column_means(rows: ArrayView2<'_, f32>) -> Vec<f64> {
    let mut sums = vec![0.0; rows.ncols()];
    for row in rows.rows() {
        sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let n = crate::number::float(rows.nrows().max(1));
    sums.iter().map(|sum| sum / n).collect()
}

/// The rows less `means`.
#[expect(clippy::cast_possible_truncation, reason = "the difference is taken in f64 and kept in f32")]
pub(crate) fn centred(rows: ArrayView2<'_, f32>, means: &[f64]) -> Array2<f32> {
    let mut out = rows.as_standard_layout().into_owned();
    for mut row in out.rows_mut() {
        row.iter_mut().zip(means).for_each(|(x, mean)| *x = (f64::from(*x) - mean) as f32);
    }
    out
}

/// `Σ xᵢ xᵢᵀ` over the rows, `[dim, dim]`: products of blocks in f32, their sums in f64. O(n · dim²), and 16 · dim² · 4 bytes.
pub(crate) fn scatter(
    rows: ArrayView2<'_, f32>,
    parallelism: Parallelism,
) -> Result<Array2<f64>, ParallelismError> {
    let dim = rows.ncols();
    let mut sum = Array2::<f64>::zeros((dim, dim));
    parallelism.install(|| {
        for window in rows.axis_chunks_iter(Axis(0), BLOCK * AT_ONCE) {
            let product = |block: ArrayView2<'_, f32>| {
                let mut product = Array2::<f32>::zeros((dim, dim));
                gemm::gemm(1.0, block.t(), block, 0.0, product.view_mut());
                product
            };
            let products: Vec<Array2<f32>> =
                window.axis_chunks_iter(Axis(0), BLOCK).into_par_iter().map(product).collect();
            for product in products {
                Zip::from(&mut sum).and(&product).for_each(|sum, &x| *sum += f64::from(x));
            }
        }
    })?;
    // Both halves of a product are sums of the same terms; rounding may part them.
    for i in 0..dim {
        for j in 0..i {
            let middle = 0.5 * (sum[[i, j]] + sum[[j, i]]);
            (sum[[i, j]], sum[[j, i]]) = (middle, middle);
        }
    }
    Ok(sum)
}
