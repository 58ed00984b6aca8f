//! The README's program, word for word, on logs with items that training does not see: they are never recommended, and
//! what is recommended is good.
//!
//! Such items come from a test part of the same vocabulary, from a minimum count, from new keys of the vocabulary and from
//! sequences of one item.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test; figures are for the eye"
)]

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use nearfield::embed_core::testkit::real_data;
use nearfield::prelude::*;
use nearfield::seqemb::Preparation;

#[path = "../examples/planted/mod.rs"]
mod planted;

const K: usize = 10;

type Served = Recommender<nearfield::VectorRetriever<Pooled, Hnsw>>;

/// What the README does with a log, but for the settings.
fn readme(log: &Log, params: ItemToVec) -> Result<(ItemVectors, Served), Box<dyn Error>> {
    // README: its program from here
    let mut run = Run::seeded(7);
    // README: but its settings
    let items = SkipGram::fit(&params, &log.sequences(), log.item_keys().clone(), &mut run)?;

    let targets = items.targets(Scoring::InOut);
    let index = Hnsw::build(targets, Metric::InnerProduct, &HnswParams::default(), &mut run)?;
    let users = items.pooled(Pooling::default(), Scoring::InOut);
    let recommender = Recommender::new(users, index)?;
    // README: to here
    Ok((items, recommender))
}

#[test]
fn the_program_is_that_of_the_readme() {
    let lines = |text: &'static str| text.lines().map(str::trim).filter(|line| !line.is_empty());
    let here = lines(include_str!("readme.rs"))
        .skip_while(|line| *line != "// README: its program from here")
        .take_while(|line| *line != "// README: to here")
        .filter(|line| !line.starts_with("// README"));
    let readme: Vec<&str> =
        lines(include_str!("../../../README.md")).filter(|line| !line.starts_with("let params = ")).collect();
    let here: Vec<&str> = here.collect();
    assert!(here.len() >= 6, "{here:?}");
    assert!(readme.windows(here.len()).any(|window| window == here), "the README goes otherwise");
}

/// Mean recall@10 of the lists of users with something to find, and of popularity; no list has an untrained item.
fn recall(train: &Log, test: &Log, params: ItemToVec) -> (f64, f64, usize) {
    let (items, recommender) = readme(train, params).unwrap();
    let untrained: HashSet<&str> = items.untrained().collect();
    let (seen, truth) = (train.histories(), test.histories());
    let lists = seen.rows().map(|history| {
        let list = if history.is_empty() { Ok(Vec::new()) } else { recommender.recommend(history, K) };
        let list = list.unwrap_or_default();
        for item in &list {
            assert!(!untrained.contains(item.key.as_str()), "{item:?} was never learned");
            assert_eq!(train.item_keys().key(item.id), Some(item.key.as_str()));
        }
        list.iter().map(|item| item.id).collect::<Vec<ItemId>>()
    });
    let settings = FullRanking::at([K]);
    let lists = Csr::from_rows(lists.collect::<Vec<_>>());
    let served = settings.evaluate_lists(&lists, &truth, train.n_items(), &mut Run::default()).unwrap();
    // Scores say the same as the index.
    let user = items.pooled(Pooling::default(), Scoring::InOut);
    let (targets, metric) = (items.targets(Scoring::InOut), Metric::InnerProduct);
    let cold = ColdUsers::RecommendNothing;
    let scorer =
        EmbeddingScorer::from_histories(&user, &seen, targets, metric, cold, Parallelism::All).unwrap();
    let scored = settings.evaluate(&scorer, &seen, &truth, &mut Run::default()).unwrap();
    let popularity = PopularityScorer::new(&train.item_counts());
    let popular = settings.evaluate(&popularity, &seen, &truth, &mut Run::default()).unwrap();
    let of = |report: &RankingReport| report.get("recall", K).unwrap();
    assert!((of(&served) - of(&scored)).abs() < 0.02, "{} served, {} scored", of(&served), of(&scored));
    (of(&served), of(&popular), untrained.len())
}

/// The log with new keys in its vocabulary, which nobody has.
fn with_new_keys(log: &Log, n: usize) -> Log {
    let mut keys = Vocab::clone(log.item_keys());
    for i in 0..n {
        keys.intern(&format!("new-sku-{i}")).unwrap();
    }
    let (users, items) = (log.users().to_vec(), log.items().to_vec());
    let times = log.times().map(<[i64]>::to_vec);
    Log::new(users, items, times, None, Arc::clone(log.user_keys()), Arc::new(keys)).unwrap()
}

#[test]
fn untrained_items_of_every_kind_are_never_recommended() {
    let log = planted::log(300, 1600, 8, 7).unwrap();
    let (train, test) = Split::Ratio(0.3).apply(&log, 7).unwrap();
    let params = ItemToVec { dim: 16, epochs: 30, ..ItemToVec::basket() };
    let rare = Preparation { min_count: 4, ..params.preparation };
    for (name, train, params) in [
        ("the test alone has them", train.clone(), params.clone()),
        ("new keys", with_new_keys(&train, 40), params.clone()),
        ("a minimum count", train.clone(), ItemToVec { preparation: rare, ..params.clone() }),
    ] {
        let (ours, popular, untrained) = recall(&train, &test, params);
        println!("{name}: {untrained} untrained, recall@10 {ours:.4}, popularity {popular:.4}");
        assert!(untrained > 0, "{name}: the log has none");
        assert!(ours > 2.0 * popular, "{name}: {ours} for {popular}");
    }
}

/// MovieLens-100k, a random fifth held out: 0.0002 once, when untrained items came first for everyone.
#[test]
fn movielens_with_a_random_fifth_held_out() {
    let Some(folder) = real_data("ml-100k") else { return };
    let (log, _) = Log::read(folder.join("ml-100k.inter.gz"), &ReadOptions::default()).unwrap();
    let params = ItemToVec { dim: 32, epochs: 40, ..ItemToVec::basket() };
    let (train, test) = Split::Ratio(0.2).apply(&log, 42).unwrap();
    let (ours, popular, untrained) = recall(&train, &test, params.clone());
    println!("ml-100k, a random fifth: {untrained} untrained, recall@10 {ours:.4}, popularity {popular:.4}");
    assert!(untrained > 0 && ours >= 0.19, "recall@10 {ours}");
    let (ours, _, untrained) = recall(&with_new_keys(&train, 100), &test, params.clone());
    println!("… with 100 new keys: {untrained} untrained, recall@10 {ours:.4}");
    assert!(untrained > 100 && ours >= 0.19, "recall@10 {ours}");
    let rare = Preparation { min_count: 5, ..params.preparation };
    let (ours, _, untrained) = recall(&train, &test, ItemToVec { preparation: rare, ..params.clone() });
    println!("… with a minimum count of 5: {untrained} untrained, recall@10 {ours:.4}");
    assert!(untrained > 100 && ours >= 0.19, "recall@10 {ours}");
    let (train, test) = Split::Time(0.2).apply(&log, 42).unwrap();
    let (ours, popular, untrained) = recall(&train, &test, params);
    println!(
        "… the last fifth of the time: {untrained} untrained, recall@10 {ours:.4}, popularity {popular:.4}"
    );
    assert!(untrained > 0, "items of the test alone");
}
