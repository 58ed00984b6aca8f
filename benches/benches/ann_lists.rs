//! Lists and codes: build, and a batch on one thread. Recall@10 against exact search and bytes a vector stand
//! beside each timing.

#![allow(clippy::unwrap_used, reason = "a bench that fails has no result")]
#![allow(clippy::print_stdout, reason = "recall stands beside time")]

use ann::{Flat, Index, IndexSpec};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::testkit::{clustered, recall};
use embed_core::{AnnIndex, Effort, Metric, Neighbor, Parallelism, Run, SearchRequest};
use ndarray::{Array2, s};

const SPECS: [&str; 6] = [
    "IVF256,Flat",
    "IVF256,SQ8",
    "IVF256,PQ16x8,Refine(Flat)",
    "IVF256,PQ32x4fs,Refine(Flat)",
    "SQ8",
    "PQ16x8",
];

fn vectors() -> (Array2<f32>, Array2<f32>) {
    let all = clustered(50_500, 64, 200, 1);
    (all.slice(s![..50_000, ..]).to_owned(), all.slice(s![50_000.., ..]).to_owned())
}

fn built(spec: &str, base: &Array2<f32>) -> Index {
    spec.parse::<IndexSpec>().unwrap().build(base, Metric::L2, &mut Run::seeded(1)).unwrap()
}

fn search(criterion: &mut Criterion) {
    let (base, queries) = vectors();
    let flat = Flat::build(&base, Metric::L2, &mut Run::default()).unwrap();
    let truth = flat.search_batch(queries.view(), &[SearchRequest::k(10)], Parallelism::All).unwrap();
    let mut group = criterion.benchmark_group("ann_search");
    group.throughput(Throughput::Elements(queries.nrows() as u64)).sample_size(10);
    for spec in SPECS {
        let index = built(spec, &base);
        let bytes = index.to_bytes().unwrap().len() as f64 / base.nrows() as f64;
        for nprobe in if spec.starts_with("IVF") { &[8, 32, 96][..] } else { &[1] } {
            let request = [SearchRequest::k(10).effort(Effort::Value(*nprobe))];
            let batch = || index.search_batch(queries.view(), &request, Parallelism::Sequential).unwrap();
            let found: f64 =
                batch().iter().zip(&truth).map(|(got, truth)| recall(truth, &by_id(got, truth))).sum();
            let name = format!("n=50k,d=64,nprobe={nprobe}");
            println!(
                "{spec}, {name}: recall@10 {:.3}, {bytes:.0} bytes a vector",
                found / truth.len() as f64
            );
            group.bench_function(BenchmarkId::new(spec, name), |bencher| bencher.iter(batch));
        }
    }
}

/// Answers with their true scores where they are known, so that scores of codes are not compared.
fn by_id(got: &[Neighbor], truth: &[Neighbor]) -> Vec<Neighbor> {
    let score = |id| truth.iter().find(|n| n.id == id).map_or(f32::NEG_INFINITY, |n| n.score);
    got.iter().map(|n| Neighbor { id: n.id, score: score(n.id) }).collect()
}

fn build(criterion: &mut Criterion) {
    let (base, _) = vectors();
    let mut group = criterion.benchmark_group("ann_build");
    group.sample_size(10);
    for spec in SPECS {
        group.bench_function(BenchmarkId::new(spec, "n=50k,d=64"), |bencher| {
            bencher.iter(|| built(spec, &base));
        });
    }
}

criterion_group!(benches, search, build);
criterion_main!(benches);
