use std::time::Instant;

use nearfield::seqemb::{FitReport, Params, SkipGram};

use super::{CurvePoint, Learned, Training, dim};
use crate::args::RunArgs;
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
    let mut run = args.work.run(args.learn.seed, bars);
    let vectors = SkipGram::fit(&params, &data.sequences, data.items.clone(), &mut run)?;
    let training = training(&params, &vectors.report, start.elapsed().as_secs_f64())?;
    Ok(Learned { model: Model::Items(vectors), training, graph: None })
}

/// What a training of item vectors did.
///
/// # Errors
/// [`CliError::Cancelled`] when it was stopped before it learned anything.
pub(super) fn training(params: &Params, report: &FitReport, seconds: f64) -> Result<Training, CliError> {
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
