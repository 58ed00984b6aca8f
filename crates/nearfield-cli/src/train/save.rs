use std::path::Path;

use embed_core::Metric;
use embed_core::formats::safetensors;
use nearfield::ann::Index;
use nearfield::seqemb::Params;
use serde::Serialize;

use super::Summary;
use super::data::NewData;
use crate::args::{Given, TrainArgs};
use crate::error::CliError;
use crate::histories;
use crate::manifest::{self, InputFile};
use crate::model::Model;
use crate::outdir::OutDir;
use crate::run::save::{INDEX, MODEL, VECTORS};
use crate::shell::CommandLine;

/// Writes what `run` writes.
pub(super) fn files(out: &OutDir, data: &NewData, model: &Model, index: &Index) -> Result<(), CliError> {
    safetensors::write(out.staged(VECTORS), &model.tables())?;
    index.save(out.staged(INDEX))?;
    model.save(&out.staged(MODEL))?;
    if let Some((users, histories)) = &data.users {
        histories::save(&out.staged(histories::FILE), users, histories, data.items.len())?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Manifest<'a> {
    command: String,
    settings: Settings<'a>,
    inputs: [&'a InputFile; 1],
    #[serde(flatten)]
    results: &'a Summary,
    timing: Timing,
}

#[derive(Serialize)]
struct Settings<'a> {
    model: &'a Path,
    params: &'a Params,
    metric: &'static str,
    out: &'a Path,
}

#[derive(Serialize)]
struct Timing {
    train_seconds: f64,
}

/// Writes run.json.
pub(super) fn manifest(
    out: &OutDir,
    args: &TrainArgs,
    data: &NewData,
    params: &Params,
    metric: Metric,
    summary: &Summary,
) -> Result<(), CliError> {
    let body = Manifest {
        command: command_of(args),
        settings: Settings { model: &args.model, params, metric: metric.name(), out: &args.out },
        inputs: [&data.input],
        results: summary,
        timing: Timing { train_seconds: summary.seconds },
    };
    manifest::write(&out.staged(manifest::FILE), &body)
}

/// The command that repeats a training.
fn command_of(args: &TrainArgs) -> String {
    let input = args.input();
    let line = CommandLine::new("nearfield train").path("--model", &args.model);
    let line = input.append(line).maybe("--epochs", args.epochs);
    args.sequence
        .append(line)
        .maybe("--index", args.index)
        .value("--seed", args.seed)
        .maybe("--threads", args.work.threads())
        .path("--out", &args.out)
        .finish()
}
