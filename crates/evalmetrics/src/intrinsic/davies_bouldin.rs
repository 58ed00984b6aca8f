use embed_core::{Run, gemm};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

use super::IntrinsicError;
use super::vectors::{Clusters, check_labels};
use crate::Labels;
use crate::moments::column_means;
use crate::number::{float, mean};

/// Clusters in one block of products.
const BLOCK: usize = 128;

/// The mean over clusters of `max_j (Sᵢ + Sⱼ) / |cᵢ − cⱼ|`: `c` is the mean of a cluster of vectors `[n_items, dim]`, `S` the mean
/// distance of its items from it. 0 is best; infinite where two clusters that are no points have the same mean.
///
/// O(n · dim + labels² · dim). Memory: `8 · dim` bytes a label.
///
/// # Errors
/// As [`super::silhouette()`].
///
/// # Reference
/// Davies & Bouldin, A Cluster Separation Measure, 1979.
pub fn davies_bouldin(
    vectors: ArrayView2<'_, f32>,
    labels: &Labels,
    run: &mut Run<'_>,
) -> Result<f64, IntrinsicError> {
    check_labels(vectors, labels)?;
    let clusters = Clusters::new(labels, 2)?;
    let k = clusters.len();
    let middle = column_means(vectors);
    let mut centres = Array2::<f32>::zeros((k, vectors.ncols()));
    let mut spreads = vec![0.0; k];
    for (cluster, (spread, mut to)) in spreads.iter_mut().zip(centres.rows_mut()).enumerate() {
        let items = clusters.items[clusters.span(cluster)].iter().map(|&item| item as usize);
        let rows = vectors.select(Axis(0), &items.collect::<Vec<_>>());
        let centre = column_means(rows.view());
        let distance = |row: ndarray::ArrayView1<'_, f32>| {
            row.iter().zip(&centre).map(|(&x, c)| (f64::from(x) - c).powi(2)).sum::<f64>().sqrt()
        };
        *spread = rows.rows().into_iter().map(distance).sum::<f64>() / float(rows.nrows());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the difference is taken in f64 and kept in f32"
        )]
        to.iter_mut().zip(centre.iter().zip(&middle)).for_each(|(to, (c, m))| *to = (c - m) as f32);
    }
    let squares: Vec<f32> = centres.rows().into_iter().map(|row| row.dot(&row)).collect();
    let worst: Vec<f64> = run.parallelism.install(|| {
        let block = |from: usize| {
            let to = k.min(from + BLOCK);
            let mut products = Array2::<f32>::zeros((to - from, k));
            gemm::gemm(
                1.0,
                centres.slice_axis(Axis(0), Slice::from(from..to)),
                centres.t(),
                0.0,
                products.view_mut(),
            );
            let of_cluster = |(i, row): (usize, ndarray::ArrayView1<'_, f32>)| {
                let ratio = |(j, &product): (usize, &f32)| {
                    let both = spreads[i] + spreads[j];
                    let distance = f64::from((squares[i] + squares[j] - 2.0 * product).max(0.0)).sqrt();
                    if i == j || both == 0.0 { 0.0 } else { both / distance }
                };
                row.iter().enumerate().map(ratio).fold(0.0, f64::max)
            };
            (from..to).zip(products.rows()).map(of_cluster).collect::<Vec<f64>>()
        };
        (0..k.div_ceil(BLOCK)).into_par_iter().map(|at| block(at * BLOCK)).collect::<Vec<_>>().concat()
    })?;
    Ok(mean(&worst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Clusters {0, 2}, {10, 14}, {9}: means 1, 12, 9, spreads 1, 2, 0.
    #[test]
    fn three_clusters_by_hand() {
        let vectors = array![[0.0], [2.0], [10.0], [14.0], [9.0], [77.0]];
        let labels = Labels::single([Some(1), Some(1), Some(2), Some(2), Some(3), None]);
        let of = |vectors: &Array2<f32>, labels: &Labels| {
            davies_bouldin(vectors.view(), labels, &mut Run::default()).unwrap()
        };
        let expected = (3.0 / 11.0 + 2.0 / 3.0 + 2.0 / 3.0) / 3.0;
        assert!((of(&vectors, &labels) - expected).abs() < 1e-6);
        let points = array![[1.0], [1.0], [5.0]];
        assert_eq!(of(&points, &Labels::single([Some(1), Some(1), Some(2)])), 0.0);
        let same = array![[-1.0], [1.0], [-2.0], [2.0]];
        assert_eq!(of(&same, &Labels::single([Some(1), Some(1), Some(2), Some(2)])), f64::INFINITY);
    }
}
