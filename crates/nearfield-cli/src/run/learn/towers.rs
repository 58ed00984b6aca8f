use std::sync::Arc;
use std::time::Instant;

use embed_core::{Csr, Metric, Sequences, Vocab};
use nearfield::negsample::{Frequency, InBatch, Uniform};
use nearfield::towers::models::{Histories, HistoryView};
use nearfield::towers::train::{FitParams, FitReport, Holdout, hold_out};
use nearfield::towers::{FitError, IdTowers, Preset};

use super::{CurvePoint, Learned, Training, dim};
use crate::args::{Method, RunArgs};
use crate::error::CliError;
use crate::model::Model;
use crate::progress::Bars;
use crate::run::data::Dataset;

/// The share of each user's items that early stopping ranks.
const HELD_OUT: f64 = 0.1;

/// Matrix factorisation, YouTube DNN and contrastive learning: two towers over ids and histories.
pub(super) fn towers(args: &RunArgs, data: &Dataset, bars: &mut Bars) -> Result<Learned, CliError> {
    let (method, learn) = (args.learn.method, &args.learn);
    let preset = preset(args, data)?;
    let users = match &data.users {
        Some(users) => Arc::clone(users),
        None if preset.towers.user_id => return Err(CliError::NeedsUsers { method: method.name() }),
        None => Arc::new(Vocab::from_keys((0..data.sequences.len()).map(|row| row.to_string()))?),
    };
    let (sequences, truth) = held_out(data, preset.towers.view, &preset.fit, learn.seed);
    let histories = Histories::new(sequences);
    let mut sampler = sampler(&preset, &histories)?;
    let start = Instant::now();
    let mut run = args.work.run(learn.seed, bars);
    let keys = (users, data.items.clone());
    let settings = (&preset.towers, &preset.fit);
    let model = IdTowers::fit(settings, (&histories, truth.as_ref()), keys, sampler.as_mut(), &mut run)?;
    let settings = (preset.towers.dim, &preset.fit);
    let training = training(settings, model.report(), start.elapsed().as_secs_f64())?;
    Ok(Learned { model: Model::Towers(Arc::new(model)), training, graph: None })
}

/// What is trained on, and what validation ranks, if it is asked for.
pub(super) fn held_out(
    data: &Dataset,
    view: HistoryView,
    fit: &FitParams,
    seed: u64,
) -> (Sequences, Option<Csr>) {
    let holdout = match view {
        HistoryView::Others => Holdout::Share(HELD_OUT),
        HistoryView::Before => Holdout::Last,
    };
    match fit.validation {
        Some(_) => {
            let (train, truth) = hold_out(&data.sequences, holdout, seed);
            (train, Some(truth))
        }
        None => (data.sequences.clone(), None),
    }
}

fn preset(args: &RunArgs, data: &Dataset) -> Result<Preset, CliError> {
    let (method, learn) = (args.learn.method, &args.learn);
    if learn.metric == Some(Metric::L2) {
        return Err(CliError::NotTrainedFor { metric: Metric::L2, method: method.name() });
    }
    let dim = dim(args, data.items.len());
    let of_method = match method {
        Method::Mf => Preset::matrix_factorization(dim),
        Method::Contrastive => args.tower.pooled(Preset::contrastive(dim)),
        _ => args.tower.preset(dim),
    };
    let mut preset = args.tower.over(of_method, learn.metric);
    preset.fit.epochs = learn.epochs.unwrap_or(preset.fit.epochs);
    Ok(preset)
}

fn sampler(preset: &Preset, histories: &Histories) -> Result<Box<dyn RefreshableSampler>, CliError> {
    let n_items = histories.n_items();
    if preset.fit.negatives.shared > 0 {
        return Ok(Box::new(Uniform::new(n_items).map_err(FitError::from)?));
    }
    let frequency = Frequency::from_counts(&histories.sequences().counts()).map_err(FitError::from)?;
    Ok(Box::new(InBatch::new(n_items, frequency).map_err(FitError::from)?))
}

/// What a training of towers did.
///
/// # Errors
/// [`CliError::Cancelled`] when it was stopped before it learned anything.
pub(super) fn training(
    (dim, fit): (usize, &FitParams),
    report: &FitReport,
    seconds: f64,
) -> Result<Training, CliError> {
    let examples: u64 = report.epochs.iter().map(|epoch| epoch.examples).sum();
    if report.stopped && examples == 0 {
        return Err(CliError::Cancelled);
    }
    let negatives = fit.negatives;
    let per_positive = negatives.shared + if negatives.in_batch { fit.batch - 1 } else { 0 };
    let points = (1..).zip(&report.epochs);
    Ok(Training {
        dim,
        epochs: fit.epochs,
        epochs_done: report.epochs_done,
        curve: points
            .map(|(epoch, e)| CurvePoint { epoch, loss: e.loss, validation: e.validation.map(|v| v.ndcg) })
            .collect(),
        tokens: examples,
        pairs: examples.saturating_mul(1 + per_positive as u64),
        seconds,
    })
}
