//! Vector kernels, matrix products and top-k. `cargo bench -p nearfield-benches --bench kernels -- 'kernel/dot/'`.
//!
//! Ids say what a figure is for: `kernel/dot/d=128` is one call; `kernel/dot_rows/…` and `kernel/dot_gather/…`
//! are calls of 256 rows, so that a row is a 256th of it (or see the throughput). Each kernel is measured on
//! every instruction set of the machine, and beside an iterator.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use embed_core::kernel::{self, Isa, Kernels};
use embed_core::testkit::clustered;
use embed_core::{Parallelism, SeededRng, TopK, gemm};
use ndarray::Array2;

const DIMS: [usize; 4] = [64, 128, 256, 784];
const ROWS: usize = 256;

fn vectors(n: usize, dim: usize) -> Vec<f32> {
    clustered(n, dim, 8, 1).into_raw_vec_and_offset().0
}

fn machine() -> impl Iterator<Item = Kernels> {
    Isa::ALL.into_iter().filter_map(Kernels::on)
}

fn pairs(c: &mut Criterion) {
    type Pair = fn(Kernels, &[f32], &[f32]) -> f32;
    let kernels: [(&str, Pair); 2] =
        [("dot", |k, a, b| k.dot(a, b)), ("squared_l2", |k, a, b| k.squared_l2(a, b))];
    for (name, call) in kernels {
        let mut group = c.benchmark_group(format!("kernel/{name}"));
        for dim in DIMS {
            let (a, b) = (vectors(1, dim), vectors(1, dim));
            group.bench_function(format!("d={dim}"), |bench| {
                bench.iter(|| call(Kernels::best(), black_box(&a), black_box(&b)));
            });
            for kernels in machine() {
                group.bench_function(format!("d={dim},isa={}", kernels.isa()), |bench| {
                    bench.iter(|| call(kernels, black_box(&a), black_box(&b)));
                });
            }
        }
    }
    let mut group = c.benchmark_group("kernel/dot");
    for dim in DIMS {
        let (a, b) = (vectors(1, dim), vectors(1, dim));
        group.bench_function(format!("d={dim},iterator"), |bench| {
            bench.iter(|| black_box(&a).iter().zip(black_box(&b)).map(|(x, y)| x * y).sum::<f32>());
        });
    }
    group.finish();
    let mut group = c.benchmark_group("kernel/axpy");
    for dim in DIMS {
        let (x, mut y) = (vectors(1, dim), vectors(1, dim));
        group.bench_function(format!("d={dim}"), |bench| {
            bench.iter(|| kernel::axpy(black_box(1e-9), black_box(&x), black_box(&mut y)));
        });
    }
}

fn rows(c: &mut Criterion) {
    type Rows = fn(Kernels, &[f32], &[f32], &mut [f32]);
    let kernels: [(&str, Rows); 2] = [
        ("dot_rows", |k, query, rows, out| k.dot_rows(query, rows, out)),
        ("squared_l2_rows", |k, query, rows, out| k.squared_l2_rows(query, rows, out)),
    ];
    for (name, call) in kernels {
        let mut group = c.benchmark_group(format!("kernel/{name}"));
        group.throughput(Throughput::Elements(ROWS as u64));
        for dim in DIMS {
            let (query, table, mut out) = (vectors(1, dim), vectors(ROWS, dim), vec![0.0; ROWS]);
            for kernels in machine() {
                group.bench_function(format!("d={dim},isa={}", kernels.isa()), |bench| {
                    bench.iter(|| call(kernels, black_box(&query), black_box(&table), &mut out));
                });
            }
        }
    }
}

/// Rows by random id, from a table that fits the cache and from one that does not, with and without asking for
/// the rows of the next 32 ids.
fn gathers(c: &mut Criterion) {
    for n in [256, 200_000u32] {
        let mut group = c.benchmark_group(format!("kernel/dot_gather/n={n}"));
        group.throughput(Throughput::Elements(ROWS as u64));
        for dim in DIMS {
            let (query, table, mut out) = (vectors(1, dim), vectors(n as usize, dim), vec![0.0; ROWS]);
            let mut rng = SeededRng::new(7);
            let ids: Vec<Vec<u32>> = (0..64).map(|_| (0..ROWS).map(|_| rng.below(n)).collect()).collect();
            let mut turn = 0;
            group.bench_function(format!("d={dim}"), |bench| {
                bench.iter(|| {
                    turn = (turn + 1) % ids.len();
                    kernel::dot_gather(black_box(&query), black_box(&table), &ids[turn], &mut out);
                });
            });
            group.bench_function(format!("d={dim},prefetch"), |bench| {
                bench.iter(|| {
                    turn = (turn + 1) % ids.len();
                    let ids = &ids[turn];
                    for at in (0..ROWS).step_by(32) {
                        let next = &ids[(at + 32).min(ROWS)..(at + 64).min(ROWS)];
                        next.iter().for_each(|&id| kernel::prefetch_row(&table, dim, id));
                        kernel::dot_gather(&query, &table, &ids[at..at + 32], &mut out[at..at + 32]);
                    }
                });
            });
        }
    }
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    for (m, n, k) in [(1024, 256, 512), (256, 256, 128), (64, 4096, 64), (16, 16, 128), (1, 8192, 128)] {
        let (a, b_t, mut c) = (clustered(m, k, 8, 1), clustered(n, k, 8, 2), Array2::zeros((m, n)));
        let b = b_t.t().as_standard_layout().into_owned();
        group.throughput(Throughput::Elements((2 * m * n * k) as u64));
        let shape = format!("{m}x{k}x{n}");
        group.bench_function(&shape, |bench| {
            bench.iter(|| gemm::gemm(1.0, a.view(), b.view(), 0.0, c.view_mut()));
        });
        group.bench_function(format!("{shape},transposed"), |bench| {
            bench.iter(|| gemm::gemm(1.0, a.view(), b_t.t(), 0.0, c.view_mut()));
        });
        group.bench_function(format!("{shape},ndarray"), |bench| {
            bench.iter(|| ndarray::linalg::general_mat_mul(1.0, &a, &b, 0.0, &mut c));
        });
        if m >= 1024 {
            for threads in [Parallelism::Sequential, Parallelism::All] {
                group.bench_function(format!("{shape},threads={}", threads.count()), |bench| {
                    bench.iter(|| {
                        gemm::par_gemm(1.0, a.view(), b.view(), 0.0, c.view_mut(), threads)
                            .unwrap_or_default();
                    });
                });
            }
        }
    }
}

fn top_k(c: &mut Criterion) {
    let scores = vectors(1, 100_000);
    let mut group = c.benchmark_group("top_k");
    group.throughput(Throughput::Elements(scores.len() as u64));
    for k in [10, 100, 1000] {
        group.bench_with_input(BenchmarkId::from_parameter(format!("n=100k,k={k}")), &k, |bench, &k| {
            let (mut top, mut out) = (TopK::new(k), Vec::new());
            bench.iter(|| {
                for (id, &score) in (0..).zip(&scores) {
                    top.push(id, score);
                }
                out.clear();
                top.drain_into(&mut out);
                out.len()
            });
        });
    }
}

criterion_group!(benches, pairs, rows, gathers, products, top_k);
criterion_main!(benches);
