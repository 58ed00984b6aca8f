//! Builds several indexes over the same vectors and compares their recall against the exact answer with their speed.
//!
//! `cargo run --release --example compare_indexes`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use ndarray::Array2;
use nearfield::prelude::*;

const N: usize = 5_000;
const DIM: usize = 64;
const K: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let vectors = clustered(N, 1);
    let queries = clustered(500, 2);
    let mut run = Run::seeded(42);
    let exact = Flat::build(&vectors, Metric::L2, &mut run)?;
    let requests = [SearchRequest::k(K)];
    let truth = exact.search_batch(queries.view(), &requests, Parallelism::All)?;

    println!("{:8} {:>6} {:>8} {:>10} {:>10}", "index", "effort", "build s", "recall@10", "queries/s");
    for (spec, efforts) in [("Flat", &[0][..]), ("HNSW8", &[16, 64]), ("HNSW32", &[16, 64, 256])] {
        let start = Instant::now();
        let index = spec.parse::<IndexSpec>()?.build(&vectors, Metric::L2, &mut run)?;
        let build = start.elapsed().as_secs_f64();
        for &effort in efforts {
            let request = SearchRequest::k(K).effort(Effort::Value(effort));
            let (mut right, mut out) = (0, Vec::new());
            let start = Instant::now();
            for (query, truth) in queries.rows().into_iter().zip(&truth) {
                index.search_into(query.as_slice().unwrap_or_default(), &request, &mut out)?;
                right += out.iter().filter(|n| truth.iter().any(|t| t.id == n.id)).count();
            }
            let rate = 500.0 / start.elapsed().as_secs_f64();
            let recall = right as f64 / (500 * K) as f64;
            println!("{spec:8} {effort:6} {build:8.2} {recall:10.4} {rate:10.0}");
        }
    }
    Ok(())
}

/// Points around 100 centres, as embeddings of a catalogue lie around its tastes.
fn clustered(n: usize, seed: u64) -> Array2<f32> {
    let mut centres = SeededRng::new(0);
    let centres = Array2::from_shape_fn((100, DIM), |_| centres.unit_f32() - 0.5);
    let mut rng = SeededRng::new(seed);
    Array2::from_shape_fn((n, DIM), |(row, column)| {
        centres[[row % 100, column]] + 0.6 * (rng.unit_f32() - 0.5)
    })
}
