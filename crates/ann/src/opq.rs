//! Optimized product quantization (Ge, He, Ke & Sun 2013, §3): a rotation after which product codes lose least.

use embed_core::{Parallelism, ParallelismError, gemm};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::pq::{self, Codebook, Training};
use crate::rotation::Rotation;
use crate::{BuildError, Codes};

/// Rounds of training codes and turning the space towards them.
const ROUNDS: usize = 8;
/// Rows that a round looks at.
const SAMPLE: usize = 16_384;
/// Rounds of the polar decomposition.
const POLAR: usize = 40;

/// Rows that are turned and coded together.
const TILE: usize = 512;

/// Learns a rotation of rows for product codes: codes are trained, then the rotation that brings rows nearest to
/// what their codes stand for is found (orthogonal Procrustes), and so on. The first 16,384 rows count.
///
/// The rotation starts as the permutation that spreads the components of largest variance evenly over
/// the parts. O(rounds · (n · dim · (dim + k) + dim³)).
pub(crate) fn train(
    n: usize,
    dim: usize,
    read: &(dyn Fn(usize, &mut [f32]) + Sync),
    codes: Codes,
    seed: u64,
    parallelism: Parallelism,
    mut tick: impl FnMut(usize) -> Result<(), BuildError>,
) -> Result<Rotation, BuildError> {
    let (m, k) = match codes {
        Codes::Pq { m } => (m, 256),
        Codes::PqFast { m } => (m, 16),
        Codes::Flat | Codes::Sq8 => return Ok(Rotation { matrix: identity(dim), dim }),
    };
    let n = n.min(SAMPLE);
    let plain = Training::plain(n, dim, read);
    let mut rotation = spread(&plain, m, parallelism)?;
    for round in 0..if n == 0 { 0 } else { ROUNDS } {
        tick(round)?;
        let turned = Training { rotation: Some(rotation.view()), ..plain };
        let Ok(book) = Codebook::train(&turned, m, k, seed, parallelism) else { break };
        let product = parallelism.install(|| correlation(&turned, &rotation, &book))??;
        match polar(product, &rotation, parallelism)? {
            Some(better) => rotation = better,
            None => break,
        }
    }
    let matrix = Aligned::new(dim * dim, |out| out.iter_mut().zip(&rotation).for_each(|(out, &x)| *out = x));
    Ok(Rotation { matrix, dim })
}

/// Xᵀ Y of rows X and what the codes of the turned rows stand for, Y: argmin |X R − Y| is its orthogonal factor.
fn correlation(
    rows: &Training<'_>,
    rotation: &Array2<f32>,
    book: &Codebook,
) -> Result<Array2<f32>, ParallelismError> {
    let (dim, m) = (rows.dim, book.m());
    let mut product = Array2::zeros((dim, dim));
    for from in (0..rows.n).step_by(TILE) {
        let n = TILE.min(rows.n - from);
        let (mut plain, mut turned) = (Array2::<f32>::zeros((n, dim)), Array2::zeros((n, dim)));
        let write = |(row, mut out): (usize, ndarray::ArrayViewMut1<'_, f32>)| {
            if let Some(out) = out.as_slice_mut() {
                (rows.read)(from + row, out);
            }
        };
        plain.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(write);
        gemm::par_gemm(1.0, plain.view(), rotation.view(), 0.0, turned.view_mut(), Parallelism::All)?;
        turned.axis_chunks_iter_mut(Axis(0), TILE / 8).into_par_iter().for_each(|mut turned| {
            let codes = book.encode(turned.view());
            for (row, code) in turned.rows_mut().into_iter().zip(codes.chunks(m)) {
                if let Some(row) = row.into_slice() {
                    book.decode(code.iter().copied(), row);
                }
            }
        });
        gemm::par_gemm(1.0, plain.t(), turned.view(), 1.0, product.view_mut(), Parallelism::All)?;
    }
    Ok(product)
}

fn identity(dim: usize) -> Aligned<f32> {
    Aligned::new(dim * dim, |out| out.iter_mut().step_by(dim + 1).for_each(|x| *x = 1.0))
}

/// The permutation that deals components to parts, those of largest variance first, always to the part whose
/// product of variances is smallest (§3.2, eigenvalue allocation without the eigenvalues).
fn spread(rows: &Training<'_>, m: usize, parallelism: Parallelism) -> Result<Array2<f32>, ParallelismError> {
    let dim = rows.dim;
    let variances: Vec<f64> =
        rows.deviations(parallelism)?.iter().map(|deviation| deviation.powi(2)).collect();
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]).then(a.cmp(&b)));
    let borders = pq::even(dim, m);
    let mut used = vec![0; m];
    let mut logs = vec![0.0; m];
    let mut rotation = Array2::zeros((dim, dim));
    for component in order {
        let room = |&part: &usize| borders[part] + used[part] < borders[part + 1];
        let part = (0..m).filter(room).min_by(|&a, &b| f64::total_cmp(&logs[a], &logs[b]).then(a.cmp(&b)));
        let Some(part) = part else { break };
        rotation[[component, borders[part] + used[part]]] = 1.0;
        used[part] += 1;
        logs[part] += (variances[component] + 1e-9).ln();
    }
    Ok(rotation)
}

/// The orthogonal factor of `matrix`, by Newton and Schulz's iteration `Y ← 1.5 Y − 0.5 Y Yᵀ Y`. A little of the
/// `current` rotation is added, which decides where the matrix says nothing. `None` when it does not converge.
fn polar(
    mut matrix: Array2<f32>,
    current: &Array2<f32>,
    parallelism: Parallelism,
) -> Result<Option<Array2<f32>>, BuildError> {
    let dim = matrix.nrows();
    let length = matrix.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if !(length > 0.0 && length.is_finite()) {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a factor")]
    let scale = (1.0 / length) as f32;
    matrix.zip_mut_with(current, |x, &r| *x = *x * scale + 1e-3 * r);
    // The norm, at most 1.1 now, is an upper bound of every singular value, and the iteration needs √3.
    let (mut square, mut next) = (Array2::zeros((dim, dim)), Array2::zeros((dim, dim)));
    for _ in 0..POLAR {
        gemm::par_gemm(1.0, matrix.view(), matrix.t(), 0.0, square.view_mut(), parallelism)?;
        let off = square
            .indexed_iter()
            .fold(0.0f32, |most, ((i, j), &x)| most.max((x - if i == j { 1.0 } else { 0.0 }).abs()));
        if off < 1e-5 {
            return Ok(Some(matrix));
        }
        next.assign(&matrix);
        gemm::par_gemm(-0.5, square.view(), matrix.view(), 1.5, next.view_mut(), parallelism)?;
        std::mem::swap(&mut matrix, &mut next);
    }
    Ok(None)
}
