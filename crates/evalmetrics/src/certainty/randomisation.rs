use embed_core::{Progress, Run, SeededRng};
use rand::RngCore;
use rayon::prelude::*;
use serde::Serialize;

use super::error::{CertaintyError, check_finite};
use crate::number::float;

/// How [`paired_randomisation`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomisationParams {
    /// Assignments drawn, from 100 to 10,000,000; where there are no more in all, each is taken once.
    pub permutations: usize,
}

impl Default for RandomisationParams {
    /// 10,000 assignments.
    fn default() -> Self {
        Self { permutations: 10_000 }
    }
}

impl RandomisationParams {
    /// Checks the settings; the test does it first.
    ///
    /// # Errors
    /// [`CertaintyError::Repetitions`].
    pub fn validate(&self) -> Result<(), CertaintyError> {
        let (least, most, got) = (100, 10_000_000, self.permutations);
        if !(least..=most).contains(&got) {
            return Err(CertaintyError::Repetitions { name: "permutations", least, most, got });
        }
        Ok(())
    }
}

/// What a paired test says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTest {
    /// Mean of the first values less mean of the second.
    pub difference: f64,
    /// How likely a mean difference as large, to either side, is when it is chance which run a value came from.
    pub p: f64,
    /// Number of pairs.
    pub n: usize,
    /// Pairs whose two values differ.
    pub n_different: usize,
    /// Whether all assignments were gone through, so that `p` is no estimate.
    pub exact: bool,
}

/// Whether two runs differ over the same users: Fisher's randomisation test on the mean of `aᵢ − bᵢ`.
///
/// Under the hypothesis that the two runs are alike, each difference could as well have the other sign. `p` is
/// the share of sign assignments whose mean is at least as far from 0: of all of them where they are not more
/// than `permutations`, else `(1 + count) / (1 + permutations)` of drawn ones.
///
/// # Errors
/// [`CertaintyError::Empty`], [`CertaintyError::Length`], [`CertaintyError::NotFinite`],
/// [`CertaintyError::Repetitions`], [`CertaintyError::Stopped`].
///
/// # Complexity
/// O(permutations · pairs that differ), 64 assignments at once.
///
/// # Determinism
/// A stream of draws for every 64 assignments: the same bits on any number of threads.
///
/// # Reference
/// Smucker, Allan & Carterette, A Comparison of Statistical Significance Tests for Information Retrieval
/// Evaluation, 2007.
pub fn paired_randomisation(
    a: &[f64],
    b: &[f64],
    params: &RandomisationParams,
    run: &mut Run<'_>,
) -> Result<PairedTest, CertaintyError> {
    params.validate()?;
    if a.is_empty() {
        return Err(CertaintyError::Empty);
    }
    if a.len() != b.len() {
        return Err(CertaintyError::Length { expected: a.len(), got: b.len() });
    }
    check_finite(a)?;
    check_finite(b)?;
    let n = a.len();
    // A difference of 0 is the same with either sign.
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).filter(|&d| d != 0.0).collect();
    let sum: f64 = differences.iter().sum();
    // Sums of the same terms in another order differ by rounding.
    let slack = 1e-12 * differences.iter().map(|d| d.abs()).sum::<f64>();
    let least = sum.abs() - slack;
    let all = u32::try_from(differences.len()).ok().and_then(|few| 1usize.checked_shl(few));
    let exact = all.filter(|&all| all <= params.permutations);
    let p = match exact {
        Some(all) => float(extreme_of_all(&differences, all, least)) / float(all),
        None => {
            let count = extreme_of_drawn(&differences, params.permutations, least, run)?;
            float(1 + count) / float(1 + params.permutations)
        }
    };
    Ok(PairedTest {
        difference: sum / float(n),
        p,
        n,
        n_different: differences.len(),
        exact: exact.is_some(),
    })
}

fn extreme_of_all(differences: &[f64], all: usize, least: f64) -> usize {
    let sum = |signs: usize| {
        let signed = |(i, d): (usize, &f64)| if signs >> i & 1 == 1 { -d } else { *d };
        differences.iter().enumerate().map(signed).sum::<f64>()
    };
    (0..all).filter(|&signs| sum(signs).abs() >= least).count()
}

/// Assignments that are summed at once: the bits of a draw.
const LANES: usize = 64;
/// Blocks of them between two reports to the observer.
const BLOCKS_AT_ONCE: usize = 64;

