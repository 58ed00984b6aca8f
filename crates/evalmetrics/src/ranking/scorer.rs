use std::ops::Range;

use embed_core::{Csr, ItemId, KeyTable, ScoreError, Scorer};

use crate::ColdUsers;

/// The same score for everyone: how often an item was interacted with. The baseline that every model is
/// measured against.
///
/// Counts beyond 2²⁴ may tie with their neighbours, as an `f32` holds no more digits. Memory: 4 bytes an item.
#[derive(Debug, Clone, PartialEq)]
pub struct PopularityScorer {
    scores: Vec<f32>,
}

impl PopularityScorer {
    /// From one count an item.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "documented on the type")]
    pub fn new(counts: &[u64]) -> Self {
        Self { scores: counts.iter().map(|&count| count as f32).collect() }
    }

    /// Number of items of the catalogue.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.scores.len()
    }
}

/// Whatever is asked about.
impl<In: ?Sized> Scorer<In> for PopularityScorer {
    fn n_items(&self) -> usize {
        self.scores.len()
    }

    fn scores_into(&self, inputs: &[&In], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError> {
        ScoreError::check(inputs.len(), &items, self.scores.len(), out.len())?;
        let scores = &self.scores[items];
        out.chunks_exact_mut(scores.len().max(1)).for_each(|row| row.copy_from_slice(scores));
        Ok(())
    }
}

/// Scores from a function of user and item.
///
/// ```
/// use evalmetrics::FnScorer;
///
/// let newest_first = FnScorer::new(100, |_user, item| item as f32);
/// # let _ = newest_first;
/// ```
#[derive(Clone, Copy)]
pub struct FnScorer<F> {
    n_items: usize,
    score: F,
}

impl<F: Fn(u32, ItemId) -> f32 + Send + Sync> FnScorer<F> {
    /// A catalogue of `n_items`, scored by `score(user, item)`.
    pub fn new(n_items: usize, score: F) -> Self {
        Self { n_items, score }
    }
}

impl<F: Fn(u32, ItemId) -> f32 + Send + Sync> Scorer<u32> for FnScorer<F> {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn scores_into(&self, users: &[&u32], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError> {
        ScoreError::check(users.len(), &items, self.n_items, out.len())?;
        for (row, &&user) in out.chunks_exact_mut(items.len().max(1)).zip(users) {
            for (score, item) in row.iter_mut().zip(items.clone()) {
                #[expect(clippy::cast_possible_truncation, reason = "the evaluation asks for ids only")]
                let item = item as ItemId;
                *score = (self.score)(user, item);
            }
        }
        Ok(())
    }
}

impl<F> std::fmt::Debug for FnScorer<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FnScorer").field("n_items", &self.n_items).finish_non_exhaustive()
    }
}

/// Scores of users by id, from a scorer of histories and the history of each user: what an evaluation asks of a model
/// that knows no users.
///
/// ```
/// use embed_core::{Csr, Run};
/// use evalmetrics::{ColdUsers, FullRanking, HistoryScorer, PopularityScorer};
///
/// let (histories, truth) = (Csr::from_rows([[0u32]]), Csr::from_rows([[2u32]]));
/// let scorer = HistoryScorer::new(PopularityScorer::new(&[9, 1, 5]), &histories, ColdUsers::Refuse);
/// let report = FullRanking::at([1]).evaluate(&scorer, &histories, &truth, &mut Run::default())?;
/// assert_eq!(report.get("hr", 1), Some(1.0), "item 0 was seen, item 2 is next");
/// # Ok::<(), evalmetrics::EvalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HistoryScorer<'a, S> {
    scorer: S,
    histories: &'a Csr,
    cold_users: ColdUsers,
}

impl<'a, S: Scorer<[ItemId]>> HistoryScorer<'a, S> {
    /// Row `u` of `histories` is the history of user `u`, oldest item first.
    #[must_use]
    pub fn new(scorer: S, histories: &'a Csr, cold_users: ColdUsers) -> Self {
        Self { scorer, histories, cold_users }
    }
}

impl<S: Scorer<[ItemId]>> Scorer<u32> for HistoryScorer<'_, S> {
    fn n_items(&self) -> usize {
        self.scorer.n_items()
    }

    fn items_at_once(&self) -> usize {
        self.scorer.items_at_once()
    }

    fn keys(&self) -> Option<KeyTable> {
        self.scorer.keys()
    }

    fn scores_into(&self, users: &[&u32], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError> {
        ScoreError::check(users.len(), &items, self.n_items(), out.len())?;
        let n_users = self.histories.n_rows();
        if let Some(&&user) = users.iter().find(|&&&user| user as usize >= n_users) {
            return Err(ScoreError::UnknownUser { user, n_users });
        }
        let histories: Vec<&[ItemId]> =
            users.iter().map(|&&user| self.histories.row(user as usize)).collect();
        match (self.scorer.scores_into(&histories, items.clone(), out), self.cold_users) {
            // Some of the block have no history: one by one.
            (Err(ScoreError::Empty { .. }), ColdUsers::RecommendNothing) => {
                for (history, row) in histories.iter().zip(out.chunks_exact_mut(items.len().max(1))) {
                    match self.scorer.scores_into(&[history], items.clone(), row) {
                        Err(ScoreError::Empty { .. }) => row.fill(f32::NEG_INFINITY),
                        other => other?,
                    }
                }
                Ok(())
            }
            (scored, _) => scored,
        }
    }
}
