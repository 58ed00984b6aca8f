//! Retrieval of the best 100 items for what a user did, and the same 100 ranked anew by target attention: the last item of every
//! user, hit rate and NDCG at 10 before and after, and after with retrieval's score mixed in.
//!
//! `cargo run --release -p towers --example rerank_movies -- RATINGS [tune]`
//!
//! RATINGS is a log in the order of time (TSV, no header: user, item). With `tune` the last item is left out altogether and the one
//! before it stands in for it.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::cast_precision_loss, reason = "counts")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use embed_core::{Embedder, ItemId, Neighbor, Run, Sequences, TopK, kernel};
use interactions::{Log, ReadOptions};
use negsample::{Frequency, InBatch, Popularity};
use towers::models::{Histories, HistoryView, Pooling, TowersParams, YouTubeDnn};
use towers::optim::{Decay, Schedule};
use towers::rerank::{RerankParams, RerankScratch, Reranker};
use towers::train::{FitParams, Negatives};
use towers::{IdTowers, UserInput};

const FOUND: usize = 100;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ratings, rest @ ..] = &arguments[..] else {
        println!("usage: rerank_movies RATINGS [tune]");
        return Ok(());
    };
    let options = ReadOptions { header: false, columns: "user=0,item=1".parse()?, ..ReadOptions::default() };
    let (log, _) = Log::read(ratings, &options)?;
    let (mut train, mut last) = (Sequences::new(log.n_items()), Vec::new());
    for row in log.histories().rows() {
        let mut row = row.to_vec();
        if !rest.is_empty() {
            row.pop();
        }
        last.push(row.pop());
        train.push(&row)?;
    }
    let counts = train.counts();
    let histories = Histories::new(train);
    let start = Instant::now();
    let retrieval = retrieve(&log, &histories, &counts)?;
    println!("retrieval: {:.0} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let fit = FitParams {
        epochs: 2,
        batch: 256,
        negatives: Negatives { in_batch: false, shared: 0, own: 7 },
        log_q: false,
        temperature: 1.0,
        table_rate: 0.05,
        schedule: Schedule { warm_up: 100, decay: Decay::Linear },
        ..FitParams::default()
    };
    let params = RerankParams { last_positives: 30, ..RerankParams::default() };
    let sampler = Popularity::new(&counts, 1.0)?;
    let run = &mut Run::seeded(1);
    let reranker = Reranker::fit((&params, &fit), retrieval.items(), &histories, &sampler, run)?;
    println!("re-ranking: {:.0} s", start.elapsed().as_secs_f64());

    let mut rows = vec![Figures::default(); 1 + BLENDS.len()];
    let (mut scratch, mut seconds) = (RerankScratch::default(), 0.0);
    for (user, truth) in (0u32..).zip(&last) {
        let (Some(truth), false) = (truth, histories.sequence(user).is_empty()) else { continue };
        let found = search(&retrieval, &histories, user)?;
        rows[0].add(&found, *truth);
        for (row, blend) in rows[1..].iter_mut().zip(BLENDS) {
            let mut again = found.clone();
            let start = Instant::now();
            reranker.rerank(histories.sequence(user), &mut again, blend, &mut scratch)?;
            seconds += start.elapsed().as_secs_f64();
            row.add(&again, *truth);
        }
    }
    println!("{:24} {:>8} {:>8} {:>8}", "", "Hit@10", "NDCG@10", "Hit@100");
    let names =
        ["retrieved".to_owned()].into_iter().chain(BLENDS.map(|blend| format!("ranked anew, blend {blend}")));
    for (name, row) in names.zip(&rows) {
        let n = row.n as f64;
        println!("{name:24} {:8.4} {:8.4} {:8.4}", row.hits as f64 / n, row.gain / n, row.found as f64 / n);
    }
    println!("{:.2} ms for {FOUND} candidates", 1e3 * seconds / (rows[0].n * BLENDS.len()) as f64);
    Ok(())
}

/// What retrieval's score, a cosine, counts beside the logit.
const BLENDS: [f32; 4] = [0.0, 5.0, 10.0, 20.0];

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

fn retrieve(log: &Log, histories: &Histories, counts: &[u64]) -> Result<IdTowers> {
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
    let mut sampler = InBatch::new(counts.len(), Frequency::from_counts(counts)?)?;
    let keys = (Arc::clone(log.user_keys()), Arc::clone(log.item_keys()));
    let run = &mut Run::seeded(1);
    Ok(IdTowers::fit((&towers, &fit), (histories, None), keys, &mut sampler, run)?)
}

fn search(model: &IdTowers, histories: &Histories, user: u32) -> Result<Vec<Neighbor>> {
    let vector = model.embed(&UserInput { user: None, history: histories.sequence(user) })?;
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
