use embed_core::{Batch as Seen, Csr, Flow, ItemId, NegativeContext, Progress, RowMask, Run, SeededRng};
use ndarray::Array2;

use super::snapshot::Snapshot;
use super::step::{Drawn, Place, step};
use super::{
    EpochReport, FitParams, FitRecord, FitReport, NegativeSampling, Ranked, Resolved, Standard, Validation,
    rank,
};
use crate::FitError;
use crate::models::{Context, Encoder, Example, Histories, TwoTower, Work};

/// The observer is asked after about so many positives.
const EXAMPLES_PER_REPORT: usize = 1 << 15;

/// A training that goes on pass by pass: between two passes it can be looked at, saved and taken up again.
///
/// Batches are a new order of all positives for each pass. Every draw is a function of the seed and the step, so a training
/// that is resumed gives the same bits as one that was never interrupted, with any number of threads.
#[derive(Debug)]
pub struct Training<'d, U: Encoder<Example>, I: Encoder<ItemId>> {
    pub(super) model: TwoTower<U, I>,
    pub(super) params: FitParams,
    negatives: Resolved<'d>,
    histories: &'d Histories,
    /// Items that are held out, a row a user.
    truth: Option<&'d Csr>,
    /// Users that validation ranks.
    ranked: Vec<u32>,
    examples: Vec<Example>,
    /// ln of each item's share of all interactions.
    log_shares: Vec<f32>,
    pub(super) seed: u64,
    pub(super) step: u64,
    pub(super) report: FitReport,
    /// The best model so far, or without validation the one after the last whole pass.
    pub(super) kept: Snapshot,
    pub(super) best: f64,
    pub(super) since_best: u32,
    /// What plateaus have made of the rates.
    pub(super) plateau: f32,
    work: Work<U::Tape, I::Tape>,
    drawn: Drawn,
    /// Items and users of the positives of the first pass so far.
    met: Met,
}

/// A model at the end of its training, finished or not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trained<U, I> {
    /// The model, the best one where validation chose it.
    pub model: TwoTower<U, I>,
    /// Report of the training; [`FitReport::stopped`] says whether it was cut short.
    pub report: FitReport,
    /// The settings of the training, negatives included.
    pub record: FitRecord,
    /// Items that were a positive.
    pub items: RowMask,
    /// Users that had a positive.
    pub users: RowMask,
}

/// Training data of two encoders.
#[derive(Debug, Clone)]
pub struct TrainingData<'d> {
    /// Histories of the users.
    pub histories: &'d Histories,
    /// Positives that the model can be trained on.
    pub examples: Vec<Example>,
    /// Items that validation ranks, a row a user, which are not in the histories.
    pub held_out: Option<&'d Csr>,
}

impl<'d, U: Encoder<Example>, I: Encoder<ItemId>> Training<'d, U, I> {
    /// A training that begins with a model.
    ///
    /// # Errors
    /// - [`FitError::Layer`] for a setting out of its range.
    /// - [`FitError::Negatives`] for negatives that cannot be; [`FitError::Sample`] when no item can be drawn.
    /// - [`FitError::NothingHeldOut`] for validation without anything held out.
    /// - [`FitError::Empty`] when there is no positive.
    /// - [`FitError::Catalogue`] when the sampler is over other items, or what is held out is of other users.
    pub fn new(
        model: TwoTower<U, I>,
        params: &FitParams,
        data: TrainingData<'d>,
        negatives: impl Into<NegativeSampling<'d>>,
        seed: u64,
    ) -> Result<Self, FitError> {
        Self::with_standard(model, params, data, (negatives.into(), Standard::Ids), seed)
    }

    pub(crate) fn with_standard(
        model: TwoTower<U, I>,
        params: &FitParams,
        data: TrainingData<'d>,
        (negatives, standard): (NegativeSampling<'d>, Standard),
        seed: u64,
    ) -> Result<Self, FitError> {
        params.validate()?;
        negatives.validate()?;
        let TrainingData { histories, examples, held_out: truth } = data;
        let interactions = histories.sequences().n_tokens();
        if examples.iter().any(|&example| histories.target(example).is_none()) || examples.is_empty() {
            return Err(FitError::Empty { users: histories.n_users(), interactions });
        }
        let mut ranked = Vec::new();
        if let Some(Validation { users, .. }) = params.validation {
            let truth = truth.ok_or(FitError::NothingHeldOut)?;
            let (expected, got) = (histories.n_users(), truth.n_rows());
            if expected != got {
                return Err(FitError::Catalogue { what: "users of held-out items", expected, got });
            }
            let all: Vec<u32> =
                (0..).zip(truth.rows()).filter(|(_, row)| !row.is_empty()).map(|(u, _)| u).collect();
            ranked.extend(all.iter().step_by(all.len().div_ceil(users).max(1)));
        }
        let report = FitReport {
            examples: examples.len() as u64,
            without_history: (interactions - examples.len().min(interactions)) as u64,
            ..FitReport::default()
        };
        let counts = histories.sequences().counts();
        let negatives = negatives.resolve(&counts, standard)?;
        let mut kept = Snapshot::default();
        kept.take(&model);
        Ok(Self {
            model,
            params: params.clone(),
            negatives,
            histories,
            truth,
            ranked,
            examples,
            log_shares: log_shares(&counts),
            seed,
            step: 0,
            report,
            kept,
            best: f64::NEG_INFINITY,
            since_best: 0,
            plateau: 1.0,
            work: Work::default(),
            drawn: Drawn::default(),
            met: Met { items: vec![false; histories.n_items()], users: vec![false; histories.n_users()] },
        })
    }

    /// The model as it is.
    #[must_use]
    pub fn model(&self) -> &TwoTower<U, I> {
        &self.model
    }

    /// The settings, negatives included.
    #[must_use]
    pub fn record(&self) -> FitRecord {
        FitRecord { fit: self.params.clone(), negatives: self.negatives.counts }
    }

    /// What was done so far.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// Steps of a pass.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.examples.len().div_ceil(self.params.batch) as u64
    }

