use embed_core::kernel;
use ndarray::Axis;
use rayon::prelude::*;

use super::contrast::{Contrast, Contrasted, Side, weight};
use crate::matrix::row;

/// As [`contrast_shared`](super::contrast_shared), where each query has its own candidates: rows
/// `i · k .. (i + 1) · k` of the candidates belong to query `i`. Hard negatives are of this kind.
///
/// # Panics
/// When the shapes do not fit.
///
/// # Complexity
/// Three products of a query and each of its candidates. Memory: O(k).
///
/// # Determinism
/// The same bits on any number of threads.
pub fn contrast_own(
    contrast: Contrast,
    queries: Side<'_>,
    positives: Side<'_>,
    candidates: Side<'_>,
    mask: &(dyn Fn(usize, &mut [f32]) + Sync),
) -> Contrasted {
    const AT_ONCE: usize = 16;
    let (n, dim) = queries.vectors.dim();
    assert_eq!(positives.vectors.dim(), (n, dim), "a positive for each query");
    if n == 0 {
        return Contrasted::default();
    }
    let k = candidates.vectors.nrows() / n;
    assert_eq!(candidates.vectors.dim(), (n * k, dim), "the same number of candidates for each query");
    let Contrast { objective, scale } = contrast;
    let alpha = scale * weight(n);
    let Side { vectors: q, gradients: mut dq, .. } = queries;
    let Side { vectors: p, gradients: mut dp, log_counts: p_counts } = positives;
    let Side { vectors: c, gradients: mut dc, log_counts: c_counts } = candidates;
    let mut empty = ndarray::Array2::zeros((n.div_ceil(AT_ONCE), 0));
    // Chunks of no rows do not exist, so queries without candidates get matrices without columns.
    let dc = if k == 0 { empty.view_mut() } else { dc.view_mut() };
    let mut dc = dc;
    let per_chunk = if k == 0 { 1 } else { AT_ONCE * k };
    let losses: Vec<f64> = (dq.axis_chunks_iter_mut(Axis(0), AT_ONCE).into_par_iter())
        .zip(dp.axis_chunks_iter_mut(Axis(0), AT_ONCE).into_par_iter())
        .zip(dc.axis_chunks_iter_mut(Axis(0), per_chunk).into_par_iter())
        .enumerate()
        .map(|(chunk, ((mut dq, mut dp), mut dc))| {
            let (mut scores, mut loss) = (vec![0.0; k], 0.0f64);
            for (at, (mut dq, mut dp)) in dq.rows_mut().into_iter().zip(dp.rows_mut()).enumerate() {
                let i = chunk * AT_ONCE + at;
                let (q, p) = (row(&q, i), row(&p, i));
                for (j, score) in scores.iter_mut().enumerate() {
                    let count = c_counts.get(i * k + j).unwrap_or(&0.0);
                    *score = scale * kernel::dot(q, row(&c, i * k + j)) - count;
                }
                mask(i, &mut scores);
                let positive = scale * kernel::dot(q, p) - p_counts.get(i).unwrap_or(&0.0);
                let (own, slope) = objective.row(positive, &mut scores);
                loss += f64::from(own);
                let dq = dq.as_slice_mut().unwrap_or_default();
                dq.fill(0.0);
                kernel::axpy(alpha * slope, p, dq);
                let dp = dp.as_slice_mut().unwrap_or_default();
                dp.fill(0.0);
                kernel::axpy(alpha * slope, q, dp);
                for (j, slope) in scores.iter().enumerate() {
                    kernel::axpy(alpha * slope, row(&c, i * k + j), dq);
                    let mut dc = dc.row_mut(at * k + j);
                    let dc = dc.as_slice_mut().unwrap_or_default();
                    dc.fill(0.0);
                    kernel::axpy(alpha * slope, q, dc);
                }
            }
            loss
        })
        .collect();
    let along = |i: usize| f64::from(kernel::dot(row(&q, i), row(&dq.view(), i)));
    Contrasted { loss: losses.iter().sum(), scale_gradient: (0..n).map(along).sum() }
}
