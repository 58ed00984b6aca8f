//! What is best where two figures trade against each other.

/// The points `(recall, rate)` that no other beats in both, by recall.
pub(crate) fn front(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    sorted.retain(|&(_, rate)| {
        let ahead = rate > best;
        best = best.max(rate);
        ahead
    });
    sorted.reverse();
    sorted
}

/// The rate at a recall, between two points of the front along the line that a log axis shows; none where no point
/// has as much.
pub(crate) fn rate_at(points: &[(f64, f64)], recall: f64) -> Option<f64> {
    let front = front(points);
    let above = front.iter().position(|point| point.0 >= recall)?;
    let (high, fast) = front[above];
    let Some(&(low, faster)) = above.checked_sub(1).map(|below| &front[below]) else { return Some(fast) };
    Some(faster * (fast / faster).powf((recall - low) / (high - low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_leaves_out_what_is_beaten() {
        let points = [(0.9, 100.0), (0.8, 90.0), (0.95, 50.0), (0.7, 200.0), (0.95, 40.0), (1.0, 1.0)];
        assert_eq!(front(&points), [(0.7, 200.0), (0.9, 100.0), (0.95, 50.0), (1.0, 1.0)]);
        assert_eq!(front(&[]), []);
    }

    #[test]
    fn a_rate_lies_on_the_line_of_a_log_axis() {
        let points = [(0.8, 1000.0), (1.0, 10.0)];
        assert!((rate_at(&points, 0.9).unwrap() - 100.0).abs() < 1e-6);
        assert_eq!((rate_at(&points, 0.7), rate_at(&points, 1.0)), (Some(1000.0), Some(10.0)));
        assert_eq!(rate_at(&points[..1], 0.9), None);
    }
}
