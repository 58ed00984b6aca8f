//! Closed forms of the measures, in expectation over a uniformly random order within each group of equal scores.
//!
//! A list is cut into groups of equal scores. A group of `size` items begins below `above` items and holds
//! `hits` positives; the groups stand in a known order, and only the order inside a group is random. Below, `s`
//! is `above`, `m` is `size`, `r` is `hits`, and the group covers ranks `s+1 ..= s+m`, of which `e = min(s+m, K)`
//! is the last that counts.

use crate::Measure;
use crate::number::float;

/// Items of equal score, some of them positives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TieGroup {
    /// Items with a larger score.
    pub(crate) above: usize,
    /// Items with this score.
    pub(crate) size: usize,
    /// Positives among them; at least 1.
    pub(crate) hits: usize,
    /// The sum of what those are worth.
    pub(crate) gain: f64,
}

/// What is to be found for a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Positives in all, those included that cannot be found.
    pub(crate) positives: usize,
    /// What they are worth, largest first, where that is asked for.
    pub(crate) gains: &'a [f64],
    /// Candidates that are no positives, where that is asked for.
    pub(crate) negatives: usize,
}

/// Sums over ranks, for all ranks that occur.
#[derive(Debug)]
pub(crate) struct RankSums {
    /// `discount[p] = Σ_{q≤p} 1 / log2(q + 1)`.
    discount: Vec<f64>,
    /// `harmonic[p] = Σ_{q≤p} 1 / q`.
    harmonic: Vec<f64>,
}

impl RankSums {
    /// For ranks up to `last`.
    pub(crate) fn new(last: usize) -> Self {
        let sums = |of: fn(f64) -> f64| {
            let mut sum = 0.0;
            let mut sums = vec![0.0];
            sums.extend((1..=last).map(|rank| {
                sum += of(float(rank));
                sum
            }));
            sums
        };
        Self { discount: sums(|p| 1.0 / (p + 1.0).log2()), harmonic: sums(|p| 1.0 / p) }
    }

    /// The expected value of `measure` at cutoff `k` for a user, whose positives within reach are in `groups`,
    /// best group first. 0 for measures that are not per user.
    pub(crate) fn expected(
        &self,
        measure: Measure,
        k: usize,
        wanted: Wanted<'_>,
        groups: &[TieGroup],
    ) -> f64 {
        let positives = wanted.positives;
        if positives == 0 {
            return 0.0;
        }
        let reached = || groups.iter().take_while(|group| group.above < k);
        let ideal = positives.min(k);
        match measure {
            Measure::Recall => expected_hits(reached(), k) / float(positives),
            Measure::CappedRecall => expected_hits(reached(), k) / float(ideal),
            Measure::Precision => expected_hits(reached(), k) / float(k),
            Measure::HitRate => reached().next().map_or(0.0, |_| 1.0 - probability_of_no_hit(reached(), k)),
            Measure::Mrr => groups.first().map_or(0.0, |first| expected_reciprocal_rank(*first, k)),
            Measure::Ndcg => {
                self.expected_dcg(reached(), k, |group| float(group.hits)) / self.discount[ideal]
            }
            Measure::GradedNdcg => {
                let best = (0..ideal)
                    .zip(wanted.gains)
                    .fold(0.0, |sum, (rank, gain)| sum + gain / log_rank(rank + 1));
                if best > 0.0 { self.expected_dcg(reached(), k, |group| group.gain) / best } else { 0.0 }
            }
            Measure::Map => self.expected_precision_sum(reached(), k) / float(ideal),
            Measure::Auc => chance_above(groups, wanted),
            Measure::RPrecision => {
                let reached = groups.iter().take_while(|group| group.above < positives);
                expected_hits(reached, positives) / float(positives)
            }
            Measure::Coverage => 0.0,
        }
    }

    /// `Σ (g/m) Σ_{p=s+1}^{e} 1/log2(p+1)`: each rank of a group has its share of what the group is worth, `g`.
    fn expected_dcg<'g>(
        &self,
        groups: impl Iterator<Item = &'g TieGroup>,
        k: usize,
        worth: impl Fn(&TieGroup) -> f64,
    ) -> f64 {
        groups.fold(0.0, |sum, group| {
            let end = group.last_rank(k);
            if group.size == 1 {
                // The plain term, so that a perfect list earns exactly 1.
                return sum + worth(group) / log_rank(end);
            }
            sum + worth(group) / float(group.size) * (self.discount[end] - self.discount[group.above])
        })
    }

    /// `Σ_p E[rel(p) · hits up to p] / p`. Given a positive at place `j` of its group, the `j−1` places before it
    /// hold `(j−1)(r−1)/(m−1)` others on average, so with `h` positives in the groups above the term is
    /// `(r/m) · (h + 1 + (p−s−1)(r−1)/(m−1)) / p`.
    fn expected_precision_sum<'g>(&self, groups: impl Iterator<Item = &'g TieGroup>, k: usize) -> f64 {
        let mut before = 0;
        groups.fold(0.0, |sum, group| {
            let end = group.last_rank(k);
            let first = float(before + 1);
            before += group.hits;
            if group.size == 1 {
                return sum + first / float(end);
            }
            let harmonic = self.harmonic[end] - self.harmonic[group.above];
            // Σ (p−s−1)/p = (e−s) − (s+1) Σ 1/p
            let places = float(end - group.above) - float(group.above + 1) * harmonic;
            let others = float(group.hits - 1) / float(group.size - 1);
            sum + group.share() * (first * harmonic + others * places)
        })
    }
}

