use embed_core::{Progress, Run, SeededRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::{CertaintyError, check_finite};
use super::normal;
use crate::number::float;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapParams {
    /// How often the interval is to hold the true mean, above 0 and below 1.
    pub level: f64,
    /// Resamples drawn, from 100 to 1,000,000.
    pub resamples: usize,
}

impl Default for BootstrapParams {
    /// 95 %, 2000 resamples.
    fn default() -> Self {
        Self { level: 0.95, resamples: 2000 }
    }
}

impl BootstrapParams {
    /// Checks the settings; every bootstrap does it first.
    ///
    /// # Errors
    /// [`CertaintyError::Level`], [`CertaintyError::Repetitions`].
    pub fn validate(&self) -> Result<(), CertaintyError> {
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(CertaintyError::Level { got: self.level });
        }
        let (least, most, got) = (100, 1_000_000, self.resamples);
        if !(least..=most).contains(&got) {
            return Err(CertaintyError::Repetitions { name: "resamples", least, most, got });
        }
        Ok(())
    }
}

/// A mean and where the true one likely lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interval {
    /// The mean of the values.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How often such an interval holds the true mean.
    pub level: f64,
    /// Number of values.
    pub n: usize,
}

/// The interval of the mean of `values` `[n]`: bias-corrected and accelerated bootstrap.
///
/// With `θ*` the means of resamples, `z₀ = Φ⁻¹(share of θ* below the mean)` and
/// `a = Σ(xᵢ−x̄)³ / 6(Σ(xᵢ−x̄)²)^{3/2}`, the ends are the quantiles `Φ(z₀ + (z₀+z)/(1−a(z₀+z)))` of `θ*` at
/// `z = Φ⁻¹((1∓level)/2)`.
///
/// # Errors
/// [`CertaintyError::Empty`], [`CertaintyError::NotFinite`], [`CertaintyError::Stopped`], and those of
/// [`BootstrapParams::validate`].
///
/// # Complexity
/// O(resamples · n). Memory: 8 bytes a resample.
///
/// # Determinism
/// A stream of draws for each resample: the same bits on any number of threads.
///
/// # Reference
/// Efron, Better Bootstrap Confidence Intervals, 1987, section 2; Efron & Tibshirani 1993, chapter 14.3.
pub fn bootstrap(
    values: &[f64],
    params: &BootstrapParams,
    run: &mut Run<'_>,
) -> Result<Interval, CertaintyError> {
    let intervals = bootstrap_columns(&[values], params, run)?;
    intervals.into_iter().next().ok_or(CertaintyError::Empty)
}

/// The intervals of several means over the same users, `columns` of `n` values each: as [`bootstrap`], with
/// one resample of users for all columns.
///
/// # Errors
/// As [`bootstrap`], and [`CertaintyError::Length`] for columns of different length.
///
/// # Complexity
/// O(resamples · n · columns). Memory: a copy of the values, and 8 bytes a resample and column.
pub fn bootstrap_columns(
    columns: &[&[f64]],
    params: &BootstrapParams,
    run: &mut Run<'_>,
) -> Result<Vec<Interval>, CertaintyError> {
    params.validate()?;
    let n = columns.first().map_or(0, |column| column.len());
    for column in columns {
        if column.len() != n {
            return Err(CertaintyError::Length { expected: n, got: column.len() });
        }
        check_finite(column)?;
    }
    let Some(draws_from) = u32::try_from(n).ok().filter(|&n| n > 0) else {
        return Err(CertaintyError::Empty);
    };
    let width = columns.len();
    let rows: Vec<f64> = (0..n).flat_map(|user| columns.iter().map(move |column| column[user])).collect();
    let mut means = Vec::with_capacity(params.resamples * width);
    for first in (0..params.resamples).step_by(RESAMPLES_AT_ONCE) {
        let last = params.resamples.min(first + RESAMPLES_AT_ONCE);
        let progress = Progress::new("bootstrap", first as u64, params.resamples as u64).unit("resamples");
        if !run.report(&progress).goes_on() {
            let total = params.resamples;
            return Err(CertaintyError::Stopped { done: first, total, unit: "resamples" });
        }
        let seed = run.seed;
        let part: Vec<Vec<f64>> = run.parallelism.install(|| {
            let one = |resample: usize| {
                let mut rng = SeededRng::stream(seed, "bootstrap", resample as u64);
                let mut sums = vec![0.0; width];
                for _ in 0..n {
                    let user = rng.below(draws_from) as usize;
                    let row = &rows[user * width..(user + 1) * width];
                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                }
                sums.iter_mut().for_each(|sum| *sum /= float(n));
                sums
            };
            (first..last).into_par_iter().map(one).collect()
        })?;
        means.extend(part.into_iter().flatten());
    }
    let interval = |(place, column): (usize, &&[f64])| {
        let resampled = means.iter().skip(place).step_by(width).copied().collect();
        accelerated(column, resampled, params.level)
    };
    Ok(columns.iter().enumerate().map(interval).collect())
}

/// Resamples between two reports to the observer.
const RESAMPLES_AT_ONCE: usize = 200;

