use embed_core::Run;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::Serialize;

use super::IntrinsicError;
use super::vectors::{check, unit_rows};
use crate::eigen::symmetric;
use crate::moments::{column_means, scatter};
use crate::number::float;

/// How vectors use their dimensions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Spectrum {
    /// `exp H(p)` with `p` the shares of the singular values: as many dimensions as would be used if all were
    /// used alike, from 1 to `dim` (Roy & Vetterli 2007).
    pub effective_rank: f64,
    /// `(Σ λ)² / Σ λ²` of the variances λ along the principal axes.
    pub participation_ratio: f64,
    /// `min Z / max Z` over the principal directions ±c with `Z(c) = Σ exp(c·x)`: 1 when all directions are alike
    /// (Mu & Viswanath 2018, section 2.2).
    pub isotropy: f64,
    /// Mean cosine of two different vectors: 0 when directions are spread, 1 when all are the same (Ethayarajh 2019).
    pub mean_cosine: f64,
    /// Share of the variance along each principal axis, largest first, `[dim]`.
    pub explained: Vec<f64>,
    /// Components of a vector.
    pub dim: usize,
}

/// The spectrum of vectors `[n_items, dim]`.
///
/// # Errors
/// [`IntrinsicError::TooFewRows`] for fewer than two, [`IntrinsicError::NotFinite`] and the like.
///
/// # Complexity
/// O(n · dim² + dim³). Memory: a copy of the vectors, and 70 · dim² bytes.
///
/// # Determinism
/// The same bits on any number of threads.
pub fn spectrum(vectors: ArrayView2<'_, f32>, run: &mut Run<'_>) -> Result<Spectrum, IntrinsicError> {
    check(vectors, 2)?;
    let (n, dim) = vectors.dim();
    let second = scatter(vectors, run.parallelism)?;
    let means = column_means(vectors);
    let covariance =
        Array2::from_shape_fn((dim, dim), |(i, j)| second[[i, j]] / float(n) - means[i] * means[j]);
    let (squares, directions) = symmetric(&second);
    let (variances, _) = symmetric(&covariance);
    let singular: Vec<f64> = squares.iter().map(|square| square.max(0.0).sqrt()).collect();
    let variances: Vec<f64> = variances.iter().map(|variance| variance.max(0.0)).collect();
    let total: f64 = variances.iter().sum();
    let sum: f64 = singular.iter().sum();
    let entropy = |value: &f64| {
        let p = value / sum;
        if p > 0.0 { -p * p.ln() } else { 0.0 }
    };
    let squares: f64 = variances.iter().map(|variance| variance * variance).sum();
    Ok(Spectrum {
        effective_rank: if sum > 0.0 { singular.iter().map(entropy).sum::<f64>().exp() } else { 0.0 },
        participation_ratio: if squares > 0.0 { total * total / squares } else { 0.0 },
        isotropy: isotropy(vectors, &directions, run)?,
        mean_cosine: mean_cosine(vectors),
        explained: variances.iter().map(|v| if total > 0.0 { v / total } else { 0.0 }).collect(),
        dim,
    })
}

/// Rows of a block.
const BLOCK: usize = 2048;

