//! Nearest-neighbour search, every family: build, one query, a batch on one thread. The name of each line has recall@10
//! against exact search and the bytes of a vector beside the time. Seeded clustered vectors; with `NEARFIELD_DATA` set,
//! also the MNIST images.

#![allow(clippy::unwrap_used, reason = "a bench that fails has no result")]

use ann::{Index, IndexSpec, Truth};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::testkit::{clustered, real_data};
use embed_core::{AnnIndex, Effort, Metric, Parallelism, Run, SearchRequest, formats};
use ndarray::{Array2, s};

const K: usize = 10;

/// Every family, and efforts of about recall .9 and .99 on the clustered vectors.
const FAMILIES: [(&str, &[usize]); 11] = [
    ("Flat", &[1]),
    ("HNSW16", &[24, 128]),
    ("HNSW16,SQ8", &[24, 128]),
    ("IVF200,Flat", &[24, 96]),
    ("IVF200,SQ8", &[24, 96]),
    ("IVF200,PQ16x8,Refine(Flat)", &[24, 96]),
    ("IVF200,PQ32x4fs,Refine(Flat)", &[24, 96]),
    ("SQ8", &[1]),
    ("PQ16x8", &[1]),
    ("OPQ16,PQ16x4fs,Refine(SQ8)", &[16]),
    ("RPForest50", &[1000, 8000]),
];

/// Vectors to search in and to search for.
struct Set {
    name: &'static str,
    metric: Metric,
    base: Array2<f32>,
    queries: Array2<f32>,
}

fn sets() -> Vec<Set> {
    let seeded = |metric| {
        let all = clustered(50_500, 64, 200, 1);
        let (base, queries) =
            (all.slice(s![..50_000, ..]).to_owned(), all.slice(s![50_000.., ..]).to_owned());
        Set { name: "n=50k,d=64", metric, base, queries }
    };
    let mut sets = vec![seeded(Metric::L2), seeded(Metric::InnerProduct)];
    if let Some(folder) = real_data("mnist-784") {
        let images = |file: &str| formats::idx::read_f32(folder.join(file)).unwrap();
        sets.push(Set {
            name: "mnist,n=60k,d=784",
            metric: Metric::L2,
            base: images("train-images-idx3-ubyte.gz"),
            queries: images("t10k-images-idx3-ubyte.gz").slice(s![..500, ..]).to_owned(),
        });
    }
    sets
}

fn built(spec: &str, base: &Array2<f32>, metric: Metric) -> Index {
    spec.parse::<IndexSpec>().unwrap().build(base, metric, &mut Run::seeded(1)).unwrap()
}

fn bytes(index: &Index) -> usize {
    index.to_bytes().unwrap().len() / index.len()
}

fn search(criterion: &mut Criterion) {
    for Set { name, metric, base, queries } in sets() {
        let truth = Truth::exact(base.view(), queries.view(), metric, K, &mut Run::default()).unwrap();
        for (spec, efforts) in FAMILIES {
            let index = built(spec, &base, metric);
            for &effort in efforts {
                let request = [SearchRequest::k(K).effort(Effort::Value(effort))];
                let batch = || index.search_batch(queries.view(), &request, Parallelism::Sequential).unwrap();
                let (recall, bytes) = (truth.recall(&batch()), bytes(&index));
                let id = format!("{name},{metric},effort={effort},recall@{K}={recall:.3},bytes={bytes}");
                let mut group = criterion.benchmark_group("ann_batch");
                group.throughput(Throughput::Elements(queries.nrows() as u64)).sample_size(10);
                group.bench_function(BenchmarkId::new(spec, &id), |bencher| bencher.iter(batch));
                group.finish();
                let mut group = criterion.benchmark_group("ann_single");
                let (mut rows, mut out) = ((0..queries.nrows()).cycle(), Vec::new());
                group.sample_size(10).bench_function(BenchmarkId::new(spec, &id), |bencher| {
                    bencher.iter(|| {
                        let query = queries.row(rows.next().unwrap());
                        index.search_into(query.as_slice().unwrap(), &request[0], &mut out).unwrap();
                    });
                });
                group.finish();
            }
        }
    }
}

fn build(criterion: &mut Criterion) {
    let base = clustered(20_000, 64, 200, 1);
    let queries = clustered(200, 64, 200, 1);
    let truth = Truth::exact(base.view(), queries.view(), Metric::L2, K, &mut Run::default()).unwrap();
    let mut group = criterion.benchmark_group("ann_build");
    group.sample_size(10).throughput(Throughput::Elements(base.nrows() as u64));
    for (spec, _) in FAMILIES {
        let index = built(spec, &base, Metric::L2);
        let answers = index.search_batch(queries.view(), &[SearchRequest::k(K)], Parallelism::All).unwrap();
        let (recall, bytes) = (truth.recall(&answers), bytes(&index));
        for threads in [1, 2] {
            let id = format!("n=20k,d=64,threads={threads},recall@{K}={recall:.3},bytes={bytes}");
            let family: IndexSpec = spec.parse().unwrap();
            group.bench_function(BenchmarkId::new(spec, id), |bencher| {
                bencher
                    .iter(|| family.build(&base, Metric::L2, &mut Run::seeded(1).threads(threads)).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, search, build);
criterion_main!(benches);
