//! Compares settings of Item2Vec on a validation part cut from a training log, by full ranking, under each way
//! to score. `docs/item2vec.md` was made with it.
//!
//! `cargo run --release --example tune_item2vec -- [FILE] [test=FILE] [holdout=0.11] [SETTING,SETTING…]…`
//!
//! Each group of settings is one training; an empty list means the preset. Without a file it compares two on a
//! planted log. A test file is for the final figure: nothing is held out then.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use nearfield::interactions::{Log, ReadOptions};
use nearfield::prelude::*;
use nearfield::seqemb::{ItemVectors, Params, Window};

mod planted;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut file, mut test, mut holdout, mut groups) = (None, None, 0.11, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("test", path)) => test = Some(path.to_owned()),
            Some(("holdout", share)) => holdout = share.parse()?,
            None if file.is_none() && argument != "preset" => file = Some(argument),
            _ => groups.push(argument),
        }
    }
    if groups.is_empty() {
        groups = vec!["preset".to_owned(), "exponent=0.75".to_owned()];
    }
    let options = ReadOptions::default();
    let (train, held_out) = match (file, test) {
        (None, _) => Split::Ratio(holdout).apply(&planted::log(2000, 400, 8, 42)?, 7)?,
        (Some(file), None) => Split::Ratio(holdout).apply(&Log::read(file, &options)?.0, 7)?,
        (Some(file), Some(test)) => {
            let [(train, _), (test, _)] = Log::read_train_test(file, test, &options)?;
            (train, test)
        }
    };
    println!("{} users, {} items, {} + {}", train.n_users(), train.n_items(), train.len(), held_out.len());
    println!("recall@20 / ndcg@20 by: in x out | in x out, unit vectors | in x in, cosine");
    for group in groups {
        let (params, seed) = settings(&group)?;
        let start = Instant::now();
        let items =
            SkipGram::fit(&params, &train.sequences(), train.item_keys().clone(), &mut Run::seeded(seed))?;
        let seconds = start.elapsed().as_secs_f64();
        print!("{group:60} {seconds:6.1} s {:5.0} M pairs/s", items.report.pairs() as f64 / seconds / 1e6);
        for (normalize, scoring) in [(false, Scoring::InOut), (true, Scoring::InOut), (false, Scoring::InIn)]
        {
            let (recall, ndcg) =
                measure(&items, Pooling { normalize, ..Pooling::default() }, scoring, &train, &held_out)?;
            print!(" | {recall:.4} / {ndcg:.4}");
        }
        println!(" | loss {:.3}", items.report.final_loss());
    }
    Ok(())
}

fn measure(
    items: &ItemVectors,
    pooling: Pooling,
    scoring: Scoring,
    train: &Log,
    held_out: &Log,
) -> Result<(f64, f64), Box<dyn Error>> {
    let metric = if scoring == Scoring::InIn { Metric::Cosine } else { Metric::InnerProduct };
    let (seen, truth) = (train.histories(), held_out.histories());
    let scorer = EmbeddingScorer::from_histories(
        &items.pooled(pooling, scoring),
        &seen,
        items.targets(scoring),
        metric,
        ColdUsers::RecommendNothing,
        Parallelism::All,
    )?;
    let report = FullRanking::at([20]).evaluate(&scorer, &seen, &truth, &mut Run::default())?;
    Ok((report.get("recall", 20).unwrap_or(0.0), report.get("ndcg", 20).unwrap_or(0.0)))
}

/// The preset with changes, and the seed.
fn settings(group: &str) -> Result<(Params, u64), Box<dyn Error>> {
    let (mut params, mut seed) = (Params::basket(), 1);
    for setting in group.split(',').filter(|setting| *setting != "preset") {
        let (name, value) = setting.split_once('=').ok_or_else(|| format!("{setting} has no value"))?;
        match name {
            "dim" => params.dim = value.parse()?,
            "basket" => params.window = Window::Basket { samples: value.parse()? },
            "window" => params.window = Window::Sliding { size: value.parse()?, dynamic: true },
            "negatives" => params.negatives = value.parse()?,
            "exponent" => params.exponent = value.parse()?,
            "rate" => params.rate = value.parse()?,
            "floor" => params.floor_rate = value.parse()?,
            "epochs" => params.epochs = value.parse()?,
            "seed" => seed = value.parse()?,
            _ => return Err(format!("no setting {name}").into()),
        }
    }
    Ok((params, seed))
}
