//! Where the rows of an inner-product index lie while its graph is built.
//!
//! A query's products with rows `x` and with rows `x − c` differ by the same number for every row, so a graph
//! of the one serves searches in the other: rows are taken about their mean, else a direction that all share,
//! as the context vectors of Item2Vec do, is most of what the graph sees.

use crate::ProductGraph;
use crate::aligned::Aligned;
use crate::scoring::norm;

/// Rows are brought to one length where the longest is at most so many times the median.
const SPREAD: f64 = 3.0;

/// The rows `[n, dim + 1]` that the graph is built over by distance; none where it is built by the products of
/// the rows as they are. O(n · (dim + log n)).
pub(super) fn augmented(graph: ProductGraph, rows: &[f32], dim: usize) -> Option<Aligned<f32>> {
    if graph == ProductGraph::Raw || rows.is_empty() {
        return None;
    }
    let mean = mean(rows, dim);
    let mut centred = vec![0.0; dim];
    let mut norms = Vec::with_capacity(rows.len() / dim);
    for row in rows.chunks_exact(dim) {
        centre(row, &mean, &mut centred);
        norms.push(norm(&centred));
    }
    let longest = norms.iter().copied().fold(0.0, f64::max);
    let augments = graph == ProductGraph::Augmented || longest <= SPREAD * median(norms.clone());
    augments.then(|| {
        Aligned::new(norms.len() * (dim + 1), |augmented| {
            let rows = rows.chunks_exact(dim).zip(&norms);
            for (to, (row, norm)) in augmented.chunks_exact_mut(dim + 1).zip(rows) {
                centre(row, &mean, &mut to[..dim]);
                // Makes all rows as long as the longest (Bachrach et al. 2014, section 3): then the rows nearest
                // to a query are those with the largest product.
                to[dim] = finite(((longest - norm) * (longest + norm)).sqrt());
            }
        })
    })
}

/// Length of the longest row over that of the median row; 1 where that is 0.
pub(super) fn norm_spread(rows: &[f32], dim: usize) -> f32 {
    if rows.is_empty() {
        return 1.0;
    }
    let norms: Vec<f64> = rows.chunks_exact(dim).map(norm).collect();
    let longest = norms.iter().copied().fold(0.0, f64::max);
    let spread = longest / median(norms);
    if spread.is_nan() { 1.0 } else { finite(spread) }
}

fn mean(rows: &[f32], dim: usize) -> Vec<f64> {
    let mut mean = vec![0.0f64; dim];
    for row in rows.chunks_exact(dim) {
        mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x));
    }
    #[expect(clippy::cast_precision_loss, reason = "a graph has fewer than 2³¹ rows")]
    mean.iter_mut().for_each(|mean| *mean /= (rows.len() / dim) as f64);
    mean
}

fn centre(row: &[f32], mean: &[f64], out: &mut [f32]) {
    out.iter_mut().zip(row.iter().zip(mean)).for_each(|(out, (&x, m))| *out = finite(f64::from(x) - m));
}

fn median(mut norms: Vec<f64>) -> f64 {
    let middle = norms.len() / 2;
    *norms.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn finite(x: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "in the range of f32, to its precision")]
    let x = x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::kernel;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distance_falls_as_the_product_rises(
            rows in proptest::collection::vec(-9.0f32..9.0, 12 * 5),
            query in proptest::collection::vec(-9.0f32..9.0, 5),
        ) {
            let placed = augmented(ProductGraph::Augmented, &rows, 5).unwrap();
            let mut query_6 = query.clone();
            query_6.push(0.0);
            // |q|² + R² + 2 q·mean, whatever the row.
            let sums = placed.chunks(6).zip(rows.chunks(5)).map(|(placed, row)| {
                kernel::squared_l2(&query_6, placed) + 2.0 * kernel::dot(&query, row)
            });
            let sums: Vec<f32> = sums.collect();
            prop_assert!(sums.iter().all(|sum| (sum - sums[0]).abs() < 1e-2), "{:?}", sums);
        }
    }

    #[test]
    fn rows_of_about_one_length_are_brought_to_it() {
        let auto = |rows: &[f32]| augmented(ProductGraph::Auto, rows, 1).is_some();
        assert!(auto(&[11.0, 9.0, 11.0, 9.0, 12.0, 8.0]));
        assert!(!auto(&[1.0, -1.0, 1.0, -1.0, 20.0, -20.0]));
        assert!(augmented(ProductGraph::Raw, &[1.0], 1).is_none());
        assert!(augmented(ProductGraph::Auto, &[], 1).is_none());
    }

    #[test]
    fn the_largest_numbers_stay_finite() {
        let rows = [f32::MAX, f32::MIN, f32::MIN, f32::MAX, 0.0, 0.0];
        let placed = augmented(ProductGraph::Augmented, &rows, 2).unwrap();
        assert!(placed.iter().all(|x| x.is_finite()), "{placed:?}");
    }
}
