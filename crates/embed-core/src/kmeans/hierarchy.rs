//! A first guess at many centroids: clusters are divided into their share of them.

use rayon::prelude::*;

use super::lloyd::{Points, members, rounds};
use super::{KMeansError, Rounds};
use crate::{Parallelism, Run};

/// `k` centroids: √k clusters of the points, each divided into as many as its share of the points demands.
pub(super) fn centroids(
    points: &Points<'_>,
    k: usize,
    iterations: usize,
    progress: &mut Rounds<'_, '_>,
) -> Result<Vec<f32>, KMeansError> {
    let coarse_k = k.isqrt();
    let (coarse, _) = rounds(points, points.first(coarse_k), iterations, progress)?;
    let parallelism = progress.run.parallelism;
    let (nearest, _) = points.assign(&coarse, parallelism)?;
    let (rows, starts) = members(&nearest, coarse_k);
    let shares = shares(&starts, k);
    let parts: Vec<Result<Vec<f32>, KMeansError>> = parallelism.install(|| {
        (0..coarse_k)
            .into_par_iter()
            .map(|c| {
                let part = points.part(&rows[starts[c]..starts[c + 1]]);
                // Unobserved, on the threads there are.
                let mut run = Run::default().on(Parallelism::All);
                let mut quiet = Rounds { done: 0, total: iterations, run: &mut run };
                Ok(rounds(&part, part.first(shares[c]), iterations, &mut quiet)?.0)
            })
            .collect()
    })?;
    Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// `k` divided among clusters in proportion to their rows, never more than they have: the largest remainders
/// are rounded up, ties to the lower number. Needs at least `k` rows.
fn shares(starts: &[usize], k: usize) -> Vec<usize> {
    let sizes: Vec<usize> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let n = starts.last().copied().unwrap_or(0).max(1);
    let mut shares: Vec<usize> = sizes.iter().map(|&size| size * k / n).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&c| std::cmp::Reverse(sizes[c] * k % n));
    let mut left = k - shares.iter().sum::<usize>();
    while left > 0 {
        let before = left;
        for &c in &order {
            if left > 0 && shares[c] < sizes[c] {
                shares[c] += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn shares_add_up_and_fit() {
        assert_eq!(shares(&[0, 1, 4, 10], 5), [1, 1, 3]);
        assert_eq!(shares(&[0, 0, 1, 8], 8), [0, 1, 7]);
        assert_eq!(shares(&[0, 50, 100], 3).iter().sum::<usize>(), 3);
    }
}
