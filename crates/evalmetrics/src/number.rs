//! Counts as numbers.

#[expect(clippy::cast_precision_loss, reason = "counts of items, users and ranks are far below 2^52")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// The mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / float(values.len().max(1))
}

/// The mean of what was drawn without repeats from `of_all` values, and its standard error:
/// `s/√m · √(1 − m/n)`, which is 0 when all were drawn.
pub(crate) fn sampled_mean(values: &[f64], of_all: usize) -> (f64, f64) {
    let (m, mean) = (float(values.len()), mean(values));
    if values.len() < 2 || values.len() >= of_all {
        return (mean, 0.0);
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (m - 1.0) / m * (1.0 - m / float(of_all))).sqrt())
}
