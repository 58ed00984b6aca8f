//! Retrieval of the best 100 items for what a user did, and the same 100 ranked anew by target attention: the last item of every
//! user, hit rate and NDCG at 10 before and after.
//!
//! `cargo run --release --example rerank_movies -- RATINGS [tune] [last=10] [own=15] [epochs=2] [rate=0.001] [table_rate=0.05] [seed=1]`
//!
//! RATINGS is a log in the order of time (TSV, no header: user, item). With `tune` the last item is left out altogether and the one
//! before it stands in for it. What the second model is trained on, the last 10 items of each user, an earlier retrieval has not seen: its
//! scores and its candidates are then what they are in serving.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::cast_precision_loss, reason = "counts")]

use std::error::Error;
use std::time::Instant;

use nearfield::ann::IndexSpec;
use nearfield::embed_core::{Neighbor, Sequences, TopK, kernel};
use nearfield::interactions::{Log, ReadOptions};
use nearfield::negsample::{HardNegatives, HardParams};
use nearfield::prelude::*;
use nearfield::towers::models::{Histories, HistoryView, Pooling, TowersParams, YouTubeDnn};
use nearfield::towers::optim::{Decay, Schedule, TableOptimizer};
use nearfield::towers::rerank::{RerankParams, RerankScratch, Reranker, Retrieval};
use nearfield::towers::train::{FitParams, NegativeSampling};
use nearfield::towers::{IdTowers, TwoTowerData};

const FOUND: usize = 100;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Settings {
    tune: bool,
    last: usize,
    seed: u64,
    params: RerankParams,
    fit: FitParams,
    /// Candidates of a positive.
    candidates: usize,
}

fn settings(words: &[String]) -> Result<Settings> {
    let fit = FitParams {
        epochs: 2,
        batch: 256,
        temperature: 1.0,
        table_optimizer: TableOptimizer::lazy_adam(),
        table_rate: 1e-3,
        schedule: Schedule { warm_up: 100, decay: Decay::Linear },
        ..FitParams::default()
    };
    let params = RerankParams::default();
    let mut settings = Settings { tune: false, last: 10, seed: 1, params, fit, candidates: 15 };
    for word in words {
        let Settings { params, fit, candidates, .. } = &mut settings;
        match word.split_once('=') {
            None if word == "tune" => settings.tune = true,
            Some(("last", value)) => settings.last = value.parse()?,
            Some(("seed", value)) => settings.seed = value.parse()?,
            Some(("own", value)) => *candidates = value.parse()?,
            Some(("epochs", value)) => fit.epochs = value.parse()?,
            Some(("rate", value)) => fit.rate = value.parse()?,
            Some(("table_rate", value)) => fit.table_rate = value.parse()?,
            Some(("history", value)) => params.max_history = value.parse()?,
            Some(("trust", value)) => params.trust = value.parse()?,
            Some(("dropout", value)) => params.head.dropout = value.parse()?,
            _ => return Err(format!("no setting {word}").into()),
        }
    }
    settings.params.last_positives = settings.last;
    Ok(settings)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ratings, rest @ ..] = &arguments[..] else {
        println!("usage: rerank_movies RATINGS [tune] [SETTING=VALUE]…");
        return Ok(());
    };
    let Settings { tune, last: n_last, seed, params, fit, candidates } = settings(rest)?;
    let options = ReadOptions { header: false, columns: "user=0,item=1".parse()?, ..ReadOptions::default() };
    let (log, _) = Log::read(ratings, &options)?;
    let (mut train, mut early) = (Sequences::new(log.n_items()), Sequences::new(log.n_items()));
    let mut last = Vec::new();
    for row in log.histories().rows() {
        let mut row = row.to_vec();
        if tune {
            row.pop();
        }
        last.push(row.pop());
        train.push(&row)?;
        early.push(&row[..row.len().saturating_sub(n_last)])?;
    }
    let start = Instant::now();
    let (histories, early) = (Histories::new(train), Histories::new(early));
    let (retrieval, earlier) = (retrieve(&log, &histories, seed)?, retrieve(&log, &early, seed)?);
    println!("retrieval, twice: {:.0} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let index =
        "Flat".parse::<IndexSpec>()?.build(earlier.items(), Metric::InnerProduct, &mut Run::seeded(1))?;
    let near = HardParams { skip: 0, band: FOUND, ..HardParams::default() };
    let sampler = HardNegatives::new(Box::new(index), near)?;
    let negatives = NegativeSampling::per_example_from(candidates, sampler).uncorrected();
    let first = Retrieval { users: &earlier.history_embedder(), items: earlier.items() };
    let run = &mut Run::seeded(seed);
    let reranker = Reranker::fit(&params, &fit, first, &histories, negatives, run)?;
    let losses: Vec<String> =
        reranker.report().epochs.iter().map(|epoch| format!("{:.4}", epoch.loss)).collect();
    println!("re-ranking: {:.0} s, losses {}", start.elapsed().as_secs_f64(), losses.join(" "));

    let mut rows = [Figures::default(), Figures::default()];
    let (mut scratch, mut seconds) = (RerankScratch::default(), 0.0);
    for (user, truth) in (0u32..).zip(&last) {
        let (Some(truth), false) = (truth, histories.sequence(user).is_empty()) else { continue };
        let mut found = search(&retrieval, &histories, user)?;
        rows[0].add(&found, *truth);
        let start = Instant::now();
        reranker.rerank(histories.sequence(user), &mut found, &mut scratch)?;
        seconds += start.elapsed().as_secs_f64();
        rows[1].add(&found, *truth);
    }
    println!("{:24} {:>8} {:>8} {:>8}", "", "Hit@10", "NDCG@10", "Hit@100");
    for (name, row) in ["retrieved", "ranked anew"].into_iter().zip(&rows) {
        let n = row.n as f64;
        println!("{name:24} {:8.4} {:8.4} {:8.4}", row.hits as f64 / n, row.gain / n, row.found as f64 / n);
    }
    println!("{:.2} ms for {FOUND} candidates", 1e3 * seconds / rows[0].n as f64);
    Ok(())
}

