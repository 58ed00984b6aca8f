//! Two towers: steps of training, the user tower, pooling by length of the history, the loss of a batch.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that fails has no result")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::{Embedder, Parallelism, Run, SeededRng, Sequences, Vocab};
use ndarray::Array2;
use towers::losses::{Contrast, Objective, Side, contrast_shared};
use towers::models::{Histories, Pooling, TowersParams, YouTubeDnn};
use towers::train::{FitParams, NegativeCounts, NegativeSampling};
use towers::{IdTowers, Preset, TwoTowerData, UserInput};

const ITEMS: u32 = 20_000;
const USERS: u32 = 2_000;

/// 40 items a user; an item's rank is the least of three uniform draws.
fn histories() -> Histories {
    let mut rng = SeededRng::new(1);
    let mut item = || (0..3).map(|_| rng.below(ITEMS)).min().unwrap_or_default();
    let rows: Vec<Vec<u32>> = (0..USERS).map(|_| (0..40).map(|_| item()).collect()).collect();
    Histories::new(Sequences::from_rows(ITEMS as usize, rows).unwrap())
}

fn keys(n: u32) -> Arc<Vocab> {
    Arc::new(Vocab::from_keys((0..n).map(|i| i.to_string())).unwrap())
}

fn fitted(towers: &TowersParams, fit: &FitParams, histories: &Histories) -> IdTowers {
    let (users, items) = (keys(USERS), keys(ITEMS));
    let data = TwoTowerData::new(histories, &users, &items);
    IdTowers::fit(towers, fit, data, NegativeSampling::in_batch(), &mut Run::seeded(1)).unwrap()
}

/// Eight steps of a training that is set up before.
fn training(criterion: &mut Criterion) {
    const STEPS: u64 = 8;
    let histories = histories();
    let mut group = criterion.benchmark_group("towers_training");
    let default = FitParams { max_steps: STEPS, ..FitParams::default() };
    let in_batch = NegativeCounts::default();
    let own = NegativeCounts { in_batch: false, per_example: 10, ..in_batch };
    let Preset { fit, negatives: shared, .. } = Preset::youtube_dnn(64).contrasted();
    let contrasted = FitParams { max_steps: STEPS, ..fit };
    let query = TowersParams { pooling: Some(Pooling::Query), ..YouTubeDnn::mean(64) };
    let (users, items) = (keys(USERS), keys(ITEMS));
    let data = TwoTowerData::new(&histories, &users, &items);
    for (name, towers, fit, negatives) in [
        ("mean", YouTubeDnn::mean(64), default.clone(), in_batch),
        ("mean, 10 negatives each", YouTubeDnn::mean(64), default.clone(), own),
        ("mean, contrastive", YouTubeDnn::mean(64), contrasted.clone(), shared),
        ("query, contrastive", query, contrasted, shared),
        ("deep", YouTubeDnn::deep(64, Pooling::Mean), default.clone(), in_batch),
        ("deep", YouTubeDnn::deep(64, Pooling::Mean), FitParams { batch: 4096, ..default }, in_batch),
    ] {
        group.sample_size(10).throughput(Throughput::Elements(STEPS * fit.batch as u64));
        group.bench_function(BenchmarkId::new(name, format!("d=64,B={}", fit.batch)), |b| {
            b.iter_batched(
                || IdTowers::training(&towers, &fit, data, negatives, 1).unwrap(),
                |mut training| {
                    training.run(&mut Run::seeded(1)).unwrap();
                    training
                },
                BatchSize::PerIteration,
            );
        });
    }
}

fn users(criterion: &mut Criterion) {
    let histories = histories();
    // One pass: a user whom no step has reached has no vector.
    let fit = FitParams { epochs: 1, ..FitParams::default() };
    let model = fitted(&YouTubeDnn::deep(64, Pooling::Mean), &fit, &histories);
    let inputs: Vec<UserInput<'_>> =
        (0..1024).map(|u| UserInput { user: Some(u), history: histories.sequence(u) }).collect();
    let inputs: Vec<&UserInput<'_>> = inputs.iter().collect();
    let mut group = criterion.benchmark_group("towers_users");
    let (model, mut out) = (model.user_embedder(), vec![0.0; 64]);
    let mut next = inputs.iter().copied().cycle();
    group.throughput(Throughput::Elements(1)).bench_function("deep,d=64,B=1", |b| {
        b.iter(|| model.embed_into(next.next().unwrap(), &mut out).unwrap());
    });
    let mut rows = Array2::zeros((1024, 64));
    group.throughput(Throughput::Elements(1024)).bench_function("deep,d=64,B=1024,1 thread", |b| {
        b.iter(|| model.embed_batch_into(&inputs, Parallelism::Sequential, rows.view_mut()).unwrap());
    });
}

fn pooling(criterion: &mut Criterion) {
    let histories = histories();
    let fit = FitParams { max_steps: 1, batch: 64, ..FitParams::default() };
    let mut group = criterion.benchmark_group("towers_pooling");
    let attention = Some(Pooling::SelfAttention { heads: 2 });
    for (name, pooling) in [
        ("mean", Some(Pooling::Mean)),
        ("places", Some(Pooling::Places)),
        ("query", Some(Pooling::Query)),
        ("self-attention", attention),
    ] {
        let model =
            fitted(&TowersParams { pooling, max_history: 500, ..YouTubeDnn::mean(64) }, &fit, &histories);
        let items: Vec<u32> = (0..ITEMS).filter(|&item| model.items().is_trained(item)).collect();
        for length in [10, 50, 100, 200, 500] {
            let history: Vec<u32> = items.iter().copied().cycle().step_by(37).take(length).collect();
            let (side, mut out) = (model.history_embedder(), vec![0.0; 64]);
            group.bench_function(BenchmarkId::new(name, format!("d=64,T={length}")), |b| {
                b.iter(|| side.embed_into(black_box(history.as_slice()), &mut out).unwrap());
            });
        }
    }
}

fn loss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("towers_loss");
    for batch in [1024usize, 4096, 16384] {
        let mut rng = SeededRng::new(1);
        let mut rows = || Array2::from_shape_simple_fn((batch, 64), || rng.unit_f32() - 0.5);
        let (q, p) = (rows(), rows());
        let (mut dq, mut dp, mut dc) = (q.clone(), q.clone(), q.clone());
        group.sample_size(10).throughput(Throughput::Elements(batch as u64));
        for (name, objective) in [
            ("in-batch softmax", Objective::Softmax),
            ("contrastive", Objective::Contrastive { margin: 20.0, weight: 150.0 }),
        ] {
            group.bench_function(BenchmarkId::new(name, format!("d=64,B={batch}")), |b| {
                b.iter(|| {
                    contrast_shared(
                        Contrast { objective, scale: 10.0 },
                        Side { vectors: q.view(), gradients: dq.view_mut(), log_counts: &[] },
                        Side { vectors: p.view(), gradients: dp.view_mut(), log_counts: &[] },
                        Side { vectors: p.view(), gradients: dc.view_mut(), log_counts: &[] },
                        &|row, scores| scores[row] = f32::NEG_INFINITY,
                    )
                });
            });
        }
    }
}

criterion_group!(benches, training, users, pooling, loss);
criterion_main!(benches);
