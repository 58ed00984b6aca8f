//! Predicts the next item of a session from the session so far, by full ranking.
//!
//! `cargo run --release --example next_item -- [TRAIN [TEST]] [SETTING,SETTING…]…`
//!
//! TRAIN has a session a line, TEST lines of `prefix<TAB>target`; without TEST the last tenth of the sessions is cut from
//! TRAIN, and the last item of each is the target: what settings are to be chosen by. Each group of settings is one training, measured with
//! several half-lives of recency. Without files it runs on sessions that walk along planted chains.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::num::NonZeroU32;
use std::time::Instant;

use nearfield::embed_core::{Csr, SeededRng, Sequences};
use nearfield::evalmetrics::SeenItems;
use nearfield::interactions::Format;
use nearfield::prelude::*;
use nearfield::seqemb::{Params, Preparation, Window};

struct Task {
    keys: Vocab,
    sessions: Sequences,
    prefixes: Csr,
    targets: Csr,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (files, groups): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| std::path::Path::new(argument).exists());
    let task = match &files[..] {
        [train, test] => read(train, test)?,
        [train] => validation(train)?,
        [] => planted()?,
        _ => return Err("give a train file and perhaps a test file, or none".into()),
    };
    println!("{} sessions, {} tasks", task.sessions.len(), task.targets.n_rows());
    let groups = if groups.is_empty() { vec!["epochs=10".to_owned()] } else { groups };
    for group in groups {
        let params = settings(&group)?;
        let start = Instant::now();
        let items = SkipGram::fit(&params, &task.sessions, task.keys.clone(), &mut Run::seeded(1))?;
        println!("{group}: {:.1} s", start.elapsed().as_secs_f64());
        for half_life in [1, 2, 4, 0] {
            for normalize in [false, true] {
                let pooling = Pooling { normalize, half_life: NonZeroU32::new(half_life) };
                let scorer = EmbeddingScorer::from_histories(
                    &items.pooled(pooling, Scoring::InOut),
                    &task.prefixes,
                    items.targets(Scoring::InOut),
                    Metric::InnerProduct,
                    ColdUsers::RecommendNothing,
                    Parallelism::All,
                )?;
                let settings = FullRanking { seen_items: SeenItems::Keep, ..FullRanking::at([20]) };
                let report =
                    settings.evaluate(&scorer, &task.prefixes, &task.targets, &mut Run::default())?;
                let [hr, mrr] = ["hr", "mrr"].map(|measure| 100.0 * report.get(measure, 20).unwrap_or(0.0));
                println!("  half-life {half_life}, unit {normalize:5}: P@20 {hr:.2}, MRR@20 {mrr:.2}");
            }
        }
    }
    Ok(())
}

fn settings(group: &str) -> Result<Params, Box<dyn Error>> {
    let mut params = Params {
        window: Window::Sliding { size: 5, dynamic: true },
        preparation: Preparation::default(),
        ..Params::basket()
    };
    for setting in group.split(',') {
        let (name, value) = setting.split_once('=').ok_or_else(|| format!("{setting} has no value"))?;
        match name {
            "window" => params.window = Window::Sliding { size: value.parse()?, dynamic: true },
            "negatives" => params.negatives = value.parse()?,
            "exponent" => params.exponent = value.parse()?,
            "rate" => params.rate = value.parse()?,
            "epochs" => params.epochs = value.parse()?,
            "dim" => params.dim = value.parse()?,
            _ => return Err(format!("no setting {name}").into()),
        }
    }
    Ok(params)
}

fn read(train: &str, test: &str) -> Result<Task, Box<dyn Error>> {
    let options = ReadOptions { format: Format::Sessions, ..ReadOptions::default() };
    let (log, _) = Log::read(train, &options)?;
    let keys: &Vocab = log.item_keys();
    let (mut prefixes, mut targets) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(test)?.lines() {
        let (prefix, target) = line.split_once('\t').ok_or("a test line has no tab")?;
        prefixes.push(prefix.split_whitespace().filter_map(|key| keys.get(key)).collect::<Vec<u32>>());
        // A target that training never saw cannot be found, and counts.
        targets.push([keys.get(target.trim()).unwrap_or(u32::MAX - 1)]);
    }
    let sessions = log.sequences();
    Ok(Task {
        keys: keys.clone(),
        sessions,
        prefixes: Csr::from_rows(prefixes),
        targets: Csr::from_rows(targets),
    })
}

/// The last tenth of the sessions, which no training sees, up to their last item.
fn validation(train: &str) -> Result<Task, Box<dyn Error>> {
    let options = ReadOptions { format: Format::Sessions, ..ReadOptions::default() };
    let (log, _) = Log::read(train, &options)?;
    let all = log.sequences();
    let first = all.len() - all.len() / 10;
    let held_out: Vec<&[u32]> = all.iter().skip(first).filter(|session| session.len() > 1).collect();
    Ok(Task {
        keys: Vocab::clone(log.item_keys()),
        sessions: Sequences::from_rows(log.n_items(), all.iter().take(first))?,
        prefixes: Csr::from_rows(held_out.iter().map(|session| &session[..session.len() - 1])),
        targets: Csr::from_rows(held_out.iter().map(|session| &session[session.len() - 1..])),
    })
}

/// Sessions of six steps along one of 40 chains of 25 items.
fn planted() -> Result<Task, Box<dyn Error>> {
    let mut rng = SeededRng::new(1);
    let mut rows = |n: usize| -> Vec<Vec<u32>> {
        (0..n)
            .map(|_| {
                let (chain, start) = (rng.below(40), rng.below(19));
                (start..start + 6).map(|step| chain * 25 + step + rng.below(2)).collect()
            })
            .collect()
    };
    let (train, test) = (rows(4000), rows(500));
    Ok(Task {
        keys: Vocab::from_keys((0..1000).map(|i| i.to_string()))?,
        sessions: Sequences::from_rows(1000, train)?,
        prefixes: Csr::from_rows(test.iter().map(|row| row[..5].to_vec())),
        targets: Csr::from_rows(test.iter().map(|row| [row[5]])),
    })
}
