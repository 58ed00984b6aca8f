//! Compares settings of two towers on a part cut from a training log, by full ranking. `docs/towers.md` was made with it.
//!
//! `cargo run --release --example tune_towers -- [FILE] [test=FILE] [hold=last|end] [k=20] [SETTING,SETTING…]…`
//!
//! Each group of settings is one training of a preset: `mf`, `mean`, `places`, `near`, `query`, `self`, `deep` or `contrastive`, and
//! changes to it; `ccl` trains by contrastive loss. A tenth of each user's items is held out, or the last one, or the last fifth. Without a file it compares two on a planted log. A
//! test file is for the final figure: nothing is held out then. `hard=0.1` draws a tenth of each positive's own negatives from
//! the ranks 10 to 110 near the user, once a pass is over, or so many as `warm` says.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use ndarray::ArrayView2;
use nearfield::ann::IndexSpec;
use nearfield::interactions::{Log, ReadOptions};
use nearfield::negsample::{self, Curriculum, HardNegatives, HardParams, Uniform};
use nearfield::prelude::*;
use nearfield::towers::losses::Objective;
use nearfield::towers::models::{Histories, HistoryView, Join, Pooling, Similarity, YouTubeDnn};
use nearfield::towers::optim::{Decay, TableOptimizer};
use nearfield::towers::train::Holdout::{End, Last, Share};
use nearfield::towers::train::{FitParams, NegativeCounts, NegativeSampling, Validation, hold_out};
use nearfield::towers::{IdTowers, Preset, TwoTowerData, UserInput};

mod planted;

fn main() -> Result<(), Failure> {
    let (mut file, mut test, mut groups, mut k, mut hold) = (None, None, Vec::new(), 20, Share(0.1));
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("test", path)) => test = Some(path.to_owned()),
            Some(("hold", "last")) => hold = Last,
            Some(("hold", "end")) => hold = End(0.2),
            Some(("k", value)) => k = value.parse()?,
            None if file.is_none() && argument.contains('.') => file = Some(argument),
            _ => groups.push(argument),
        }
    }
    if groups.is_empty() {
        groups = vec!["mean,epochs=3".to_owned(), "mf,epochs=3".to_owned()];
    }
    let options = ReadOptions::default();
    let (train, held_out) = match (file, test) {
        (None, _) => (planted::log(2000, 400, 8, 42)?, None),
        (Some(file), None) => (Log::read(file, &options)?.0, None),
        (Some(file), Some(test)) => {
            let [(train, _), (test, _)] = Log::read_train_test(file, test, &options)?;
            (train, Some(test.histories()))
        }
    };
    let (sequences, truth) = match held_out {
        Some(truth) => (train.sequences(), truth),
        None => hold_out(&train.sequences(), hold, 7),
    };
    let seen = Csr::from_rows(sequences.iter());
    let histories = Histories::new(sequences);
    for group in groups {
        let Setting { preset, seed, hard, warm } = settings(&group)?;
        let negatives = negatives(&histories, &preset, hard.map(|share| (share, warm)))?;
        let start = Instant::now();
        let of = TwoTowerData::new(&histories, train.user_keys(), train.item_keys()).held_out(&truth);
        let run = &mut Run::seeded(seed);
        let mut training = IdTowers::training(&preset.towers, &preset.fit, of, negatives, seed)?;
        let mut more = true;
        while more {
            more = training.epoch(run)?;
            let report = training.report();
            if let Some(ranked) = report.epochs.last().and_then(|epoch| epoch.validation) {
                println!(
                    "{group} after {} | recall {:.4} ndcg {:.4} | {:.1} s",
                    report.epochs_done,
                    ranked.recall,
                    ranked.ndcg,
                    start.elapsed().as_secs_f64()
                );
            }
        }
        let model = IdTowers::from_training(&preset.towers, training, of, run.parallelism)?;
        let seconds = start.elapsed().as_secs_f64();
        let examples: u64 = model.report().epochs.iter().map(|epoch| epoch.examples).sum();
        let whom: Vec<UserInput<'_>> =
            (0..).zip(seen.rows()).map(|(user, history)| UserInput { user: Some(user), history }).collect();
        let (items, cold) = (model.items(), ColdUsers::RecommendNothing);
        let scorer = EmbeddingScorer::from_inputs(
            &model.user_embedder(),
            &whom,
            items,
            model.metric(),
            cold,
            Parallelism::All,
        )?;
        let report = FullRanking::at([k]).evaluate(&scorer, &seen, &truth, &mut Run::default())?;
        let figure = |name| report.get(name, k).unwrap_or(0.0);
        println!(
            "{group:60} {seconds:6.1} s {:6.0} k/s | recall {:.4} ndcg {:.4} | loss {:.4}",
            examples as f64 / seconds / 1e3,
            figure("recall"),
            figure("ndcg"),
            model.report().epochs.last().map_or(0.0, |epoch| epoch.loss)
        );
    }
    Ok(())
}

/// What one training is told.
struct Setting {
    preset: Preset,
    seed: u64,
    /// Share of hard negatives.
    hard: Option<f64>,
    /// Passes before they come in.
    warm: u64,
}

type Failure = Box<dyn Error + Send + Sync>;

