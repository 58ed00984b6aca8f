//! Times two towers on a file of histories, one a line, a user's key before its items; prints JSON lines. What `twotower.py` of
//! the peers does in PyTorch: id and mean of the last 50 items, each side [256, 128, 64] with batch normalisation and ReLU,
//! in-batch softmax at τ = 0.05, Adam for layers; users are served from 64 batches of 1024.
//!
//! `cargo run --release -p towers --example time_towers -- [FILE] [batch=1024] [tables=adagrad|adam] [threads=2] [seconds=2]`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use embed_core::{Embedder, Flow, Parallelism, Progress, Run, SeededRng, Sequences, Vocab};
use ndarray::Array2;
use towers::models::{Histories, Pooling, TowersParams, YouTubeDnn};
use towers::optim::TableOptimizer;
use towers::train::{FitParams, NegativeSampling};
use towers::{IdTowers, TwoTowerData, UserInput};

fn main() -> Result<(), Failure> {
    let (mut threads, mut seconds, mut file) = (2, 2.0, None);
    let mut fit = FitParams { epochs: 100, ..FitParams::default() };
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            None => file = Some(argument),
            Some(("batch", value)) => fit.batch = value.parse()?,
            Some(("threads", value)) => threads = value.parse()?,
            Some(("seconds", value)) => seconds = value.parse()?,
            Some(("tables", "adagrad")) => fit.table_optimizer = TableOptimizer::Adagrad { epsilon: 1e-10 },
            Some(("tables", "adam")) => {
                (fit.table_optimizer, fit.table_rate) = (TableOptimizer::lazy_adam(), 1e-3);
            }
            Some((name, _)) => return Err(format!("no setting {name}").into()),
        }
    }
    let histories = match file {
        Some(file) => read(&std::fs::read_to_string(file)?)?,
        None => random(2000, 40, 5000)?,
    };
    let model = Parallelism::Threads(NonZeroUsize::new(threads).ok_or("no threads")?)
        .install(|| train((&YouTubeDnn::deep(64, Pooling::Mean), &fit), &histories, seconds))??;
    println!(r#"{{"task": "train", "batch": {}, "threads": {threads}, {}}}"#, fit.batch, model.1);
    let (side, mut out, mut times) = (model.0.user_embedder(), vec![0.0; 64], Vec::new());
    // Users that training did not reach in its seconds have no vector.
    let inputs: Vec<UserInput<'_>> = (0..65_536u32)
        .map(|i| i * 7919 % u32::try_from(histories.n_users()).unwrap_or(1))
        .map(|user| UserInput { user: Some(user), history: histories.sequence(user) })
        .filter(|input| side.embed_into(input, &mut out).is_ok())
        .collect();
    let refs: Vec<&UserInput<'_>> = inputs.iter().collect();
    for input in inputs.iter().cycle().take(20_000) {
        let start = Instant::now();
        side.embed_into(input, &mut out)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    println!(
        r#"{{"task": "user", "batch": 1, "p50_us": {:.2}, "p99_us": {:.2}}}"#,
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    let mut rows = Array2::zeros((1024, 64));
    let rate = Parallelism::Sequential.install(|| {
        let (start, mut done) = (Instant::now(), 0);
        while start.elapsed().as_secs_f64() < seconds.min(2.0) {
            for inputs in refs.chunks_exact(1024) {
                side.embed_batch_into(inputs, Parallelism::Sequential, rows.view_mut())?;
                done += inputs.len();
            }
        }
        Ok::<f64, embed_core::EmbedError>(done as f64 / start.elapsed().as_secs_f64())
    })??;
    println!(r#"{{"task": "user", "batch": 1024, "threads": 1, "users_per_s": {rate:.0}}}"#);
    pooling(&histories)?;
    Ok(())
}

/// What a user costs by the length of the history: the mean, attention of a query, attention of all to all.
fn pooling(histories: &Histories) -> Result<(), Failure> {
    let attention = Pooling::SelfAttention { heads: 2 };
    for (name, pooling) in [("mean", Pooling::Mean), ("query", Pooling::Query), ("self-attention", attention)]
    {
        let towers = TowersParams { pooling: Some(pooling), max_history: 500, ..YouTubeDnn::mean(64) };
        let fit = FitParams { max_steps: 1, batch: 64, ..FitParams::default() };
        let (model, _) = train((&towers, &fit), histories, 0.0)?;
        let (side, mut micros) = (model.history_embedder(), Vec::new());
        let items: Vec<u32> =
            (0..).take(histories.n_items()).filter(|&item| model.items().is_trained(item)).collect();
        for length in [10, 50, 100, 200, 500] {
            let history: Vec<u32> = items.iter().copied().cycle().step_by(37).take(length).collect();
            let (mut out, mut times) = (vec![0.0; 64], Vec::new());
            for _ in 0..300 {
                let start = Instant::now();
                side.embed_into(history.as_slice(), &mut out)?;
                times.push(start.elapsed().as_secs_f64() * 1e6);
            }
            times.sort_by(f64::total_cmp);
            micros.push(format!(r#""{length}": {:.2}"#, times[times.len() / 2]));
        }
        println!(r#"{{"task": "pooling", "by": "{name}", "p50_us": {{{}}}}}"#, micros.join(", "));
    }
    Ok(())
}

type Failure = Box<dyn Error + Send + Sync>;
type Trained = (IdTowers, String);

/// Trains for some seconds after a part of the first pass.
fn train(
    (towers, fit): (&TowersParams, &FitParams),
    histories: &Histories,
    seconds: f64,
) -> Result<Trained, Failure> {
    let keys = |n: usize| Vocab::from_keys((0..n).map(|i| i.to_string())).map(Arc::new);
    let (users, items) = (keys(histories.n_users())?, keys(histories.n_items())?);
    let data = TwoTowerData::new(histories, &users, &items);
    let negatives = NegativeSampling::in_batch().uncorrected();
    let mut training = IdTowers::training(towers, fit, data, negatives, 1)?;
    let (mut first, mut last) = (None, (Instant::now(), 0));
    let mut watch = |progress: &Progress<'_>| {
        last = (Instant::now(), progress.done);
        let (start, _) = *first.get_or_insert(last);
        if start.elapsed() < Duration::from_secs_f64(seconds) { Flow::Continue } else { Flow::Stop }
    };
    let mut run = Run::seeded(1).observed(&mut watch);
    training.run_until_stopped(&mut run)?;
    let (start, at) = first.unwrap_or(last);
    let rate = (last.1 - at) as f64 * fit.batch as f64 / (last.0 - start).as_secs_f64();
    let loss = training.report().epochs.last().map_or(0.0, |epoch| epoch.loss);
    let said = format!(r#""examples_per_s": {rate:.0}, "loss": {loss:.4}, "peak_rss_mb": {}"#, peak());
    Ok((IdTowers::from_training(towers, training, data, Parallelism::All)?, said))
}

/// Peak resident memory in MB, where the system says it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn read(text: &str) -> Result<Histories, Box<dyn Error + Send + Sync>> {
    let mut keys = Vocab::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        let row: Result<Vec<u32>, _> = line.split_whitespace().skip(1).map(|key| keys.intern(key)).collect();
        rows.push(row?);
    }
    Ok(Histories::new(Sequences::from_rows(keys.len(), rows)?))
}

/// Histories with a long tail.
fn random(users: u32, length: u32, n_items: u32) -> Result<Histories, Box<dyn Error + Send + Sync>> {
    let mut rng = SeededRng::new(1);
    let mut item = || (0..3).map(|_| rng.below(n_items)).min().unwrap_or_default();
    let rows: Vec<Vec<u32>> = (0..users).map(|_| (0..length).map(|_| item()).collect()).collect();
    Ok(Histories::new(Sequences::from_rows(n_items as usize, rows)?))
}
