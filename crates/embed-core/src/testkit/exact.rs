use ndarray::ArrayView2;

use crate::{Filter, ItemId, Metric, Neighbor};

/// The answer that a search should give: the `k` nearest rows of `vectors` `[n, dim]` that the filter allows,
/// nearest first, ties by ascending id. Scores are summed in f64, one row after the other: O(n · (dim + log n)).
#[must_use]
pub fn exact_top_k(
    vectors: ArrayView2<'_, f32>,
    metric: Metric,
    query: &[f32],
    k: usize,
    filter: Filter<'_>,
) -> Vec<Neighbor> {
    let mut all: Vec<Neighbor> = vectors
        .rows()
        .into_iter()
        .zip(0..ItemId::MAX)
        .filter(|&(_, id)| filter.allows(id))
        .map(|(row, id)| Neighbor { id, score: score(metric, query, row.iter().copied()) })
        .collect();
    all.sort_unstable_by(Neighbor::nearest_first);
    all.truncate(k);
    all
}

/// [`Metric::score`] by its definition, in f64.
#[expect(clippy::cast_possible_truncation, reason = "the score of the library is an f32")]
pub(super) fn score(metric: Metric, x: &[f32], y: impl Iterator<Item = f32> + Clone) -> f32 {
    let pairs = || x.iter().map(|&a| f64::from(a)).zip(y.clone().map(f64::from));
    // A sum of nothing but −0 is −0, which sorts below 0; the kernels start from 0.
    let dot = || pairs().map(|(a, b)| a * b).sum::<f64>() + 0.0;
    let score = match metric {
        Metric::InnerProduct => dot(),
        Metric::L2 => -pairs().map(|(a, b)| (a - b) * (a - b)).sum::<f64>(),
        Metric::Cosine => {
            let (xx, yy) = pairs().fold((0.0, 0.0), |(xx, yy), (a, b)| (xx + a * a, yy + b * b));
            if xx > 0.0 && yy > 0.0 { dot() / (xx.sqrt() * yy.sqrt()) } else { 0.0 }
        }
    };
    score as f32
}

/// The share of an exact answer that another answer has. A row that is not in the exact answer counts when it
/// scores no less than the last row of it: a tie. 1 when the exact answer is empty.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "answers are short")]
pub fn recall(exact: &[Neighbor], got: &[Neighbor]) -> f64 {
    let Some(last) = exact.last() else { return 1.0 };
    let found = |n: &&Neighbor| n.score >= last.score || exact.iter().any(|e| e.id == n.id);
    let hits = got.iter().take(exact.len()).filter(found).count();
    hits as f64 / exact.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn pairs(neighbors: &[Neighbor]) -> Vec<(ItemId, f32)> {
        neighbors.iter().map(|n| (n.id, n.score)).collect()
    }

    #[test]
    fn a_hand_made_answer() {
        let vectors = array![[1.0, 0.0], [0.0, 2.0], [3.0, 4.0], [0.0, 0.0]];
        let top = |metric, k, filter| pairs(&exact_top_k(vectors.view(), metric, &[0.0, 1.0], k, filter));
        assert_eq!(top(Metric::InnerProduct, 2, Filter::All), [(2, 4.0), (1, 2.0)]);
        assert_eq!(top(Metric::L2, 3, Filter::All), [(1, -1.0), (3, -1.0), (0, -2.0)]);
        assert_eq!(top(Metric::Cosine, 9, Filter::Deny(&[1])), [(2, 0.8), (0, 0.0), (3, 0.0)]);
        assert_eq!(top(Metric::L2, 9, Filter::Allow(&[])), []);
    }

    #[test]
    fn recall_counts_ties_and_nothing_beyond_k() {
        let n = |id, score| Neighbor { id, score };
        let exact = [n(1, 3.0), n(2, 1.0)];
        assert_eq!(recall(&exact, &exact), 1.0);
        assert_eq!(recall(&exact, &[n(1, 3.0), n(7, 1.0)]), 1.0, "a tie");
        assert_eq!(recall(&exact, &[n(1, 3.0), n(7, 0.5), n(2, 1.0)]), 0.5, "third of two");
        assert_eq!(recall(&[], &[]), 1.0);
    }
}
