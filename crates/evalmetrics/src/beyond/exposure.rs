use embed_core::{Csr, ItemId};
use serde::Serialize;

use super::BeyondError;
use super::catalogue::cut;
use crate::number::float;

/// How the places in lists are shared among the items: `eᵢ` is the number of lists that item `i` is in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Exposure {
    /// Share of the catalogue that is in at least one list.
    pub coverage: f64,
    /// `Σ (2r − n − 1) eᵣ / (n Σ e)` over all n items by ascending exposure: 0 when all are shown alike, near 1
    /// when few are shown.
    pub gini: f64,
    /// `−Σ pᵢ log₂ pᵢ` with `pᵢ = eᵢ / Σ e`, in bits.
    pub entropy: f64,
    /// The entropy over `log₂ n`, its most: 1 when all are shown alike. 1 for a catalogue of one item.
    pub evenness: f64,
    /// Share of all places that the most shown 1 % of the catalogue has (rounded up).
    pub top_1_percent_share: f64,
    /// Places in all lists.
    pub places: usize,
}

/// How the first `cutoff` places of `lists` (row `u` is shown to user `u`, best first) are shared among a
/// catalogue of `n_items`.
///
/// O(places + n log n). Memory: 8 bytes an item.
///
/// # Errors
/// [`BeyondError::ZeroCutoff`], [`BeyondError::NoItems`], [`BeyondError::NoLists`],
/// [`BeyondError::UnknownItem`], [`BeyondError::DuplicateItem`].
pub fn exposure(lists: &Csr, cutoff: usize, n_items: usize) -> Result<Exposure, BeyondError> {
    if n_items == 0 {
        return Err(BeyondError::NoItems);
    }
    Ok(of_counts(&shown(&cut(lists, cutoff, n_items)?, n_items)))
}

/// How many lists each item is in, `[n_items]`.
pub(super) fn shown(lists: &[&[ItemId]], n_items: usize) -> Vec<usize> {
    let mut shown = vec![0; n_items];
    lists.iter().copied().flatten().for_each(|&item| shown[item as usize] += 1);
    shown
}

pub(super) fn of_counts(shown: &[usize]) -> Exposure {
    let n = shown.len();
    let mut sorted = shown.to_vec();
    sorted.sort_unstable();
    let places: usize = sorted.iter().sum();
    let total = float(places);
    let from = sorted.partition_point(|&e| e == 0);
    let rank = |at: usize| 2.0 * float(at + 1) - float(n) - 1.0;
    let weighted: f64 = (from..n).map(|at| rank(at) * float(sorted[at])).sum();
    let information = |&e: &usize| {
        let p = float(e) / total;
        -p * p.log2()
    };
    let entropy = sorted[from..].iter().map(information).sum::<f64>() + 0.0;
    let top = n.div_ceil(100);
    Exposure {
        coverage: float(n - from) / float(n),
        gini: weighted / (float(n) * total),
        entropy,
        evenness: if n > 1 { entropy / float(n).log2() } else { 1.0 },
        top_1_percent_share: float(sorted[n - top..].iter().sum()) / total,
        places,
    }
}

/// How different the lists of two users are: 1 less the mean over all pairs of users of `|A ∩ B| / √(|A| |B|)`.
/// 0 when everybody is shown the same, 1 when no two users are shown the same item; none with fewer than two lists.
///
/// Exact over all pairs, without going through them: the sum over pairs is a sum over items,
/// `½ Σᵢ ((Σ w)² − Σ w²)` with `w = 1/√|A|` of the lists that have `i`. O(places + n_items).
///
/// # Errors
/// As [`exposure`].
pub fn personalisation(lists: &Csr, cutoff: usize, n_items: usize) -> Result<Option<f64>, BeyondError> {
    if n_items == 0 {
        return Err(BeyondError::NoItems);
    }
    Ok(of_lists(&cut(lists, cutoff, n_items)?, n_items))
}

