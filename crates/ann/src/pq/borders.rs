//! Where vectors are cut into parts.

/// The borders of `m` parts of `dim` components, `m + 1` from 0 to `dim`; the first parts have one more component where
/// they do not come out even. Parts beyond `dim` are empty.
pub(crate) fn even(dim: usize, m: usize) -> Vec<usize> {
    (0..=m).map(|part| part * (dim / m) + part.min(dim % m)).collect()
}

/// Even parts stay as they are where none varies more than the mean of them by this factor.
const UNEVEN: f64 = 1.5;

/// The borders of `m` parts whose components' standard deviations add up to about the same, each of at least one
/// component: all parts have as many bits, and a component that hardly varies needs few of them. Even parts where these
/// do about as well, and with no more components than parts. O(dim).
pub(crate) fn balanced(deviations: &[f64], m: usize) -> Vec<usize> {
    let dim = deviations.len();
    let mut left: f64 = deviations.iter().sum();
    let even = even(dim, m);
    let sums = even.windows(2).map(|pair| deviations[pair[0]..pair[1]].iter().sum::<f64>());
    let (most, all) = (sums.fold(0.0, f64::max), left / m as f64);
    if dim <= m || !all.is_finite() || most <= UNEVEN * all {
        return even;
    }
    let (mut borders, mut at) = (Vec::with_capacity(m + 1), 0);
    borders.push(0);
    for part in 0..m {
        // What is left is divided anew, so that one component of great weight does not starve the parts after it.
        let (parts, from) = (m - part, at);
        let (share, last) = (left / parts as f64, dim - (parts - 1));
        let mut sum = 0.0;
        while at < last && (at == from || parts == 1 || sum + 0.5 * deviations[at] <= share) {
            sum += deviations[at];
            at += 1;
        }
        left = (left - sum).max(0.0);
        borders.push(at);
    }
    borders
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_as_even_as_can_be() {
        assert_eq!(even(10, 4), [0, 3, 6, 8, 10]);
        assert_eq!(even(2, 4), [0, 1, 2, 2, 2]);
        assert_eq!(balanced(&[1.0, 1.4, 0.9, 1.1, 0.8, 1.0], 3), [0, 2, 4, 6]);
        assert_eq!(balanced(&[0.0; 10], 4), even(10, 4));
        assert_eq!(balanced(&[f64::INFINITY, 1.0, 1.0], 2), even(3, 2));
        assert_eq!(balanced(&[1.0, 2.0], 4), even(2, 4));
    }

    #[test]
    fn what_varies_has_more_parts() {
        // An edge without anything, as images have it.
        let mut deviations = vec![0.0; 20];
        deviations[12..].fill(1.0);
        assert_eq!(balanced(&deviations, 4), [0, 14, 16, 18, 20]);
        // One component that outweighs all.
        assert_eq!(balanced(&[90.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 4), [0, 1, 3, 5, 7]);
        assert_eq!(balanced(&[1.0, 1.0, 1.0, 90.0], 2), [0, 3, 4]);
    }

    proptest! {
        #[test]
        fn every_part_has_a_component(deviations in prop::collection::vec(0.0f64..5.0, 1..60), m in 1usize..20) {
            let borders = balanced(&deviations, m);
            prop_assert_eq!((borders.len(), borders[0], borders[m]), (m + 1, 0, deviations.len()));
            let whole = deviations.len() >= m;
            prop_assert!(borders.windows(2).all(|pair| pair[0] < pair[1] || !whole && pair[0] == pair[1]));
        }
    }
}
