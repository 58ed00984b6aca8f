//! Tuning: the recall that is asked for is found by queries that were not in the sample, in every family, under every
//! metric, and from a file.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use ann::{Changed, Flat, Index, IndexSpec, Live, Sample, Truth, TuneError, TuneParams};
use embed_core::testkit::clustered;
use embed_core::{
    AnnIndex, AnnIndexMut, Effort, Flow, Metric, Parallelism, Progress, Run, SearchError, SearchRequest,
};
use ndarray::{Array2, s};

/// Families with something to tune, and whether they keep the vectors.
const SPECS: [(&str, bool); 8] = [
    ("HNSW8", true),
    ("HNSW8,SQ8", true),
    ("IVF40,Flat", true),
    ("IVF40,SQ8", false),
    ("IVF40,PQ12x4fs,Refine(Flat)", true),
    ("OPQ6,IVF40,PQ6x8,Refine(SQ8)", false),
    ("PQ12x8,Refine(Flat)", true),
    ("RPForest20", true),
];

fn split() -> (Array2<f32>, Array2<f32>, Array2<f32>) {
    let all = clustered(4600, 12, 30, 21);
    let part = |from, to| all.slice(s![from..to, ..]).to_owned();
    (part(0, 4000), part(4000, 4300), part(4300, 4600))
}

fn build(spec: &str, vectors: &Array2<f32>, metric: Metric) -> Index {
    spec.parse::<IndexSpec>().unwrap().build(vectors, metric, &mut Run::seeded(3)).unwrap()
}

#[test]
fn other_queries_find_what_was_asked_for() {
    let (vectors, sample, others) = split();
    let mut run = Run::seeded(1);
    for metric in Metric::ALL {
        let truth = Truth::exact(vectors.view(), others.view(), metric, 10, &mut run).unwrap();
        for (spec, keeps_vectors) in SPECS {
            let mut index = build(spec, &vectors, metric);
            let untuned = index.search(&[0.5; 12], &SearchRequest::k(10).effort(Effort::Recall(0.8)));
            assert!(matches!(untuned, Err(SearchError::Untuned { .. })), "{spec}");
            let params = TuneParams::recall(0.9);
            if !keeps_vectors {
                let error = index.tune(&sample, &params, &mut run).unwrap_err();
                assert!(matches!(error, TuneError::CodesOnly), "{spec}: {error}");
            }
            let against = Sample::new(sample.view()).against(vectors.view());
            let point = index.tune(against, &params, &mut run).unwrap();
            assert!(point.recall >= 0.9, "{spec} under {metric}: {point:?}");
            let opened = Index::from_bytes(&index.to_bytes().unwrap()).unwrap();
            opened.verify().unwrap();
            assert_eq!(opened.efforts(), index.efforts(), "{spec}: efforts travel in the file");
            for recall in [0.7, 0.9] {
                let request = [SearchRequest::k(10).effort(Effort::Recall(recall))];
                let answers = opened.search_batch(others.view(), &request, Parallelism::All).unwrap();
                let found = truth.recall(&answers);
                assert!(found > f64::from(recall) - 0.03, "{spec} under {metric}: {found} for {recall}");
            }
            let request = SearchRequest::k(10).effort(Effort::Recall(1.1));
            let beyond = opened.search(&[0.5; 12], &request);
            assert!(matches!(beyond, Err(SearchError::BeyondTuning { tuned_k: 10, .. })), "{spec}");
        }
    }
}

#[test]
fn less_recall_costs_less() {
    let (vectors, sample, _) = split();
    for spec in ["HNSW8", "IVF40,Flat", "RPForest20"] {
        let mut index = build(spec, &vectors, Metric::L2);
        let low = index.tune(&sample, &TuneParams::recall(0.6), &mut Run::default()).unwrap();
        let high = index.tune(&sample, &TuneParams::recall(0.97), &mut Run::default()).unwrap();
        assert!(low.effort < high.effort || low.recall >= 0.97, "{spec}: {low:?}, {high:?}");
        let points = index.efforts();
        assert!(points.is_sorted_by(|a, b| a.recall < b.recall && a.effort < b.effort), "{spec}: {points:?}");
        assert_eq!(points.last().unwrap().recall.max(0.97), points.last().unwrap().recall);
    }
}

