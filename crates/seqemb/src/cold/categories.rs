use embed_core::Csr;
use ndarray::{Array2, ArrayView2};

use super::ColdError;
use super::ridge::check_finite;

/// Means of the vectors of each category, drawn towards the mean of all where a category has few items: a cold item gets
/// the average of what is like it.
///
/// Category `c` with `n` items of sum `s` has the vector `(s + m · ȳ) / (n + m)`, with `ȳ` the mean of all items and `m`
/// the shrinkage: how many items of its own a category needs to count for half. `4 · dim` bytes a category.
///
/// ```
/// use embed_core::Csr;
/// use ndarray::array;
/// use seqemb::cold::CategoryMeans;
///
/// let categories = Csr::from_rows([vec![0], vec![0], vec![1]]);
/// let vectors = array![[1.0, 0.0], [3.0, 0.0], [0.0, 3.0]];
/// let means = CategoryMeans::fit(&categories, vectors.view(), 1.0)?;
/// let cold = means.predict(&Csr::from_rows([vec![1], vec![]]));
/// assert!((cold[[0, 1]] - 2.0).abs() < 1e-6, "(3 + 1) / (1 + 1)");
/// assert!((cold[[1, 0]] - 4.0 / 3.0).abs() < 1e-6, "no category: the mean of all");
/// # Ok::<(), seqemb::cold::ColdError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryMeans {
    /// `[n_categories, dim]`.
    means: Array2<f32>,
    /// `[dim]`.
    overall: Vec<f32>,
}

impl CategoryMeans {
    /// From the categories of warm items, one row an item (any number, repeats count once more; values are not read),
    /// and their vectors `[n, dim]`.
    ///
    /// # Errors
    /// - [`ColdError::Setting`] when the shrinkage is negative or not finite.
    /// - [`ColdError::Shape`] when the two differ in rows, or ids of categories are far beyond their number;
    ///   [`ColdError::TooFew`] without a row.
    /// - [`ColdError::NotFinite`] names the first component that is not.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "means, in f32 at the end"
    )]
    pub fn fit(categories: &Csr, vectors: ArrayView2<'_, f32>, shrinkage: f64) -> Result<Self, ColdError> {
        if !(0.0..=1e12).contains(&shrinkage) {
            return Err(ColdError::Setting { name: "shrinkage", got: shrinkage, least: 0.0, most: 1e12 });
        }
        let (n, dim) = vectors.dim();
        if categories.n_rows() != n {
            let got = categories.n_rows();
            return Err(ColdError::Shape { what: "rows of categories", expected: n, got });
        }
        if n == 0 {
            return Err(ColdError::TooFew { got: 0, least: 1 });
        }
        check_finite("vector", &vectors)?;
        let names = (0..n).flat_map(|row| categories.row(row)).copied();
        let most = names.max().map_or(0, |most| most as usize + 1);
        // A stray large id must not ask for a table of its size.
        let mut seen: Vec<u32> = (0..n).flat_map(|row| categories.row(row)).copied().collect();
        seen.sort_unstable();
        seen.dedup();
        if most > 4 * seen.len() + 1024 {
            return Err(ColdError::Shape {
                what: "ids of categories",
                expected: 4 * seen.len() + 1024,
                got: most,
            });
        }
        let (mut sums, mut counts) = (vec![0.0f64; most * dim], vec![0.0f64; most]);
        let mut overall = vec![0.0f64; dim];
        for (row, vector) in vectors.rows().into_iter().enumerate() {
            overall.iter_mut().zip(vector).for_each(|(sum, x)| *sum += f64::from(*x) / n as f64);
            for &category in categories.row(row) {
                let sum = &mut sums[category as usize * dim..][..dim];
                sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += f64::from(*x));
                counts[category as usize] += 1.0;
            }
        }
        let mut means = Array2::zeros((most, dim));
        for (category, mut mean) in means.rows_mut().into_iter().enumerate() {
            let weight = counts[category] + shrinkage;
            for ((to, sum), overall) in mean.iter_mut().zip(&sums[category * dim..]).zip(&overall) {
                *to = if weight > 0.0 { (sum + shrinkage * overall) / weight } else { *overall } as f32;
            }
        }
        Ok(Self { means, overall: overall.into_iter().map(|x| x as f32).collect() })
    }

    /// Vectors for items by their categories, one row an item: the mean over its categories. A category that no warm item
    /// has says nothing; an item without a known one gets the mean of all items.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers of categories")]
    pub fn predict(&self, categories: &Csr) -> Array2<f32> {
        let mut out = Array2::zeros((categories.n_rows(), self.overall.len()));
        for (row, mut to) in out.rows_mut().into_iter().enumerate() {
            let known: Vec<_> =
                categories.row(row).iter().filter(|c| (**c as usize) < self.means.nrows()).collect();
            if known.is_empty() {
                to.iter_mut().zip(&self.overall).for_each(|(to, from)| *to = *from);
            }
            for &&category in &known {
                let share = 1.0 / known.len() as f32;
                to.scaled_add(share, &self.means.row(category as usize));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn shrinkage_goes_from_the_category_to_the_mean() {
        let categories = Csr::from_rows([vec![0], vec![0, 1], vec![2]]);
        let vectors = array![[2.0], [4.0], [9.0]];
        let of = |m, cold: Vec<u32>| {
            CategoryMeans::fit(&categories, vectors.view(), m).unwrap().predict(&Csr::from_rows([cold]))
                [[0, 0]]
        };
        assert_eq!(of(0.0, vec![0]), 3.0);
        assert_eq!(of(0.0, vec![0, 1]), 3.5);
        assert_eq!(of(2.0, vec![1]), 14.0 / 3.0);
        assert!((of(1e9, vec![2]) - 5.0).abs() < 1e-3);
        assert_eq!(of(0.0, vec![77]), 5.0, "a category that nobody has");
    }

    #[test]
    fn bad_input_is_named() {
        let categories = Csr::from_rows([vec![0], vec![1]]);
        let fit = |c: &Csr, v: &Array2<f32>, m| CategoryMeans::fit(c, v.view(), m).unwrap_err();
        let vectors = array![[1.0], [2.0]];
        assert!(matches!(fit(&categories, &vectors, -1.0), ColdError::Setting { .. }));
        assert!(matches!(fit(&categories, &vectors, f64::NAN), ColdError::Setting { .. }));
        assert!(matches!(fit(&categories, &array![[1.0]], 1.0), ColdError::Shape { .. }));
        assert!(matches!(
            fit(&categories, &array![[1.0], [f32::NAN]], 1.0),
            ColdError::NotFinite { row: 1, .. }
        ));
        let stray = Csr::from_rows([vec![0], vec![u32::MAX]]);
        assert!(matches!(fit(&stray, &vectors, 1.0), ColdError::Shape { what: "ids of categories", .. }));
        assert!(matches!(
            fit(&Csr::from_rows::<&[u32]>([]), &Array2::zeros((0, 2)), 1.0),
            ColdError::TooFew { .. }
        ));
    }
}
