//! What negatives are worth: the same training with each sampling strategy, by full ranking on a validation part.
//! `docs/item2vec.md` has the table for Gowalla.
//!
//! `cargo run --release --example compare_samplers -- [FILE] [epochs=20] [STRATEGY…]`
//!
//! Strategies: uniform, popularity, mixed (both, half and half), curriculum (popularity, from the third pass on a fifth
//! hard), hard (hard alone from scratch). What is hard, and when, can follow after a colon, as in
//! `curriculum:warm=15,share=0.1,skip=100,band=400,aware`, where `aware` drops what scores above the pair's own item.
//! Without a file they are compared on a planted log.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use ndarray::ArrayView2;
use nearfield::ann::IndexSpec;
use nearfield::interactions::{Log, ReadOptions};
use nearfield::negsample::{
    Curriculum, HardNegatives, HardParams, Mixture, Popularity, RefreshableSampler, Schedule, Uniform,
};
use nearfield::prelude::*;
use nearfield::seqemb::{Exclude, Params};

mod planted;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let (mut file, mut epochs, mut names) = (None, 20, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.strip_prefix("epochs=") {
            Some(n) => epochs = n.parse()?,
            None if STRATEGIES.contains(&kind(&argument)) => names.push(argument),
            None => file = Some(argument),
        }
    }
    if names.is_empty() {
        names = STRATEGIES.map(str::to_owned).to_vec();
    }
    let log = match file {
        Some(file) => Log::read(file, &ReadOptions::default())?.0,
        None => planted::log(2000, 400, 8, 42).map_err(|error| error.to_string())?,
    };
    let (train, held_out) = Split::Ratio(0.11).apply(&log, 7)?;
    println!("{:12} {:>9} {:>8} {:>8} {:>12}", "negatives", "recall@20", "ndcg@20", "seconds", "coverage@20");
    for name in names {
        // What a user has is no hard negative.
        let exclude = if HARD.contains(&kind(&name)) { Exclude::Sequence } else { Exclude::Context };
        let params = Params { negatives: 5, epochs, exclude, ..Params::basket() };
        let counts = train.item_counts();
        let sampler = strategy(&name, &counts, params.exponent)?;
        let start = Instant::now();
        let keys = train.item_keys().clone();
        let items = SkipGram::fit_with(&params, &train.sequences(), keys, sampler, &mut Run::seeded(1))?;
        let seconds = start.elapsed().as_secs_f64();
        let (seen, truth) = (train.histories(), held_out.histories());
        let scorer = EmbeddingScorer::from_histories(
            &items.pooled(Pooling::default(), Scoring::InOut),
            &seen,
            items.targets(Scoring::InOut),
            Metric::InnerProduct,
            ColdUsers::RecommendNothing,
            Parallelism::All,
        )?;
        let report = FullRanking::at([20]).evaluate(&scorer, &seen, &truth, &mut Run::default())?;
        let [recall, ndcg, coverage] =
            ["recall", "ndcg", "coverage"].map(|measure| report.get(measure, 20).unwrap_or(0.0));
        println!("{name:12} {recall:9.4} {ndcg:8.4} {seconds:8.1} {coverage:12.4}");
    }
    Ok(())
}

const STRATEGIES: [&str; 5] = ["uniform", "popularity", "mixed", "curriculum", "hard"];

const HARD: [&str; 2] = ["curriculum", "hard"];

/// The word before the colon.
fn kind(name: &str) -> &str {
    name.split(':').next().unwrap_or_default()
}

fn strategy(name: &str, counts: &[u64], exponent: f64) -> Result<Box<dyn RefreshableSampler>, Failure> {
    let n_items = counts.len();
    let popularity = Popularity::new(counts, exponent)?;
    let (mut schedule, mut params) = (Schedule::default(), HardParams { band: 40, ..HardParams::default() });
    for option in name.split_once(':').map_or("", |(_, options)| options).split(',').filter(|o| !o.is_empty())
    {
        match option.split_once('=') {
            Some(("warm", n)) => schedule.warm_up = n.parse()?,
            Some(("share", share)) => schedule.share = share.parse()?,
            Some(("skip", n)) => params.skip = n.parse()?,
            Some(("band", n)) => params.band = n.parse()?,
            None if option == "aware" => params.above = Some(0.0),
            _ => return Err(format!("no option {option}").into()),
        }
    }
    Ok(match kind(name) {
        "uniform" => Box::new(Popularity::new(counts, 0.0)?),
        "popularity" => Box::new(popularity),
        "mixed" => Box::new(Mixture::new(Uniform::new(n_items)?, 0.5)?.with(popularity, 0.5)?),
        "curriculum" => Box::new(Curriculum::new(popularity, hard(n_items, params)?, schedule)?),
        _ => Box::new(hard(n_items, params)?),
    })
}

/// Ranks near the centre's vector, by default 10 to 50, from an index that is built anew some times a pass.
fn hard(n_items: usize, params: HardParams) -> Result<HardNegatives, Failure> {
    let build = |rows: ArrayView2<'_, f32>| -> Result<Box<dyn AnnIndex>, Failure> {
        let keys = Vocab::from_keys((0..rows.nrows()).map(|row| row.to_string()))?;
        let items = Embeddings::new(keys, rows.to_owned())?;
        let spec: IndexSpec = "HNSW16".parse()?;
        Ok(Box::new(spec.build(&items, Metric::InnerProduct, &mut Run::seeded(1))?))
    };
    let effort = Effort::Value(params.skip + params.band);
    Ok(HardNegatives::rebuilt(n_items, HardParams { effort, refresh_every: 5, ..params }, build)?)
}
