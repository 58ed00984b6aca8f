use embed_core::{AnnIndex, Csr, Effort, Filter, ItemId, Run, Scorer, SearchRequest};

use super::expected::TieGroup;
use super::tally::{Earned, Outcome, Tally, sorted_sets};
use crate::{EmbeddingScorer, EvalError, FullRanking, Measure, RankingReport, SeenItems};

/// Users in one block.
const BLOCK_USERS: usize = 128;

impl FullRanking {
    /// Measures lists from anywhere: row `u` of `lists` holds the items recommended to user `u`, best first.
    ///
    /// The order is taken as it is: there are no ties, and nothing is masked. A list shorter than a cutoff
    /// has nothing at the ranks that are missing. What stands beyond the largest cutoff is checked, and not
    /// counted. `n_items` is the size of the catalogue, which coverage is a share of.
    ///
    /// # Errors
    /// - As [`FullRanking::validate`].
    /// - [`EvalError::NoItems`], [`EvalError::TooManyItems`], [`EvalError::TooManyUsers`].
    /// - [`EvalError::Users`] when `lists` has another number of rows than `truth`.
    /// - [`EvalError::NobodyToEvaluate`] when no mean can be taken.
    /// - [`EvalError::NeedsScores`] for [`Measure::Auc`].
    /// - [`EvalError::DuplicateItem`], [`EvalError::UnknownItem`] name the first list of an evaluated user that cannot be one.
    /// - [`EvalError::Stopped`] when the observer ends the run.
    ///
    /// # Complexity
    /// `O(n log n)` a list of n.
    pub fn evaluate_lists(
        &self,
        lists: &Csr,
        truth: &Csr,
        n_items: usize,
        run: &mut Run<'_>,
    ) -> Result<RankingReport, EvalError> {
        self.check_lists()?;
        let tally = Tally::new(self, truth, n_items)?;
        if lists.n_rows() != truth.n_rows() {
            return Err(EvalError::Users { what: "lists", expected: truth.n_rows(), got: lists.n_rows() });
        }
        tally.run(BLOCK_USERS, run, |tally, scratch: &mut ListScratch, users, earned| {
            users.iter().try_for_each(|&user| scratch.add(tally, user, lists.row(user as usize), earned))
        })
    }

    /// Measures what an index finds for the users of a scorer: their vectors are the queries, and under
    /// [`SeenItems::Mask`] the items of `seen` are denied in the search. Users that the scorer has as cold get nothing.
    ///
    /// The lists are the index's own, approximate where it is, equal scores by ascending id; so this measures what would be served,
    /// where [`FullRanking::evaluate`] measures the scores.
    ///
    /// # Errors
    /// - As [`FullRanking::evaluate_lists`], [`EvalError::Users`] for `users` and `seen` also.
    /// - [`EvalError::Dimension`], [`EvalError::Metric`], [`EvalError::Space`], [`EvalError::Keys`] when the index is not over
    ///   what the scorer scores.
    /// - [`EvalError::Search`] with the first user whose search fails.
    pub fn evaluate_index<I: AnnIndex + ?Sized>(
        &self,
        index: &I,
        users: &EmbeddingScorer<'_>,
        effort: Effort,
        seen: &Csr,
        truth: &Csr,
        run: &mut Run<'_>,
    ) -> Result<RankingReport, EvalError> {
        self.check_lists()?;
        let (scorer, users) = (users, users.users());
        if index.dim() != users.ncols() {
            return Err(EvalError::Dimension { expected: index.dim(), got: users.ncols() });
        }
        if index.metric() != scorer.metric() {
            return Err(EvalError::Metric { expected: scorer.metric(), got: index.metric() });
        }
        if !scorer.space().accepts(index.space()) {
            return Err(EvalError::Space { users: scorer.space(), items: index.space() });
        }
        let keys = index.keys().map_err(|source| EvalError::Index { source })?;
        if let (Some(of_index), Some(of_items)) = (keys, scorer.keys()) {
            EvalError::check_keys("index", &of_index, &of_items)?;
        }
        let tally = Tally::new(self, truth, index.id_bound())?;
        let expected = truth.n_rows();
        if users.nrows() != expected {
            return Err(EvalError::Users { what: "vectors", expected, got: users.nrows() });
        }
        let mask = self.seen_items == SeenItems::Mask;
        if mask && seen.n_rows() != expected {
            return Err(EvalError::Users { what: "seen items", expected, got: seen.n_rows() });
        }
        let seen = sorted_sets(seen);
        let users = users.as_standard_layout();
        let vectors = users.as_slice().unwrap_or_default();
        let (dim, depth) = (users.ncols(), tally.depth());
        tally.run(BLOCK_USERS, run, |tally, scratch: &mut ListScratch, block, earned| {
            let (mut found, mut list) = (Vec::new(), Vec::new());
            for &user in block {
                let row = user as usize;
                if scorer.is_cold(user) {
                    scratch.add(tally, user, &[], earned)?;
                    continue;
                }
                let filter = if mask { Filter::Deny(seen.row(row)) } else { Filter::All };
                let request = SearchRequest::k(depth).effort(effort).filter(filter);
                index
                    .search_into(&vectors[row * dim..(row + 1) * dim], &request, &mut found)
                    .map_err(|source| EvalError::Search { user, source })?;
                list.clear();
                list.extend(found.iter().map(|neighbor| neighbor.id));
                scratch.add(tally, user, &list, earned)?;
            }
            Ok(())
        })
    }

    /// Lists end somewhere: how far down the rest is they do not tell.
    fn check_lists(&self) -> Result<(), EvalError> {
        match self.measures.contains(&Measure::Auc) {
            true => Err(EvalError::NeedsScores { measure: Measure::Auc }),
            false => Ok(()),
        }
    }
}

/// One thread's buffers.
#[derive(Debug, Default)]
struct ListScratch {
    /// Items of a list with their ranks from 0, by item.
    ranks: Vec<(ItemId, usize)>,
    groups: Vec<TieGroup>,
}

impl ListScratch {
    fn add(
        &mut self,
        tally: &Tally<'_>,
        user: u32,
        list: &[ItemId],
        earned: &mut Earned,
    ) -> Result<(), EvalError> {
        let n_items = tally.n_items();
        self.ranks.clear();
        self.ranks.extend(list.iter().copied().zip(0..));
        self.ranks.sort_unstable();
        if let Some(&item) = list.iter().find(|&&item| item as usize >= n_items) {
            return Err(EvalError::UnknownItem { user, item, n_items });
        }
        if let Some(pair) = self.ranks.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let (first, second) = (pair[0].1 + 1, pair[1].1 + 1);
            return Err(EvalError::DuplicateItem { user, item: pair[0].0, first, second });
        }
        let positives = tally.truth.row(user as usize);
        self.groups.clear();
        for (at, &item) in positives.iter().enumerate() {
            if let Ok(place) = self.ranks.binary_search_by_key(&item, |&(item, _)| item) {
                let (above, gain) = (self.ranks[place].1, tally.gain(user, at));
                self.groups.push(TieGroup { above, size: 1, hits: 1, gain });
            }
        }
        self.groups.sort_unstable_by_key(|group| group.above);
        let n_unreachable = positives.iter().filter(|&&item| item as usize >= n_items).count();
        let outcome = Outcome { user, groups: &self.groups, n_unreachable, negatives: 0 };
        tally.add(earned, outcome, list.iter().copied().take(tally.depth()));
        Ok(())
    }
}
