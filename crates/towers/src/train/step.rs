use embed_core::{ItemId, NegativeContext, SampleError, SeededRng};
use rayon::prelude::*;

use super::{FitParams, NegativeCounts, Resolved};
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
    negatives: &Resolved<'_>,
    (params, place): (&FitParams, Place),
    (work, drawn): (&mut Work<U::Tape, I::Tape>, &mut Drawn),
) -> Result<Option<f64>, FitError> {
    let cx = Context { histories, seed: place.seed, step: place.step, view: None };
    drawn.targets.clear();
    drawn.targets.extend(examples.iter().filter_map(|&example| histories.target(example)));
    model.forward_users(cx, examples, work)?;
    drawn.draw((histories, log_shares), examples, negatives, place, &work.users)?;
    let batch = Batch {
        examples,
        targets: &drawn.targets,
        candidates: Candidates {
            in_batch: negatives.counts.in_batch,
            items: &drawn.items,
            own: negatives.counts.per_example,
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

    #[expect(clippy::cast_possible_truncation, reason = "logarithms in f32")]
    fn draw(
        &mut self,
        (histories, log_shares): (&Histories, &[f32]),
        examples: &[Example],
        negatives: &Resolved<'_>,
        place: Place,
        users: &crate::Buffer,
    ) -> Result<(), FitError> {
        let Self { targets, items, log_counts } = self;
        let n = targets.len();
        let NegativeCounts { in_batch, per_batch, per_example, corrected } = negatives.counts;
        let sampler = negatives.sampler.as_deref();
        let cx = NegativeContext::default().at(place.step, place.epoch).batch(targets);
        items.clear();
        log_counts.clear();
        if let Some(sampler) = sampler.filter(|_| per_example > 0) {
            items.resize(n * per_example, 0);
            log_counts.resize(if corrected { n * (per_example + 1) } else { 0 }, 0.0);
            let (of_positives, of_items) = log_counts.split_at_mut(if corrected { n } else { 0 });
            let (mut of_positives, mut of_items) =
                (of_positives.iter_mut(), of_items.chunks_mut(per_example));
            let rows: Vec<_> = (items.chunks_mut(per_example).enumerate())
                .map(|(i, out)| (i, out, of_positives.next(), of_items.next()))
                .collect();
            return rows
                .into_par_iter()
                .try_for_each(|(i, out, of_positive, of_items)| {
                    let cx = cx
                        .with_draws(per_example)
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
        let cx = cx.with_draws(per_batch);
        if let Some(sampler) = sampler {
            items.resize(per_batch, 0);
            let mut rng = SeededRng::stream(place.seed, "shared negatives", place.step);
            let got = sampler.sample_into(&cx, &mut rng, items)?;
            items.truncate(got);
        }
        if corrected {
            let share = |item: ItemId| log_shares.get(item as usize).copied().unwrap_or(f32::NEG_INFINITY);
            let expected = |item: ItemId| match sampler {
                // ln of (n − 1) · share
                None => share(item) + others(n).ln() as f32,
                Some(sampler) => {
                    let drawn = sampler.log_expected_count(&cx, item);
                    let of_batch = others(n) as f32 * share(item).exp();
                    if in_batch { (of_batch + drawn.exp()).ln() } else { drawn }
                }
            };
            log_counts.extend(targets.iter().chain(&*items).map(|&item| finite(expected(item))));
        }
        Ok(())
    }
}

/// Number of a row's negatives among the positives of a batch of `n`; one at the least.
#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn others(n: usize) -> f64 {
    n.saturating_sub(1).max(1) as f64
}

/// An item that the law never draws has nothing to be corrected.
fn finite(log_count: f32) -> f32 {
    if log_count.is_finite() { log_count } else { 0.0 }
}
