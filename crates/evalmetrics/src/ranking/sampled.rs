use std::ops::Range;

use embed_core::{Csr, ItemId, Run, Scorer, SeededRng};

use super::expected::TieGroup;
use super::tally::{Earned, Outcome, Tally, sorted_sets};
use crate::{EvalError, FullRanking, Measure, RankingReport, SeenItems};

/// Users in one block.
const BLOCK_USERS: usize = 64;

/// Evaluation on a few candidates a user: its positives and some negatives, given or drawn.
///
/// Such figures are not those of the full ranking, and may order models differently (Krichene & Rendle, On
/// Sampled Metrics for Item Recommendation, 2020). They are for comparison with published tables that have
/// them; their names say so: `sampled_hr@10`.
///
/// ```
/// use embed_core::{Csr, Run};
/// use evalmetrics::{PopularityScorer, SampledRanking};
///
/// let popularity = PopularityScorer::new(&[9, 5, 4, 1]);
/// let (truth, negatives) = (Csr::from_rows([[1]]), Csr::from_rows([[2, 3]]));
/// let report = SampledRanking::at([1]).evaluate(&popularity, &negatives, &truth, &mut Run::default())?;
/// assert_eq!(report.value("sampled_hr@1"), Some(1.0));
/// # Ok::<(), evalmetrics::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledRanking(
    /// What is measured, at which cutoffs, by which policies; [`Measure::Coverage`] cannot be.
    pub FullRanking,
);

impl Default for SampledRanking {
    /// The usual measures but coverage, at 10.
    fn default() -> Self {
        Self::at([10])
    }
}

impl SampledRanking {
    /// The usual measures but coverage, at these cutoffs.
    #[must_use]
    pub fn at(cutoffs: impl Into<Vec<usize>>) -> Self {
        let mut settings = FullRanking::at(cutoffs);
        settings.measures.retain(|&measure| measure != Measure::Coverage);
        Self(settings)
    }

    /// Ranks the positives of each user among given negatives, one row a user. A negative that is also a
    /// positive counts as the positive; repeats count once.
    ///
    /// # Errors
    /// As [`FullRanking::evaluate`], and [`EvalError::NeedsCatalogue`] for [`Measure::Coverage`];
    /// [`EvalError::UnknownItem`] for a negative that is not in the catalogue; [`EvalError::NoNegatives`] for a
    /// user without any.
    ///
    /// # Complexity
    /// The scores of the candidates, each run of neighbouring ids at once; of all items where the scorer can do no less.
    pub fn evaluate<S: Scorer<u32> + ?Sized>(
        &self,
        scorer: &S,
        negatives: &Csr,
        truth: &Csr,
        run: &mut Run<'_>,
    ) -> Result<RankingReport, EvalError> {
        let (expected, got) = (truth.n_rows(), negatives.n_rows());
        if got != expected {
            return Err(EvalError::Users { what: "negatives", expected, got });
        }
        let n_items = scorer.n_items();
        for (user, row) in (0u32..).zip(negatives.rows()) {
            if let Some(&item) = row.iter().find(|&&item| item as usize >= n_items) {
                return Err(EvalError::UnknownItem { user, item, n_items });
            }
        }
        let negatives = sorted_sets(negatives);
        self.run(scorer, truth, run, |user, _, out| out.extend_from_slice(negatives.row(user as usize)))
    }

    /// Ranks the positives of each user among `n` items drawn uniformly, without repeats, from those that are
    /// neither positives nor, under [`SeenItems::Mask`], among `seen`; among all of them where they are fewer.
    ///
    /// # Errors
    /// As [`SampledRanking::evaluate`].
    ///
    /// # Determinism
    /// The draws of a user depend on the seed of `run` and the user's number alone.
    pub fn evaluate_drawn<S: Scorer<u32> + ?Sized>(
        &self,
        scorer: &S,
        n: usize,
        seen: &Csr,
        truth: &Csr,
        run: &mut Run<'_>,
    ) -> Result<RankingReport, EvalError> {
        let mask = self.0.seen_items == SeenItems::Mask;
        let (expected, got) = (truth.n_rows(), seen.n_rows());
        if mask && got != expected {
            return Err(EvalError::Users { what: "seen items", expected, got });
        }
        if n == 0 {
            return Err(EvalError::NoNegatives);
        }
        let seen = sorted_sets(seen);
        let (seed, n_items) = (run.seed, u32::try_from(scorer.n_items()).unwrap_or(u32::MAX));
        self.run(scorer, truth, run, |user, positives, out| {
            let seen = if mask { seen.row(user as usize) } else { &[] };
            let mut rng = SeededRng::stream(seed, "sampled negatives", u64::from(user));
            draw(
                n,
                n_items,
                |item| positives.binary_search(&item).is_ok() || seen.binary_search(&item).is_ok(),
                &mut rng,
                out,
            );
        })
    }

    fn run<S: Scorer<u32> + ?Sized>(
        &self,
        scorer: &S,
        truth: &Csr,
        run: &mut Run<'_>,
        negatives: impl Fn(u32, &[ItemId], &mut Vec<ItemId>) + Sync,
    ) -> Result<RankingReport, EvalError> {
        if self.0.measures.contains(&Measure::Coverage) {
            return Err(EvalError::NeedsCatalogue { measure: Measure::Coverage });
        }
        let tally = Tally::new(&self.0, truth, scorer.n_items())?.sampled();
        tally.run(BLOCK_USERS, run, |tally, scratch: &mut Candidates, users, earned| {
            users.iter().try_for_each(|&user| {
                scratch.items.clear();
                negatives(user, tally.truth.row(user as usize), &mut scratch.items);
                if scratch.items.is_empty() {
                    return Err(EvalError::NoNegatives);
                }
                scratch.rank(tally, scorer, user, earned)
            })
        })
    }
}