#[derive(Debug, Clone, Default)]
struct Figures {
    n: usize,
    hits: usize,
    found: usize,
    gain: f64,
}

impl Figures {
    fn add(&mut self, found: &[Neighbor], truth: ItemId) {
        self.n += 1;
        if let Some(rank) = found.iter().position(|neighbor| neighbor.id == truth) {
            self.found += 1;
            self.hits += usize::from(rank < 10);
            self.gain += if rank < 10 { 1.0 / (rank as f64 + 2.0).log2() } else { 0.0 };
        }
    }
}

fn retrieve(log: &Log, histories: &Histories, seed: u64) -> Result<IdTowers> {
    let towers = TowersParams {
        pooling: Some(Pooling::Places),
        max_history: 20,
        view: HistoryView::Before,
        ..YouTubeDnn::mean(64)
    };
    let fit = FitParams {
        epochs: 3,
        temperature: 0.1,
        table_rate: 0.5,
        schedule: Schedule { warm_up: 0, decay: Decay::Linear },
        ..FitParams::default()
    };
    let data = TwoTowerData::new(histories, log.user_keys(), log.item_keys());
    Ok(IdTowers::fit(&towers, &fit, data, NegativeSampling::in_batch(), &mut Run::seeded(seed))?)
}

fn search(model: &IdTowers, histories: &Histories, user: u32) -> Result<Vec<Neighbor>> {
    let vector = model.history_embedder().embed(histories.sequence(user))?;
    let (seen, mut top) = (histories.set(user), TopK::new(FOUND));
    for (item, row) in (0..).zip(model.items().vectors().rows()) {
        if seen.binary_search(&item).is_err() {
            top.push(item, kernel::dot(&vector, row.to_slice().unwrap_or_default()));
        }
    }
    let mut found = Vec::with_capacity(FOUND);
    top.drain_into(&mut found);
    Ok(found)
}
