//! Items per second of skip-gram training, all threads, on a seeded corpus of sessions with a long tail.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that fails has no result")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::{Run, SeededRng, Sequences, Vocab};
use seqemb::{Architecture, Objective, Params, Preparation, SkipGram, Window};

const N_ITEMS: u32 = 40_000;

/// 4,000 sessions of 25 items; an item's rank is the least of three uniform draws.
fn corpus() -> Sequences {
    let mut rng = SeededRng::new(1);
    let mut item = || (0..3).map(|_| rng.below(N_ITEMS)).min().unwrap_or_default().reverse_bits() % N_ITEMS;
    let rows: Vec<Vec<u32>> = (0..4000).map(|_| (0..25).map(|_| item()).collect()).collect();
    Sequences::from_rows(N_ITEMS as usize, rows).unwrap()
}

fn skipgram(criterion: &mut Criterion) {
    let corpus = corpus();
    let keys = Vocab::from_keys((0..N_ITEMS).map(|i| i.to_string())).unwrap();
    let keys = std::sync::Arc::new(keys);
    let mut group = criterion.benchmark_group("skipgram");
    group.sample_size(10).throughput(Throughput::Elements(corpus.n_tokens() as u64));
    let base = Params { epochs: 1, preparation: Preparation::NONE, ..Params::default() };
    for (dim, negatives) in [(64, 5), (128, 5), (64, 20), (128, 20)] {
        let params = Params { dim, negatives, ..base.clone() };
        group.bench_function(BenchmarkId::new("fit", format!("d={dim},K={negatives},window=5")), |b| {
            b.iter(|| SkipGram::fit(&params, &corpus, keys.clone(), &mut Run::seeded(1)).unwrap());
        });
    }
    let cbow = Params { architecture: Architecture::Cbow, rate: 0.05, ..base.clone() };
    let tree = Params { objective: Objective::HierarchicalSoftmax, ..base.clone() };
    for (name, params) in [("cbow,d=64,K=5,window=5", cbow), ("tree,d=64,window=5", tree)] {
        group.bench_function(BenchmarkId::new("fit", name), |b| {
            b.iter(|| SkipGram::fit(&params, &corpus, keys.clone(), &mut Run::seeded(1)).unwrap());
        });
    }
    let params = Params { window: Window::Basket { samples: 20 }, ..base };
    group.bench_function(BenchmarkId::new("fit", "d=64,K=5,basket=20"), |b| {
        b.iter(|| SkipGram::fit(&params, &corpus, keys.clone(), &mut Run::seeded(1)).unwrap());
    });
}

criterion_group!(benches, skipgram);
criterion_main!(benches);
