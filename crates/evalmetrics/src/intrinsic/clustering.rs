use embed_core::{Assigner, KMeans, KMeansParams, Metric, Run};
use ndarray::ArrayView2;
use serde::Serialize;

use super::IntrinsicError;
use super::vectors::{Clusters, check_labels, unit_rows};
use crate::Labels;
use crate::number::float;

/// How far the clusters of the vectors are the labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClusterAgreement {
    /// [`normalized_mutual_information`], from 0 to 1.
    pub nmi: f64,
    /// [`adjusted_rand_index`]: 0 by chance, 1 when they are the same.
    pub ari: f64,
    /// Clusters looked for: as many as there are labels.
    pub k: usize,
    /// Items with a label; the others are left out.
    pub n: usize,
}

/// Clusters vectors `[n_items, dim]` by k-means into as many clusters as there are labels, and compares. Under
/// [`Metric::Cosine`] the vectors are brought to length 1 first.
///
/// # Errors
/// As [`super::silhouette()`], and [`IntrinsicError::KMeans`].
///
/// # Complexity
/// That of [`KMeans::fit`], and O(n · labels · dim). Memory: a copy of the vectors.
///
/// # Determinism
/// The same bits on any number of threads, by the seed of `run`.
pub fn cluster_agreement(
    vectors: ArrayView2<'_, f32>,
    labels: &Labels,
    metric: Metric,
    run: &mut Run<'_>,
) -> Result<ClusterAgreement, IntrinsicError> {
    check_labels(vectors, labels)?;
    let clusters = Clusters::new(labels, 2)?;
    let order: Vec<usize> = clusters.items.iter().map(|&item| item as usize).collect();
    let rows = vectors.select(ndarray::Axis(0), &order);
    let rows = if metric == Metric::Cosine { unit_rows(rows.view()) } else { rows };
    let k = clusters.len();
    let params = KMeansParams { iterations: 25, ..KMeansParams::new(k) };
    let means = KMeans::fit(rows.view(), &params, run)?;
    let (found, _) = Assigner::new(means.centroids.view()).assign(rows.view(), run.parallelism)?;
    let wanted: Vec<u32> =
        (0u32..).zip(0..k).flat_map(|(label, c)| clusters.span(c).map(move |_| label)).collect();
    Ok(ClusterAgreement {
        nmi: of_table(&Table::new(&found, &wanted)),
        ari: rand_of(&Table::new(&found, &wanted)),
        k,
        n: rows.nrows(),
    })
}

/// `2 I(a; b) / (H(a) + H(b))` of two labellings of the same items: 1 when each is a renaming of the other, also when both
/// have one label for all. O(n log n).
///
/// # Errors
/// [`IntrinsicError::Items`] when they differ in length; [`IntrinsicError::TooFewRows`] when they are empty.
///
/// # Reference
/// Strehl & Ghosh, Cluster Ensembles, 2002, with the mean of the entropies.
pub fn normalized_mutual_information(a: &[u32], b: &[u32]) -> Result<f64, IntrinsicError> {
    check_pair(a, b)?;
    Ok(of_table(&Table::new(a, b)))
}

/// The share of pairs of items on which two labellings agree, less what is expected by chance, over its most:
/// 1 when each is a renaming of the other. O(n log n).
///
/// # Errors
/// [`IntrinsicError::Items`] when they differ in length; [`IntrinsicError::TooFewRows`] when they are empty.
///
/// # Reference
/// Hubert & Arabie, Comparing Partitions, 1985.
pub fn adjusted_rand_index(a: &[u32], b: &[u32]) -> Result<f64, IntrinsicError> {
    check_pair(a, b)?;
    Ok(rand_of(&Table::new(a, b)))
}

fn check_pair(a: &[u32], b: &[u32]) -> Result<(), IntrinsicError> {
    if a.len() != b.len() {
        return Err(IntrinsicError::Items { what: "labels", expected: a.len(), got: b.len() });
    }
    if a.is_empty() {
        return Err(IntrinsicError::TooFewRows { least: 1, got: 0 });
    }
    Ok(())
}

