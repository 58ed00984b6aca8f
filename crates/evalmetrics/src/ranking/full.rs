use embed_core::{Csr, ItemId, Run, Scorer};

use super::expected::TieGroup;
use super::select::Selector;
use super::tally::{Earned, Outcome, Tally, sorted_sets};
use crate::{EvalError, FullRanking, RankingReport, SeenItems};

/// Scores in one tile, at most: 4 MiB of them.
const TILE_SCORES: usize = 1 << 20;
/// Users in one block, at most.
const BLOCK_USERS: usize = 256;

impl FullRanking {
    /// Ranks the whole catalogue for every user and measures where the `truth` stands.
    ///
    /// `seen` and `truth` hold one row a user; the order within a row does not matter, repeats count once, and
    /// values are not read. Under [`SeenItems::Keep`] `seen` is not read, and may have no rows. A positive
    /// that is not in the catalogue stays in the denominator. Items of equal score count with their expected
    /// place over all orders of them, so a constant scorer earns a recall of K over the number of candidates.
    ///
    /// The seed of `run` is not used: nothing is drawn.
    ///
    /// # Errors
    /// - As [`FullRanking::validate`].
    /// - [`EvalError::NoItems`], [`EvalError::TooManyItems`], [`EvalError::TooManyUsers`].
    /// - [`EvalError::Users`] when `seen` has another number of rows than `truth`.
    /// - [`EvalError::NobodyToEvaluate`] when no mean can be taken.
    /// - [`EvalError::BadScore`] names the first user with a score of NaN or +inf, and the item.
    /// - [`EvalError::Stopped`] when the observer ends the run.
    /// - What the scorer returns, for the first block of users that fails.
    ///
    /// # Complexity
    /// The scorer's, one compare a score, and `O(K + positives)` a user. Memory: 4 MiB of scores a thread at most, unless the
    /// scorer asks for longer rows; `16 · K` bytes for each of at most 256 users a thread; 4 bytes an item for coverage.
    ///
    /// # Determinism
    /// The same bits on any number of threads, if the scorer's scores are.
    pub fn evaluate<S: Scorer<u32> + ?Sized>(
        &self,
        scorer: &S,
        seen: &Csr,
        truth: &Csr,
        run: &mut Run<'_>,
    ) -> Result<RankingReport, EvalError> {
        let n_items = scorer.n_items();
        let tally = Tally::new(self, truth, n_items)?;
        let none = Csr::from_rows::<&[ItemId]>([]);
        let seen = match self.seen_items {
            SeenItems::Keep => sorted_sets(&none),
            SeenItems::Mask if seen.n_rows() != truth.n_rows() => {
                let (expected, got) = (truth.n_rows(), seen.n_rows());
                return Err(EvalError::Users { what: "seen items", expected, got });
            }
            SeenItems::Mask => sorted_sets(seen),
        };
        let tile = scorer.items_at_once().clamp(1, n_items);
        let users_at_once = (TILE_SCORES / tile.max(2 * tally.depth())).clamp(1, BLOCK_USERS);
        tally.run(users_at_once, run, |tally, scratch: &mut Scratch, users, earned| {
            scratch.rank(tally, scorer, &seen, users, tile)?;
            for (&user, state) in users.iter().zip(&mut scratch.states) {
                state.settle(tally, user);
            }
            if self.whole() {
                scratch.count(scorer, &seen, users, tile)?;
            }
            for (&user, state) in users.iter().zip(&scratch.states) {
                state.earn(tally, user, earned);
            }
            Ok(())
        })
    }
}

/// One thread's buffers.
#[derive(Debug, Default)]
struct Scratch {
    scores: Vec<f32>,
    states: Vec<UserState>,
}

/// What is kept of one user while the tiles pass.
#[derive(Debug, Default)]
struct UserState {
    selector: Selector,
    /// How many of the row of seen items, and of positives, lie in the tiles that have passed.
    n_seen: usize,
    n_positives: usize,
    /// Scores of the positives that may be recommended, and their places among all of the user.
    found: Vec<(f32, usize)>,
    /// The positives within reach, or all of them where a measure of the whole ranking is asked for.
    groups: Vec<TieGroup>,
    /// The score of each group.
    levels: Vec<f32>,
    candidates: usize,
}