#[test]
fn each_k_has_its_own_efforts() {
    let (vectors, sample, _) = split();
    let mut index = build("HNSW8", &vectors, Metric::L2);
    let mut tune = |k| index.tune(&sample, &TuneParams { recall: 0.9, k }, &mut Run::default()).unwrap();
    let (many, few) = (tune(60), tune(5));
    assert!(many.effort >= 60 && few.effort < many.effort, "{few:?}, {many:?}");
    let asked = |k, recall| index.search(&[0.5; 12], &SearchRequest::k(k).effort(Effort::Recall(recall)));
    assert_eq!(asked(5, 0.9).unwrap().len(), 5);
    assert_eq!(asked(60, 0.9).unwrap().len(), 60);
    assert!(matches!(asked(61, 0.5), Err(SearchError::BeyondTuning { k: 61, tuned_k: 60, .. })));
}

#[test]
fn the_same_efforts_on_any_number_of_threads() {
    let (vectors, sample, _) = split();
    for (spec, _) in SPECS {
        let bytes = |threads| {
            let mut index = build(spec, &vectors, Metric::Cosine);
            let against = Sample::new(sample.view()).against(vectors.view());
            index.tune(against, &TuneParams::recall(0.8), &mut Run::default().threads(threads)).unwrap();
            index.to_bytes().unwrap()
        };
        let one = bytes(1);
        assert!(one == bytes(2) && one == bytes(7), "{spec}");
    }
}

#[test]
fn what_cannot_be_tuned_is_named_and_changes_nothing() {
    let (vectors, sample, _) = split();
    let mut run = Run::default();
    let mut index = build("PQ3x4fs", &vectors, Metric::L2);
    let against = Sample::new(sample.view()).against(vectors.view());
    let error = index.tune(against, &TuneParams::recall(0.99), &mut run).unwrap_err();
    assert!(
        matches!(error, TuneError::OutOfReach { reached, effort: 1, .. } if reached > 0.05 && reached < 0.9),
        "{error}"
    );
    assert_eq!(index.efforts(), []);
    index.tune(against, &TuneParams::recall(0.05), &mut run).unwrap();

    let mut index = build("HNSW8", &vectors, Metric::L2);
    let none = Array2::zeros((0, 12));
    assert!(matches!(index.tune(&none, &TuneParams::default(), &mut run), Err(TuneError::NoQueries)));
    for recall in [0.0, -1.0, 1.5, f32::NAN] {
        let error = index.tune(&sample, &TuneParams::recall(recall), &mut run);
        assert!(matches!(error, Err(TuneError::Recall { .. })), "{recall}");
    }
    let params = TuneParams { k: 0, ..TuneParams::default() };
    assert_eq!(
        index.tune(&sample, &params, &mut run).unwrap_err().to_string(),
        "k is 0, expected 1 to 65536"
    );
    let few = vectors.slice(s![..10, ..]);
    let error = index.tune(Sample::new(sample.view()).against(few), &TuneParams::default(), &mut run);
    assert!(matches!(error, Err(TuneError::OtherVectors { rows: 4000, got_rows: 10, .. })));
    let narrow = sample.slice(s![.., ..5]);
    assert!(index.tune(narrow, &TuneParams::default(), &mut run).is_err());
    let mut odd = sample.clone();
    odd[[3, 2]] = f32::NAN;
    let error = index.tune(&odd, &TuneParams::default(), &mut run);
    assert!(matches!(error, Err(TuneError::Search(SearchError::NotFinite { column: 2, .. }))));
    for stop_at in [0, 4] {
        let mut calls = 0;
        let mut watch = |progress: &Progress<'_>| {
            calls += usize::from(progress.stage == "tune");
            if calls > stop_at { Flow::Stop } else { Flow::Continue }
        };
        let error = index.tune(&sample, &TuneParams::recall(1.0), &mut Run::default().observed(&mut watch));
        assert!(matches!(error, Err(TuneError::Cancelled { measured }) if measured == stop_at));
    }
    assert_eq!(index.efforts(), []);
}