impl TieGroup {
    fn last_rank(&self, k: usize) -> usize {
        k.min(self.above + self.size)
    }

    /// The chance that a place of the group holds a positive.
    fn share(&self) -> f64 {
        float(self.hits) / float(self.size)
    }
}

/// `log2(p + 1)`.
fn log_rank(rank: usize) -> f64 {
    (float(rank) + 1.0).log2()
}

/// `Σ r (1 − (s − h + ½ (m−r)) / N) / |R|` with `h` positives in the groups above and `N` negatives: those above a positive, and half
/// of those tied with it.
fn chance_above(groups: &[TieGroup], wanted: Wanted<'_>) -> f64 {
    let mut before = 0;
    let sum = groups.iter().fold(0.0, |sum, group| {
        let above = float(group.above - before) + 0.5 * float(group.size - group.hits);
        before += group.hits;
        sum + float(group.hits) * (1.0 - above / float(wanted.negatives.max(1)))
    });
    sum / float(wanted.positives)
}

/// `Σ r (e−s)/m`.
fn expected_hits<'g>(groups: impl Iterator<Item = &'g TieGroup>, k: usize) -> f64 {
    groups.fold(0.0, |sum, group| {
        let inside = group.last_rank(k) - group.above;
        sum + float(group.hits * inside) / float(group.size)
    })
}

/// `Π C(m−r, t) / C(m, t)` with `t = e−s`: none of the `t` places that count holds a positive. Only the group
/// that K cuts has a chance; `t` and `r` are interchangeable, so the product runs over the smaller.
fn probability_of_no_hit<'g>(mut groups: impl Iterator<Item = &'g TieGroup>, k: usize) -> f64 {
    let Some(group) = groups.next() else { return 1.0 };
    let inside = group.last_rank(k) - group.above;
    if inside + group.hits > group.size {
        return 0.0;
    }
    let (few, many) = (inside.min(group.hits), inside.max(group.hits));
    (0..few).fold(1.0, |chance, i| chance * float(group.size - many - i) / float(group.size - i))
}

