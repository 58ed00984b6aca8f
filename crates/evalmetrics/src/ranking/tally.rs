use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};

use embed_core::{Csr, ItemId, Progress, Run};
use rayon::prelude::*;

use super::expected::{RankSums, TieGroup, Wanted};
use super::report::{Column, Figure, Figures};
use crate::number::float;
use crate::{EmptyUsers, EvalError, FullRanking, Gain, Measure, PerUser, RankingReport};

/// Blocks between two reports to the observer.
const BLOCKS_AT_ONCE: usize = 64;

/// What one evaluation counts, whoever makes the lists: users in fixed blocks, blocks in parallel, sums in order.
#[derive(Debug)]
pub(crate) struct Tally<'t> {
    settings: &'t FullRanking,
    columns: Vec<(Measure, Option<usize>)>,
    pub(crate) truth: Cow<'t, Csr>,
    /// Whether only some candidates are ranked.
    sampled: bool,
    users: Vec<u32>,
    n_empty: usize,
    n_items: usize,
    sums: RankSums,
    /// The best rank (from 0) an item has in anyone's list; empty when nobody asks.
    best_ranks: Vec<AtomicU32>,
}

/// What the users of a block earned.
#[derive(Debug, Default)]
pub(crate) struct Earned {
    /// One sum a column.
    totals: Vec<f64>,
    /// One row of columns a user, where they are kept.
    values: Vec<f64>,
    n_unreachable: usize,
    /// One list a user, where they are kept.
    lists: Vec<Vec<ItemId>>,
    gains: Vec<f64>,
}

/// How a user did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome<'a> {
    pub(crate) user: u32,
    /// Where the positives stand, best group first.
    pub(crate) groups: &'a [TieGroup],
    /// Positives that cannot be found.
    pub(crate) n_unreachable: usize,
    /// Candidates that are no positives, where a measure of the whole ranking is asked for.
    pub(crate) negatives: usize,
}

impl<'t> Tally<'t> {
    pub(crate) fn new(settings: &'t FullRanking, truth: &'t Csr, n_items: usize) -> Result<Self, EvalError> {
        settings.validate()?;
        let limit = u32::MAX as usize;
        if n_items == 0 {
            return Err(EvalError::NoItems);
        }
        if n_items > limit {
            return Err(EvalError::TooManyItems { got: n_items, limit });
        }
        if truth.n_rows() > limit {
            return Err(EvalError::TooManyUsers { got: truth.n_rows(), limit });
        }
        let graded = settings.measures.contains(&Measure::GradedNdcg);
        let truth = if graded { Cow::Owned(with_gains(truth, settings.gain)?) } else { sorted_sets(truth) };
        let n_empty = truth.rows().filter(|row| row.is_empty()).count();
        let keep_empty = settings.empty_users == EmptyUsers::CountAsZero;
        let users: Vec<u32> = (0u32..)
            .zip(truth.rows())
            .filter(|(_, positives)| keep_empty || !positives.is_empty())
            .map(|(user, _)| user)
            .collect();
        if users.is_empty() {
            return Err(EvalError::NobodyToEvaluate { users: truth.n_rows() });
        }
        let most_positives = truth.rows().map(<[ItemId]>::len).max().unwrap_or(0);
        let last_rank = settings.deepest().min(n_items.max(most_positives));
        let covers = settings.measures.contains(&Measure::Coverage);
        Ok(Self {
            columns: settings.per_user_columns(),
            sums: RankSums::new(last_rank),
            best_ranks: (0..if covers { n_items } else { 0 }).map(|_| AtomicU32::new(u32::MAX)).collect(),
            settings,
            truth,
            sampled: false,
            users,
            n_empty,
            n_items,
        })
    }

    pub(crate) fn n_items(&self) -> usize {
        self.n_items
    }

    /// Whether a measure of the whole ranking is asked for.
    pub(crate) fn whole(&self) -> bool {
        self.settings.whole()
    }

    /// Ranks that exist and that some cutoff looks at.
    pub(crate) fn depth(&self) -> usize {
        self.settings.deepest().min(self.n_items)
    }

    /// The same, of rankings of sampled candidates.
    pub(crate) fn sampled(self) -> Self {
        Self { sampled: true, ..self }
    }

    /// What a positive of a user is worth, by its place among them.
    pub(crate) fn gain(&self, user: u32, place: usize) -> f64 {
        let values = self.truth.row_values(user as usize);
        values.get(place).map_or(1.0, |&value| self.settings.gain.of(value))
    }

    /// Adds a user to its block, and what was recommended to it.
    pub(crate) fn add(
        &self,
        earned: &mut Earned,
        of: Outcome<'_>,
        list: impl Iterator<Item = ItemId> + Clone,
    ) {
        let positives = self.truth.row(of.user as usize).len();
        earned.gains.clear();
        if self.settings.measures.contains(&Measure::GradedNdcg) {
            earned.gains.extend((0..positives).map(|place| self.gain(of.user, place)));
            earned.gains.sort_unstable_by(|a, b| b.total_cmp(a));
        }
        earned.totals.resize(self.columns.len(), 0.0);
        let wanted = Wanted { positives, gains: &earned.gains, negatives: of.negatives };
        for (total, &(measure, cutoff)) in earned.totals.iter_mut().zip(&self.columns) {
            let value = self.sums.expected(measure, cutoff.unwrap_or_default(), wanted, of.groups);
            *total += value;
            if self.settings.per_user {
                earned.values.push(value);
            }
        }
        earned.n_unreachable += of.n_unreachable;
        if self.settings.lists {
            earned.lists.push(list.clone().collect());
        }
        if !self.best_ranks.is_empty() {
            for (rank, item) in (0..).zip(list) {
                let best = &self.best_ranks[item as usize];
                // Mostly the item is there already: reading first keeps the line shared between threads.
                if best.load(Ordering::Relaxed) > rank {
                    best.fetch_min(rank, Ordering::Relaxed);
                }
            }
        }
    }