    /// Steps of all passes.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        let all = self.steps_per_epoch() * u64::from(self.params.epochs);
        if self.params.max_steps == 0 { all } else { all.min(self.params.max_steps) }
    }

    /// Whether there is nothing left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let report = &self.report;
        let over = report.stopped || report.stopped_early || report.diverged_at.is_some();
        over || report.epochs_done >= self.params.epochs || self.step >= self.total_steps()
    }

    /// One pass; whether there is another to do. The observer may stop within it, and then the pass counts as it stands.
    ///
    /// # Errors
    /// - [`FitError::Sample`] when negatives cannot be drawn.
    /// - [`FitError::Layer`] when a layer cannot work on a batch.
    /// - [`FitError::Diverged`] when loss or gradients are no numbers in the first pass. Later, the training ends with the model
    ///   of the last whole pass, or the best one, and the report says at which step.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn epoch(&mut self, run: &mut Run<'_>) -> Result<bool, FitError> {
        if self.is_done() {
            return Ok(false);
        }
        let epoch = self.report.epochs_done;
        let mut order: Vec<u32> = (0..u32::try_from(self.examples.len()).unwrap_or(u32::MAX)).collect();
        SeededRng::stream(self.seed, "order of positives", epoch.into()).shuffle(&mut order);
        let steps = self.steps_per_epoch();
        let first = self.step - u64::from(epoch) * steps;
        let per_report = (EXAMPLES_PER_REPORT / self.params.batch).max(1) as u64;
        let mut current = EpochReport::default();
        let mut at = first;
        while at < steps && self.step < self.total_steps() {
            let end = steps.min(at + per_report);
            let done = run.parallelism.install(|| self.steps(&order, at..end, epoch))??;
            current.add(&done.report);
            at += done.steps;
            if done.diverged {
                return self.diverged(current);
            }
            let progress = Progress::new("train", self.step, self.total_steps()).loss(done.report.loss);
            if run.report(&progress) == Flow::Stop && self.step < self.total_steps() {
                self.report.stopped = true;
                break;
            }
        }
        if at == steps {
            self.report.epochs_done += 1;
        }
        if self.report.stopped || self.params.validation.is_none() {
            if self.params.validation.is_none() {
                self.kept.take(&self.model);
            }
        } else if let Some(validation) = self.params.validation
            && (self.report.epochs_done.is_multiple_of(validation.every) || self.is_done())
        {
            let ranked = run.parallelism.install(|| self.rank(validation.k))?;
            current.validation = Some(ranked);
            self.judge(validation, ranked);
        }
        self.report.epochs.push(current);
        Ok(!self.is_done())
    }

    /// All passes that are left.
    ///
    /// # Errors
    /// [`FitError::Stopped`] when the observer stopped it, and as [`Training::epoch`]. What was learned so far is in the training
    /// all the same: [`Training::finish`] gives it.
    pub fn run(&mut self, run: &mut Run<'_>) -> Result<(), FitError> {
        self.run_until_stopped(run)?;
        let (epochs_done, step, steps) = (self.report.epochs_done, self.step, self.total_steps());
        if self.report.stopped { Err(FitError::Stopped { epochs_done, step, steps }) } else { Ok(()) }
    }

    /// All passes that are left, or as many as the observer lets go on: [`FitReport::stopped`] says whether it stopped the training.
    ///
    /// # Errors
    /// As [`Training::epoch`].
    pub fn run_until_stopped(&mut self, run: &mut Run<'_>) -> Result<(), FitError> {
        while self.epoch(run)? {}
        Ok(())
    }

    /// Ends the training, with the best model where validation chose one, whether or not there was more to do.
    #[must_use]
    pub fn finish(mut self) -> Trained<U, I> {
        if self.report.best_epoch.is_some() {
            self.kept.restore(&mut self.model);
        }
        if self.report.epochs_done > 0 {
            self.met.mark(self.histories, &self.examples);
        }
        let mask = |met: Vec<bool>| RowMask::from_fn(met.len(), |row| met[row]);
        let record = FitRecord { fit: self.params, negatives: self.negatives.counts };
        Trained {
            model: self.model,
            report: self.report,
            record,
            items: mask(self.met.items),
            users: mask(self.met.users),
        }
    }

    fn judge(&mut self, validation: Validation, ranked: Ranked) {
        if ranked.ndcg > self.best {
            (self.best, self.since_best) = (ranked.ndcg, 0);
            self.report.best_epoch = Some(self.report.epochs_done);
            self.kept.take(&self.model);
        } else {
            self.since_best += 1;
            self.report.stopped_early = self.since_best >= validation.patience;
            if validation.plateau < 1.0 {
                self.plateau *= validation.plateau;
                self.kept.restore(&mut self.model);
            }
        }
    }

    fn diverged(&mut self, current: EpochReport) -> Result<bool, FitError> {
        if self.report.epochs_done == 0 {
            return Err(FitError::Diverged { step: self.step, rate: self.params.table_rate });
        }
        self.kept.restore(&mut self.model);
        self.report.epochs.push(current);
        self.report.diverged_at = Some(self.step);
        Ok(false)
    }

    fn rank(&mut self, k: usize) -> Ranked {
        let cx = Context { seed: self.seed, step: self.step, ..Context::new(self.histories) };
        match self.truth {
            Some(truth) => rank(&self.model, cx, truth, &self.ranked, k, &mut self.work),
            None => Ranked::default(),
        }
    }

    /// Steps of a pass, within the pool.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    fn steps(&mut self, order: &[u32], steps: std::ops::Range<u64>, epoch: u32) -> Result<Done, FitError> {
        let mut done = Done::default();
        let (n, per_epoch, total) = (order.len(), self.steps_per_epoch(), self.total_steps());
        let bound = |at: u64| usize::try_from(n as u64 * at / per_epoch).unwrap_or(n);
        let mut examples = Vec::with_capacity(self.params.batch);
        for at in steps {
            if self.step >= total {
                break;
            }
            examples.clear();
            examples.extend(order[bound(at)..bound(at + 1)].iter().map(|&i| self.examples[i as usize]));
            self.refresh(epoch)?;
            let factor = self.params.schedule.factor(self.step, total) * self.plateau;
            let place = Place { seed: self.seed, step: self.step, epoch, factor };
            let loss = step(
                &mut self.model,
                (self.histories, &self.log_shares),
                &examples,
                &self.negatives,
                (&self.params, place),
                (&mut self.work, &mut self.drawn),
            )?;
            let Some(loss) = loss else {
                done.diverged = true;
                break;
            };
            if epoch == 0 {
                self.met.mark(self.histories, &examples);
            }
            if let Some(sampler) = &mut self.negatives.sampler {
                sampler.observe(&Seen::new(self.step, self.drawn.targets()));
            }
            done.report.add(&EpochReport {
                examples: examples.len() as u64,
                loss: loss / examples.len() as f64,
                validation: None,
            });
            done.steps += 1;
            self.step += 1;
        }
        Ok(done)
    }

    /// Gives the sampler the item vectors of now, if it wants them.
    fn refresh(&mut self, epoch: u32) -> Result<(), FitError> {
        let cx = NegativeContext::default().at(self.step, epoch);
        let Some(sampler) = self.negatives.sampler.as_mut().filter(|sampler| sampler.is_stale(&cx)) else {
            return Ok(());
        };
        let ids: Vec<ItemId> = (0..u32::try_from(self.histories.n_items()).unwrap_or(u32::MAX)).collect();
        let mut items = Array2::zeros((ids.len(), self.model.item.dim()));
        let context = Context { seed: self.seed, step: self.step, ..Context::new(self.histories) };
        self.model.items(context, &ids, items.view_mut(), &mut self.work);
        sampler.refresh(&cx, items.view())?;
        Ok(())
    }
}

/// Items and users of positives, a flag each.
#[derive(Debug)]
struct Met {
    items: Vec<bool>,
    users: Vec<bool>,
}

impl Met {
    /// Takes in the items and the users of these positives.
    fn mark(&mut self, histories: &Histories, examples: &[Example]) {
        for &example in examples {
            if let Some(target) = histories.target(example) {
                self.items[target as usize] = true;
                self.users[example.user as usize] = true;
            }
        }
    }
}

/// What some steps came to.
#[derive(Debug, Default)]
struct Done {
    report: EpochReport,
    steps: u64,
    diverged: bool,
}

impl EpochReport {
    /// Takes in a part of the pass.
    #[expect(clippy::cast_precision_loss, reason = "a mean over fewer than 2⁵³ positives")]
    fn add(&mut self, part: &Self) {
        let sum = self.loss * self.examples as f64 + part.loss * part.examples as f64;
        self.examples += part.examples;
        self.loss = sum / self.examples.max(1) as f64;
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a logarithm in f32")]
fn log_shares(counts: &[u64]) -> Vec<f32> {
    let total: f64 = counts.iter().map(|&count| count as f64).sum();
    counts.iter().map(|&count| (count as f64 / total.max(1.0)).ln() as f32).collect()
}
