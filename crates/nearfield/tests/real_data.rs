//! Checks on real data, when `NEARFIELD_DATA` names the folder that holds it.

use std::path::PathBuf;

use nearfield::interactions::{Log, ReadOptions};
use nearfield::prelude::*;

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