    /// Runs `work` on every block of `users_at_once` users and makes the report.
    pub(crate) fn run<S, W>(
        self,
        users_at_once: usize,
        run: &mut Run<'_>,
        work: W,
    ) -> Result<RankingReport, EvalError>
    where
        S: Default,
        W: Fn(&Self, &mut S, &[u32], &mut Earned) -> Result<(), EvalError> + Sync,
    {
        let total = self.users.len();
        let mut all = Earned { totals: vec![0.0; self.columns.len()], ..Earned::default() };
        let mut done = 0;
        for window in self.users.chunks(users_at_once * BLOCKS_AT_ONCE) {
            if !run.report(&Progress::new("evaluate", done as u64, total as u64).unit("users")).goes_on() {
                return Err(EvalError::Stopped { done, total });
            }
            let blocks: Vec<Result<Earned, EvalError>> = run.parallelism.install(|| {
                let blocks = window.par_chunks(users_at_once).map_init(S::default, |scratch, users| {
                    let mut earned = Earned::default();
                    work(&self, scratch, users, &mut earned).map(|()| earned)
                });
                blocks.collect()
            })?;
            for block in blocks {
                let block = block?;
                all.totals.iter_mut().zip(&block.totals).for_each(|(sum, part)| *sum += part);
                all.values.extend(block.values);
                all.lists.extend(block.lists);
                all.n_unreachable += block.n_unreachable;
            }
            done += window.len();
        }
        let _ = run.report(&Progress::new("evaluate", total as u64, total as u64).unit("users"));
        Ok(self.report(all))
    }

    fn report(self, all: Earned) -> RankingReport {
        let n_evaluated = self.users.len();
        let mut means = all.totals.iter().map(|total| total / float(n_evaluated));
        let mut figures = Vec::new();
        for (measure, cutoff) in self.settings.columns() {
            let value = match cutoff {
                Some(cutoff) if measure == Measure::Coverage => self.coverage(cutoff),
                _ => means.next().unwrap_or_default(),
            };
            figures.push(Figure { measure, cutoff, sampled: self.sampled, value });
        }
        let width = self.columns.len();
        let column = |(place, &(measure, cutoff)): (usize, &(Measure, Option<usize>))| Column {
            measure,
            cutoff,
            sampled: self.sampled,
            values: all.values.iter().skip(place).step_by(width).copied().collect(),
        };
        let lists = self.settings.lists.then(|| {
            let mut of_users = self.users.iter().zip(&all.lists).peekable();
            let of_user = |row: usize| {
                of_users
                    .next_if(|(user, _)| **user as usize == row)
                    .map_or(&[][..], |(_, list)| list.as_slice())
            };
            Csr::from_rows((0..self.truth.n_rows()).map(of_user))
        });
        let n_positives = self.users.iter().map(|&user| self.truth.row(user as usize).len()).sum();
        RankingReport {
            metrics: Figures(figures),
            n_evaluated,
            n_empty: self.n_empty,
            n_items: self.n_items,
            n_positives,
            n_unreachable: all.n_unreachable,
            per_user: self.settings.per_user.then(|| PerUser {
                columns: self.columns.iter().enumerate().map(column).collect(),
                users: self.users,
            }),
            lists,
        }
    }

    fn coverage(&self, cutoff: usize) -> f64 {
        let within = |best: &&AtomicU32| (best.load(Ordering::Relaxed) as usize) < cutoff.min(self.n_items);
        float(self.best_ranks.iter().filter(within).count()) / float(self.n_items)
    }
}

impl FullRanking {
    fn deepest(&self) -> usize {
        self.cutoffs.iter().copied().max().unwrap_or(0)
    }
}

/// The same rows, each ascending and without repeats; borrowed when they are so already.
pub(crate) fn sorted_sets(rows: &Csr) -> Cow<'_, Csr> {
    if rows.rows().all(|row| row.is_sorted_by(|a, b| a < b)) {
        Cow::Borrowed(rows)
    } else {
        Cow::Owned(rows.to_sorted_sets())
    }
}

/// The same rows with their values, each ascending and without repeats, of which the largest value counts; and
/// every value is checked to be worth something.
fn with_gains(truth: &Csr, gain: Gain) -> Result<Csr, EvalError> {
    let (mut offsets, mut items, mut values) = (vec![0], Vec::new(), Vec::new());
    let mut row = Vec::new();
    for (user, positives) in (0u32..).zip(truth.rows()) {
        let of_row = truth.row_values(user as usize);
        row.clear();
        row.extend(
            positives.iter().enumerate().map(|(at, &item)| (item, of_row.get(at).copied().unwrap_or(1.0))),
        );
        for &(item, value) in &row {
            let gain = gain.of(value);
            if !(gain.is_finite() && gain >= 0.0) {
                return Err(EvalError::BadGain { user, item, gain });
            }
        }
        row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        row.dedup_by_key(|entry| entry.0);
        items.extend(row.iter().map(|entry| entry.0));
        values.extend(row.iter().map(|entry| entry.1));
        offsets.push(items.len());
    }
    // These arrays cannot fail to be rows.
    Ok(Csr::new(offsets, items, values).unwrap_or_else(|_| truth.to_sorted_sets()))
}