impl Scratch {
    /// Passes the scores of all items for `users` to `take`, tile by tile, what was seen at -inf.
    fn tiles<S: Scorer<u32> + ?Sized>(
        &mut self,
        scorer: &S,
        seen: &Csr,
        users: &[u32],
        tile: usize,
        mut take: impl FnMut(&mut UserState, u32, ItemId, &[f32]) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        self.states.iter_mut().for_each(|state| state.n_seen = 0);
        let n_items = scorer.n_items();
        let asked: Vec<&u32> = users.iter().collect();
        for first in (0..n_items).step_by(tile) {
            let items = first..n_items.min(first + tile);
            let width = items.len();
            self.scores.resize(users.len() * width, 0.0);
            scorer.scores_into(&asked, items, &mut self.scores)?;
            #[expect(clippy::cast_possible_truncation, reason = "Tally::new checked the number of items")]
            let first = first as ItemId;
            let rows = self.scores.chunks_exact_mut(width);
            for ((&user, row), state) in users.iter().zip(rows).zip(&mut self.states) {
                state.mask(first, row, seen.row(user as usize));
                take(state, user, first, row)?;
            }
        }
        Ok(())
    }

    fn rank<S: Scorer<u32> + ?Sized>(
        &mut self,
        tally: &Tally<'_>,
        scorer: &S,
        seen: &Csr,
        users: &[u32],
        tile: usize,
    ) -> Result<(), EvalError> {
        self.states.resize_with(users.len().max(self.states.len()), UserState::default);
        for state in &mut self.states {
            state.restart(tally.depth());
        }
        self.tiles(scorer, seen, users, tile, |state, user, first, row| {
            state.pass(first, row, tally.truth.row(user as usize)).map_err(|item| EvalError::BadScore {
                user,
                item,
                score: row[(item - first) as usize],
            })
        })
    }

    /// Passes all scores once more, and counts how many are above each positive's, and how many tie with it.
    fn count<S: Scorer<u32> + ?Sized>(
        &mut self,
        scorer: &S,
        seen: &Csr,
        users: &[u32],
        tile: usize,
    ) -> Result<(), EvalError> {
        self.states.iter_mut().for_each(UserState::all_groups);
        self.tiles(scorer, seen, users, tile, |state, _, _, row| {
            state.candidates += how_many(row, |score| score > f32::NEG_INFINITY);
            for (&level, group) in state.levels.iter().zip(&mut state.groups) {
                group.above += how_many(row, |score| score > level);
                group.size += how_many(row, |score| score == level);
            }
            Ok(())
        })
    }
}

/// Without branches, for the vector units.
fn how_many(scores: &[f32], which: impl Fn(f32) -> bool) -> usize {
    scores.iter().map(|&score| u32::from(which(score))).sum::<u32>() as usize
}

impl UserState {
    fn restart(&mut self, k: usize) {
        self.selector.restart(k);
        self.n_positives = 0;
        self.found.clear();
        self.candidates = 0;
    }

    /// Puts what was seen of items `first..` at -inf.
    fn mask(&mut self, first: ItemId, row: &mut [f32], seen: &[ItemId]) {
        for &item in &seen[self.n_seen..] {
            let Some(score) = row.get_mut((item - first) as usize) else { break };
            *score = f32::NEG_INFINITY;
            self.n_seen += 1;
        }
    }

    /// Takes the scores of items `first..`.
    fn pass(&mut self, first: ItemId, row: &[f32], positives: &[ItemId]) -> Result<(), ItemId> {
        for &item in &positives[self.n_positives..] {
            let Some(&score) = row.get((item - first) as usize) else { break };
            if score > f32::NEG_INFINITY {
                self.found.push((score, self.n_positives));
            }
            self.n_positives += 1;
        }
        self.selector.scan(first, row)
    }

    /// Ends the user: groups the positives within reach by their score.
    fn settle(&mut self, tally: &Tally<'_>, user: u32) {
        self.selector.finish();
        self.found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.groups.clear();
        self.levels.clear();
        let mut last = f32::NAN;
        for &(score, place) in &self.found {
            let gain = tally.gain(user, place);
            if score == last {
                if let Some(group) = self.groups.last_mut() {
                    group.hits += 1;
                    group.gain += gain;
                }
                continue;
            }
            let (above, size) = match self.selector.place(score) {
                Some(place) => place,
                None if tally.whole() => (0, 0),
                None => break,
            };
            self.groups.push(TieGroup { above, size, hits: 1, gain });
            self.levels.push(score);
            last = score;
        }
    }

    /// Begins to count anew.
    fn all_groups(&mut self) {
        self.groups.iter_mut().for_each(|group| (group.above, group.size) = (0, 0));
    }

    fn earn(&self, tally: &Tally<'_>, user: u32, earned: &mut Earned) {
        let n_positives = tally.truth.row(user as usize).len();
        let outcome = Outcome {
            user,
            groups: &self.groups,
            n_unreachable: n_positives - self.found.len(),
            negatives: self.candidates.saturating_sub(self.found.len()),
        };
        tally.add(earned, outcome, self.selector.neighbors().map(|n| n.id));
    }
}