/// In logarithms, for `exp(c·x)` of long vectors is beyond any number.
fn isotropy(
    vectors: ArrayView2<'_, f32>,
    directions: &Array2<f64>,
    run: &Run<'_>,
) -> Result<f64, IntrinsicError> {
    let axes: Array2<f32> = directions.mapv(
        #[expect(clippy::cast_possible_truncation, reason = "components of unit vectors")]
        |x| x as f32,
    );
    let blocks: Vec<Vec<[LogSum; 2]>> = run.parallelism.install(|| {
        let block = |rows: ArrayView2<'_, f32>| {
            let mut products = Array2::<f32>::zeros((rows.nrows(), axes.nrows()));
            embed_core::gemm::gemm(1.0, rows, axes.t(), 0.0, products.view_mut());
            let mut sums = vec![[LogSum::default(); 2]; axes.nrows()];
            for row in products.rows() {
                for (sum, &product) in sums.iter_mut().zip(row) {
                    sum[0].add(f64::from(product), 1.0);
                    sum[1].add(-f64::from(product), 1.0);
                }
            }
            sums
        };
        vectors.axis_chunks_iter(ndarray::Axis(0), BLOCK).into_par_iter().map(block).collect()
    })?;
    let mut sums = vec![[LogSum::default(); 2]; axes.nrows()];
    for block in blocks {
        for (sum, part) in sums.iter_mut().zip(block) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| sum.add(part.most, part.rest));
        }
    }
    let logs = sums.iter().flatten().map(|sum| sum.most + sum.rest.ln());
    let (least, most) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), x| (l.min(x), m.max(x)));
    Ok((least - most).exp())
}

/// `rest · exp(most)`.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    most: f64,
    rest: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { most: f64::NEG_INFINITY, rest: 0.0 }
    }
}

impl LogSum {
    /// Adds `rest · exp(most)`.
    fn add(&mut self, most: f64, rest: f64) {
        if most > self.most {
            self.rest = self.rest * (self.most - most).exp() + rest;
            self.most = most;
        } else {
            self.rest += rest * (most - self.most).exp();
        }
    }
}

/// `(|Σ x̂|² − Σ |x̂|²) / n(n−1)`.
fn mean_cosine(vectors: ArrayView2<'_, f32>) -> f64 {
    let unit = unit_rows(vectors);
    let n = float(unit.nrows());
    let means = column_means(unit.view());
    let own: f64 = unit.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    (means.iter().map(|mean| mean * mean).sum::<f64>() * n * n - own) / (n * (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::SeededRng;
    use ndarray::array;

    #[test]
    fn two_axes_by_hand() {
        // Singular values √2 · 3 and √2 · 1; variances 9/2 and 1/2.
        let vectors = array![[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        let got = spectrum(vectors.view(), &mut Run::default()).unwrap();
        let (p, q) = (0.75f64, 0.25f64);
        assert!((got.effective_rank - (-p * p.ln() - q * q.ln()).exp()).abs() < 1e-12);
        assert!((got.participation_ratio - 25.0 / (20.25 + 0.25)).abs() < 1e-12);
        assert!((got.explained[0] - 0.9).abs() < 1e-12 && got.dim == 2);
        let z = |x: f64| 2.0 * x.cosh() + 2.0;
        assert!((got.isotropy - z(1.0) / z(3.0)).abs() < 1e-6);
        assert!((got.mean_cosine + 4.0 / 12.0).abs() < 1e-6);
    }

    #[test]
    fn an_even_cloud_uses_all_dimensions_and_a_line_uses_one() {
        let mut rng = SeededRng::new(2);
        let cloud = Array2::from_shape_simple_fn((5000, 8), || rng.unit_f32() - 0.5);
        let of = |threads| spectrum(cloud.view(), &mut Run::default().threads(threads)).unwrap();
        let got = of(1);
        assert!(got.effective_rank > 7.9 && got.participation_ratio > 7.9 && got.isotropy > 0.95, "{got:?}");
        assert_eq!((of(2), of(7)), (got.clone(), got));
        let line = Array2::from_shape_fn((500, 6), |(i, j)| (i as f32 - 100.0) * (j + 1) as f32);
        let got = spectrum(line.view(), &mut Run::default()).unwrap();
        assert!((got.effective_rank - 1.0).abs() < 1e-3 && got.isotropy < 1e-100, "{got:?}");
        let same = spectrum(Array2::<f32>::zeros((3, 2)).view(), &mut Run::default()).unwrap();
        assert_eq!((same.effective_rank, same.participation_ratio, same.isotropy), (0.0, 0.0, 1.0));
    }
}