pub(super) fn of_lists(lists: &[&[ItemId]], n_items: usize) -> Option<f64> {
    let (mut sums, mut squares) = (vec![0.0; n_items], vec![0.0; n_items]);
    let mut n = 0;
    for list in lists.iter().filter(|list| !list.is_empty()) {
        n += 1;
        let square = 1.0 / float(list.len());
        let weight = square.sqrt();
        for &item in *list {
            sums[item as usize] += weight;
            squares[item as usize] += square;
        }
    }
    let both: f64 = sums.iter().zip(&squares).map(|(sum, squares)| sum * sum - squares).sum();
    (n > 1).then(|| (1.0 - both / (float(n) * float(n - 1))).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exposures 3, 1, 0, 0: by hand, Gini (−3·0 −1·0 + 1·1 + 3·3) / (4·4) = 10/16.
    #[test]
    fn four_items_by_hand() {
        let lists = Csr::from_rows([vec![0, 1], vec![0], vec![0], vec![]]);
        let e = exposure(&lists, 5, 4).unwrap();
        assert_eq!((e.coverage, e.gini, e.top_1_percent_share, e.places), (0.5, 10.0 / 16.0, 0.75, 4));
        let entropy = -(0.75 * 0.75f64.log2() + 0.25 * 0.25f64.log2());
        assert!((e.entropy - entropy).abs() < 1e-15 && (e.evenness - entropy / 2.0).abs() < 1e-15);
        let even = exposure(&Csr::from_rows([[0, 1], [2, 3]]), 2, 4).unwrap();
        assert_eq!((even.gini, even.entropy, even.evenness), (0.0, 2.0, 1.0));
        let cut = exposure(&Csr::from_rows([[0, 1], [2, 3]]), 1, 4).unwrap();
        assert_eq!((cut.coverage, cut.places), (0.5, 2));
    }

    #[test]
    fn personalisation_is_the_mean_over_pairs() {
        let lists = [vec![0, 1, 2], vec![2, 3], vec![4], vec![0, 1, 2, 3], vec![]];
        let (mut sum, mut pairs) = (0.0, 0.0);
        for a in 0..4 {
            for b in 0..a {
                let both = lists[a].iter().filter(|item| lists[b].contains(item)).count() as f64;
                sum += both / ((lists[a].len() * lists[b].len()) as f64).sqrt();
                pairs += 1.0;
            }
        }
        let got = personalisation(&Csr::from_rows(&lists), 9, 6).unwrap().unwrap();
        assert!((got - (1.0 - sum / pairs)).abs() < 1e-12);
        let same = Csr::from_rows(vec![vec![3, 4, 5]; 7]);
        assert!(personalisation(&same, 3, 6).unwrap().unwrap() < 1e-12);
        assert_eq!(personalisation(&Csr::from_rows([[0], [1]]), 1, 2).unwrap(), Some(1.0));
        assert_eq!(personalisation(&Csr::from_rows([vec![0], vec![]]), 1, 2).unwrap(), None);
    }

    #[test]
    fn lists_that_cannot_be_are_named() {
        let fails = |rows: &[&[u32]], k, n| exposure(&Csr::from_rows(rows), k, n).unwrap_err();
        assert!(matches!(fails(&[&[0]], 0, 1), BeyondError::ZeroCutoff));
        assert!(matches!(fails(&[&[0]], 1, 0), BeyondError::NoItems));
        assert!(matches!(fails(&[&[], &[]], 1, 3), BeyondError::NoLists { users: 2 }));
        assert!(matches!(
            fails(&[&[0], &[1, 3]], 1, 3),
            BeyondError::UnknownItem { user: 1, item: 3, n_items: 3 }
        ));
        let twice = fails(&[&[2, 0, 1, 2]], 2, 3).to_string();
        assert_eq!(twice, "the list of user 0 has item 2 at ranks 1 and 4");
    }
}
