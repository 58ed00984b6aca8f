//! `nearfield train`: goes on from a saved run with a new log.

mod data;
mod save;

use std::process::ExitCode;
use std::time::Instant;

use nearfield::seqemb::{ItemVectors, Params, Training};
use serde::Serialize;

use crate::args::{Method, TrainArgs};
use crate::cancel::Cancel;
use crate::error::{CliError, EXIT_CANCELLED};
use crate::manifest;
use crate::model::{self, Model};
use crate::outdir::OutDir;
use crate::output::{self, counted};
use crate::progress::Bars;
use crate::run::learn::{self, item_vectors};
use crate::run::remarks::Remarks;
use crate::run::save::MODEL;
use data::NewData;

/// What a training did.
#[derive(Debug, Clone, Serialize)]
struct Summary {
    method: &'static str,
    n_items: usize,
    /// Items that the model did not have.
    n_new_items: usize,
    /// Items of the new log that come beside no other: nothing is learned about them, and they stay out.
    n_lonely_items: usize,
    n_train: usize,
    epochs: u32,
    epochs_done: u32,
    loss: f64,
    index: String,
    seed: u64,
    cancelled: bool,
    remarks: Vec<String>,
    #[serde(skip)]
    seconds: f64,
}

/// Runs `nearfield train`.
pub(crate) fn train(args: &TrainArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let (old, metric) = open(args)?;
    let out = OutDir::claim(&args.out)?;
    let mut remarks = Remarks::default();
    let mut bars = Bars::new(&cancel);
    bars.stage("read");
    let data = NewData::read(args, &old, &mut remarks)?;
    cancel.check()?;
    bars.clear();
    remarks.say();

    let preset = args.sequence.over(old.params.clone());
    let params = Params { epochs: args.epochs.unwrap_or(preset.epochs), ..preset };
    let start = Instant::now();
    let passes = Training::from_vectors(&old, &params, &data.sequences, data.items.clone(), args.seed)?;
    // What the new log does not hold goes with none of it, so it is a negative, too.
    let counts: Vec<u64> = passes.counts().iter().map(|&count| count.max(1)).collect();
    let mut run = args.work.run(args.seed, &mut bars);
    let vectors = item_vectors::train(passes, &counts, &args.sequence, &data.sequences, &mut run)?;
    let training = item_vectors::training(&params, &vectors.report, start.elapsed().as_secs_f64())?;
    let model = Model::Items(vectors);
    let index = learn::index(args.index, model.items(), metric, args.seed, args.work)?;
    drop(bars);

    save::files(&out, &data, &model, &index)?;
    let summary = Summary {
        method: Method::Item2vec.name(),
        n_items: data.items.len(),
        n_new_items: data.items.len() - old.input.len(),
        n_lonely_items: data.n_lonely,
        n_train: data.n_train,
        epochs: training.epochs,
        epochs_done: training.epochs_done,
        loss: training.loss(),
        index: index.spec().to_string(),
        seed: args.seed,
        cancelled: cancel.is_asked(),
        remarks: remarks.into_lines(),
        seconds: training.seconds,
    };
    save::manifest(&out, args, &data, &params, metric, &summary)?;
    out.commit()?;
    if summary.cancelled {
        output::warning(&format!("stopped; what was learned until then is in {}", args.out.display()));
    }
    output::result(json, &summary, || text(args, &summary))?;
    Ok(if summary.cancelled { ExitCode::from(EXIT_CANCELLED) } else { ExitCode::SUCCESS })
}

/// The model to go on from, and how its users are scored.
fn open(args: &TrainArgs) -> Result<(ItemVectors, embed_core::Metric), CliError> {
    let path = args.model.clone();
    if !manifest::marks(&path) {
        return Err(CliError::NotARunFolder { path });
    }
    let manifest = manifest::read(&path)?;
    let name = manifest["method"].as_str().unwrap_or_default();
    if Method::named(name) != Some(Method::Item2vec) {
        return Err(CliError::CannotGoOn { path, got: name.to_owned() });
    }
    let metric = manifest["settings"]["metric"].as_str().and_then(|name| name.parse().ok());
    let old = ItemVectors::open(path.join(MODEL))?;
    Ok((old, metric.unwrap_or_else(|| model::metric_of(Method::Item2vec))))
}

/// For people.
fn text(args: &TrainArgs, summary: &Summary) -> String {
    format!(
        "{}, {} of them new: {} learned from in {} of {} epochs, {:.1} s · loss {:.4}\nIn {}: as run leaves it.\n",
        counted(summary.n_items, "item"),
        summary.n_new_items,
        counted(summary.n_train, "interaction"),
        summary.epochs_done,
        summary.epochs,
        summary.seconds,
        summary.loss,
        args.out.display(),
    )
}
