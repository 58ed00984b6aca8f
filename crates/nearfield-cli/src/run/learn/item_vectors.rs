use std::time::Instant;

use embed_core::{Run, SequenceSource};
use nearfield::seqemb::{FitReport, ItemVectors, Params, Training as Passes};

use super::samplers::sampler;
use super::{CurvePoint, Learned, Training, dim};
use crate::args::{RunArgs, SequenceArgs};
use crate::error::CliError;
use crate::model::Model;
use crate::progress::Bars;
use crate::run::data::Dataset;

/// Item2Vec: skip-gram over each user's items, by its preset and what was asked for.
pub(super) fn item2vec(args: &RunArgs, data: &Dataset, bars: &mut Bars) -> Result<Learned, CliError> {
    let preset = args.sequence.over(Params::basket());
    let params = Params {
        dim: dim(args, data.items.len()),
        epochs: args.learn.epochs.unwrap_or(preset.epochs),
        ..preset
    };
    let start = Instant::now();
    let passes = Passes::new(&params, &data.sequences, data.items.clone(), args.learn.seed)?;
    let mut run = args.work.run(args.learn.seed, bars);
    let counts = passes.counts().to_vec();
    let vectors = train(passes, &counts, &args.sequence, &data.sequences, &mut run)?;
    let training = training(&params, &vectors.report, start.elapsed().as_secs_f64())?;
    Ok(Learned { model: Model::Items(vectors), training, graph: None })
}

/// Goes through the passes that are left, with negatives by `counts`, and a checkpoint after each pass if one is asked
/// for.
pub(crate) fn train(
    passes: Passes<'_>,
    counts: &[u64],
    args: &SequenceArgs,
    source: &dyn SequenceSource,
    run: &mut Run<'_>,
) -> Result<ItemVectors, CliError> {
    let sampler = sampler(args.sampler(), counts, passes.params())?;
    let mut passes = passes.with_sampler(sampler)?;
    if let Some(path) = args.checkpoint().filter(|path| path.exists()) {
        passes = passes.restored(path)?;
    }
    loop {
        let goes_on = passes.epoch(source, run)?;
        if let Some(path) = args.checkpoint().filter(|_| !passes.report().stopped) {
            passes.save(path)?;
        }
        if !goes_on {
            return Ok(passes.finish()?);
        }
    }
}

/// What a training of item vectors did.
///
/// # Errors
/// [`CliError::Cancelled`] when it was stopped before it learned anything.
pub(crate) fn training(params: &Params, report: &FitReport, seconds: f64) -> Result<Training, CliError> {
    if report.stopped && report.items() == 0 {
        return Err(CliError::Cancelled);
    }
    let points = (1..).zip(&report.epochs);
    Ok(Training {
        dim: params.dim,
        epochs: params.epochs,
        epochs_done: report.epochs_done,
        curve: points.map(|(epoch, e)| CurvePoint { epoch, loss: e.loss, validation: None }).collect(),
        tokens: report.items(),
        pairs: report.pairs(),
        seconds,
    })
}
