use std::ops::Range;

use embed_core::{Progress, Run, gemm};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;
use serde::Serialize;

use super::IntrinsicError;
use super::sample::sample;
use super::vectors::{Clusters, check_labels, unit_rows};
use crate::Labels;
use crate::moments::{centred, column_means};
use crate::number::{float, sampled_mean};

/// How far apart two items are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// `1 − cos(x, y)`; 1 where one of them is zero.
    #[default]
    Cosine,
    /// `|x − y|`.
    Euclidean,
}

/// How [`silhouette()`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilhouetteParams {
    /// How far apart two items are.
    pub distance: Distance,
    /// How many items get a value, drawn with the seed of the run; each is compared with all others. None for all.
    pub sample: Option<usize>,
}

impl Default for SilhouetteParams {
    /// Cosine, 5000 items.
    fn default() -> Self {
        Self { distance: Distance::default(), sample: Some(5000) }
    }
}

/// How well items lie in their clusters: from −1, nearer to another, to 1, far from all others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Silhouette {
    /// Mean over the items measured.
    pub mean: f64,
    /// Standard error of that mean where they are a sample, else 0.
    pub standard_error: f64,
    /// Items measured.
    pub n: usize,
    /// Items with a label; the others are left out.
    pub n_labelled: usize,
    /// How far apart was measured.
    pub distance: Distance,
    /// Each label of which items were measured, in the order of labels.
    pub by_label: Vec<LabelSilhouette>,
}

/// One cluster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelSilhouette {
    /// The label, as it was given.
    pub label: u32,
    /// Its items.
    pub n: usize,
    /// Mean over those of its items that were measured.
    pub mean: f64,
}

/// Items in one block, and in one tile of distances.
const BLOCK: usize = 128;
const TILE: usize = 2048;
/// Blocks between two reports to the observer.
const BLOCKS_AT_ONCE: usize = 16;

/// `s = (b − a) / max(a, b)` of each item: `a` is its mean distance to the others of its label, `b` the mean
/// distance to the nearest other label; 0 for an item that is alone under its label.
///
/// The sampled mean is an unbiased estimate of the mean over all: each drawn item is compared with every item,
/// where other libraries compare the drawn with the drawn.
///
/// # Errors
/// - [`IntrinsicError::Items`] when there is not a row of labels for each vector.
/// - [`IntrinsicError::SeveralLabels`], [`IntrinsicError::TooFewLabels`] for fewer than two clusters.
/// - [`IntrinsicError::Zero`] for a sample of nothing.
/// - [`IntrinsicError::NotFinite`], [`IntrinsicError::TooLong`], [`IntrinsicError::Stopped`].
///
/// # Complexity
/// Cosine: O(n · dim + sample · labels · dim), for the distances to all of a label sum to a product with the
/// sum of the label. Euclidean: O(sample · n · dim). Matrix products of blocks; memory: a copy of the vectors, and
/// 1 MiB or `512 · labels` bytes a thread.
///
/// # Determinism
/// The same bits on any number of threads.
///
/// # Reference
/// Rousseeuw, Silhouettes: a Graphical Aid to the Interpretation and Validation of Cluster Analysis, 1987.
pub fn silhouette(
    vectors: ArrayView2<'_, f32>,
    labels: &Labels,
    params: &SilhouetteParams,
    run: &mut Run<'_>,
) -> Result<Silhouette, IntrinsicError> {
    check_labels(vectors, labels)?;
    if params.sample == Some(0) {
        return Err(IntrinsicError::Zero { name: "sample" });
    }
    let clusters = Clusters::new(labels, 2)?;
    let n_labelled = clusters.items.len();
    let drawn = sample(n_labelled, params.sample.unwrap_or(usize::MAX), run.seed, "silhouette");
    let order: Vec<usize> = clusters.items.iter().map(|&item| item as usize).collect();
    let distances = match params.distance {
        Distance::Cosine => Distances::cosine(unit_rows(vectors).select(Axis(0), &order), &clusters),
        Distance::Euclidean => {
            let rows = vectors.select(Axis(0), &order);
            // Distances do not change, and lose fewer digits.
            Distances::euclidean(centred(rows.view(), &column_means(rows.view())))
        }
    };
    let mut values = Vec::with_capacity(drawn.len());
    for window in drawn.chunks(BLOCK * BLOCKS_AT_ONCE) {
        let (done, total) = (values.len(), drawn.len());
        if !run.report(&Progress::new("silhouette", done as u64, total as u64).unit("items")).goes_on() {
            return Err(IntrinsicError::Stopped { done, total });
        }
        let blocks: Vec<Vec<f64>> = run.parallelism.install(|| {
            let block = |scratch: &mut Scratch, places: &[usize]| {
                distances.sums(places, &clusters, scratch);
                let rows = scratch.sums.chunks_exact(clusters.len());
                places.iter().zip(rows).map(|(&place, sums)| value(place, sums, &clusters)).collect()
            };
            window.par_chunks(BLOCK).map_init(Scratch::default, block).collect()
        })?;
        values.extend(blocks.into_iter().flatten());
    }
    let (mean, standard_error) = sampled_mean(&values, n_labelled);
    let by_label = by_label(&drawn, &values, &clusters, labels);
    Ok(Silhouette { mean, standard_error, n: values.len(), n_labelled, distance: params.distance, by_label })
}

