//! The recall–latency curve of real indexes, held against exact answers.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use nearfield::embed_core::testkit::clustered;
use nearfield::embed_core::{Flow, Progress};
use nearfield::evalmetrics::search::{GroundTruth, SearchEvalError, recall_latency};
use nearfield::prelude::*;

const K: usize = 10;

#[test]
fn more_effort_finds_more() {
    let all = clustered(4000, 24, 40, 3);
    let (rows, queries) = (all.slice(ndarray::s![..3900, ..]), all.slice(ndarray::s![3900.., ..]));
    let mut run = Run::seeded(7);
    let truth = GroundTruth::exact(rows, queries, Metric::L2, K, &mut run).unwrap();
    let index = "IVF64,Flat".parse::<IndexSpec>().unwrap().build(rows, Metric::L2, &mut run).unwrap();
    let efforts = [1, 4, 64].map(Effort::Value);
    let curve = recall_latency(&index, &truth, &efforts, 2, &mut run).unwrap();
    assert_eq!(
        curve.iter().map(|point| point.effort).collect::<Vec<_>>(),
        [Some(1.0), Some(4.0), Some(64.0)]
    );
    assert!(curve.windows(2).all(|pair| pair[0].recall < pair[1].recall), "{curve:?}");
    // All lists are searched: nothing is missed.
    assert_eq!((curve[2].recall, curve[2].worst_recall), (1.0, 1.0));
    for (point, &effort) in curve.iter().zip(&efforts) {
        let request = SearchRequest::k(K).effort(effort);
        let answers = index.search_batch(queries, &[request], run.parallelism).unwrap();
        let answers: Vec<Vec<ItemId>> =
            answers.iter().map(|list| list.iter().map(|near| near.id).collect()).collect();
        let recalls = truth.recall(&answers).unwrap();
        let mean = recalls.iter().sum::<f64>() / recalls.len() as f64;
        assert!((mean - point.recall).abs() < 1e-12, "{point:?}: {mean}");
        assert_eq!(recalls.iter().copied().fold(1.0, f64::min), point.worst_recall);
        assert!(point.qps > 0.0 && point.batch_qps > 0.0, "{point:?}");
        assert!(0.0 < point.p50_us && point.p50_us <= point.p95_us && point.p95_us <= point.p99_us);
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let all = clustered(300, 8, 5, 1);
    let rows = all.slice(ndarray::s![..200, ..]);
    let mut run = Run::seeded(7);
    let truth = GroundTruth::exact(rows, all.slice(ndarray::s![200.., ..]), Metric::L2, K, &mut run).unwrap();
    let flat = |rows| Flat::build(rows, Metric::L2, &mut Run::default()).unwrap();
    let index = flat(rows);
    let at = [Effort::Default];
    let none = recall_latency(&index, &truth, &at, 0, &mut run);
    assert!(matches!(none, Err(SearchEvalError::Zero { name: "repeats" })), "{none:?}");
    let other = recall_latency(&flat(all.view()), &truth, &at, 1, &mut run);
    assert!(matches!(other, Err(SearchEvalError::OtherRows { expected: 200, got: 300 })), "{other:?}");
    let narrow = recall_latency(&flat(rows.slice(ndarray::s![.., ..4])), &truth, &at, 1, &mut run);
    assert!(matches!(narrow, Err(SearchEvalError::Dimension { expected: 4, got: 8 })), "{narrow:?}");
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let stopped = recall_latency(&index, &truth, &at, 1, &mut Run::seeded(7).observed(&mut stop));
    assert!(matches!(stopped, Err(SearchEvalError::Stopped { done: 0, total: 1, .. })), "{stopped:?}");
    // An index's own effort has no number.
    assert_eq!(recall_latency(&index, &truth, &at, 1, &mut run).unwrap()[0].effort, None);
}