/// More answers than rows, and no rows at all.
#[test]
fn small_indexes_are_tuned() {
    let mut run = Run::default();
    let sample = clustered(20, 4, 2, 8);
    for (spec, _) in SPECS {
        for n in [0, 1, 7] {
            let mut index = build(&spec.replace("12", "4"), &clustered(n, 4, 2, 1), Metric::L2);
            let vectors = clustered(n, 4, 2, 1);
            let against = Sample::new(sample.view()).against(vectors.view());
            let point = index.tune(against, &TuneParams { recall: 0.5, k: 10 }, &mut run).unwrap();
            assert!(point.recall >= 0.5, "{spec} of {n}");
            let request = SearchRequest::k(3).effort(Effort::Recall(0.5));
            assert_eq!(index.search(&[0.0; 4], &request).unwrap().len(), n.min(3), "{spec} of {n}");
        }
    }
}

#[test]
fn changes_and_compaction_keep_the_efforts() {
    let (vectors, sample, _) = split();
    let mut index = build("IVF40,Flat", &vectors, Metric::L2);
    index.tune(&sample, &TuneParams::default(), &mut Run::default()).unwrap();
    let request = SearchRequest::k(10).effort(Effort::Recall(0.95));
    let mut changed = Changed::from(index.clone());
    let id = changed.add(&[9.0; 12]).unwrap();
    changed.remove(3).unwrap();
    assert_eq!(changed.search(&[9.0; 12], &request).unwrap()[0].id, id);
    changed.compact(&mut Run::seeded(3)).unwrap();
    assert_eq!(changed.base().efforts(), index.efforts());
    let live = Live::new(index);
    live.compact(&mut Run::seeded(3)).unwrap();
    assert_eq!(live.search(&[0.5; 12], &request).unwrap().len(), 10);
}

/// Ties are found, whichever of the equally near rows an answer names.
#[test]
fn recall_counts_ties_by_distance() {
    let mut vectors = Array2::zeros((6, 1));
    vectors.column_mut(0).assign(&ndarray::array![1.0, 1.0, 1.0, 2.0, 3.0, 4.0]);
    let queries = ndarray::array![[0.0], [4.0]];
    let mut run = Run::default();
    let truth = Truth::exact(vectors.view(), queries.view(), Metric::L2, 2, &mut run).unwrap();
    let n = |id| embed_core::Neighbor::new(id, 0.0);
    assert_eq!(truth.recall(&[vec![n(2), n(1)], vec![n(5), n(4)]]), 1.0);
    assert_eq!(truth.recall(&[vec![n(2), n(3)], vec![n(3)]]), 0.25);
    assert_eq!(truth.recall(&[vec![n(2), n(3), n(0)], vec![]]), 0.25, "a third of two");
    let given = Truth::of_ids(vectors.view(), queries.view(), Metric::L2, &[vec![1, 0], vec![4, 5]]).unwrap();
    assert_eq!(given.recall(&[vec![n(2), n(1)], vec![n(5), n(4)]]), 1.0);
    let wrong =
        |ids: &[Vec<u32>]| Truth::of_ids(vectors.view(), queries.view(), Metric::L2, ids).unwrap_err();
    assert!(matches!(wrong(&[vec![0]]), TuneError::Lists { queries: 2, got: 1 }));
    assert!(matches!(
        wrong(&[vec![0], vec![1, 6]]),
        TuneError::UnknownId { query: 1, position: 1, id: 6, rows: 6 }
    ));
    let flat = Flat::build(&vectors, Metric::L2, &mut run).unwrap();
    let mut flat = Index::from(flat);
    assert_eq!(flat.tune(&queries, &TuneParams::recall(1.0), &mut run).unwrap().effort, 1);
    assert_eq!(flat.efforts(), [], "exact search needs no table");
}