/// `n` items that are not `banned`, or all where they are fewer: by rejection while few are banned, else from
/// the list of what is allowed.
fn draw(n: usize, n_items: u32, banned: impl Fn(ItemId) -> bool, rng: &mut SeededRng, out: &mut Vec<ItemId>) {
    let enough = n.checked_mul(2).is_some_and(|twice| twice <= n_items as usize);
    if enough {
        for _ in 0..20 * n {
            let item = rng.below(n_items);
            if !banned(item) && !out.contains(&item) {
                out.push(item);
            }
            if out.len() == n {
                return;
            }
        }
        out.clear();
    }
    out.extend((0..n_items).filter(|&item| !banned(item)));
    let wanted = n.min(out.len());
    for front in 0..wanted {
        let left = u32::try_from(out.len() - front).unwrap_or(u32::MAX);
        out.swap(front, front + rng.below(left) as usize);
    }
    out.truncate(wanted);
}

/// One thread's buffers.
#[derive(Debug, Default)]
struct Candidates {
    /// Negatives, then all candidates.
    items: Vec<ItemId>,
    scores: Vec<f32>,
    /// (score, item, place among the positives), best first.
    ranked: Vec<(f32, ItemId, Option<usize>)>,
    groups: Vec<TieGroup>,
}

impl Candidates {
    fn rank<S: Scorer<u32> + ?Sized>(
        &mut self,
        tally: &Tally<'_>,
        scorer: &S,
        user: u32,
        earned: &mut Earned,
    ) -> Result<(), EvalError> {
        let positives = tally.truth.row(user as usize);
        let n_items = scorer.n_items();
        self.items.extend(positives.iter().filter(|&&item| (item as usize) < n_items));
        self.items.sort_unstable();
        self.items.dedup();
        self.ranked.clear();
        for run in runs(&self.items, scorer.items_at_once() >= n_items, n_items) {
            self.scores.clear();
            self.scores.resize(run.len(), 0.0);
            scorer.scores_into(&[&user], run.clone(), &mut self.scores)?;
            let from = self.items.partition_point(|&item| (item as usize) < run.start);
            for &item in self.items[from..].iter().take_while(|&&item| (item as usize) < run.end) {
                let score = self.scores[item as usize - run.start];
                if score.is_nan() || score == f32::INFINITY {
                    return Err(EvalError::BadScore { user, item, score });
                }
                if score > f32::NEG_INFINITY {
                    self.ranked.push((score + 0.0, item, positives.binary_search(&item).ok()));
                }
            }
        }
        self.ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.groups.clear();
        let (mut above, mut found) = (0, 0);
        for tied in self.ranked.chunk_by(|a, b| a.0 == b.0) {
            let of_group = tied.iter().filter_map(|entry| entry.2);
            let hits = of_group.clone().count();
            if hits > 0 {
                let gain = of_group.map(|place| tally.gain(user, place)).sum();
                self.groups.push(TieGroup { above, size: tied.len(), hits, gain });
            }
            above += tied.len();
            found += hits;
        }
        let outcome = Outcome {
            user,
            groups: &self.groups,
            n_unreachable: positives.len() - found,
            negatives: self.ranked.len() - found,
        };
        tally.add(earned, outcome, self.ranked.iter().map(|entry| entry.1).take(tally.depth()));
        Ok(())
    }
}

/// Ranges of ids that hold the `items` (ascending) and nothing else, or the whole catalogue.
fn runs(items: &[ItemId], whole: bool, n_items: usize) -> Vec<Range<usize>> {
    let spans = items.chunk_by(|a, b| whole || a + 1 == *b);
    let span = |span: &[ItemId]| {
        let tight = span[0] as usize..span[span.len() - 1] as usize + 1;
        if whole { 0..n_items } else { tight }
    };
    spans.map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_allowed() {
        let mut counts = [0u64; 12];
        for seed in 0..6000 {
            for n in [3, 7] {
                let mut out = Vec::new();
                draw(n, 12, |item| item % 4 == 0, &mut SeededRng::new(seed), &mut out);
                let mut set = out.clone();
                set.sort_unstable();
                set.dedup();
                assert!(set.len() == n && set.iter().all(|item| item % 4 != 0), "{out:?}");
                out.iter().for_each(|&item| counts[item as usize] += 1);
            }
        }
        let allowed: Vec<u64> = (0..12).filter(|i| i % 4 != 0).map(|i| counts[i]).collect();
        let test = embed_core::testkit::chi_square(&allowed, &[60_000.0 / 9.0; 9]);
        assert!(!test.rejects(1e-4), "{counts:?}");
        let mut all = Vec::new();
        draw(50, 12, |item| item == 5, &mut SeededRng::new(1), &mut all);
        assert_eq!(all.len(), 11);
        let mut few = Vec::new();
        draw(6, 12, |item| item > 1, &mut SeededRng::new(1), &mut few);
        few.sort_unstable();
        assert_eq!(few, [0, 1]);
    }
}