/// The value of the item at a place, from the sums of its distances to each cluster.
fn value(place: usize, sums: &[f64], clusters: &Clusters) -> f64 {
    let own = clusters.starts.partition_point(|&start| start <= place) - 1;
    let size = clusters.span(own).len();
    if size < 2 {
        return 0.0;
    }
    let a = sums[own] / float(size - 1);
    let others = (0..clusters.len()).filter(|&cluster| cluster != own);
    let b = others
        .map(|cluster| sums[cluster] / float(clusters.span(cluster).len()))
        .fold(f64::INFINITY, f64::min);
    if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
}

fn by_label(drawn: &[usize], values: &[f64], clusters: &Clusters, labels: &Labels) -> Vec<LabelSilhouette> {
    let mut out = Vec::new();
    let mut at = 0;
    for (number, cluster) in (0u32..).zip(0..clusters.len()) {
        let span: Range<usize> = clusters.span(cluster);
        let to = at + drawn[at..].iter().take_while(|&&place| place < span.end).count();
        if to > at {
            let label = labels.name(number).unwrap_or_default();
            out.push(LabelSilhouette { label, n: span.len(), mean: crate::number::mean(&values[at..to]) });
        }
        at = to;
    }
    out
}

/// Sums of distances from items to clusters.
enum Distances {
    /// Unit rows by cluster, and the sums of clusters, `[labels, dim]`.
    Cosine { rows: Array2<f32>, sums: Array2<f32> },
    /// Rows by cluster, and half their squared lengths.
    Euclidean { rows: Array2<f32>, squares: Vec<f32> },
}

#[derive(Default)]
struct Scratch {
    products: Vec<f32>,
    /// One row of clusters an item.
    sums: Vec<f64>,
}

impl Distances {
    #[expect(clippy::cast_possible_truncation, reason = "means are taken in f64 and kept in f32")]
    fn cosine(rows: Array2<f32>, clusters: &Clusters) -> Self {
        let mut sums = Array2::zeros((clusters.len(), rows.ncols()));
        for (cluster, mut sum) in sums.rows_mut().into_iter().enumerate() {
            let span = clusters.span(cluster);
            let means = column_means(rows.slice_axis(Axis(0), Slice::from(span.clone())));
            sum.iter_mut().zip(means).for_each(|(to, mean)| *to = (mean * float(span.len())) as f32);
        }
        Self::Cosine { rows, sums }
    }

    fn euclidean(rows: Array2<f32>) -> Self {
        let squares = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        Self::Euclidean { rows, squares }
    }

