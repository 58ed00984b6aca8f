//! Every family against exact search on sets of any shape: few rows, one component, lengths that are no multiple of a
//! register, copies, constants, zeros; with filters, and for more answers than there are rows.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Flat, Index, IndexSpec, Truth};
use embed_core::testkit::clustered;
use embed_core::{AnnIndex, Bitmap, Effort, Filter, Metric, Parallelism, Run, SearchRequest};
use ndarray::{Array2, s};
use proptest::prelude::*;

/// Families that find all when they look at all; those that score vectors, but only the best by codes; and those that
/// score codes.
const EXACT: [&str; 5] = ["HNSW4", "HNSW8,SQ8", "IVF5,Flat", "PQ3x8,Refine(Flat)", "RPForest4"];
const REFINED: [&str; 2] = ["IVF,SQ8,Refine(Flat)", "IVF4,PQ4x4fs,Refine(Flat)"];
const CODED: [&str; 6] =
    ["SQ8", "IVF3,SQ8", "PQ2x8", "PQ3x4fs", "OPQ2,IVF4,PQ2x8", "IVF4,PQ3x4fs,Refine(SQ8)"];

/// How rows are made of clustered ones.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Plain,
    Copies,
    Constant,
    SomeZero,
    Zero,
}

fn vectors(shape: Shape, n: usize, dim: usize, seed: u64) -> Array2<f32> {
    let mut rows = clustered(n, dim, 4, seed);
    for row in 0..n {
        match shape {
            Shape::Plain => {}
            Shape::Copies => {
                let original = rows.row(row % 3 % n).to_owned();
                if row % 4 > 0 {
                    rows.row_mut(row).assign(&original);
                }
            }
            Shape::Constant => rows.row_mut(row).fill(0.7),
            Shape::SomeZero if row % 3 == 0 => rows.row_mut(row).fill(0.0),
            Shape::SomeZero => {}
            Shape::Zero => rows.row_mut(row).fill(0.0),
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn looking_at_all_finds_all(
        shape in prop::sample::select(vec![Shape::Plain, Shape::Copies, Shape::Constant, Shape::SomeZero, Shape::Zero]),
        n in prop::sample::select(vec![1usize, 2, 5, 33, 150]),
        dim in prop::sample::select(vec![1usize, 2, 7, 15, 16, 17, 33, 100]),
        metric in prop::sample::select(Metric::ALL.to_vec()),
        k in prop::sample::select(vec![1usize, 4, 40, 1000]),
        ids in prop::collection::btree_set(0u32..200, 0..60),
        words in any::<[u64; 2]>(),
        seed in any::<u64>(),
    ) {
        let rows = vectors(shape, n, dim, seed);
        let flat = Flat::build(&rows, metric, &mut Run::default()).unwrap();
        let ids: Vec<u32> = ids.into_iter().collect();
        let third = |id: u32| id % 3 == 1;
        let filters = [
            Filter::All,
            Filter::Deny(&ids),
            Filter::Allow(&ids),
            Filter::Bitmap(Bitmap(&words)),
            Filter::Where(&third),
        ];
        let queries = ndarray::concatenate(
            ndarray::Axis(0),
            &[clustered(2, dim, 4, seed ^ 1).view(), rows.slice(s![..1, ..]), Array2::zeros((1, dim)).view()],
        ).unwrap();
        for spec in EXACT.iter().chain(&REFINED).chain(&CODED) {
            let family: IndexSpec = spec.parse().unwrap();
            let index: Index = family.build(&rows, metric, &mut Run::seeded(seed)).unwrap();
            for filter in filters {
                let request = SearchRequest::k(k).effort(Effort::Value(usize::MAX)).filter(filter);
                let there = (0..u32::try_from(n).unwrap()).filter(|&id| filter.allows(id)).count();
                let got = index.search_batch(queries.view(), &[request], Parallelism::Sequential).unwrap();
                let wanted = flat.search_batch(queries.view(), &[request], Parallelism::Sequential).unwrap();
                for ((got, wanted), query) in got.iter().zip(&wanted).zip(queries.rows()) {
                    let what = format!("{spec} under {metric}, {shape:?} {n} × {dim}, {request:?}");
                    prop_assert_eq!(got.len(), there.min(k), "{}", &what);
                    prop_assert!(got.iter().all(|x| filter.allows(x.id) && (x.id as usize) < n), "{}", &what);
                    let mut seen: Vec<u32> = got.iter().map(|x| x.id).collect();
                    seen.sort_unstable();
                    seen.dedup();
                    prop_assert_eq!(seen.len(), got.len(), "{}: a row twice", &what);
                    prop_assert!(got.is_sorted_by(|a, b| a.nearest_first(b).is_lt()), "{}: {:?}", &what, got);
                    let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * b.abs().max(1.0);
                    for (got, wanted) in got.iter().zip(wanted) {
                        let row = rows.row(got.id as usize).to_vec();
                        let score = metric.score(&query.to_vec(), &row);
                        let (a, b) = (got.score, wanted.score);
                        prop_assert!(CODED.contains(spec) || near(a, score), "{}: {} is {}", &what, a, score);
                        prop_assert!(!EXACT.contains(spec) || near(a, b), "{}: {} for {}", &what, a, b);
                    }
                }
            }
        }
    }
}

/// Recall@10 at a fixed seed, by family, that no change may fall below.
#[test]
fn recall_does_not_fall() {
    let all = clustered(8100, 24, 50, 21);
    let (rows, queries) = (all.slice(s![..8000, ..]).to_owned(), all.slice(s![8000.., ..]).to_owned());
    for metric in Metric::ALL {
        let truth = Truth::exact(rows.view(), queries.view(), metric, 10, &mut Run::default()).unwrap();
        for (spec, effort, floor) in [
            ("Flat", 1, 1.0),
            ("HNSW16", 100, 0.96),
            ("HNSW16,SQ8", 100, 0.96),
            ("IVF64,Flat", 24, 0.93),
            ("IVF64,PQ12x4fs,Refine(Flat)", 24, 0.9),
            ("SQ8", 1, 0.93),
            ("PQ12x8", 1, 0.6),
            ("PQ24x4fs,Refine(Flat)", 8, 0.97),
            ("RPForest50", 1500, 0.9),
            ("RPForest50", 3000, 0.97),
        ] {
            let index =
                spec.parse::<IndexSpec>().unwrap().build(&rows, metric, &mut Run::seeded(11)).unwrap();
            let request = [SearchRequest::k(10).effort(Effort::Value(effort))];
            let answers = index.search_batch(queries.view(), &request, Parallelism::All).unwrap();
            let recall = truth.recall(&answers);
            println!("{spec} at {effort} under {metric}: {recall:.4}");
            assert!(recall >= floor, "{spec} at {effort} under {metric}: {recall}, floor {floor}");
        }
    }
}
