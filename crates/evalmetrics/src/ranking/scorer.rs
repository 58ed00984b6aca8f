use std::ops::Range;

use embed_core::ItemId;

use crate::EvalError;

/// Says how much each user should like each item.
///
/// Scores are asked for in tiles, some users by some items, so that no matrix of all users and items exists.
/// A larger score ranks higher. A score of -inf means that the item is never recommended to the user.
pub trait Scorer: Sync {
    /// Items of the catalogue: every id is below it.
    fn n_items(&self) -> usize;

    /// Writes the scores of `users` for the ids `items` into `out` `[users.len(), items.len()]`, row-major.
    /// The same user and item have the same score in whatever tile they come.
    ///
    /// # Errors
    /// [`EvalError::UnknownUser`] for a user without scores, [`EvalError::Implementation`] for anything else.
    fn scores_into(&self, users: &[u32], items: Range<usize>, out: &mut [f32]) -> Result<(), EvalError>;

    /// How many items are best scored at once. A scorer that can only do the whole catalogue says
    /// `self.n_items()`.
    fn items_at_once(&self) -> usize {
        2048
    }
}

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
}

impl Scorer for PopularityScorer {
    fn n_items(&self) -> usize {
        self.scores.len()
    }

    fn scores_into(&self, users: &[u32], items: Range<usize>, out: &mut [f32]) -> Result<(), EvalError> {
        let scores = &self.scores[items];
        for row in out.chunks_exact_mut(scores.len()).take(users.len()) {
            row.copy_from_slice(scores);
        }
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

impl<F: Fn(u32, ItemId) -> f32 + Sync> FnScorer<F> {
    /// A catalogue of `n_items`, scored by `score(user, item)`.
    pub fn new(n_items: usize, score: F) -> Self {
        Self { n_items, score }
    }
}

impl<F: Fn(u32, ItemId) -> f32 + Sync> Scorer for FnScorer<F> {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn scores_into(&self, users: &[u32], items: Range<usize>, out: &mut [f32]) -> Result<(), EvalError> {
        for (row, &user) in out.chunks_exact_mut(items.len()).zip(users) {
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
