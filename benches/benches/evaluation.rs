//! Evaluation beside the ranking itself: silhouettes, exact neighbours, intervals, tests, what lists are like, maps.

#![allow(clippy::unwrap_used, reason = "a bench that fails has no result")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use embed_core::testkit::clustered;
use embed_core::{Csr, Metric, Parallelism, Run, SeededRng};
use evalmetrics::Labels;
use evalmetrics::beyond::{Catalogue, beyond_accuracy};
use evalmetrics::certainty::{BootstrapParams, RandomisationParams, bootstrap_columns, paired_randomisation};
use evalmetrics::intrinsic::{Distance, NeighborGraph, SilhouetteParams, silhouette, spectrum};
use evalmetrics::projection::{Pca, Tsne};

fn run() -> Run<'static> {
    Run::seeded(1).threads(2)
}

fn intrinsic(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evaluation");
    group.sample_size(10);
    let vectors = clustered(100_000, 64, 50, 1);
    let labels = Labels::single((0..100_000).map(|item| Some(item % 40)));
    for distance in [Distance::Cosine, Distance::Euclidean] {
        let params = SilhouetteParams { distance, ..SilhouetteParams::default() };
        let id = BenchmarkId::new(format!("silhouette/{distance:?}"), "n=100k,d=64,sample=5000,threads=2");
        group.bench_function(id, |bencher| {
            bencher.iter(|| silhouette(vectors.view(), &labels, &params, &mut run()).unwrap());
        });
    }
    group.bench_function(
        BenchmarkId::new("neighbours", "n=100k,d=64,k=10,sample=5000,threads=2"),
        |bencher| {
            bencher.iter(|| {
                NeighborGraph::exact(vectors.view(), Metric::Cosine, 10, Some(5000), &mut run()).unwrap()
            });
        },
    );
    group.bench_function(BenchmarkId::new("spectrum", "n=100k,d=64,threads=2"), |bencher| {
        bencher.iter(|| spectrum(vectors.view(), &mut run()).unwrap());
    });
    group.bench_function(BenchmarkId::new("pca", "n=100k,d=64,axes=2,threads=2"), |bencher| {
        bencher.iter(|| Pca::fit(vectors.view(), 2, &mut run()).unwrap());
    });
    let few = clustered(2000, 64, 20, 1);
    let tsne = Tsne { epochs: 250, ..Tsne::default() };
    group.bench_function(BenchmarkId::new("tsne", "n=2000,d=64,epochs=250"), |bencher| {
        bencher.iter(|| tsne.project(few.view(), &mut run()).unwrap());
    });
    group.finish();
}

fn certainty(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evaluation");
    group.sample_size(10);
    let mut rng = SeededRng::new(1);
    let columns: Vec<Vec<f64>> = (0..6).map(|_| (0..30_000).map(|_| rng.unit_f64()).collect()).collect();
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    group.bench_function(
        BenchmarkId::new("bootstrap", "users=30k,columns=6,resamples=2000,threads=2"),
        |bencher| {
            bencher.iter(|| bootstrap_columns(&views, &BootstrapParams::default(), &mut run()).unwrap());
        },
    );
    group.bench_function(
        BenchmarkId::new("randomisation", "users=30k,permutations=10k,threads=2"),
        |bencher| {
            bencher.iter(|| {
                paired_randomisation(views[0], views[1], &RandomisationParams::default(), &mut run()).unwrap()
            });
        },
    );
    group.finish();
}

fn beyond(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evaluation");
    let mut rng = SeededRng::new(2);
    let lists = Csr::from_rows((0..30_000).map(|_| {
        let first = rng.below(40_000);
        (0..20).map(|step| (first + 37 * step) % 40_000).collect::<Vec<u32>>()
    }));
    let counts: Vec<u64> = (0..40_000).map(|item| 1 + 100_000 / (item + 1)).collect();
    let vectors = clustered(40_000, 64, 50, 1);
    let catalogue = Catalogue { vectors: Some(vectors.view()), ..Catalogue::new(&counts) };
    let parallelism = Parallelism::Threads(2.try_into().unwrap());
    group.bench_function(BenchmarkId::new("beyond", "users=30k,items=40k,k=20,threads=2"), |bencher| {
        bencher.iter(|| beyond_accuracy(&lists, 20, &catalogue, parallelism).unwrap());
    });
    group.finish();
}

criterion_group!(benches, intrinsic, certainty, beyond);
criterion_main!(benches);