/// `Σ_j P(first positive at place j) / (s+j)`, `P(1) = r/m`, `P(j+1) = P(j) · (m−j−r+1)/(m−j)`.
fn expected_reciprocal_rank(group: TieGroup, k: usize) -> f64 {
    let TieGroup { above, size, hits, .. } = group;
    if above >= k {
        return 0.0;
    }
    let mut chance = group.share();
    let mut sum = 0.0;
    for place in 1..=(size - hits + 1).min(k - above) {
        sum += chance / float(above + place);
        chance *= float(size + 1 - place - hits) / float((size - place).max(1));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(measure: Measure, k: usize, positives: usize, groups: &[TieGroup]) -> f64 {
        let wanted = Wanted { positives, gains: &vec![1.0; positives], negatives: 20 };
        RankSums::new(64).expected(measure, k, wanted, groups)
    }

    fn single(rank: usize) -> TieGroup {
        TieGroup { above: rank - 1, size: 1, hits: 1, gain: 1.0 }
    }

    /// Manning, Raghavan & Schütze, Introduction to Information Retrieval, section 8.4: with positives at ranks
    /// 1, 3, 6, 9, 10 of ten, the precisions are 1, 2/3, 3/6, 4/9, 5/10, so the average precision is 0.62.
    #[test]
    fn average_precision_of_a_text_book_list() {
        let groups = [1, 3, 6, 9, 10].map(single);
        let expected = (1.0 + 2.0 / 3.0 + 0.5 + 4.0 / 9.0 + 0.5) / 5.0;
        assert!((value(Measure::Map, 10, 5, &groups) - expected).abs() < 1e-15);
        assert!((expected - 0.62).abs() < 0.005);
        assert_eq!(value(Measure::Mrr, 10, 5, &groups), 1.0);
        assert_eq!(value(Measure::Recall, 3, 5, &groups), 2.0 / 5.0);
        assert_eq!(value(Measure::CappedRecall, 3, 5, &groups), 2.0 / 3.0);
        assert_eq!(value(Measure::Precision, 3, 5, &groups), 2.0 / 3.0);
    }

    /// Positives at ranks 2 and 3 of three: DCG = 1/log2 3 + 1/2, ideal 1 + 1/log2 3.
    #[test]
    fn ndcg_by_hand() {
        let groups = [2, 3].map(single);
        let expected = (1.0 / 3f64.log2() + 0.5) / (1.0 + 1.0 / 3f64.log2());
        assert!((value(Measure::Ndcg, 3, 2, &groups) - expected).abs() < 1e-15);
        assert!((expected - 0.693_426).abs() < 1e-6);
        // The ideal list of a cutoff of 1 has one positive, however many there are.
        assert_eq!(value(Measure::Ndcg, 1, 5, &[single(1)]), 1.0);
        assert_eq!(value(Measure::Ndcg, 4, 4, &[1, 2, 3, 4].map(single)), 1.0);
    }

    /// Voorhees 1999: questions answered at ranks 3, 2, 1 have a mean reciprocal rank of 11/18.
    #[test]
    fn mean_reciprocal_rank_by_hand() {
        let mean =
            [3, 2, 1].iter().map(|&rank| value(Measure::Mrr, 5, 1, &[single(rank)])).sum::<f64>() / 3.0;
        assert!((mean - 11.0 / 18.0).abs() < 1e-15);
        assert_eq!(value(Measure::Mrr, 2, 1, &[single(3)]), 0.0);
    }

    /// One positive among two equals: first or second with chance 1/2.
    #[test]
    fn two_equals_by_hand() {
        let groups = [TieGroup { above: 0, size: 2, hits: 1, gain: 1.0 }];
        assert_eq!(value(Measure::HitRate, 1, 1, &groups), 0.5);
        assert_eq!(value(Measure::HitRate, 2, 1, &groups), 1.0);
        assert_eq!(value(Measure::Mrr, 2, 1, &groups), 0.75);
        assert_eq!(value(Measure::Map, 2, 1, &groups), 0.75);
        assert!((value(Measure::Ndcg, 2, 1, &groups) - (1.0 + 1.0 / 3f64.log2()) / 2.0).abs() < 1e-15);
    }

    /// Gains 3 and 1 of three: the one worth 1 at rank 1, the one worth 3 at rank 3, one not found.
    #[test]
    fn graded_ndcg_by_hand() {
        let at = |rank, gain| TieGroup { gain, ..single(rank) };
        let wanted = Wanted { positives: 3, gains: &[3.0, 2.0, 1.0], negatives: 9 };
        let value =
            |k, groups: &[TieGroup]| RankSums::new(9).expected(Measure::GradedNdcg, k, wanted, groups);
        let got = [at(1, 1.0), at(3, 3.0)];
        let ideal = 3.0 + 2.0 / 3f64.log2() + 0.5;
        assert!((value(5, &got) - (1.0 + 1.5) / ideal).abs() < 1e-15);
        assert!((value(2, &got) - 1.0 / (3.0 + 2.0 / 3f64.log2())).abs() < 1e-15);
        assert_eq!(value(3, &[at(1, 3.0), at(2, 2.0), at(3, 1.0)]), 1.0);
        // Worth 3 and nothing, tied for ranks 1 and 2.
        let tied = [TieGroup { above: 0, size: 2, hits: 1, gain: 3.0 }];
        assert!((value(5, &tied) - 1.5 * (1.0 + 1.0 / 3f64.log2()) / ideal).abs() < 1e-15);
    }

    /// Positives at ranks 1 and 3 of five, so one of three negatives is above the second: (1 + 2/3) / 2.
    #[test]
    fn auc_and_r_precision_by_hand() {
        let wanted = Wanted { positives: 2, gains: &[], negatives: 3 };
        let value = |measure, groups: &[TieGroup]| RankSums::new(9).expected(measure, 0, wanted, groups);
        assert!((value(Measure::Auc, &[1, 3].map(single)) - 5.0 / 6.0).abs() < 1e-15);
        assert_eq!(value(Measure::RPrecision, &[1, 3].map(single)), 0.5);
        // Everything tied: a half, and two places of five.
        let tied = [TieGroup { above: 0, size: 5, hits: 2, gain: 2.0 }];
        assert_eq!((value(Measure::Auc, &tied), value(Measure::RPrecision, &tied)), (0.5, 0.4));
        assert_eq!(value(Measure::Auc, &[single(1)]), 0.5, "one of the two cannot be found");
    }

    #[test]
    fn nothing_is_earned_without_positives() {
        for measure in Measure::ALL {
            assert_eq!(value(measure, 3, 0, &[]), 0.0);
            assert_eq!(value(measure, 3, 2, &[]), 0.0);
            if measure != Measure::Auc {
                assert_eq!(value(measure, 3, 2, &[single(4)]), 0.0);
            }
        }
    }
}
