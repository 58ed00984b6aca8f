//! How good is it to recommend what is popular? The baseline that every model has to beat, over the full ranking.
//!
//! `cargo run --release --example evaluate_popularity`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use nearfield::interactions::Split;
use nearfield::prelude::*;

mod planted;

fn main() -> Result<(), Box<dyn Error>> {
    let log = planted::log(2000, 500, 8, 42)?;
    let (train, test) = Split::LastOut.apply(&log, 42)?;
    println!(
        "{} users, {} items, {} + {} interactions",
        log.n_users(),
        log.n_items(),
        train.len(),
        test.len()
    );

    let popularity = PopularityScorer::new(&train.item_counts());
    let settings = FullRanking { per_user: true, ..FullRanking::at([5, 20]) };
    let report =
        settings.evaluate(&popularity, &train.histories(), &test.histories(), &mut Run::default())?;
    for (name, value) in report.iter() {
        println!("{name:14} {value:.4}");
    }

    let chance = FullRanking::at([20]).evaluate(
        &nearfield::evalmetrics::FnScorer::new(train.n_items(), |_user, _item| 0.0),
        &train.histories(),
        &test.histories(),
        &mut Run::default(),
    )?;
    println!("chance: recall@20 {:.4}", chance.get("recall", 20).unwrap_or_default());

    let found = report.per_user.as_ref().and_then(|users| users.get("hr", 20)).unwrap_or_default();
    println!("found for {} of {} users", found.iter().filter(|&&hit| hit > 0.0).count(), found.len());
    Ok(())
}
