//! Nearest-neighbour search: build, one query, a batch. Recall@10 against exact search is printed before each
//! timing that trades it. With `NEARFIELD_DATA` set, also the MNIST images under L2.

#![allow(clippy::unwrap_used, reason = "a bench that fails has no result")]
#![allow(clippy::print_stdout, reason = "recall stands beside time")]

use ann::{Flat, Hnsw, HnswParams};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::testkit::{clustered, real_data, recall};
use embed_core::{AnnIndex, Effort, Metric, Neighbor, Parallelism, Run, SearchRequest, formats};
use ndarray::{Array2, s};

const K: usize = 10;

/// Vectors to search in and to search for.
struct Set {
    name: String,
    metric: Metric,
    base: Array2<f32>,
    queries: Array2<f32>,
}

fn sets() -> Vec<Set> {
    let seeded = |n: usize, d: usize, metric| {
        let all = clustered(n + 500, d, 200, 1);
        let name = format!("n={n},d={d}");
        let (base, queries) = (all.slice(s![..n, ..]).to_owned(), all.slice(s![n.., ..]).to_owned());
        Set { name, metric, base, queries }
    };
    let mut sets = vec![seeded(50_000, 64, Metric::Cosine), seeded(50_000, 64, Metric::InnerProduct)];
    if let Some(folder) = real_data("mnist-784") {
        let images = |file: &str| formats::idx::read_f32(folder.join(file)).unwrap();
        sets.push(Set {
            name: "mnist,n=60k,d=784".to_owned(),
            metric: Metric::L2,
            base: images("train-images-idx3-ubyte.gz"),
            queries: images("t10k-images-idx3-ubyte.gz").slice(s![..500, ..]).to_owned(),
        });
    }
    sets
}

fn search(criterion: &mut Criterion) {
    for Set { name, metric, base, queries } in sets() {
        let mut group = criterion.benchmark_group("ann_search");
        group.throughput(Throughput::Elements(queries.nrows() as u64));
        let name = format!("{name},{metric}");
        let flat = Flat::build(&base, metric, &mut Run::default()).unwrap();
        let exact = [SearchRequest::k(K)];
        let truth = flat.search_batch(queries.view(), &exact, Parallelism::All).unwrap();
        group.sample_size(10).bench_function(BenchmarkId::new("flat_batch", &name), |bencher| {
            bencher.iter(|| flat.search_batch(queries.view(), &exact, Parallelism::Sequential).unwrap());
        });
        let params = HnswParams::with_m(16);
        let hnsw = Hnsw::build(&base, metric, &params, &mut Run::seeded(1)).unwrap();
        for ef in [10, 16, 32, 64, 128] {
            let request = SearchRequest::k(K).effort(Effort::Value(ef));
            let mut out: Vec<Neighbor> = Vec::new();
            let mut all = |check: bool| {
                let mut found = 0.0;
                for (query, truth) in queries.rows().into_iter().zip(&truth) {
                    hnsw.search_into(query.as_slice().unwrap(), &request, &mut out).unwrap();
                    if check {
                        found += recall(truth, &out);
                    }
                }
                found
            };
            let id = format!("{name},m=16,ef={ef}");
            println!("ann_search/hnsw/{id}: recall@{K} {:.4}", all(true) / queries.nrows() as f64);
            group.bench_function(BenchmarkId::new("hnsw", &id), |bencher| bencher.iter(|| all(false)));
        }
        group.finish();
    }
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ann_build");
    let (n, d) = (10_000, 64);
    let base = clustered(n, d, 200, 1);
    group.sample_size(10).throughput(Throughput::Elements(n as u64));
    for threads in [1, 2] {
        let id = format!("n={n},d={d},m=16,threads={threads}");
        group.bench_function(BenchmarkId::new("hnsw", id), |bencher| {
            let params = HnswParams::with_m(16);
            bencher.iter(|| {
                Hnsw::build(&base, Metric::L2, &params, &mut Run::seeded(1).threads(threads)).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, search, build);
criterion_main!(benches);
