//! Correlation.

use crate::number::{float, mean};

/// Pearson's correlation; none where one side does not vary.
pub(crate) fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mx, my) = (mean(x), mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mx, y - my);
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    // Of equal values the mean may be off by a rounding.
    let varies = |squares: f64, mean: f64| squares > float(x.len()) * (4.0 * f64::EPSILON * mean).powi(2);
    (varies(xx, mx) && varies(yy, my)).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's correlation: Pearson's of the ranks, equal values sharing the middle of theirs.
pub(crate) fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    pearson(&ranks(x), &ranks(y))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let value = values[order[from]];
        let to = from + order[from..].iter().take_while(|&&place| values[place] == value).count().max(1);
        let middle = 0.5 * float(from + to - 1);
        order[from..to].iter().for_each(|&place| ranks[place] = middle);
        from = to;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_by_hand() {
        let x = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(pearson(&x, &[2.0, 4.0, 6.0, 8.0]), Some(1.0));
        assert_eq!(spearman(&x, &[8.0, 7.0, 0.0, -1.0]), Some(-1.0));
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / √(4.5 · 5).
        let tied = spearman(&[1.0, 5.0, 5.0, 9.0], &x).unwrap();
        assert!((tied - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-15);
        assert_eq!(pearson(&x, &[0.1; 4]), None);
        assert_eq!(spearman(&[], &[]), None);
    }
}
