//! What lists and codes promise: recall, exact answers where all is looked at, the same bytes on any number of
//! threads, files that damage cannot turn into a panic.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{BuildError, Codes, Coding, Flat, Index, IndexSpec, Ivf, IvfParams, Refine};
use embed_core::testkit::{clustered, recall};
use embed_core::{
    AnnIndex, Bitmap, Effort, Embeddings, Filter, Flow, Metric, Parallelism, Progress, Run, SearchRequest,
    SeededRng, Vocab,
};
use ndarray::{Array2, s};
use proptest::prelude::*;

const SPECS: [&str; 9] = [
    "IVF6,Flat",
    "IVF,SQ8",
    "SQ8",
    "PQ3x8",
    "IVF4,PQ3x8",
    "PQ5x4fs",
    "IVF4,PQ6x4fs,Refine(Flat)",
    "OPQ3,IVF4,PQ3x4fs,Refine(SQ8)",
    "OPQ2,PQ2x8",
];

fn build(spec: &str, vectors: &Array2<f32>, metric: Metric) -> Index {
    spec.parse::<IndexSpec>().unwrap().build(vectors, metric, &mut Run::seeded(11)).unwrap()
}

fn split(n: usize, dim: usize, clusters: usize) -> (Array2<f32>, Array2<f32>) {
    let all = clustered(n + 100, dim, clusters, 21);
    (all.slice(s![..n, ..]).to_owned(), all.slice(s![n.., ..]).to_owned())
}

fn mean_recall(vectors: &Array2<f32>, queries: &Array2<f32>, index: &Index, effort: usize) -> f64 {
    let flat = Flat::build(vectors, index.metric(), &mut Run::default()).unwrap();
    let request = [SearchRequest::k(10).effort(Effort::Value(effort))];
    let exact = flat.search_batch(queries.view(), &request, Parallelism::All).unwrap();
    let got = index.search_batch(queries.view(), &request, Parallelism::All).unwrap();
    let mut row = vec![0.0; index.dim()];
    let mut sum = 0.0;
    for ((got, exact), query) in got.into_iter().zip(&exact).zip(queries.rows()) {
        let mut scored = got;
        for n in &mut scored {
            flat.vector_into(n.id, &mut row).unwrap();
            n.score = index.metric().score(query.as_slice().unwrap(), &row) + 1e-5;
        }
        sum += recall(exact, &scored);
    }
    sum / f64::from(u32::try_from(queries.nrows()).unwrap())
}

#[test]
fn recall_rises_with_effort_to_its_floor() {
    let (vectors, queries) = split(8000, 24, 50);
    for metric in Metric::ALL {
        for (spec, floors) in [
            ("IVF64,Flat", [0.35, 0.7, 0.93]),
            ("IVF64,SQ8", [0.35, 0.7, 0.92]),
            ("IVF64,PQ12x4fs,Refine(Flat)", [0.3, 0.65, 0.9]),
            ("OPQ12,IVF64,PQ12x4fs,Refine(SQ8)", [0.3, 0.65, 0.9]),
            ("IVF64,PQ6x8,Refine(Flat)", [0.3, 0.65, 0.9]),
        ] {
            let index = build(spec, &vectors, metric);
            let curve = [2, 8, 24].map(|nprobe| mean_recall(&vectors, &queries, &index, nprobe));
            assert!(curve.is_sorted(), "{spec} under {metric}: {curve:?}");
            let low = curve.iter().zip(floors).any(|(got, floor)| *got < floor);
            assert!(!low, "{spec} under {metric}: {curve:?}, floors {floors:?}");
        }
    }
}

#[test]
fn codes_without_lists_have_their_recall() {
    let (vectors, queries) = split(4000, 24, 50);
    for metric in Metric::ALL {
        for (spec, effort, floor) in [
            ("SQ8", 1, 0.93),
            ("PQ12x8", 1, 0.6),
            ("PQ24x4fs", 1, 0.5),
            ("OPQ12,PQ12x8", 1, 0.6),
            ("PQ12x8,Refine(Flat)", 8, 0.98),
            ("PQ24x4fs,Refine(Flat)", 8, 0.97),
        ] {
            let index = build(spec, &vectors, metric);
            let got = mean_recall(&vectors, &queries, &index, effort);
            assert!(got >= floor, "{spec} under {metric}: {got}");
        }
    }
}

#[test]
fn spread_norms_under_inner_product_lose_no_recall() {
    let (mut vectors, queries) = split(5000, 16, 20);
    let mut rng = SeededRng::new(3);
    for mut row in vectors.rows_mut() {
        let scale = (4.0 * (rng.unit_f32() - 0.5)).exp();
        row.iter_mut().for_each(|x| *x *= scale);
    }
    let index = build("IVF64,Flat", &vectors, Metric::InnerProduct);
    let got = mean_recall(&vectors, &queries, &index, 12);
    assert!(got > 0.9, "{got}");
}