/// How many items have each pair of labels, and each label.
struct Table {
    n: f64,
    /// (count, count of the label in `a`, count of the label in `b`).
    cells: Vec<(f64, f64, f64)>,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Table {
    fn new(a: &[u32], b: &[u32]) -> Self {
        let counts = |labels: &[u32]| {
            let mut sorted = labels.to_vec();
            sorted.sort_unstable();
            sorted.chunk_by(|x, y| x == y).map(|same| (same[0], float(same.len()))).collect::<Vec<_>>()
        };
        let (of_a, of_b) = (counts(a), counts(b));
        let count =
            |of: &[(u32, f64)], label| of.binary_search_by_key(&label, |c| c.0).map_or(0.0, |at| of[at].1);
        let mut pairs: Vec<(u32, u32)> = a.iter().copied().zip(b.iter().copied()).collect();
        pairs.sort_unstable();
        let cell =
            |same: &[(u32, u32)]| (float(same.len()), count(&of_a, same[0].0), count(&of_b, same[0].1));
        Self {
            n: float(a.len()),
            cells: pairs.chunk_by(|x, y| x == y).map(cell).collect(),
            a: of_a.iter().map(|c| c.1).collect(),
            b: of_b.iter().map(|c| c.1).collect(),
        }
    }
}

fn of_table(table: &Table) -> f64 {
    let n = table.n;
    let entropy = |counts: &[f64]| -counts.iter().map(|c| c / n * (c / n).ln()).sum::<f64>();
    let information: f64 = table.cells.iter().map(|(both, a, b)| both / n * (both * n / (a * b)).ln()).sum();
    let entropies = entropy(&table.a) + entropy(&table.b);
    if entropies > 0.0 { (2.0 * information / entropies).clamp(0.0, 1.0) } else { 1.0 }
}

fn rand_of(table: &Table) -> f64 {
    let pairs = |count: f64| 0.5 * count * (count - 1.0);
    let both: f64 = table.cells.iter().map(|cell| pairs(cell.0)).sum();
    let (a, b): (f64, f64) =
        (table.a.iter().map(|&c| pairs(c)).sum(), table.b.iter().map(|&c| pairs(c)).sum());
    let all = pairs(table.n);
    let (chance, most) = (if all > 0.0 { a * b / all } else { 0.0 }, 0.5 * (a + b));
    if most > chance { (both - chance) / (most - chance) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::testkit;

    /// scikit-learn 1.x: normalized_mutual_info_score and adjusted_rand_score of these.
    #[test]
    fn labellings_by_hand() {
        let (a, b) = ([0, 0, 1, 1, 2, 2], [5, 5, 5, 7, 7, 7]);
        // I = ln 2 − (1/3) ln 2 · 1 = 2/3 · ln 2; H = ln 3 and ln 2.
        let nmi = 2.0 * (2.0 / 3.0) * 2f64.ln() / (3f64.ln() + 2f64.ln());
        assert!((normalized_mutual_information(&a, &b).unwrap() - nmi).abs() < 1e-15);
        // Pairs: both 2, a 3, b 6, all 15: (2 − 1.2) / (4.5 − 1.2).
        assert!((adjusted_rand_index(&a, &b).unwrap() - 0.8 / 3.3).abs() < 1e-15);
        assert_eq!(normalized_mutual_information(&a, &[9, 9, 4, 4, 0, 0]).unwrap(), 1.0);
        assert_eq!(adjusted_rand_index(&a, &[9, 9, 4, 4, 0, 0]).unwrap(), 1.0);
        assert_eq!(
            (normalized_mutual_information(&[1], &[2]).unwrap(), adjusted_rand_index(&[1], &[2]).unwrap()),
            (1.0, 1.0)
        );
        assert_eq!(normalized_mutual_information(&[1, 1], &[1, 2]).unwrap(), 0.0);
        assert!(adjusted_rand_index(&[1], &[]).is_err() && adjusted_rand_index(&[], &[]).is_err());
    }

    #[test]
    fn clusters_that_are_there_are_found() {
        let vectors = testkit::clustered(900, 16, 6, 3);
        let graph =
            super::super::NeighborGraph::exact(vectors.view(), Metric::L2, 1, None, &mut Run::default())
                .unwrap();
        assert_eq!(graph.k(), 1);
        // Labels by the nearest of six means are found again.
        let means = KMeans::fit(vectors.view(), &KMeansParams::new(6), &mut Run::seeded(9)).unwrap();
        let labels = Assigner::new(means.centroids.view()).nearest(vectors.view());
        let labels = Labels::single(labels.into_iter().map(Some));
        let of = |threads| {
            cluster_agreement(vectors.view(), &labels, Metric::L2, &mut Run::seeded(4).threads(threads))
                .unwrap()
        };
        let got = of(1);
        assert!(got.nmi > 0.6 && got.ari > 0.5 && got.k == labels.n_labels(), "{got:?}");
        assert_eq!((of(2), of(7)), (got, got));
    }
}
