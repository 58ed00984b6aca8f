//! Draws per second of the negative samplers, on one thread.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that fails has no result")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embed_core::{NegativeContext, NegativeSampler, SeededRng};
use negsample::{ExcludePositives, LogUniform, Mixture, Popularity, Uniform};

const DRAWS: usize = 1024;

fn negatives(criterion: &mut Criterion) {
    for (name, n_items) in [("40k", 40_981usize), ("1M", 1_000_000)] {
        // Counts of a long tail, in an order that has nothing to do with the ids.
        let counts: Vec<u64> = (0..n_items as u64)
            .map(|i| 1 + 1_000_000 / (1 + i.wrapping_mul(7919) % n_items as u64))
            .collect();
        let popularity = Popularity::new(&counts, 0.75).unwrap();
        let uniform = Uniform::new(n_items).unwrap();
        let positives: Vec<u32> = (0..50).map(|i| i * 700).collect();
        let mixture = Mixture::new(uniform, 0.5).unwrap().with(popularity.clone(), 0.5).unwrap();
        let samplers: [(&str, &dyn NegativeSampler); 5] = [
            ("uniform", &uniform),
            ("popularity", &popularity),
            ("log-uniform", &LogUniform::new(n_items).unwrap()),
            ("mixture", &mixture),
            ("popularity-excluding-50", &ExcludePositives::new(popularity.clone())),
        ];
        let mut group = criterion.benchmark_group("negatives");
        group.throughput(Throughput::Elements(DRAWS as u64));
        for (law, sampler) in samplers {
            let context = NegativeContext::draws(DRAWS).positives(&positives);
            let (mut rng, mut out) = (SeededRng::new(1), [0; DRAWS]);
            group.bench_function(format!("{law}/n={name}"), |b| {
                b.iter(|| sampler.sample_into(&context, &mut rng, &mut out));
            });
        }
    }
}

criterion_group!(benches, negatives);
criterion_main!(benches);