    fn sums(&self, places: &[usize], clusters: &Clusters, scratch: &mut Scratch) {
        let Scratch { products, sums } = scratch;
        sums.clear();
        sums.resize(places.len() * clusters.len(), 0.0);
        match self {
            Self::Cosine { rows, sums: of_clusters } => {
                let queries = rows.select(Axis(0), places);
                multiply(queries.view(), of_clusters.view(), products);
                let all = products.chunks_exact(clusters.len()).zip(sums.chunks_exact_mut(clusters.len()));
                for ((products, sums), (query, &place)) in all.zip(queries.rows().into_iter().zip(places)) {
                    let own = clusters.starts.partition_point(|&start| start <= place) - 1;
                    for (cluster, (sum, &product)) in sums.iter_mut().zip(products).enumerate() {
                        *sum = float(clusters.span(cluster).len()) - f64::from(product);
                    }
                    // An item is not at a distance from itself.
                    sums[own] -= 1.0 - f64::from(query.dot(&query));
                }
            }
            Self::Euclidean { rows, squares } => {
                let queries = rows.select(Axis(0), places);
                for from in (0..rows.nrows()).step_by(TILE) {
                    let to = rows.nrows().min(from + TILE);
                    multiply(queries.view(), rows.slice_axis(Axis(0), Slice::from(from..to)), products);
                    let tiles = products.chunks_exact_mut(to - from);
                    for ((products, &place), sums) in
                        tiles.zip(places).zip(sums.chunks_exact_mut(clusters.len()))
                    {
                        let own = squares[place];
                        for (product, square) in products.iter_mut().zip(&squares[from..to]) {
                            *product = (own + square - 2.0 * *product).max(0.0).sqrt();
                        }
                        if (from..to).contains(&place) {
                            products[place - from] = 0.0;
                        }
                        add_by_cluster(products, from, clusters, sums);
                    }
                }
            }
        }
    }
}

/// Adds distances to the items `from..` to the sums of their clusters.
fn add_by_cluster(distances: &[f32], from: usize, clusters: &Clusters, sums: &mut [f64]) {
    let mut cluster = clusters.starts.partition_point(|&start| start <= from) - 1;
    let mut at = 0;
    while at < distances.len() {
        let to = distances.len().min(clusters.starts[cluster + 1] - from);
        let (eights, rest) = distances[at..to].as_chunks::<8>();
        let mut lanes = [0.0f64; 8];
        for eight in eights {
            lanes.iter_mut().zip(eight).for_each(|(lane, &d)| *lane += f64::from(d));
        }
        sums[cluster] += lanes.iter().sum::<f64>() + rest.iter().map(|&d| f64::from(d)).sum::<f64>();
        at = to;
        cluster += 1;
    }
}

