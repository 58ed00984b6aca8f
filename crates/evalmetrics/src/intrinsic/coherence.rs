use ndarray::ArrayView2;
use serde::Serialize;

use super::IntrinsicError;
use super::vectors::check_labels;
use crate::Labels;
use crate::number::float;

/// Mean cosines of items of a category with each other, and with the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Coherence {
    /// Mean cosine of two items of a category, over all such pairs of all categories.
    pub within: f64,
    /// Mean cosine of an item of a category and a labelled item that is not in it, over all such pairs.
    pub between: f64,
    /// `within − between`.
    pub gap: f64,
    /// Items with a label; the others are left out.
    pub n_labelled: usize,
    /// Each category that has two items, in the order of labels.
    pub by_label: Vec<LabelCoherence>,
}

/// One category.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelCoherence {
    /// The label, as it was given.
    pub label: u32,
    /// Its items.
    pub n: usize,
    /// Mean cosine of two of its items.
    pub within: f64,
    /// Mean cosine of one of its items and a labelled one that is not; none where it has all of them.
    pub between: Option<f64>,
}

/// How much nearer items of a category are to each other than to other items, for vectors `[n_items, dim]`.
///
/// Exact over all pairs, in O(labels of items · dim + labels · dim): with `S` the sum of the unit vectors of a
/// category of `n` items, its pairs have the mean `(|S|² − n) / n(n−1)`, and with `T` the sum of all labelled ones, its pairs
/// with the rest have the mean `S·(T − S) / n(N − n)`. A vector of zeros has a cosine of 0 with everything.
/// Memory: `8 · dim` bytes a label.
///
/// # Errors
/// [`IntrinsicError::Items`] when there is not a row of labels for each vector;
/// [`IntrinsicError::NoPairs`] when no label has two items; [`IntrinsicError::NotFinite`] and the like.
pub fn coherence(vectors: ArrayView2<'_, f32>, labels: &Labels) -> Result<Coherence, IntrinsicError> {
    check_labels(vectors, labels)?;
    let dim = vectors.ncols();
    let n_labels = labels.n_labels();
    let (mut sums, mut squares) = (vec![0.0; n_labels * dim], vec![0.0; n_labels]);
    let mut total = vec![0.0; dim];
    let mut unit = vec![0.0; dim];
    for (row, of) in vectors.rows().into_iter().zip(labels.rows()) {
        if of.is_empty() {
            continue;
        }
        let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let inverse = if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 };
        unit.iter_mut().zip(row).for_each(|(u, &x)| *u = inverse * f64::from(x));
        total.iter_mut().zip(&unit).for_each(|(sum, u)| *sum += u);
        for &label in of {
            let at = label as usize;
            sums[at * dim..(at + 1) * dim].iter_mut().zip(&unit).for_each(|(sum, u)| *sum += u);
            squares[at] += f64::from(u8::from(square > 0.0));
        }
    }
    let n_labelled = labels.n_labelled();
    let mut by_label = Vec::new();
    let ((mut within, mut within_pairs), (mut between, mut between_pairs)) = ((0.0, 0.0), (0.0, 0.0));
    for ((number, n), sum) in (0u32..).zip(labels.sizes()).zip(sums.chunks_exact(dim)) {
        let own: f64 = sum.iter().map(|x| x * x).sum();
        let rest = sum.iter().zip(&total).map(|(x, t)| x * t).sum::<f64>() - own;
        let (inner, outer) = (float(n) * float(n.saturating_sub(1)), float(n) * float(n_labelled - n));
        let own = own - squares[number as usize];
        within += own;
        within_pairs += inner;
        between += rest;
        between_pairs += outer;
        if n > 1 {
            by_label.push(LabelCoherence {
                label: labels.name(number).unwrap_or_default(),
                n,
                within: own / inner,
                between: (outer > 0.0).then(|| rest / outer),
            });
        }
    }
    if by_label.is_empty() {
        return Err(IntrinsicError::NoPairs);
    }
    let within = within / within_pairs;
    // With one category for all there is no other side.
    let between = if between_pairs > 0.0 { between / between_pairs } else { 0.0 };
    Ok(Coherence { within, between, gap: within - between, n_labelled, by_label })
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Csr, Metric, SeededRng};
    use ndarray::Array2;

    #[test]
    fn it_is_the_mean_over_all_pairs() {
        let mut rng = SeededRng::new(3);
        let mut vectors = Array2::from_shape_simple_fn((40, 5), || rng.unit_f32() - 0.3);
        vectors.row_mut(11).fill(0.0);
        let rows: Vec<Vec<u32>> =
            (0..40).map(|_| (0..rng.below(4)).map(|_| 5 * rng.below(4)).collect()).collect();
        let labels = Labels::several(&Csr::from_rows(&rows));
        let got = coherence(vectors.view(), &labels).unwrap();
        let cosine = |a: usize, b: usize| {
            let row = |i: usize| vectors.row(i).to_vec();
            f64::from(Metric::Cosine.score(&row(a), &row(b)))
        };
        let (mut within, mut between) = (Vec::new(), Vec::new());
        let sets: Vec<&[u32]> = labels.rows().collect();
        for label in (0u32..).take(labels.n_labels()) {
            let has = |i: usize| sets[i].contains(&label);
            let (mut inner, mut outer) = (Vec::new(), Vec::new());
            for a in (0..40).filter(|&a| has(a)) {
                for b in (0..40).filter(|&b| b != a && !sets[b].is_empty()) {
                    if has(b) { inner.push(cosine(a, b)) } else { outer.push(cosine(a, b)) }
                }
            }
            let of_label = got.by_label.iter().find(|c| Some(c.label) == labels.name(label)).unwrap();
            assert!((of_label.within - crate::number::mean(&inner)).abs() < 1e-6);
            assert!((of_label.between.unwrap() - crate::number::mean(&outer)).abs() < 1e-6);
            within.extend(inner);
            between.extend(outer);
        }
        assert!((got.within - crate::number::mean(&within)).abs() < 1e-6);
        assert!((got.between - crate::number::mean(&between)).abs() < 1e-6);
    }

    #[test]
    fn bad_input_is_named() {
        let vectors = ndarray::array![[1.0, 0.0], [0.0, 1.0]];
        let fails = |labels: &Labels| coherence(vectors.view(), labels).unwrap_err();
        assert!(matches!(fails(&Labels::single([Some(1), Some(2)])), IntrinsicError::NoPairs));
        assert!(matches!(fails(&Labels::single([None, None])), IntrinsicError::NoPairs));
        let short = fails(&Labels::single([Some(1)]));
        assert_eq!(short.to_string(), "labels of 1 items, but vectors of 2");
        let nan = ndarray::array![[1.0], [f32::NAN]];
        let error = coherence(nan.view(), &Labels::single([Some(1), Some(1)])).unwrap_err();
        assert!(matches!(error, IntrinsicError::NotFinite { row: 1, column: 0, .. }));
    }
}