fn accelerated(values: &[f64], mut means: Vec<f64>, level: f64) -> Interval {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / float(n);
    let (squares, cubes) = values.iter().fold((0.0, 0.0), |(squares, cubes), value| {
        let off = value - mean;
        (squares + off * off, cubes + off * off * off)
    });
    if squares == 0.0 {
        return Interval { mean, low: mean, high: mean, level, n };
    }
    means.sort_unstable_by(f64::total_cmp);
    let count = float(means.len());
    let below = float(means.partition_point(|&other| other < mean));
    let equal = float(means.partition_point(|&other| other <= mean)) - below;
    let share = (below + 0.5 * equal) / count;
    let bias = normal::quantile(share.clamp(0.5 / count, 1.0 - 0.5 / count));
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    let end = |tail: f64| {
        let z = bias + normal::quantile(tail);
        let stretch = 1.0 - acceleration * z;
        // Beyond the pole of a very skewed sample there is nothing but the outermost resample.
        let at = if stretch > 0.0 { normal::cdf(bias + z / stretch) } else { f64::from(u8::from(z > 0.0)) };
        percentile(&means, at)
    };
    let tail = 0.5 * (1.0 - level);
    Interval { mean, low: end(tail), high: end(1.0 - tail), level, n }
}

/// The value at a share of a sorted sample, between two of them in proportion.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * float(sorted.len() - 1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the length")]
    let lower = at.floor() as usize;
    let upper = (lower + 1).min(sorted.len() - 1);
    sorted[lower] + (at - float(lower)) * (sorted[upper] - sorted[lower])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skewed(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = SeededRng::new(seed);
        (0..n).map(|_| -(1.0 - rng.unit_f64()).ln()).collect()
    }

    /// Of intervals at 90 %, about 90 % hold the true mean, here 1, also of a skewed law.
    #[test]
    fn intervals_hold_the_mean_as_often_as_they_say() {
        let params = BootstrapParams { level: 0.9, resamples: 400 };
        let holds = (0..400).filter(|&seed| {
            let interval = bootstrap(&skewed(60, seed), &params, &mut Run::seeded(seed)).unwrap();
            interval.low <= 1.0 && 1.0 <= interval.high
        });
        let share = holds.count() as f64 / 400.0;
        assert!((0.85..0.94).contains(&share), "{share}");
    }

    /// scipy 1.17.1, `stats.bootstrap(method="BCa", n_resamples=100000)`: 2.375 to 7.0 or 7.125, by the seed.
    #[test]
    fn a_small_sample() {
        let values = [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 2.0, 11.0];
        let params = BootstrapParams { resamples: 20_000, ..BootstrapParams::default() };
        let interval = bootstrap(&values, &params, &mut Run::seeded(3)).unwrap();
        assert_eq!((interval.mean, interval.n), (3.75, 8));
        assert!((interval.low - 2.375).abs() < 0.13 && (interval.high - 7.06).abs() < 0.2, "{interval:?}");
    }

    #[test]
    fn threads_do_not_change_a_bit_and_columns_share_their_users() {
        let (a, b) = (skewed(300, 1), skewed(300, 2));
        let params = BootstrapParams { resamples: 450, ..BootstrapParams::default() };
        let both =
            |threads| bootstrap_columns(&[&a, &b], &params, &mut Run::seeded(5).threads(threads)).unwrap();
        let one = both(1);
        assert_eq!((both(2), both(7)), (one.clone(), one.clone()));
        assert_eq!(bootstrap(&a, &params, &mut Run::seeded(5)).unwrap(), one[0]);
        let other = bootstrap(&a, &params, &mut Run::seeded(6)).unwrap();
        assert_ne!(other, one[0]);
    }

    #[test]
    fn constants_and_single_values_have_no_width() {
        let params = BootstrapParams::default();
        for values in [&[0.25; 50][..], &[0.5]] {
            let interval = bootstrap(values, &params, &mut Run::default()).unwrap();
            assert_eq!((interval.low, interval.high), (values[0], values[0]));
        }
        // One user of a thousand has it all.
        let mut rare = vec![0.0; 1000];
        rare[7] = 1.0;
        let interval = bootstrap(&rare, &params, &mut Run::default()).unwrap();
        assert!(interval.low >= 0.0 && interval.high > 0.001 && interval.high < 0.02, "{interval:?}");
    }

    #[test]
    fn bad_input_is_named() {
        let ok = BootstrapParams::default();
        let fails = |values: &[f64], params| bootstrap(values, &params, &mut Run::default()).unwrap_err();
        assert!(matches!(fails(&[], ok), CertaintyError::Empty));
        assert!(matches!(fails(&[1.0, f64::NAN], ok), CertaintyError::NotFinite { at: 1, .. }));
        for level in [0.0, 1.0, f64::NAN, -3.0] {
            assert!(matches!(fails(&[1.0], BootstrapParams { level, ..ok }), CertaintyError::Level { .. }));
        }
        for resamples in [0, 99, usize::MAX] {
            let error = fails(&[1.0], BootstrapParams { resamples, ..ok });
            assert!(matches!(error, CertaintyError::Repetitions { got, .. } if got == resamples));
        }
        let uneven = bootstrap_columns(&[&[1.0], &[1.0, 2.0]], &ok, &mut Run::default()).unwrap_err();
        assert!(matches!(uneven, CertaintyError::Length { expected: 1, got: 2 }));
    }
}
