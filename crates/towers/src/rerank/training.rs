use embed_core::{
    Batch as Seen, Flow, ItemId, NegativeContext, Parallelism, Progress, Run, SeededRng, kernel,
};
use ndarray::Array2;
use rayon::prelude::*;

use super::net::{Net, NetTape};
use super::{RerankParams, Retrieval};
use crate::FitError;
use crate::losses::Objective;
use crate::models::{Example, Histories, HistoryView};
use crate::train::{EpochReport, FitParams, FitReport, Place, Resolved, apply};

/// Steps of a training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    pub(super) done: u64,
    pub(super) total: u64,
}

/// Trains a net on what users did, pass by pass; each positive stands at index 0 of candidates of which the others are drawn for it.
#[expect(clippy::cast_precision_loss, reason = "means")]
pub(super) fn train(
    net: &mut Net,
    (params, fit): (&RerankParams, &FitParams),
    (retrieval, histories): (Retrieval<'_>, &Histories),
    negatives: &mut Resolved<'_>,
    run: &mut Run<'_>,
) -> Result<(FitReport, Steps), FitError> {
    let examples = positives(params, histories);
    if examples.is_empty() {
        let interactions = histories.sequences().n_tokens();
        return Err(FitError::Empty { users: histories.n_users(), interactions });
    }
    let steps = examples.len().div_ceil(fit.batch) as u64;
    let all = steps * u64::from(fit.epochs);
    let total = if fit.max_steps == 0 { all } else { all.min(fit.max_steps) };
    let mut report = FitReport { examples: examples.len() as u64, ..FitReport::default() };
    let (mut tape, mut users, mut step) = (NetTape::default(), Array2::zeros((0, 0)), 0u64);
    for epoch in 0..fit.epochs {
        let mut order: Vec<u32> = (0..u32::try_from(examples.len()).unwrap_or(u32::MAX)).collect();
        SeededRng::stream(run.seed, "order of positives", epoch.into()).shuffle(&mut order);
        let (mut sum, mut done) = (0.0, 0u64);
        for batch in order.chunks(fit.batch) {
            if step >= total {
                break;
            }
            let place = Place { seed: run.seed, step, epoch, factor: fit.schedule.factor(step, total) };
            let batch: Vec<Example> = batch.iter().map(|&i| examples[i as usize]).collect();
            embed(&batch, (retrieval, histories), run.parallelism, &mut users)?;
            // Retrieval stands as it is: its vectors of now are those of ever.
            let cx = NegativeContext::default().at(step, epoch);
            if let Some(sampler) = negatives.sampler.as_mut().filter(|sampler| sampler.is_stale(&cx)) {
                sampler.refresh(&cx, retrieval.items.vectors())?;
            }
            let loss = run.parallelism.install(|| {
                draw(&batch, (retrieval, histories), negatives, place, (&users, &mut tape))?;
                let per_row = negatives.counts.per_example + 1;
                one(net, (&batch, per_row), (params, fit, place), histories, &mut tape)
            })??;
            let Some(loss) = loss else {
                if report.epochs_done == 0 {
                    return Err(FitError::Diverged { step, rate: fit.table_rate });
                }
                report.diverged_at = Some(step);
                return Ok((report, Steps { done: step, total }));
            };
            if let Some(sampler) = &mut negatives.sampler {
                let targets: Vec<ItemId> = batch.iter().filter_map(|&e| histories.target(e)).collect();
                sampler.observe(&Seen::new(step, &targets));
            }
            (sum, done, step) = (sum + loss, done + batch.len() as u64, step + 1);
            let progress = Progress::new("train", step, total).loss(sum / done as f64);
            if run.report(&progress) == Flow::Stop && step < total {
                report.stopped = true;
                break;
            }
        }
        report.epochs.push(EpochReport { examples: done, loss: sum / done.max(1) as f64, validation: None });
        if report.stopped || step >= total && step < all {
            break;
        }
        report.epochs_done += 1;
    }
    Ok((report, Steps { done: step, total }))
}

/// The last positives of each user that have something before them.
fn positives(params: &RerankParams, histories: &Histories) -> Vec<Example> {
    let mut examples = histories.examples(HistoryView::Before, 1);
    if params.last_positives > 0 {
        examples.retain(|example| {
            let len = histories.sequence(example.user).len();
            len - example.at as usize <= params.last_positives
        });
    }
    examples
}

/// Retrieval's vectors of the users, before each positive.
fn embed(
    batch: &[Example],
    (retrieval, histories): (Retrieval<'_>, &Histories),
    parallelism: Parallelism,
    users: &mut Array2<f32>,
) -> Result<(), FitError> {
    let before = batch.iter().map(|&example| {
        let mut history = Vec::new();
        histories.history_into(example, HistoryView::Before, usize::MAX, &mut history);
        history
    });
    let before: Vec<Vec<ItemId>> = before.collect();
    let inputs: Vec<&[ItemId]> = before.iter().map(Vec::as_slice).collect();
    *users = Array2::zeros((batch.len(), retrieval.items.dim()));
    Ok(retrieval.users.embed_batch_into(&inputs, parallelism, users.view_mut())?)
}

/// Candidates of each row and retrieval's scores of them, the positive first. What the sampler does not fill, and what the user has, is the
/// positive again, which counts as masked.
fn draw(
    batch: &[Example],
    (retrieval, histories): (Retrieval<'_>, &Histories),
    negatives: &Resolved<'_>,
    place: Place,
    (users, tape): (&Array2<f32>, &mut NetTape),
) -> Result<(), FitError> {
    let own = negatives.counts.per_example;
    let Some(sampler) = &negatives.sampler else { return Ok(()) };
    tape.candidates.resize(batch.len() * (own + 1), 0);
    tape.retrieved.resize(batch.len() * (own + 1), 0.0);
    let scores = tape.retrieved.par_chunks_mut(own + 1);
    let rows = tape.candidates.par_chunks_mut(own + 1).zip(scores).zip(batch).enumerate();
    rows.try_for_each(|(i, ((row, scores), &example))| {
        let Some(target) = histories.target(example) else { return Ok(()) };
        row[0] = target;
        let user = users.row(i).to_slice().unwrap_or_default();
        let positives = histories.set(example.user);
        let cx = NegativeContext::draws(own)
            .at(place.step, place.epoch)
            .query(user)
            .positives(positives)
            .target(target);
        let mut rng = SeededRng::stream(place.seed, "candidates", (place.step << 20) ^ i as u64);
        let got = sampler.sample_into(&cx, &mut rng, &mut row[1..])?;
        row[1 + got..].fill(target);
        for item in &mut row[1..] {
            if positives.binary_search(item).is_ok() {
                *item = target;
            }
        }
        for (score, &item) in scores.iter_mut().zip(&*row) {
            *score = retrieval.items.row(item).map_or(0.0, |row| kernel::dot(user, row));
        }
        Ok(())
    })
}

/// Whether retrieval would have handed the positive on: it is not below all that it is contrasted with.
fn found(ids: &[ItemId], retrieved: &[f32]) -> bool {
    let mut others = ids[1..].iter().zip(&retrieved[1..]).filter(|(id, _)| **id != ids[0]);
    others.any(|(_, &score)| retrieved[0] >= score)
}

/// One step; none when a number is none, and then nothing has changed.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn one(
    net: &mut Net,
    (batch, own): (&[Example], usize),
    (params, fit, place): (&RerankParams, &FitParams, Place),
    histories: &Histories,
    tape: &mut NetTape,
) -> Result<Option<f64>, FitError> {
    tape.bag.clear();
    let mut history = Vec::new();
    for &example in batch {
        history.clear();
        histories.history_into(example, HistoryView::Before, params.max_history, &mut history);
        (0..own).for_each(|_| tape.bag.push(&history));
    }
    net.forward((place.seed, place.step), tape)?;
    tape.dlogits.assign(tape.logits.view());
    let scale = 1.0 / fit.temperature;
    let weight = scale / batch.len() as f32;
    let mut loss = 0.0;
    let rows = tape.dlogits.as_slice_mut().chunks_mut(own);
    for ((row, ids), retrieved) in rows.zip(tape.candidates.chunks(own)).zip(tape.retrieved.chunks(own)) {
        if !found(ids, retrieved) {
            row.fill(0.0);
            continue;
        }
        let (positive, others) = row.split_at_mut(1);
        positive[0] *= scale;
        for (logit, id) in others.iter_mut().zip(&ids[1..]) {
            *logit = if *id == ids[0] { f32::NEG_INFINITY } else { *logit * scale };
        }
        let (of_row, slope) = Objective::Softmax.row(positive[0], others);
        loss += f64::from(of_row);
        positive[0] = slope;
        row.iter_mut().for_each(|slope| *slope *= weight);
    }
    if !loss.is_finite() {
        return Ok(None);
    }
    net.backward(tape)?;
    Ok(apply(net, fit, place, loss).then_some(loss))
}
