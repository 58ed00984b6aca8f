use std::path::Path;

use embed_core::formats::safetensors;
use nearfield::ann::Index;
use nearfield::interactions::Split;
use serde::Serialize;

use super::data::Dataset;
use super::learn::{GraphSettings, Learned};
use super::summary::{Summary, Timing};
use crate::args::{Given, RunArgs};
use crate::error::CliError;
use crate::histories;
use crate::machine::Machine;
use crate::manifest::{self, InputFile};
use crate::model::{Model, ModelParams};
use crate::outdir::OutDir;
use crate::shell::CommandLine;

/// Names of the files in a run's folder, beside `keys.txt`, `histories.nf` and `run.json`.
pub(crate) const VECTORS: &str = "items.safetensors";
pub(crate) const INDEX: &str = "index.nf";
pub(crate) const MODEL: &str = "model.nf";

/// Writes vectors, keys, index, model, and the users' histories where there are users.
pub(super) fn files(out: &OutDir, data: &Dataset, model: &Model, index: &Index) -> Result<(), CliError> {
    safetensors::write(out.staged(VECTORS), &model.tables())?;
    index.save(out.staged(INDEX))?;
    model.save(&out.staged(MODEL))?;
    if let Some(users) = &data.users {
        histories::save(&out.staged(histories::FILE), users, &data.histories, data.items.len())?;
    }
    Ok(())
}

/// What stands in run.json: everything but the times is the same whenever the command is repeated.
#[derive(Serialize)]
struct Manifest<'a> {
    command: String,
    settings: Settings<'a>,
    inputs: &'a [InputFile],
    #[serde(flatten)]
    results: &'a Summary,
    timing: Timing,
    machine: Machine,
}

/// Writes run.json.
pub(super) fn manifest(
    out: &OutDir,
    args: &RunArgs,
    command: Option<String>,
    inputs: &[InputFile],
    summary: &Summary,
    learned: &Learned,
) -> Result<(), CliError> {
    let command = command.unwrap_or_else(|| command_of(args));
    let settings = Settings::of(args, learned);
    let (timing, machine) = (summary.timing, Machine::this());
    let body = Manifest { command, settings, inputs, results: summary, timing, machine };
    manifest::write(&out.staged(manifest::FILE), &body)
}

/// Every setting, the defaults too.
#[derive(Serialize)]
struct Settings<'a> {
    train: &'a Path,
    test: Option<&'a Path>,
    split: Option<String>,
    format: String,
    columns: Option<String>,
    header: bool,
    delimiter: Option<char>,
    skip_bad_rows: bool,
    k_core: Option<usize>,
    session_gap: Option<String>,
    method: &'static str,
    params: ModelParams<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    graph: Option<&'a GraphSettings>,
    metric: &'static str,
    seed: u64,
    threads: usize,
    k: &'a [usize],
    keep_seen: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<&'a Path>,
    out: &'a Path,
}

impl<'a> Settings<'a> {
    fn of(args: &'a RunArgs, learned: &'a Learned) -> Self {
        let (input, learn, measure) = (&args.input, &args.learn, &args.measure);
        Self {
            train: &input.train,
            test: input.test.as_deref(),
            split: input.test.is_none().then(|| input.split.unwrap_or(Split::LastOut).to_string()),
            format: input.layout.format.to_string(),
            columns: input.layout.columns.as_ref().map(ToString::to_string),
            header: !input.layout.no_header,
            delimiter: input.layout.delimiter.map(char::from),
            skip_bad_rows: input.layout.skip_bad_rows,
            k_core: input.k_core,
            session_gap: input.session_gap.map(|gap| gap.to_string()),
            method: learn.method.name(),
            params: learned.model.params(),
            graph: learned.graph.as_ref(),
            metric: args.metric().name(),
            seed: learn.seed,
            threads: args.work.parallelism().count(),
            k: measure.cutoffs.as_slice(),
            keep_seen: measure.keep_seen,
            candidates: measure.candidates.as_deref(),
            out: &args.out,
        }
    }
}

/// The command that repeats a run; what follows from the data and the defaults is left to them.
fn command_of(args: &RunArgs) -> String {
    let (input, learn, measure) = (&args.input, &args.learn, &args.measure);
    let line = input
        .append(CommandLine::new("nearfield run"))
        .value("--method", learn.method.name())
        .maybe("--dim", learn.dim)
        .maybe("--epochs", learn.epochs)
        .maybe("--index", learn.index)
        .maybe("--metric", learn.metric)
        .value("--seed", learn.seed);
    args.of_methods()
        .into_iter()
        .fold(line, |line, given| given.append(line))
        .value("-k", &measure.cutoffs)
        .flag("--keep-seen", measure.keep_seen == Some(true))
        .flag("--keep-seen=false", measure.keep_seen == Some(false))
        .maybe("--candidates", measure.candidates.as_ref().map(|path| path.display()))
        .maybe("--threads", args.work.threads())
        .path("--out", &args.out)
        .finish()
}
