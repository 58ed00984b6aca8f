//! Steps per second of walks by law and degree distribution, item graphs of a log, DeepWalk, and nodes per second of
//! GraphSAGE (in training: vectors computed), all threads, on seeded input.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a bench that fails has no result"
)]

use std::ops::ControlFlow;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::{Csr, Parallelism, Run, SeededRng};
use graphemb::{
    Aggregator, DeepWalk, Graph, GraphOptions, GraphSage, ItemGraphParams, NodeParams, SageParams,
    WalkParams, Walks, item_graph,
};
use ndarray::Array2;

const N: u32 = 100_000;

/// A million edges: ends uniform, or by a power law, where an end's rank is N · u³.
fn graph(power_law: bool, weighted: bool) -> Graph {
    let mut rng = SeededRng::new(1);
    let mut end = || {
        let u = rng.unit_f64();
        let share = if power_law { u * u * u } else { u };
        ((share * f64::from(N)) as u32).reverse_bits() % N
    };
    let edges: Vec<_> = (0..1_000_000).map(|i| (end(), end(), 1.0 + (i % 7) as f32)).collect();
    let options = GraphOptions { weighted, ..GraphOptions::default() };
    Graph::from_weighted_edges(N as usize, edges, &options).unwrap()
}

fn walks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walks");
    group.sample_size(10);
    for (degrees, power_law) in [("uniform", false), ("power-law", true)] {
        for weighted in [false, true] {
            let graph = graph(power_law, weighted);
            for (p, q) in [(1.0, 1.0), (0.25, 0.25), (4.0, 0.5)] {
                let params = WalkParams { walks: 1, length: 40, p, q, ..WalkParams::default() };
                let walks = Walks::new(&graph, &params, 1).unwrap();
                let mut steps = 0;
                walks.for_each(|walk| {
                    steps += walk.len() as u64 - 1;
                    ControlFlow::Continue(())
                });
                group.throughput(Throughput::Elements(steps));
                let name = format!("{degrees},weighted={weighted},p={p},q={q}");
                group.bench_function(BenchmarkId::new("steps", name), |b| {
                    b.iter(|| walks.for_each(|_| ControlFlow::Continue(())));
                });
            }
        }
    }
}

/// Users with a long tail of items.
fn histories(users: u32, most: u32) -> Csr {
    let mut rng = SeededRng::new(2);
    let items = (0..users).map(|_| {
        let n = 2 + rng.below(most);
        (0..n).map(|_| (0..3).map(|_| rng.below(20_000)).min().unwrap_or_default()).collect::<Vec<u32>>()
    });
    Csr::from_rows(items)
}

fn builds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("graph_build");
    group.sample_size(10);
    let log = histories(20_000, 50);
    group.throughput(Throughput::Elements(log.n_entries() as u64));
    for cap in [1000, 20] {
        let params = ItemGraphParams { max_user_items: cap, ..ItemGraphParams::default() };
        group.bench_function(BenchmarkId::new("jaccard", format!("top=50,cap={cap}")), |b| {
            b.iter(|| item_graph(&log, 20_000, &params, &mut Run::seeded(1)).unwrap());
        });
    }
    let mut rng = SeededRng::new(3);
    let edges: Vec<_> = (0..1_000_000).map(|_| (rng.below(N), rng.below(N))).collect();
    group.throughput(Throughput::Elements(edges.len() as u64));
    group.bench_function("rows/edges=1M", |b| {
        b.iter(|| Graph::from_edges(N as usize, edges.iter().copied(), &GraphOptions::default()).unwrap());
    });
}

fn trainer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deepwalk");
    let edges = (0..20_000u32).map(|i| (i % 2000, i * 7 % 1999));
    let graph = Graph::from_edges(2000, edges, &GraphOptions::default()).unwrap();
    let mut params = NodeParams::default();
    params.walks.walks = 1;
    group.sample_size(10).throughput(Throughput::Elements(2000 * 80));
    group.bench_function("fit/d=128,window=10,K=5", |b| {
        b.iter(|| DeepWalk::fit(&params, &graph, &mut Run::seeded(1)).unwrap());
    });
}

/// 20,000 nodes of 20 edges on average, with a long tail, and 32 features.
fn graphsage(criterion: &mut Criterion) {
    const NODES: u32 = 20_000;
    let mut rng = SeededRng::new(4);
    let edges: Vec<_> =
        (0..10 * NODES).map(|_| (rng.below(NODES), rng.below(NODES).min(rng.below(NODES)))).collect();
    let graph = Graph::from_edges(NODES as usize, edges, &GraphOptions::default()).unwrap();
    let features = Array2::from_shape_simple_fn((NODES as usize, 32), || rng.unit_f32());
    let mut group = criterion.benchmark_group("graphsage");
    group.sample_size(10);
    for (name, aggregator) in [("mean", Aggregator::Mean), ("max", Aggregator::MaxPool { hidden: 128 })] {
        let walks = WalkParams { walks: 1, length: 5, ..WalkParams::default() };
        let params = SageParams { aggregator, walks, epochs: 1, ..SageParams::items() };
        let fit = || GraphSage::fit(&params, &graph, features.view(), &mut Run::seeded(1)).unwrap();
        let model = fit();
        group.throughput(Throughput::Elements(model.report().vectors));
        group.bench_function(BenchmarkId::new("fit", format!("{name},width=128+128,sample=25+10")), |b| {
            b.iter(fit);
        });
        group.throughput(Throughput::Elements(NODES.into()));
        group.bench_function(BenchmarkId::new("embed_graph", format!("{name},width=128+128")), |b| {
            b.iter(|| model.embed_graph(&graph, features.view(), Parallelism::All).unwrap());
        });
    }
}

criterion_group!(benches, walks, builds, trainer, graphsage);
criterion_main!(benches);
