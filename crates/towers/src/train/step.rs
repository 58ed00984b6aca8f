use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use rayon::prelude::*;

use super::FitParams;
use crate::FitError;
use crate::layers::{Module, Slot};
use crate::losses::Contrasted;
use crate::matrix::all_finite;
use crate::models::{Batch, Candidates, Context, Encoder, Example, Histories, TwoTower, Work};
use crate::optim::{Step, clip_factor, squared_norm};

/// `ln 1/τ` stays below this: τ of 0.01.
const MOST_LOG_SCALE: f32 = 4.6;

/// Negatives of a step, and what is expected of them.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    targets: Vec<ItemId>,
    items: Vec<ItemId>,
    log_counts: Vec<f32>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seed: u64,
    pub(crate) step: u64,
    pub(crate) epoch: u32,
    /// Factor of the rates.
    pub(crate) factor: f32,
}

/// One step. Gives the sum of the losses, or nothing when the loss or a gradient is no number; then nothing was changed.
pub(crate) fn step<U: Encoder<Example>, I: Encoder<ItemId>>(
    model: &mut TwoTower<U, I>,
    (histories, log_shares): (&Histories, &[f32]),
    examples: &[Example],
    sampler: &dyn NegativeSampler,
    (params, place): (&FitParams, Place),
    (work, drawn): (&mut Work<U::Tape, I::Tape>, &mut Drawn),
) -> Result<Option<f64>, FitError> {
    let cx = Context { histories, seed: place.seed, step: place.step, view: None };
    drawn.targets.clear();
    drawn.targets.extend(examples.iter().filter_map(|&example| histories.target(example)));
    model.forward_users(cx, examples, work)?;
    drawn.draw((histories, log_shares), examples, sampler, (params, place), &work.users)?;
    let batch = Batch {
        examples,
        targets: &drawn.targets,
        candidates: Candidates {
            in_batch: params.negatives.in_batch,
            items: &drawn.items,
            own: params.negatives.own,
            log_counts: &drawn.log_counts,
            mask_seen: params.mask_seen,
        },
        objective: params.objective,
    };
    let Contrasted { mut loss, scale_gradient } = model.contrast(cx, batch, work)?;
    if !loss.is_finite() {
        return Ok(None);
    }
    model.backward(work);
    if let Some(views) = params.views {
        loss += f64::from(views.weight) * model.contrast_views(cx, examples, views, work)?;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a gradient in f32")]
    if params.learn_temperature {
        model.log_scale.gradient[[0, 0]] = scale_gradient as f32;
    }
    if !apply(model, params, place, loss) {
        return Ok(None);
    }
    if params.learn_temperature {
        let scale = &mut model.log_scale.value[[0, 0]];
        *scale = scale.min(MOST_LOG_SCALE);
    }
    Ok(Some(loss))
}

/// The optimisers' step; false when a gradient is no number, and then gradients are forgotten and nothing changes.
pub(crate) fn apply(model: &mut impl Module, params: &FitParams, place: Place, loss: f64) -> bool {
    let mut slots = Vec::new();
    model.slots(&mut slots);
    // Tables are sorted beside each other, as a sort is the work of one thread.
    let checked = slots.par_iter_mut().with_max_len(1).map(|slot| match slot {
        Slot::Param(param) => all_finite(crate::matrix::values(&param.gradient)),
        Slot::Table(table) => {
            table.gradients.sort();
            all_finite(&table.gradients.vectors)
        }
        Slot::Kept(_) => true,
    });
    let finite = checked.reduce(|| true, |a, b| a && b) && loss.is_finite();
    if !finite {
        for slot in slots {
            match slot {
                Slot::Param(param) => param.gradient.fill(0.0),
                Slot::Table(table) => table.gradients.clear(),
                Slot::Kept(_) => {}
            }
        }
        return false;
    }
    let scale = params.clip.map_or(1.0, |most| {
        let squared = slots.iter_mut().map(|slot| match slot {
            Slot::Param(param) => param.gradient.iter().map(|g| f64::from(*g).powi(2)).sum(),
            Slot::Table(table) => squared_norm(table),
            Slot::Kept(_) => 0.0,
        });
        clip_factor(squared.sum(), most)
    });
    let number = place.step + 1;
    let dense = Step { rate: params.rate * place.factor, number, scale, decay: params.decay, l2: 0.0 };
    let of_tables = Step {
        rate: params.table_rate * place.factor,
        number,
        scale,
        decay: params.table_decay,
        l2: params.table_l2,
    };
    for slot in slots {
        match slot {
            Slot::Param(param) => params.optimizer.step(param, dense),
            Slot::Table(table) => params.table_optimizer.step(table, of_tables),
            Slot::Kept(_) => {}
        }
    }
    true
}

impl Drawn {
    /// The items of the last step's positives.
    pub(crate) fn targets(&self) -> &[ItemId] {
        &self.targets
    }

    fn draw(
        &mut self,
        (histories, log_shares): (&Histories, &[f32]),
        examples: &[Example],
        sampler: &dyn NegativeSampler,
        (params, place): (&FitParams, Place),
        users: &crate::Buffer,
    ) -> Result<(), FitError> {
        let Self { targets, items, log_counts } = self;
        let (n, negatives) = (targets.len(), params.negatives);
        let cx = NegativeContext::default().at(place.step, place.epoch).batch(targets);
        items.clear();
        log_counts.clear();
        if negatives.own > 0 {
            items.resize(n * negatives.own, 0);
            log_counts.resize(if params.log_q { n * (negatives.own + 1) } else { 0 }, 0.0);
            let (of_positives, of_items) = log_counts.split_at_mut(if params.log_q { n } else { 0 });
            let (mut of_positives, mut of_items) =
                (of_positives.iter_mut(), of_items.chunks_mut(negatives.own));
            let rows: Vec<_> = (items.chunks_mut(negatives.own).enumerate())
                .map(|(i, out)| (i, out, of_positives.next(), of_items.next()))
                .collect();
            return rows
                .into_par_iter()
                .try_for_each(|(i, out, of_positive, of_items)| {
                    let cx = cx
                        .with_draws(negatives.own)
                        .query(users.row(i))
                        .positives(histories.set(examples[i].user))
                        .target(targets[i]);
                    let stream = (place.step << 20) ^ i as u64;
                    let mut rng = SeededRng::stream(place.seed, "own negatives", stream);
                    let got = sampler.sample_into(&cx, &mut rng, out)?;
                    // What the sampler does not fill is masked, as a positive is.
                    out[got..].fill(targets[i]);
                    if let (Some(of_positive), Some(of_items)) = (of_positive, of_items) {
                        // One call for the row: some laws cost a search.
                        let all: Vec<ItemId> = out.iter().chain([&targets[i]]).copied().collect();
                        let mut logs = vec![0.0; all.len()];
                        sampler.log_expected_counts_into(&cx, &all, &mut logs)?;
                        *of_positive = finite(logs.pop().unwrap_or_default());
                        of_items.iter_mut().zip(logs).for_each(|(count, log)| *count = finite(log));
                    }
                    Ok::<(), SampleError>(())
                })
                .map_err(FitError::from);
        }
        if negatives.shared > 0 {
            items.resize(negatives.shared, 0);
            let mut rng = SeededRng::stream(place.seed, "shared negatives", place.step);
            let got = sampler.sample_into(&cx.with_draws(negatives.shared), &mut rng, items)?;
            items.truncate(got);
        }
        if params.log_q {
            #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
            let others = n.saturating_sub(1).max(1) as f32;
            let expected = |item: ItemId| {
                let drawn = |n| sampler.log_expected_count(&cx.with_draws(n), item);
                match (negatives.in_batch, negatives.shared) {
                    (true, 0) => drawn(n.saturating_sub(1).max(1)),
                    (true, shared) => {
                        let of_batch = log_shares.get(item as usize).copied().unwrap_or(f32::NEG_INFINITY);
                        (others * of_batch.exp() + drawn(shared).exp()).ln()
                    }
                    (false, shared) => drawn(shared),
                }
            };
            log_counts.extend(targets.iter().chain(&*items).map(|&item| finite(expected(item))));
        }
        Ok(())
    }
}

/// An item that the law never draws has nothing to be corrected.
fn finite(log_count: f32) -> f32 {
    if log_count.is_finite() { log_count } else { 0.0 }
}