#[test]
fn the_file_is_the_same_on_any_number_of_threads() {
    let (vectors, _) = split(3000, 12, 9);
    for spec in SPECS {
        for metric in Metric::ALL {
            let family: IndexSpec = spec.parse().unwrap();
            let bytes = |threads, seed| {
                let mut run = Run::seeded(seed).threads(threads);
                family.build(&vectors, metric, &mut run).unwrap().to_bytes().unwrap()
            };
            let one = bytes(1, 5);
            assert!(one == bytes(2, 5) && one == bytes(7, 5), "{spec} under {metric}");
            assert!(spec == "SQ8" || one != bytes(1, 6), "{spec} under {metric}: the seed decides");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Where all lists are looked at, lists of vectors are exact search, bit for bit.
    #[test]
    fn all_lists_are_all_rows(
        seed in any::<u64>(),
        n in 1usize..300,
        dim in 1usize..20,
        nlist in 1usize..90,
        ids in proptest::collection::btree_set(0u32..320, 0..90),
        words in any::<[u64; 4]>(),
    ) {
        let vectors = clustered(n, dim, 5, seed);
        let queries = clustered(9, dim, 5, seed ^ 1);
        let ids: Vec<u32> = ids.into_iter().collect();
        let third = |id: u32| id % 3 == 1;
        for metric in Metric::ALL {
            let flat = Flat::build(&vectors, metric, &mut Run::default()).unwrap();
            let params = IvfParams { nlist, nprobe: nlist, ..IvfParams::default() };
            let ivf = Ivf::build(&vectors, metric, &params, &mut Run::seeded(seed)).unwrap();
            for filter in [
                Filter::All,
                Filter::Deny(&ids),
                Filter::Allow(&ids),
                Filter::Bitmap(Bitmap(&words)),
                Filter::Where(&third),
            ] {
                for request in [SearchRequest::k(7), SearchRequest::k(400), SearchRequest::radius(0.5)] {
                    let request = request.filter(filter);
                    let exact = flat.search_batch(queries.view(), &[request], Parallelism::Sequential).unwrap();
                    let got = ivf.search_batch(queries.view(), &[request], Parallelism::Sequential).unwrap();
                    prop_assert_eq!(&got, &exact, "{} {:?}", metric, request);
                    let one = ivf.search(queries.row(0).as_slice().unwrap(), &request).unwrap();
                    prop_assert_eq!(&one, &exact[0]);
                }
            }
        }
    }

    /// Few lists and a filter that leaves little: the search goes on until it has k.
    #[test]
    fn filters_get_as_many_as_there_are(seed in any::<u64>(), step in 1u32..200, spec in 0usize..SPECS.len()) {
        let vectors = clustered(500, 6, 5, seed);
        let index = build(SPECS[spec], &vectors, Metric::L2);
        let rare = |id: u32| id.is_multiple_of(step);
        let there = (0..500).filter(|&id| rare(id)).count();
        let request = SearchRequest::k(10).effort(Effort::Value(1)).filter(Filter::Where(&rare));
        let got = index.search(&[0.1; 6], &request).unwrap();
        prop_assert_eq!(got.len(), there.min(10));
    }
}

#[test]
fn overflowing_vectors_are_survived() {
    let mut vectors = clustered(700, 4, 3, 1);
    vectors.rows_mut().into_iter().step_by(3).for_each(|mut row| row.fill(3e38));
    vectors.rows_mut().into_iter().step_by(7).for_each(|mut row| row.fill(-3e38));
    for metric in Metric::ALL {
        for spec in SPECS {
            let index = build(&spec.replace("PQ6", "PQ4").replace("PQ5", "PQ4"), &vectors, metric);
            for query in [[0.0; 4], [3e38; 4], [-3e38, 3e38, 1.0, 0.0]] {
                let found = index.search(&query, &SearchRequest::k(5).effort(Effort::Value(20))).unwrap();
                assert!(found.len() <= 5, "{spec} under {metric}");
            }
        }
    }
}

#[test]
fn an_observer_can_cancel() {
    let (vectors, _) = split(3000, 6, 5);
    for stop_at in [0, 5, 12] {
        let mut calls = 0;
        let mut watch = |_: &Progress<'_>| {
            calls += 1;
            if calls > stop_at { Flow::Stop } else { Flow::Continue }
        };
        let mut run = Run::seeded(1).observed(&mut watch);
        let error = Ivf::build(&vectors, Metric::L2, &IvfParams::default(), &mut run).unwrap_err();
        assert!(matches!(error, BuildError::Cancelled { total: 3000, .. }), "{error:?}");
    }
}

#[test]
fn what_cannot_be_built_is_named() {
    let vectors = Array2::zeros((4, 3));
    let message = |params: IvfParams| {
        Ivf::build(&vectors, Metric::L2, &params, &mut Run::default()).unwrap_err().to_string()
    };
    let params = IvfParams::default();
    let pq = Coding { codes: Codes::Pq { m: 0 }, opq: false, refine: Refine::None };
    assert_eq!(message(IvfParams { coding: pq, ..params }), "m is 0, expected 1 to 4096");
    assert_eq!(message(IvfParams { iterations: 0, ..params }), "iterations is 0, expected 1 to 1000");
    let wide = Array2::zeros((2, 70_000));
    let error = "SQ8".parse::<IndexSpec>().unwrap().build(&wide, Metric::L2, &mut Run::default());
    assert_eq!(error.unwrap_err().to_string(), "vectors of 70000 components are above the limit of 65536");
}

fn items(n: usize) -> Embeddings {
    let keys = Vocab::from_keys((0..n).map(|i| format!("item {i}"))).unwrap();
    Embeddings::new(keys, clustered(n, 6, 5, 1)).unwrap()
}

fn sample(spec: &str, n: usize) -> Vec<u8> {
    let spec: IndexSpec = spec.parse().unwrap();
    spec.build(&items(n), Metric::L2, &mut Run::seeded(2)).unwrap().to_bytes().unwrap()
}

#[test]
fn what_was_saved_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.nf");
    let items = items(400);
    for spec in SPECS {
        for metric in Metric::ALL {
            let family: IndexSpec = spec.parse().unwrap();
            let built = family.build(&items, metric, &mut Run::seeded(2)).unwrap();
            built.save(&path).unwrap();
            let opened = Index::open_verified(&path).unwrap();
            assert_eq!((opened.spec(), opened.metric(), opened.space()), (family, metric, items.space()));
            assert_eq!(opened.keys().unwrap(), Some(items.vocab()));
            let request = SearchRequest::k(7).effort(Effort::Value(2));
            for id in 0..40 {
                let (got, expected) = (opened.search_by_id(id, &request), built.search_by_id(id, &request));
                assert_eq!(got.unwrap(), expected.unwrap(), "{spec}");
            }
            assert_eq!(opened.to_bytes().unwrap(), std::fs::read(&path).unwrap(), "{spec}");
        }
    }
}

