use embed_core::{Csr, ItemId, Parallelism, ParallelismError};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::Serialize;

use crate::Labels;
use crate::number::float;

/// How old what is recommended is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Freshness {
    /// Age in seconds, mean over all places in lists whose item has a time. Below 0 where items are shown
    /// before their time.
    pub mean_age: f64,
    /// Median of the same.
    pub median_age: f64,
    /// Places whose item has no time.
    pub n_undated: usize,
}

/// None where no place has a time.
pub(super) fn freshness(lists: &[&[ItemId]], first_seen: &[Option<i64>], now: i64) -> Option<Freshness> {
    let places = || lists.iter().copied().flatten();
    let age = |&item: &ItemId| first_seen[item as usize].map(|time| i128::from(now) - i128::from(time));
    let mut ages: Vec<i128> = places().filter_map(age).collect();
    if ages.is_empty() {
        return None;
    }
    let n = ages.len();
    ages.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a mean age needs no more digits")]
    let seconds = |age: i128| age as f64;
    Some(Freshness {
        mean_age: seconds(ages.iter().sum()) / float(n),
        median_age: 0.5 * seconds(ages[(n - 1) / 2] + ages[n / 2]),
        n_undated: places().count() - n,
    })
}

/// The mean over lists of `1 −` the mean cosine of their pairs of items; lists of one item have no pairs.
///
/// The cosines of all pairs sum to `½(|Σ x̂|² − Σ |x̂|²)`: O(places · dim).
pub(super) fn diversity(
    lists: &[&[ItemId]],
    vectors: ArrayView2<'_, f32>,
    parallelism: Parallelism,
) -> Result<Option<f64>, ParallelismError> {
    let of_list = |sum: &mut Vec<f64>, list: &&[ItemId]| {
        sum.clear();
        sum.resize(vectors.ncols(), 0.0);
        let mut own = 0.0;
        for &item in *list {
            let row = vectors.row(item as usize);
            let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            if square > 0.0 {
                let inverse = 1.0 / square.sqrt();
                sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += inverse * f64::from(x));
                own += 1.0;
            }
        }
        let pairs = float(list.len()) * float(list.len() - 1);
        1.0 - (sum.iter().map(|x| x * x).sum::<f64>() - own) / pairs
    };
    let long: Vec<&[ItemId]> = lists.iter().copied().filter(|list| list.len() > 1).collect();
    let values: Vec<f64> = parallelism.install(|| long.par_iter().map_init(Vec::new, of_list).collect())?;
    Ok((!values.is_empty()).then(|| crate::number::mean(&values)))
}

/// How much of the list's categories is mixed into the history's: without it a missing one is infinitely bad.
const MIXED: f64 = 0.01;

/// The mean over users of `Σ_g p(g) ln(p(g)/q̃(g))`: `p` the shares of categories in the history, `q` in the
/// list, `q̃ = 0.99 q + 0.01 p`; an item of several categories counts a part for each. None where no user has
/// categories on both sides.
pub(super) fn calibration(
    lists: &[(usize, &[ItemId])],
    histories: &Csr,
    categories: &Labels,
    parallelism: Parallelism,
) -> Result<Option<f64>, ParallelismError> {
    let n = categories.n_labels();
    let of_user = |(p, q): &mut (Vec<f64>, Vec<f64>), &(user, list): &(usize, &[ItemId])| {
        let known = shares(histories.row(user), categories, n, p) && shares(list, categories, n, q);
        let divergence = |(p, q): (&f64, &f64)| p * (p / ((1.0 - MIXED) * q + MIXED * p)).ln();
        known.then(|| p.iter().zip(&*q).filter(|(p, _)| **p > 0.0).map(divergence).sum::<f64>())
    };
    let values: Vec<Option<f64>> =
        parallelism.install(|| lists.par_iter().map_init(Default::default, of_user).collect())?;
    let values: Vec<f64> = values.into_iter().flatten().collect();
    Ok((!values.is_empty()).then(|| crate::number::mean(&values).max(0.0)))
}

/// The share of each category among the items that have one; whether there are any.
fn shares(items: &[ItemId], categories: &Labels, n: usize, out: &mut Vec<f64>) -> bool {
    out.clear();
    out.resize(n, 0.0);
    let mut counted = 0;
    for &item in items {
        let labels = categories.of(item);
        counted += usize::from(!labels.is_empty());
        labels.iter().for_each(|&label| out[label as usize] += 1.0 / float(labels.len()));
    }
    out.iter_mut().for_each(|share| *share /= float(counted.max(1)));
    counted > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn diversity_by_hand() {
        let vectors = array![[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0], [-1.0, 0.0]];
        let of = |lists: &[&[u32]]| diversity(lists, vectors.view(), Parallelism::All).unwrap();
        assert_eq!(of(&[&[0, 1]]), Some(1.0));
        assert_eq!(of(&[&[0, 2]]), Some(0.0));
        assert_eq!(of(&[&[0, 4]]), Some(2.0));
        assert_eq!(of(&[&[0, 3]]), Some(1.0), "no direction is like nothing");
        // Cosines 0, 1, 0: the mean of three pairs is a third.
        assert!((of(&[&[0, 1, 2], &[0]]).unwrap() - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(of(&[&[0], &[]]), None);
    }

    #[test]
    fn ages_by_hand() {
        let times = [Some(10), None, Some(40), Some(200)];
        let lists: [&[u32]; 2] = [&[0, 1], &[2, 3]];
        let got = freshness(&lists, &times, 100).unwrap();
        assert_eq!((got.mean_age, got.median_age, got.n_undated), (50.0 / 3.0, 60.0, 1));
        assert_eq!(freshness(&[&[1]], &times, 100), None);
        let far = freshness(&[&[0]], &[Some(i64::MIN)], i64::MAX).unwrap();
        assert!(far.mean_age > 1.8e19);
    }

    /// Steck 2018: a history of 70 % romance and 30 % action, shown romance only.
    #[test]
    fn calibration_by_hand() {
        let categories = Labels::single((0..20).map(|item| Some(u32::from(item >= 10))));
        let histories = Csr::from_rows([(0..7).chain(10..13).collect::<Vec<_>>()]);
        let of = |list: &[u32]| {
            calibration(&[(0, list)], &histories, &categories, Parallelism::All).unwrap().unwrap()
        };
        let romance_only = 0.7 * (0.7f64 / (0.99 + 0.01 * 0.7)).ln() + 0.3 * 100f64.ln();
        assert!((of(&[0, 1, 2]) - romance_only).abs() < 1e-12);
        let as_it_was: Vec<u32> = (0..7).chain(13..16).collect();
        assert!(of(&as_it_was).abs() < 1e-12);
        let unknown = Labels::single(vec![None; 20]);
        assert_eq!(calibration(&[(0, &[1])], &histories, &unknown, Parallelism::All).unwrap(), None);
        let both = Labels::several(&Csr::from_rows([vec![4, 9], vec![4]]));
        let mut out = Vec::new();
        assert!(shares(&[0, 1], &both, 2, &mut out));
        assert_eq!(out, [0.75, 0.25]);
    }
}
