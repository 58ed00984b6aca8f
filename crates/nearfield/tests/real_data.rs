//! Checks on real data, when `NEARFIELD_DATA` names the folder that holds it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test, and its figures are for the eye"
)]

use std::io::{BufRead, BufReader};

use embed_core::testkit::real_data;
use flate2::read::MultiGzDecoder;
use nearfield::evalmetrics::SampledRanking;
use nearfield::interactions::{Format, Log, ReadOptions};
use nearfield::prelude::*;
use nearfield::towers::models::Histories;
use nearfield::towers::train::{FitParams, Holdout, hold_out};
use nearfield::towers::{IdTowers, Preset, TwoTowerData, UserInput};

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
    let Some(folder) = real_data("gowalla") else { return };
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

/// The published figures of popularity among 99 given negatives: they hold only if ties count by expectation.
#[test]
fn popularity_on_movielens_candidates_is_as_published() {
    let Some(folder) = real_data("ml-1m") else { return };
    let options = ReadOptions {
        format: Format::Tsv,
        columns: "user=0,item=1".parse().unwrap(),
        header: false,
        ..ReadOptions::default()
    };
    let (train, _) = Log::read(folder.join("ncf.train.rating.gz"), &options).unwrap();
    assert_eq!((train.n_users(), train.len()), (6040, 994_169));
    let file = std::fs::File::open(folder.join("ncf.test.negative.gz")).unwrap();
    let (mut truth, mut negatives) = (vec![Vec::new(); 6040], vec![Vec::new(); 6040]);
    // Items that training does not have come after all others, with a count of 0.
    let mut items = Vocab::clone(train.item_keys());
    for line in BufReader::new(MultiGzDecoder::new(file)).lines() {
        let line = line.unwrap();
        let (pair, others) = line.split_once('\t').unwrap();
        let (user, positive) = pair.trim_matches(['(', ')']).split_once(',').unwrap();
        let user = train.user_keys().get(user).unwrap() as usize;
        truth[user].push(items.intern(positive).unwrap());
        negatives[user] = others.split('\t').map(|key| items.intern(key).unwrap()).collect();
        assert_eq!(negatives[user].len(), 99);
    }
    let mut counts = train.item_counts();
    counts.resize(items.len(), 0);
    let (truth, negatives) = (Csr::from_rows(truth), Csr::from_rows(negatives));
    let report = SampledRanking::at([10]);
    let report =
        report.evaluate(&PopularityScorer::new(&counts), &negatives, &truth, &mut Run::default()).unwrap();
    let rounded = |name: &str| (report.value(name).unwrap() * 1e4).round() / 1e4;
    assert_eq!((rounded("sampled_hr@10"), rounded("sampled_ndcg@10")), (0.4535, 0.2543));
}

/// The preset against the published row of Item2Vec (0.1326 and 0.1057), which is a floor and not the goal.
#[test]
fn item2vec_on_gowalla_is_better_than_published() {
    let Some(folder) = real_data("gowalla") else { return };
    let (train, test) = gowalla(&folder);
    let mut run = Run::seeded(42);
    let params = ItemToVec { dim: 64, ..ItemToVec::basket() };
    let items = SkipGram::fit(&params, &train.sequences(), train.item_keys().clone(), &mut run).unwrap();
    let users = items.pooled(Pooling::default(), Scoring::InOut);
    let (seen, truth) = (train.histories(), test.histories());
    let targets = items.targets(Scoring::InOut);
    let (metric, threads) = (Metric::InnerProduct, Parallelism::All);
    let scorer = EmbeddingScorer::from_histories(&users, &seen, targets, metric, ColdUsers::Refuse, threads);
    let scorer = scorer.unwrap();
    let report = FullRanking::at([20]).evaluate(&scorer, &seen, &truth, &mut run).unwrap();
    let (recall, ndcg) = (rounded(&report, "recall", 20), rounded(&report, "ndcg", 20));
    println!("recall@20 {recall}, ndcg@20 {ndcg}");
    assert!(recall >= 0.1326 && ndcg >= 0.1057, "recall@20 {recall}, ndcg@20 {ndcg}");

    // What an index serves of the same scores.
    let index = Hnsw::build(targets, metric, &HnswParams::default(), &mut run).unwrap();
    let served = FullRanking::at([20])
        .evaluate_index(&index, &scorer, Effort::Default, &seen, &truth, &mut run)
        .unwrap();
    let served = rounded(&served, "recall", 20);
    println!("served by HNSW32: recall@20 {served}");
    assert!(served > 0.98 * recall, "HNSW32 serves {served} of {recall}");
}

/// The preset of two towers, a few passes of it: on a fifth of what users did it is well ahead of popularity.
#[test]
fn two_towers_on_movielens_are_ahead_of_popularity() {
    let Some(folder) = real_data("ml-100k") else { return };
    let (log, _) = Log::read(folder.join("ml-100k.inter.gz"), &ReadOptions::default()).unwrap();
    let (sequences, truth) = hold_out(&log.sequences(), Holdout::Share(0.2), 1);
    let (seen, counts) = (Csr::from_rows(sequences.iter()), sequences.counts());
    let settings = FullRanking::at([20]);
    let popular = PopularityScorer::new(&counts);
    let popular = settings.evaluate(&popular, &seen, &truth, &mut Run::default()).unwrap();

    let Preset { towers, fit, negatives } = Preset::youtube_dnn(32);
    let fit = FitParams { epochs: 5, ..fit };
    let histories = Histories::new(sequences);
    let data = TwoTowerData::new(&histories, log.user_keys(), log.item_keys());
    let model = IdTowers::fit(&towers, &fit, data, negatives, &mut Run::seeded(1)).unwrap();
    let whom: Vec<UserInput<'_>> =
        (0..).zip(seen.rows()).map(|(user, history)| UserInput { user: Some(user), history }).collect();
    let (users, items, cold) = (model.user_embedder(), model.items(), ColdUsers::RecommendNothing);
    let scorer =
        EmbeddingScorer::from_inputs(&users, &whom, items, model.metric(), cold, Parallelism::All).unwrap();
    let towers = settings.evaluate(&scorer, &seen, &truth, &mut Run::default()).unwrap();
    let [ours, theirs] = [&towers, &popular].map(|report| rounded(report, "ndcg", 20));
    println!("NDCG@20 {ours}, of popularity {theirs}");
    assert!(ours > 1.3 * theirs, "{ours} for {theirs}");
}
