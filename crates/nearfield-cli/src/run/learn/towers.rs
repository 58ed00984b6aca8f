use std::sync::Arc;
use std::time::Instant;

use embed_core::{Csr, Metric, Sequences, Vocab};
use nearfield::towers::models::{Histories, HistoryView};
use nearfield::towers::train::{FitParams, FitRecord, FitReport, Holdout, hold_out};
use nearfield::towers::{IdTowers, Preset, TwoTowerData};

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
    let start = Instant::now();
    let mut run = args.work.run(learn.seed, bars);
    let of =
        TwoTowerData { histories: &histories, users: &users, items: &data.items, held_out: truth.as_ref() };
    let model = IdTowers::fit_until_stopped(&preset.towers, &preset.fit, of, preset.negatives, &mut run)?;
    let seconds = start.elapsed().as_secs_f64();
    let training = training((preset.towers.dim, model.fit_record()), model.report(), seconds)?;
    Ok(Learned { model: Model::Towers(model), training, graph: None })
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

/// What a training of towers did.
///
/// # Errors
/// [`CliError::Cancelled`] when it was stopped before it learned anything.
pub(super) fn training(
    (dim, record): (usize, &FitRecord),
    report: &FitReport,
    seconds: f64,
) -> Result<Training, CliError> {
    let examples: u64 = report.epochs.iter().map(|epoch| epoch.examples).sum();
    if report.stopped && examples == 0 {
        return Err(CliError::Cancelled);
    }
    let per_positive = record.negatives.per_positive(record.fit.batch);
    let points = (1..).zip(&report.epochs);
    Ok(Training {
        dim,
        epochs: record.fit.epochs,
        epochs_done: report.epochs_done,
        curve: points
            .map(|(epoch, e)| CurvePoint { epoch, loss: e.loss, validation: e.validation.map(|v| v.ndcg) })
            .collect(),
        tokens: examples,
        pairs: examples.saturating_mul(1 + per_positive as u64),
        seconds,
    })
}
