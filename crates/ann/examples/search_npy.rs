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
    for ef in [10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 200] {
        let request = SearchRequest::k(10).effort(Effort::Value(ef));
        let (mut rates, mut answer, mut found) = (Vec::new(), Vec::new(), 0.0);
        for repeat in 0..5 {
            let start = Instant::now();
            for (query, truth) in queries.rows().into_iter().zip(&truth) {
                index.search_into(query.as_slice().unwrap_or_default(), &request, &mut answer)?;
                if repeat == 0 {
                    found += recall(truth, &answer);
                }
            }
            rates.push(queries.nrows() as f64 / start.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        println!("ef {ef:4}  recall@10 {:.4}  {:8.0} queries/s", found / queries.nrows() as f64, rates[2]);
    }
    Ok(())
}