/// Those of the preset, by the standard sampler or by one that is uniform and then in part hard.
fn negatives(
    histories: &Histories,
    preset: &Preset,
    hard: Option<(f64, u64)>,
) -> Result<NegativeSampling<'static>, Failure> {
    let (n_items, counts) = (histories.n_items(), preset.negatives);
    let Some((share, warm_up)) = hard else { return Ok(counts.into()) };
    let steps = (histories.sequences().n_tokens() / preset.fit.batch) as u64;
    let params = HardParams { refresh_every: steps / 4, effort: Effort::Value(4), ..HardParams::default() };
    let build = |rows: ArrayView2<'_, f32>| -> Result<Box<dyn AnnIndex>, Failure> {
        let keys = Vocab::from_keys((0..rows.nrows()).map(|row| row.to_string()))?;
        let items = Embeddings::new(keys, rows.to_owned())?;
        let spec: IndexSpec = "IVF200,Flat".parse()?;
        Ok(Box::new(spec.build(&items, Metric::InnerProduct, &mut Run::seeded(1))?))
    };
    let near = HardNegatives::rebuilt(n_items, params, build)?;
    let schedule = negsample::Schedule { warm_up, ramp: 0, share, ..negsample::Schedule::default() };
    let sampler = Curriculum::new(Uniform::new(n_items)?, near, schedule)?;
    let negatives = NegativeSampling::per_example_from(counts.per_example, sampler);
    Ok(if counts.corrected { negatives } else { negatives.uncorrected() })
}

/// A preset with changes.
fn settings(group: &str) -> Result<Setting, Failure> {
    let (mut words, mut seed, mut hard, mut warm) = (group.split(','), 1, None, 1);
    let mut preset = match words.next().unwrap_or_default() {
        "mf" => Preset::matrix_factorization(64),
        "mean" => Preset::youtube_dnn(64),
        "places" => Preset::places(64),
        "near" => Preset::near(64),
        "query" => Preset::query(64),
        "self" => Preset::self_attention(64),
        "contrastive" => Preset::contrastive(64),
        "deep" => Preset {
            towers: YouTubeDnn::deep(64, Pooling::Mean),
            fit: FitParams::default(),
            negatives: NegativeCounts::default(),
        },
        other => return Err(format!("no preset {other}").into()),
    };
    for setting in words {
        if setting == "ccl" {
            preset = preset.contrasted();
            continue;
        }
        let Preset { towers, fit, negatives } = &mut preset;
        let (name, value) = setting.split_once('=').ok_or_else(|| format!("{setting} has no value"))?;
        match name {
            "dim" => towers.dim = value.parse()?,
            "dot" => towers.similarity = if value == "1" { Similarity::Dot } else { Similarity::Cosine },
            "mix" => (towers.user_id, towers.join) = (true, Join::Mix { share: value.parse()? }),
            "pooling" => {
                towers.pooling = Some(match value {
                    "mean" => Pooling::Mean,
                    "self" => Pooling::SelfAttention { heads: 2 },
                    "places" => Pooling::Places,
                    _ => Pooling::Query,
                });
            }
            "near" => towers.pooling = Some(Pooling::Near { power: value.parse()? }),
            "drop" => towers.dropout = value.parse()?,
            "plateau" => {
                let plateau = value.parse()?;
                fit.validation = Some(Validation { plateau, ..Validation::default() });
                fit.schedule.decay = Decay::Constant;
            }
            "constant" => fit.schedule.decay = Decay::Constant,
            "cosine" => fit.schedule.decay = Decay::Cosine,
            "layers_rate" => fit.rate = value.parse()?,
            "learn" => fit.learn_temperature = value == "1",
            "seen" => fit.mask_seen = value == "1",
            "every" => {
                let every = value.parse()?;
                fit.validation = Some(Validation { every, patience: u32::MAX, ..Validation::default() });
            }
            "history" => towers.max_history = value.parse()?,
            "norm" => {
                for layers in [&mut towers.user_layers, &mut towers.item_layers].into_iter().flatten() {
                    layers.batch_norm = value == "1";
                }
            }
            "sampled" => {
                let per_batch = value.parse()?;
                let in_batch = per_batch == 0;
                *negatives = NegativeCounts { in_batch, per_batch, per_example: 0, ..*negatives };
            }
            "mixed" => {
                *negatives = NegativeCounts { per_batch: value.parse()?, ..NegativeCounts::default() };
            }
            "own" => {
                let per_example = value.parse()?;
                *negatives = NegativeCounts { in_batch: false, per_batch: 0, per_example, ..*negatives };
            }
            "hard" => hard = Some(value.parse()?),
            "warm" => warm = value.parse()?,
            "table" => towers.own_history_table = value == "own",
            "deviation" => towers.deviation = value.parse()?,
            "before" => towers.view = if value == "1" { HistoryView::Before } else { HistoryView::Others },
            "contrastive" => {
                (fit.temperature, fit.objective) =
                    (1.0, Objective::Contrastive { margin: 0.9, weight: value.parse()? });
            }
            "logq" => negatives.corrected = value == "1",
            "temperature" => fit.temperature = value.parse()?,
            "rate" => fit.table_rate = value.parse()?,
            "adagrad" => fit.table_optimizer = TableOptimizer::Adagrad { epsilon: 1e-10 },
            "adam" => fit.table_optimizer = TableOptimizer::lazy_adam(),
            "rms" => fit.table_optimizer = TableOptimizer::RmsProp { beta: value.parse()?, epsilon: 1e-8 },
            "l2" => fit.table_l2 = value.parse()?,
            "decay" => fit.table_decay = value.parse()?,
            "batch" => fit.batch = value.parse()?,
            "epochs" => fit.epochs = value.parse()?,
            "steps" => fit.max_steps = value.parse()?,
            "seed" => seed = value.parse()?,
            _ => return Err(format!("no setting {name}").into()),
        }
    }
    Ok(Setting { preset, seed, hard, warm })
}
