//! Recommends from a history: by key, with items that are out of stock, for many users at once, and for a mistaken key.
//!
//! `cargo run --release --example recommend_from_history`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use nearfield::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/visits.csv");
    let (log, _) = Log::read(file, &ReadOptions::default())?;
    let mut run = Run::seeded(42);
    let items = SkipGram::fit(&ItemToVec::basket(), &log.sequences(), log.item_keys().clone(), &mut run)?;
    let index = Flat::build(items.targets(Scoring::InOut), Metric::InnerProduct, &mut run)?;
    let user_side = items.pooled(Pooling::default(), Scoring::InOut);
    let recommender = Recommender::new(user_side, index)?;

    show("after tent and stove", &recommender.recommend_keys(&["tent", "stove"], 5)?);
    show("after guitar", &recommender.recommend_keys(&["guitar"], 5)?);

    let mut sold_out = recommender.ids(&["rope", "boots"])?;
    sold_out.sort_unstable();
    let options = Options { filter: Filter::Deny(&sold_out), ..Options::default() };
    let history = recommender.ids(&["tent", "stove"])?;
    show("without rope and boots", &recommender.recommend_with(&history, 5, &options)?);

    let histories = log.histories();
    let all: Vec<&[ItemId]> = histories.rows().collect();
    let lists = recommender.recommend_batch(&all, 3, &Options::default(), Parallelism::All)?;
    for (user, list) in log.user_keys().keys().zip(&lists).take(3) {
        show(user, list);
    }

    show("like a novel", &recommender.similar("novel", 3)?);
    if let Err(error) = recommender.recommend_keys(&["tennt"], 5) {
        println!("a mistaken key: {error}");
    }
    Ok(())
}

fn show(title: &str, list: &[Recommendation]) {
    let items: Vec<String> = list.iter().map(|item| format!("{} {:.2}", item.key, item.score)).collect();
    println!("{title}: {}", items.join(", "));
}
