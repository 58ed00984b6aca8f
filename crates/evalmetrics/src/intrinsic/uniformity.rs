use embed_core::{ItemId, Run, SeededRng, kernel};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::Serialize;

use super::IntrinsicError;
use super::vectors::{check, unit_rows};
use crate::number::float;

/// A value, and its standard error where it comes from a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its standard error; 0 where nothing was drawn.
    pub standard_error: f64,
    /// Pairs looked at.
    pub n: usize,
}

/// `E |x̂ − ŷ|²` over pairs of items that belong together (an item and what came next, two of a category): 0 is
/// best, 2 is chance. O(pairs · dim) for vectors `[n_items, dim]`.
///
/// # Errors
/// [`IntrinsicError::NoPairs`], [`IntrinsicError::UnknownItem`], [`IntrinsicError::NotFinite`].
///
/// # Reference
/// Wang & Isola, Understanding Contrastive Representation Learning through Alignment and Uniformity on the
/// Hypersphere, 2020, section 4.1, with α = 2.
pub fn alignment(vectors: ArrayView2<'_, f32>, pairs: &[(ItemId, ItemId)]) -> Result<f64, IntrinsicError> {
    check(vectors, 1)?;
    let n_items = vectors.nrows();
    if let Some(&item) = pairs.iter().flat_map(|(a, b)| [a, b]).find(|&&item| item as usize >= n_items) {
        return Err(IntrinsicError::UnknownItem { item, n_items });
    }
    if pairs.is_empty() {
        return Err(IntrinsicError::NoPairs);
    }
    let rows = Rows::new(vectors);
    let sum: f64 = pairs.iter().map(|&(a, b)| rows.distance(a as usize, b as usize)).sum();
    Ok(sum / float(pairs.len()))
}

/// Pairs of a block.
const BLOCK: usize = 1 << 14;

/// `ln E exp(−2 |x̂ − ŷ|²)` over pairs of different items: the lower, the more evenly vectors `[n_items, dim]` use the
/// sphere; 0 when all are the same.
///
/// Over all pairs where there are no more than `most`, else over `most` pairs drawn with the seed of `run`,
/// with the standard error of that.
///
/// O(pairs · dim). The same bits on any number of threads. Memory: a copy of the vectors.
///
/// # Errors
/// [`IntrinsicError::TooFewRows`] for fewer than two, [`IntrinsicError::Zero`] for no pairs,
/// [`IntrinsicError::NotFinite`].
///
/// # Reference
/// Wang & Isola 2020, section 4.1, with t = 2.
pub fn uniformity(
    vectors: ArrayView2<'_, f32>,
    most: usize,
    run: &mut Run<'_>,
) -> Result<Estimate, IntrinsicError> {
    check(vectors, 2)?;
    if most == 0 {
        return Err(IntrinsicError::Zero { name: "most" });
    }
    let rows = Rows::new(vectors);
    let n = vectors.nrows();
    let all = n as u128 * (n as u128 - 1) / 2;
    let potential = |a: usize, b: usize| (-2.0 * rows.distance(a, b)).exp();
    let drawn = all > most as u128;
    let (sum, squares, count) = if drawn {
        let seed = run.seed;
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        let block = |block: usize| {
            let mut rng = SeededRng::stream(seed, "uniformity", block as u64);
            let wanted = BLOCK.min(most - block * BLOCK);
            (0..wanted).fold((0.0, 0.0), |(sum, squares), _| {
                let a = rng.below(n);
                let b = rng.below(n - 1);
                let value = potential(a as usize, (b + u32::from(b >= a)) as usize);
                (sum + value, squares + value * value)
            })
        };
        let blocks: Vec<(f64, f64)> =
            run.parallelism.install(|| (0..most.div_ceil(BLOCK)).into_par_iter().map(block).collect())?;
        let (sum, squares) = blocks.iter().fold((0.0, 0.0), |(s, q), (sum, squares)| (s + sum, q + squares));
        (sum, squares, most)
    } else {
        let row = |a: usize| (0..a).map(|b| potential(a, b)).sum::<f64>();
        let sums: Vec<f64> = run.parallelism.install(|| (1..n).into_par_iter().map(row).collect())?;
        (sums.iter().sum(), 0.0, n * (n - 1) / 2)
    };
    let average = sum / float(count);
    // Of ln m̄ the error is that of m̄ over m̄.
    let variance = (squares / float(count) - average * average).max(0.0);
    let standard_error = if drawn { (variance / float(count)).sqrt() / average } else { 0.0 };
    Ok(Estimate { value: average.ln(), standard_error, n: count })
}

/// Rows of length 1, or 0.
struct Rows {
    rows: Vec<f32>,
    dim: usize,
}

impl Rows {
    fn new(vectors: ArrayView2<'_, f32>) -> Self {
        Self { rows: unit_rows(vectors).into_raw_vec_and_offset().0, dim: vectors.ncols() }
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        let row = |at: usize| &self.rows[at * self.dim..(at + 1) * self.dim];
        f64::from(kernel::squared_l2(row(a), row(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn pairs_by_hand() {
        let vectors = array![[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]];
        assert_eq!(alignment(vectors.view(), &[(0, 1)]).unwrap(), 2.0);
        assert_eq!(alignment(vectors.view(), &[(0, 2), (1, 1)]).unwrap(), 2.0);
        let got = uniformity(vectors.view(), 100, &mut Run::default()).unwrap();
        let expected = crate::number::mean(&[(-4f64).exp(), (-8f64).exp(), (-4f64).exp()]).ln();
        assert!((got.value - expected).abs() < 1e-12 && got.n == 3 && got.standard_error == 0.0);
        assert!(matches!(alignment(vectors.view(), &[]), Err(IntrinsicError::NoPairs)));
        let beyond = alignment(vectors.view(), &[(0, 3)]);
        assert!(matches!(beyond, Err(IntrinsicError::UnknownItem { item: 3, .. })));
        assert!(matches!(
            uniformity(vectors.view(), 0, &mut Run::default()),
            Err(IntrinsicError::Zero { .. })
        ));
    }

    #[test]
    fn drawn_pairs_estimate_all_of_them() {
        let mut rng = SeededRng::new(1);
        let vectors = Array2::from_shape_simple_fn((400, 3), || rng.unit_f32() - 0.4);
        let all = uniformity(vectors.view(), usize::MAX, &mut Run::default()).unwrap();
        let of = |threads| uniformity(vectors.view(), 40_000, &mut Run::seeded(3).threads(threads)).unwrap();
        let drawn = of(1);
        assert!((drawn.value - all.value).abs() < 4.0 * drawn.standard_error, "{drawn:?} {all:?}");
        assert!(drawn.standard_error < 0.02 && all.n == 400 * 399 / 2);
        assert_eq!((of(2), of(7)), (drawn, drawn));
    }
}
