//! Measures what stands in a JSON file, for comparison with other libraries: benches/peers/metrics.py writes it.
//!
//!     cargo run --release -p evalmetrics --example metrics_json -- FILE
//!
//! `scores` `[users][items]`, `truth` and `gains` `[users][..]`, `cutoffs`; `vectors` `[n][dim]`, `labels` and
//! `clusters` `[n]`; `a` and `b`, paired values; `p`, p-values; `lists` `[users][..]` of items below `n_items`. Without a file, a small example of its own.
#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use std::error::Error;

use embed_core::{Csr, Metric, Parallelism, Run};
use evalmetrics::beyond::{Catalogue, beyond_accuracy};
use evalmetrics::certainty::{
    BootstrapParams, RandomisationParams, benjamini_hochberg, bootstrap, holm, paired_randomisation,
};
use evalmetrics::intrinsic::{
    Distance, NeighborGraph, SilhouetteParams, adjusted_rand_index, davies_bouldin, hubness, norm_popularity,
    normalized_mutual_information, silhouette,
};
use evalmetrics::projection::{Pca, Tsne};
use evalmetrics::{FnScorer, FullRanking, Gain, Labels, Measure, SeenItems};
use ndarray::Array2;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Case {
    scores: Vec<Vec<f32>>,
    truth: Vec<Vec<u32>>,
    gains: Vec<Vec<f32>>,
    cutoffs: Vec<usize>,
    vectors: Vec<Vec<f32>>,
    labels: Vec<u32>,
    clusters: Vec<u32>,
    counts: Vec<u64>,
    a: Vec<f64>,
    b: Vec<f64>,
    p: Vec<f64>,
    lists: Vec<Vec<u32>>,
    tsne_epochs: usize,
}

const SMALL: &str = r#"{
    "scores": [[0.1, 0.9, 0.5, 0.5]], "truth": [[2, 1]], "gains": [[1.0, 3.0]], "cutoffs": [1, 2],
    "vectors": [[1.0, 0.0], [0.9, 0.2], [0.0, 1.0], [0.1, 1.2]], "labels": [0, 0, 1, 1], "clusters": [0, 1, 1, 1],
    "counts": [4, 3, 2, 1], "a": [0.5, 0.7, 0.2], "b": [0.4, 0.7, 0.1], "p": [0.01, 0.04],
    "lists": [[0, 1], [2, 3]], "tsne_epochs": 50
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).map_or(Ok(SMALL.to_owned()), std::fs::read_to_string)?;
    let case: Case = serde_json::from_str(&text)?;
    let out = json!({
        "linear": ranking(&case, Gain::Linear)?,
        "exponential": ranking(&case, Gain::Exponential)?,
        "intrinsic": intrinsic(&case)?,
        "certainty": certainty(&case)?,
        "beyond": beyond(&case)?,
    });
    println!("{out}");
    Ok(())
}

fn ranking(case: &Case, gain: Gain) -> Result<serde_json::Value, Box<dyn Error>> {
    let rows = |rows: &[Vec<u32>]| Csr::from_rows(rows);
    let offsets = case.truth.iter().scan(0, |end, row| {
        *end += row.len();
        Some(*end)
    });
    let truth =
        Csr::new(std::iter::once(0).chain(offsets).collect(), case.truth.concat(), case.gains.concat())?;
    let n_items = case.scores.first().map_or(0, Vec::len);
    let scorer = FnScorer::new(n_items, |user, item| case.scores[user as usize][item as usize]);
    let settings = FullRanking {
        measures: Measure::ALL.to_vec(),
        seen_items: SeenItems::Keep,
        per_user: true,
        gain,
        ..FullRanking::at(case.cutoffs.as_slice())
    };
    let report = settings.evaluate(&scorer, &rows(&[]), &truth, &mut Run::default())?;
    Ok(serde_json::to_value(report)?)
}

fn intrinsic(case: &Case) -> Result<serde_json::Value, Box<dyn Error>> {
    let dim = case.vectors.first().map_or(0, Vec::len);
    let vectors = Array2::from_shape_vec((case.vectors.len(), dim), case.vectors.concat())?;
    let labels = Labels::single(case.labels.iter().copied().map(Some));
    let mut run = Run::seeded(1);
    let mut of = |distance| {
        let params = SilhouetteParams { distance, sample: None };
        silhouette(vectors.view(), &labels, &params, &mut run).map(|silhouette| silhouette.mean)
    };
    let (cosine, euclidean) = (of(Distance::Cosine)?, of(Distance::Euclidean)?);
    let pca = Pca::fit(vectors.view(), 2, &mut run)?;
    let tsne = Tsne { epochs: case.tsne_epochs, distance: Distance::Euclidean, ..Tsne::default() };
    let map = tsne.project(vectors.view(), &mut run)?;
    Ok(json!({
        "silhouette_cosine": cosine,
        "silhouette_euclidean": euclidean,
        "davies_bouldin": davies_bouldin(vectors.view(), &labels, &mut run)?,
        "nmi": normalized_mutual_information(&case.labels, &case.clusters)?,
        "ari": adjusted_rand_index(&case.labels, &case.clusters)?,
        "hubness": hubness(&NeighborGraph::exact(vectors.view(), Metric::L2, 5, None, &mut run)?),
        "norm_popularity": norm_popularity(vectors.view(), &case.counts)?,
        "explained": pca.explained(),
        "axes": pca.axes().rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
        "map": map.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
    }))
}

fn certainty(case: &Case) -> Result<serde_json::Value, Box<dyn Error>> {
    let mut run = Run::seeded(1);
    let params = BootstrapParams { resamples: 20_000, ..BootstrapParams::default() };
    Ok(json!({
        "interval": bootstrap(&case.a, &params, &mut run)?,
        "paired": paired_randomisation(&case.a, &case.b, &RandomisationParams { permutations: 100_000 }, &mut run)?,
        "holm": holm(&case.p)?,
        "benjamini_hochberg": benjamini_hochberg(&case.p)?,
    }))
}

fn beyond(case: &Case) -> Result<serde_json::Value, Box<dyn Error>> {
    let lists = Csr::from_rows(&case.lists);
    let longest = case.lists.iter().map(Vec::len).max().unwrap_or(1);
    let report = beyond_accuracy(&lists, longest, &Catalogue::new(&case.counts), Parallelism::All)?;
    Ok(serde_json::to_value(report)?)
}