/// `queries · rowsᵀ` into `out`.
fn multiply(queries: ArrayView2<'_, f32>, rows: ArrayView2<'_, f32>, out: &mut Vec<f32>) {
    let shape = (queries.nrows(), rows.nrows());
    out.resize(shape.0 * shape.1, 0.0);
    if let Ok(out) = ArrayViewMut2::from_shape(shape, &mut out[..]) {
        gemm::gemm(1.0, queries, rows.t(), 0.0, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{SeededRng, testkit};

    fn by_definition(vectors: &Array2<f32>, labels: &[Option<u32>], distance: Distance) -> f64 {
        let d = |i: usize, j: usize| {
            let pairs = || vectors.row(i).to_vec().into_iter().zip(vectors.row(j).to_vec());
            let dot = |a: f32, b: f32| f64::from(a) * f64::from(b);
            match distance {
                Distance::Euclidean => pairs().map(|(a, b)| dot(a - b, a - b)).sum::<f64>().sqrt(),
                Distance::Cosine => {
                    let product: f64 = pairs().map(|(a, b)| dot(a, b)).sum();
                    let lengths: f64 = pairs().map(|(a, _)| dot(a, a)).sum::<f64>().sqrt()
                        * pairs().map(|(_, b)| dot(b, b)).sum::<f64>().sqrt();
                    if lengths > 0.0 { 1.0 - product / lengths } else { 1.0 }
                }
            }
        };
        let members = |label| (0..labels.len()).filter(move |&j| labels[j] == Some(label));
        let mut all: Vec<u32> = labels.iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        let mut values = Vec::new();
        for (i, label) in labels.iter().enumerate() {
            let Some(own) = *label else { continue };
            let mean = |label| {
                let ds: Vec<f64> = members(label).filter(|&j| j != i).map(|j| d(i, j)).collect();
                if ds.is_empty() { None } else { Some(crate::number::mean(&ds)) }
            };
            let b = all.iter().filter(|&&l| l != own).filter_map(|&l| mean(l)).fold(f64::INFINITY, f64::min);
            values.push(mean(own).map_or(0.0, |a| (b - a) / a.max(b)));
        }
        crate::number::mean(&values)
    }

    #[test]
    fn it_is_the_definition() {
        let mut rng = SeededRng::new(1);
        let mut vectors = testkit::clustered(300, 7, 5, 2);
        vectors.row_mut(17).fill(0.0);
        let mut labels: Vec<Option<u32>> = (0..300).map(|_| Some(3 * rng.below(5))).collect();
        labels[4] = None;
        labels[9] = Some(1000); // alone
        for distance in [Distance::Cosine, Distance::Euclidean] {
            let params = SilhouetteParams { distance, sample: None };
            let all = Labels::single(labels.iter().copied());
            let got = silhouette(vectors.view(), &all, &params, &mut Run::default()).unwrap();
            let expected = by_definition(&vectors, &labels, distance);
            assert!((got.mean - expected).abs() < 1e-5, "{distance:?}: {} is not {expected}", got.mean);
            assert_eq!((got.n, got.n_labelled, got.standard_error), (299, 299, 0.0));
            assert_eq!(got.by_label.iter().map(|c| c.n).sum::<usize>(), 299);
            let mean: f64 = got.by_label.iter().map(|c| c.mean * c.n as f64).sum::<f64>() / 299.0;
            assert!((mean - got.mean).abs() < 1e-12);
        }
    }

    #[test]
    fn a_sample_is_within_its_error() {
        let vectors = testkit::clustered(4000, 6, 8, 5);
        let labels = Labels::single((0..4000).map(|i| Some(i % 5)));
        for distance in [Distance::Cosine, Distance::Euclidean] {
            let of = |sample, seed| {
                let params = SilhouetteParams { distance, sample };
                silhouette(vectors.view(), &labels, &params, &mut Run::seeded(seed)).unwrap()
            };
            let all = of(None, 0);
            let off: Vec<f64> = (0..20)
                .map(|seed| {
                    let drawn = of(Some(400), seed);
                    assert_eq!(drawn.n, 400);
                    (drawn.mean - all.mean) / drawn.standard_error
                })
                .collect();
            let spread = (off.iter().map(|z| z * z).sum::<f64>() / 20.0).sqrt();
            assert!((0.5..1.6).contains(&spread), "{distance:?}: {spread}");
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let vectors = testkit::clustered(1500, 5, 3, 1);
        let labels = Labels::single((0..1500).map(|i| Some(i % 3)));
        for distance in [Distance::Cosine, Distance::Euclidean] {
            let params = SilhouetteParams { distance, sample: Some(900) };
            let of = |threads| {
                silhouette(vectors.view(), &labels, &params, &mut Run::seeded(2).threads(threads)).unwrap()
            };
            assert_eq!((of(2), of(7)), (of(1), of(1)));
        }
    }

    #[test]
    fn bad_input_is_named() {
        let vectors = testkit::clustered(4, 2, 2, 1);
        let fails = |labels: &Labels, sample| {
            let params = SilhouetteParams { sample, ..SilhouetteParams::default() };
            silhouette(vectors.view(), labels, &params, &mut Run::default()).unwrap_err()
        };
        let one = Labels::single([Some(1); 4]);
        assert!(matches!(fails(&one, None), IntrinsicError::TooFewLabels { least: 2, got: 1 }));
        let two = Labels::single([Some(1), Some(1), Some(2), Some(2)]);
        assert!(matches!(fails(&two, Some(0)), IntrinsicError::Zero { .. }));
        let rows = embed_core::Csr::from_rows([vec![1], vec![2], vec![1, 2], vec![1]]);
        let several = Labels::several(&rows);
        assert!(matches!(fails(&several, None), IntrinsicError::SeveralLabels { item: 2, got: 2 }));
        assert!(matches!(fails(&Labels::single([None; 3]), None), IntrinsicError::Items { .. }));
    }
}
