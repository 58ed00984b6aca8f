use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};

use embed_core::{Csr, ItemId, Progress, Run};
use rayon::prelude::*;

use crate::expected::{RankSums, TieGroup, float};
use crate::report::{Column, Figure, Figures};
use crate::{EmptyUsers, EvalError, FullRanking, Measure, PerUser, RankingReport};

/// Blocks between two reports to the observer.
const BLOCKS_AT_ONCE: usize = 64;

/// What one evaluation counts, whoever makes the lists: users in fixed blocks, blocks in parallel, sums in order.
#[derive(Debug)]
pub(crate) struct Tally<'t> {
    settings: &'t FullRanking,
    columns: Vec<(Measure, usize)>,
    pub(crate) truth: Cow<'t, Csr>,
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
        let truth = sorted_sets(truth);
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
            users,
            n_empty,
            n_items,
        })
    }

    pub(crate) fn n_items(&self) -> usize {
        self.n_items
    }

    /// Ranks that exist and that some cutoff looks at.
    pub(crate) fn depth(&self) -> usize {
        self.settings.deepest().min(self.n_items)
    }

    /// Adds a user to its block: where the positives stand (best group first), how many cannot be found, and
    /// the list itself.
    pub(crate) fn add(
        &self,
        earned: &mut Earned,
        n_positives: usize,
        groups: &[TieGroup],
        n_unreachable: usize,
        list: impl Iterator<Item = ItemId>,
    ) {
        earned.totals.resize(self.columns.len(), 0.0);
        for (total, &(measure, cutoff)) in earned.totals.iter_mut().zip(&self.columns) {
            let value = self.sums.expected(measure, cutoff, n_positives, groups);
            *total += value;
            if self.settings.per_user {
                earned.values.push(value);
            }
        }
        earned.n_unreachable += n_unreachable;
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
                all.n_unreachable += block.n_unreachable;
            }
            done += window.len();
        }
        let _ = run.report(&Progress::new("evaluate", total as u64, total as u64).unit("users"));
        Ok(self.report(&all))
    }

    fn report(self, all: &Earned) -> RankingReport {
        let n_evaluated = self.users.len();
        let mut means = all.totals.iter().map(|total| total / float(n_evaluated));
        let mut figures = Vec::new();
        for &measure in &self.settings.measures {
            for &cutoff in &self.settings.cutoffs {
                let value = if measure == Measure::Coverage {
                    self.coverage(cutoff)
                } else {
                    means.next().unwrap_or_default()
                };
                figures.push(Figure { measure, cutoff, value });
            }
        }
        let width = self.columns.len();
        let column = |(place, &(measure, cutoff)): (usize, &(Measure, usize))| Column {
            measure,
            cutoff,
            values: all.values.iter().skip(place).step_by(width).copied().collect(),
        };
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
