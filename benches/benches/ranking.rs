//! Full-ranking evaluation: every user against the whole catalogue, all usual measures at 10, 20 and 50.

#![allow(clippy::unwrap_used, reason = "a bench that fails has no result")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::{Csr, Metric, Run, SeededRng};
use evalmetrics::{EmbeddingScorer, FullRanking, PopularityScorer};
use ndarray::Array2;

const DIM: usize = 64;

fn vectors(rows: usize, seed: u64) -> Array2<f32> {
    let mut rng = SeededRng::new(seed);
    Array2::from_shape_fn((rows, DIM), |_| rng.unit_f32() - 0.5)
}

fn rows(n_users: usize, per_user: u32, n_items: u32, seed: u64) -> Csr {
    let mut rng = SeededRng::new(seed);
    let row = |_| (0..1 + rng.below(2 * per_user)).map(|_| rng.below(n_items)).collect::<Vec<_>>();
    Csr::from_rows((0..n_users).map(row)).to_sorted_sets()
}

fn full(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ranking/full");
    group.sample_size(10);
    // The shape of Gowalla (40,981 items, 27 seen and 7 true a user), and a catalogue ten times as large.
    for (n_users, n_items) in [(8192, 40_981), (1024, 400_000)] {
        let (users, items) = (vectors(n_users, 1), vectors(n_items as usize, 2));
        let (seen, truth) = (rows(n_users, 27, n_items, 3), rows(n_users, 7, n_items, 4));
        let settings = FullRanking::at([10, 20, 50]);
        group.throughput(Throughput::Elements(n_users as u64));
        for threads in [1, 2] {
            let name = format!("users={n_users},items={n_items},d={DIM}");
            let scorer = EmbeddingScorer::new(users.view(), items.view(), Metric::InnerProduct).unwrap();
            group.bench_function(BenchmarkId::new(name, format!("threads={threads}")), |bencher| {
                bencher.iter(|| {
                    settings.evaluate(&scorer, &seen, &truth, &mut Run::default().threads(threads)).unwrap()
                });
            });
        }
        // All of the work but the product.
        let popularity = PopularityScorer::new(&(0..u64::from(n_items)).rev().collect::<Vec<_>>());
        let name = format!("users={n_users},items={n_items},popularity");
        group.bench_function(BenchmarkId::new(name, "threads=2"), |bencher| {
            bencher.iter(|| {
                settings.evaluate(&popularity, &seen, &truth, &mut Run::default().threads(2)).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, full);
criterion_main!(benches);
