//! Checks on real data, when `NEARFIELD_DATA` names the folder that holds it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test, a skipped test says so"
)]

use std::path::PathBuf;

use nearfield::interactions::{Log, ReadOptions};
use nearfield::prelude::*;
use nearfield::seqemb::Window;

/// The folder of a data set, or a note that the test is skipped.
fn data(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("NEARFIELD_DATA") else {
        println!("skipped: NEARFIELD_DATA is not set");
        return None;
    };
    let folder = PathBuf::from(folder).join(name);
    assert!(folder.is_dir(), "{} is not a folder", folder.display());
    Some(folder)
}

fn gowalla(folder: &std::path::Path) -> (Log, Log) {
    let options = ReadOptions::default();
    let [(train, _), (test, _)] =
        Log::read_train_test(folder.join("train.txt.gz"), folder.join("test.txt"), &options).unwrap();
    assert_eq!((train.n_users(), train.n_items()), (29_858, 40_981));
    assert_eq!((train.len(), test.len()), (810_128, 217_242));
    (train, test)
}

fn rounded(report: &nearfield::evalmetrics::RankingReport, measure: &str, cutoff: usize) -> f64 {
    (report.get(measure, cutoff).unwrap() * 1e4).round() / 1e4
}

/// The published figures of the popularity baseline: they hold only if reading, masking, ranking and every
/// denominator are as everyone's.
#[test]
fn popularity_on_gowalla_is_as_published() {
    let Some(folder) = data("gowalla") else { return };
    let (train, test) = gowalla(&folder);
    let scorer = PopularityScorer::new(&train.item_counts());
    let settings = FullRanking::at([20]);
    let report =
        settings.evaluate(&scorer, &train.histories(), &test.histories(), &mut Run::default()).unwrap();
    assert_eq!((report.n_evaluated, report.n_empty), (29_858, 0));
    assert_eq!(rounded(&report, "recall", 20), 0.0416);
    assert_eq!(rounded(&report, "ndcg", 20), 0.0317);
    assert_eq!(rounded(&report, "hr", 20), 0.2038);
}

/// A short training of the full line: far from what the preset reaches, and far above popularity.
#[test]
fn a_short_item2vec_on_gowalla_beats_popularity() {
    let Some(folder) = data("gowalla") else { return };
    let (train, test) = gowalla(&folder);
    let params = ItemToVec { epochs: 2, window: Window::Basket { samples: 10 }, ..ItemToVec::basket() };
    let mut run = Run::seeded(1);
    let keys = train.item_keys().clone();
    let items = SkipGram::fit(&params, &train.sequences(), keys, &mut run).unwrap();
    let users = items.pooled(Pooling::default(), Scoring::InOut);
    let (seen, truth) = (train.histories(), test.histories());
    let targets = items.targets(Scoring::InOut).vectors();
    let scorer = EmbeddingScorer::from_histories(
        &users,
        &seen,
        targets,
        Metric::InnerProduct,
        ColdUsers::Refuse,
        Parallelism::All,
    );
    let report = FullRanking::at([20]).evaluate(scorer.as_ref().unwrap(), &seen, &truth, &mut run).unwrap();
    let (recall, ndcg) = (rounded(&report, "recall", 20), rounded(&report, "ndcg", 20));
    println!("recall@20 {recall}, ndcg@20 {ndcg}");
    assert!(recall > 0.085 && ndcg > 0.07, "recall@20 {recall}, ndcg@20 {ndcg}");

    // What an index serves of the same scores.
    let index =
        Hnsw::build(items.targets(Scoring::InOut), Metric::InnerProduct, &HnswParams::with_m(16), &mut run);
    let scorer = scorer.unwrap();
    let served = FullRanking::at([20])
        .evaluate_index(&index.unwrap(), scorer.users(), Effort::Value(200), &seen, &truth, &mut run)
        .unwrap();
    println!("served by HNSW16 at ef 200: recall@20 {:.4}", served.get("recall", 20).unwrap());
    assert!(served.get("recall", 20).unwrap() > 0.95 * recall);
}