fn extreme_of_drawn(
    differences: &[f64],
    permutations: usize,
    least: f64,
    run: &mut Run<'_>,
) -> Result<usize, CertaintyError> {
    let blocks = permutations.div_ceil(LANES);
    let mut count = 0;
    for first in (0..blocks).step_by(BLOCKS_AT_ONCE) {
        let progress = Progress::new("randomise", (first * LANES) as u64, permutations as u64);
        if !run.report(&progress.unit("assignments")).goes_on() {
            let done = first * LANES;
            return Err(CertaintyError::Stopped { done, total: permutations, unit: "assignments" });
        }
        let seed = run.seed;
        count += run.parallelism.install(|| {
            (first..blocks.min(first + BLOCKS_AT_ONCE))
                .into_par_iter()
                .map(|block| {
                    let mut rng = SeededRng::stream(seed, "paired randomisation", block as u64);
                    let sums = signed_sums(differences, &mut rng);
                    let wanted = LANES.min(permutations - block * LANES);
                    sums[..wanted].iter().filter(|sum| sum.abs() >= least).count()
                })
                .sum::<usize>()
        })?;
    }
    Ok(count)
}

/// The sums under 64 random assignments; a draw gives the sign of one difference in each.
fn signed_sums(differences: &[f64], rng: &mut SeededRng) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    for difference in differences {
        let (bits, signs) = (difference.to_bits(), rng.next_u64());
        for (lane, sum) in (0u32..).zip(&mut sums) {
            *sum += f64::from_bits(bits ^ (signs >> lane & 1) << 63);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(a: &[f64], b: &[f64], permutations: usize, seed: u64) -> PairedTest {
        paired_randomisation(a, b, &RandomisationParams { permutations }, &mut Run::seeded(seed)).unwrap()
    }

    /// Differences 3, 2, 1, −1: of the 16 sums, ±7, ±5 (twice) are at least 5 in size: 6 of 16.
    #[test]
    fn a_test_by_hand() {
        let (a, b) = ([3.0, 2.0, 1.0, 0.0, 4.0], [0.0, 0.0, 0.0, 1.0, 4.0]);
        let exact = test(&a, &b, 100, 1);
        assert_eq!((exact.p, exact.exact, exact.n, exact.n_different), (6.0 / 16.0, true, 5, 4));
        assert_eq!(exact.difference, 1.0);
        let swapped = test(&b, &a, 100, 1);
        assert_eq!((swapped.p, swapped.difference), (exact.p, -1.0));
    }

    #[test]
    fn drawn_assignments_estimate_the_exact_p() {
        let mut rng = SeededRng::new(4);
        let a: Vec<f64> = (0..14).map(|_| rng.unit_f64()).collect();
        let b: Vec<f64> = a.iter().map(|a| a - 0.1 + 0.5 * (rng.unit_f64() - 0.5)).collect();
        let (exact, drawn) = (test(&a, &b, 1 << 14, 1), test(&a, &b, (1 << 14) - 1, 1));
        assert!(exact.exact && !drawn.exact && exact.p > 0.01 && exact.p < 0.5, "{exact:?}");
        assert!((exact.p - drawn.p).abs() < 0.012, "{} {}", exact.p, drawn.p);
    }

    /// Where there is no difference, p is uniform: below 0.1 one time in ten.
    #[test]
    fn nothing_is_found_where_there_is_nothing() {
        let found = (0..400).filter(|&seed| {
            let mut rng = SeededRng::new(seed);
            let mut values = || (0..40).map(|_| rng.unit_f64()).collect::<Vec<f64>>();
            let (a, b) = (values(), values());
            test(&a, &b, 500, seed).p < 0.1
        });
        let found = found.count();
        assert!((20..64).contains(&found), "{found} of 400");
    }

    #[test]
    fn equal_runs_and_clear_winners() {
        let a = vec![0.5; 100];
        assert_eq!(test(&a, &a, 1000, 1).p, 1.0);
        let b = vec![0.25; 100];
        assert_eq!(test(&a, &b, 999, 1).p, 1.0 / 1000.0);
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let mut rng = SeededRng::new(9);
        let (a, b): (Vec<f64>, Vec<f64>) = (0..500).map(|_| (rng.unit_f64(), rng.unit_f64())).unzip();
        let p = |threads| {
            let params = RandomisationParams { permutations: 9_000 };
            paired_randomisation(&a, &b, &params, &mut Run::seeded(2).threads(threads)).unwrap().p
        };
        assert_eq!((p(2), p(7)), (p(1), p(1)));
    }

    #[test]
    fn bad_input_is_named() {
        let fails = |a: &[f64], b: &[f64], permutations| {
            paired_randomisation(a, b, &RandomisationParams { permutations }, &mut Run::default())
                .unwrap_err()
        };
        assert!(matches!(fails(&[], &[], 100), CertaintyError::Empty));
        assert!(matches!(fails(&[1.0], &[], 100), CertaintyError::Length { expected: 1, got: 0 }));
        assert!(matches!(fails(&[1.0], &[f64::INFINITY], 100), CertaintyError::NotFinite { at: 0, .. }));
        assert!(matches!(fails(&[1.0], &[1.0], 5), CertaintyError::Repetitions { got: 5, .. }));
    }
}
