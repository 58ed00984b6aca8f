//! Learns item vectors from a log, shows what lies near what, and measures them beside popularity.
//!
//! `cargo run --release --example train_item2vec`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use nearfield::prelude::*;

mod planted;

fn main() -> Result<(), Box<dyn Error>> {
    let log = planted::log(2000, 400, 8, 42)?;
    let (train, test) = Split::LastOut.apply(&log, 42)?;

    let mut watch = |progress: &Progress<'_>| {
        if let Some(loss) = progress.loss {
            println!("{:8} of {} {}, loss {loss:.3}", progress.done, progress.total, progress.unit);
        }
        Flow::Continue
    };
    let params = ItemToVec { dim: 32, epochs: 20, ..ItemToVec::basket() };
    let mut run = Run::seeded(42).observed(&mut watch);
    let items = SkipGram::fit(&params, &train.sequences(), train.item_keys().clone(), &mut run)?;
    let report = &items.report;
    println!("{} pairs, loss {:.3} in the last epoch", report.pairs(), report.final_loss());

    // Like what: input against input, by direction.
    let index = Flat::build(&items.input, Metric::Cosine, &mut Run::default())?;
    for key in ["g0-0", "g3-10"] {
        let item = train.item_keys().get(key).ok_or("the log lacks the item")?;
        let near = index.search_by_id(item, &SearchRequest::k(6).filter(Filter::Deny(&[item])))?;
        let names: Vec<&str> = near.iter().filter_map(|n| train.item_keys().key(n.id)).collect();
        println!("near {key}: {}", names.join(" "));
    }

    // Goes with what: the mean of the history's input vectors against output vectors.
    let users = items.pooled(Pooling::default(), Scoring::InOut);
    let targets = items.targets(Scoring::InOut);
    let (seen, metric) = (train.histories(), Metric::InnerProduct);
    let scorer =
        EmbeddingScorer::from_histories(&users, &seen, targets, metric, ColdUsers::Refuse, Parallelism::All)?;
    let settings = FullRanking::at([10]);
    let ours = settings.evaluate(&scorer, &seen, &test.histories(), &mut Run::default())?;
    let popularity = PopularityScorer::new(&train.item_counts());
    let baseline = settings.evaluate(&popularity, &seen, &test.histories(), &mut Run::default())?;
    println!("{:12} {:>8} {:>10}", "", "item2vec", "popularity");
    for ((name, ours), (_, baseline)) in ours.iter().zip(baseline.iter()) {
        println!("{name:12} {ours:8.4} {baseline:10.4}");
    }
    Ok(())
}
