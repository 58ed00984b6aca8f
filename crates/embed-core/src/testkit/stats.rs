/// Pearson's chi-square statistic of counts against what was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// Sum of (observed − expected)² / expected over the cells.
    pub statistic: f64,
    /// Cells less one.
    pub degrees: usize,
}

impl ChiSquare {
    /// Whether so large a statistic is less likely than `alpha` when the law is right.
    #[must_use]
    pub fn rejects(&self, alpha: f64) -> bool {
        self.statistic.is_nan() || self.statistic > chi_square_critical(self.degrees, alpha)
    }
}

/// Compares counts with expected counts. Cells that expect fewer than 5 are merged, smallest first, as the
/// statistic needs; a count where 0 is expected makes it infinite. O(n log n).
///
/// # Panics
/// When the lengths differ.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of a test are far below 2⁵³")]
pub fn chi_square(observed: &[u64], expected: &[f64]) -> ChiSquare {
    assert_eq!(observed.len(), expected.len(), "observed and expected counts must be as many");
    let mut cells: Vec<(f64, f64)> =
        observed.iter().zip(expected).map(|(&o, &e)| (o as f64, e)).filter(|&c| c != (0.0, 0.0)).collect();
    if cells.iter().any(|&(_, e)| e <= 0.0 || !e.is_finite()) {
        return ChiSquare { statistic: f64::INFINITY, degrees: 1 };
    }
    cells.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (o, e) in cells {
        match merged.last_mut() {
            Some(cell) if cell.1 < 5.0 => *cell = (cell.0 + o, cell.1 + e),
            _ => merged.push((o, e)),
        }
    }
    let statistic = merged.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    ChiSquare { statistic, degrees: merged.len().saturating_sub(1).max(1) }
}

/// What a chi-square statistic of so many degrees of freedom exceeds with probability `alpha` (Wilson &
/// Hilferty 1931; within 1 % for alpha from 1e-6 to 0.5 and 3 degrees or more).
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "degrees of freedom are far below 2⁵³")]
pub fn chi_square_critical(degrees: usize, alpha: f64) -> f64 {
    let df = degrees.max(1) as f64;
    let spread = 2.0 / (9.0 * df);
    df * (1.0 - spread + normal_upper(alpha) * spread.sqrt()).max(0.0).powi(3)
}

/// What a standard normal exceeds with probability `alpha`, by bisection of its tail.
fn normal_upper(alpha: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_tail(middle) > alpha { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Probability that a standard normal exceeds `z`: Simpson's rule on `[z, z + 12]`.
fn normal_tail(z: f64) -> f64 {
    const STEPS: i32 = 600;
    let width = 12.0 / f64::from(STEPS);
    let density = |i: i32| (-0.5 * (z + f64::from(i) * width).powi(2)).exp();
    let inner: f64 = (1..STEPS).map(|i| density(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (density(0) + inner + density(STEPS)) * width / 3.0 / std::f64::consts::TAU.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (degrees, alpha, table) in [
            (3, 0.05, 7.815),
            (9, 0.001, 27.877),
            (10, 0.05, 18.307),
            (50, 0.01, 76.154),
            (100, 1e-6, 182.127),
        ] {
            let got = chi_square_critical(degrees, alpha);
            assert!((got / table - 1.0).abs() < 0.01, "{degrees} degrees, alpha {alpha}: {got}, not {table}");
        }
    }

    #[test]
    fn small_cells_are_merged_and_impossible_counts_are_refused() {
        let test = chi_square(&[12, 8, 1, 0, 2], &[10.0, 10.0, 1.0, 1.0, 3.0]);
        assert_eq!(test, ChiSquare { statistic: 0.4 + 0.4 + 0.8, degrees: 2 });
        assert!(!test.rejects(0.05));
        assert!(chi_square(&[1, 100], &[0.0, 101.0]).rejects(1e-6));
        assert!(chi_square(&[600, 400], &[500.0, 500.0]).rejects(1e-6));
        assert_eq!(chi_square(&[0, 7], &[0.0, 7.0]).statistic, 0.0);
    }
}