#[test]
fn every_truncation_and_every_flipped_byte_is_found() {
    for spec in SPECS {
        let mut bytes = sample(spec, 30);
        for len in (0..bytes.len()).step_by(31).chain(bytes.len() - 3..bytes.len()) {
            assert!(Index::from_bytes(&bytes[..len]).is_err(), "{spec}: {len} of {} bytes", bytes.len());
        }
        for at in (0..bytes.len()).step_by(if bytes.len() > 20_000 { 7 } else { 1 }) {
            bytes[at] ^= 0x41;
            let verified = Index::from_bytes(&bytes).and_then(|index| index.verify());
            assert!(verified.is_err(), "{spec}: byte {at} of {}", bytes.len());
            bytes[at] ^= 0x41;
        }
    }
}

/// What an unverified index answers to may be wrong, but it answers.
#[test]
fn a_damaged_index_that_is_not_verified_neither_panics_nor_hangs() {
    let mut rng = SeededRng::new(9);
    let odd = |id: u32| id % 2 == 1;
    for spec in SPECS {
        let clean = sample(spec, 120);
        let mut opened = 0;
        for _ in 0..100 {
            let mut bytes = clean.clone();
            // The arrays lie between the header and the section table.
            let (from, to) = (256, u32::try_from(bytes.len()).unwrap() - 14 * 64);
            for _ in 0..1 << rng.below(10) {
                let at = (from + rng.below(to - from)) as usize;
                bytes[at] = [0, 0xff, 0x7f, 0x80, 3][rng.below(5) as usize];
            }
            let Ok(index) = Index::from_bytes(&bytes) else { continue };
            opened += 1;
            let mut query = vec![0.1; index.dim()];
            for id in [0, 5, 119] {
                let _ = index.vector_into(id, &mut query);
                query.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
                for filter in
                    [Filter::All, Filter::Where(&odd), Filter::Allow(&[0, 7, 118]), Filter::Deny(&[3])]
                {
                    let requests = [SearchRequest::k(10), SearchRequest::k(200), SearchRequest::radius(1.0)];
                    for request in requests.map(|r| r.filter(filter).effort(Effort::Value(3))) {
                        let found = index.search(&query, &request).unwrap();
                        assert!(found.iter().all(|n| (n.id as usize) < index.len()), "{spec}");
                    }
                }
            }
            let queries = Array2::from_elem((5, index.dim()), 0.2);
            index.search_batch(queries.view(), &[SearchRequest::k(3)], Parallelism::Sequential).unwrap();
        }
        assert!(opened > 60, "{spec}: only {opened} could be tried");
    }
}
