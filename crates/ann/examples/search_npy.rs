//! Recall and speed of HNSW over a sweep of efforts, on one thread.
//!
//!     cargo run --release -p ann --example search_npy -- [BASE QUERIES [l2|ip|cosine [SPEC]]]
//!
//! Any file of vectors that `embed_core::formats` reads. Without them, seeded clustered vectors.
#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use std::time::Instant;

use ann::{Flat, Index, IndexSpec};
use embed_core::testkit::{clustered, recall};
use embed_core::{AnnIndex, Effort, Metric, Parallelism, Run, SearchRequest, formats};
use ndarray::s;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let read = |path: &String| formats::read_vectors(path).map(|items| items.into_parts().1);
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (base, queries) = if let [base, queries, ..] = &args[..] {
        (read(base)?, read(queries)?)
    } else {
        let all = clustered(21_000, 64, 100, 1);
        (all.slice(s![..20_000, ..]).to_owned(), all.slice(s![20_000.., ..]).to_owned())
    };
    let metric: Metric = args.get(2).map_or("l2", String::as_str).parse()?;
    let spec: IndexSpec = args.get(3).map_or("HNSW16", String::as_str).parse()?;
    let mut run = Run::seeded(1);
    let start = Instant::now();
    let index = spec.build(&base, metric, &mut run)?;
    println!("{spec} over {:?} under {metric}: built in {:.2?}", base.dim(), start.elapsed());
    if let Index::Hnsw(hnsw) = &index {
        println!("{:?}", hnsw.report());
    }
    let start = Instant::now();
    let truth = Flat::build(&base, metric, &mut run)?.search_batch(
        queries.view(),
        &[SearchRequest::k(10)],
        Parallelism::All,
    )?;
    println!("exact answers in {:.2?}", start.elapsed());
    let copies = if queries.nrows() < 2000 { 10 } else { 1 };
    let rows: Vec<_> = std::iter::repeat_n(queries.view(), copies).collect();
    let many = ndarray::concatenate(ndarray::Axis(0), &rows)?;
    let efforts: Vec<usize> = match args.get(4) {
        Some(list) => list.split(',').map(str::parse).collect::<Result<_, _>>()?,
        None => vec![10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 200],
    };
    let mut curve = Vec::new();
    for effort in efforts {
        let request = [SearchRequest::k(10).effort(Effort::Value(effort))];
        let answers = index.search_batch(queries.view(), &request, Parallelism::Sequential)?;
        let found: f64 = truth.iter().zip(&answers).map(|(truth, answer)| recall(truth, answer)).sum();
        let recall = found / queries.nrows() as f64;
        let mut rates = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            index.search_batch(many.view(), &request, Parallelism::Sequential)?;
            rates.push(many.nrows() as f64 / start.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        println!(
            "effort {effort:5}  recall@10 {recall:.4}  {:8.0} queries/s (best {:.0})",
            rates[2], rates[4]
        );
        curve.push((recall, rates[2]));
        if recall > 0.997 {
            break;
        }
    }
    for target in [0.90, 0.95, 0.99] {
        println!("recall {target}: {:8.0} queries/s", rate_at(&curve, target).unwrap_or(f64::NAN));
    }
    Ok(())
}

/// The rate at a recall: log-linear between the points of the Pareto front.
fn rate_at(curve: &[(f64, f64)], target: f64) -> Option<f64> {
    let mut points = curve.to_vec();
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut above, mut best) = (None, 0.0);
    for (recall, rate) in points {
        if rate <= best {
            continue;
        }
        best = rate;
        if recall >= target {
            above = Some((recall, rate));
        } else {
            let (r, v): (f64, f64) = above?;
            let t = (target - recall) / (r - recall);
            return Some(rate * (v / rate).powf(t));
        }
    }
    above.map(|(_, rate)| rate)
}
