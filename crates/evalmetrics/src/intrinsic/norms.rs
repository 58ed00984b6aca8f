use ndarray::ArrayView2;
use serde::Serialize;

use super::IntrinsicError;
use super::vectors::check;
use crate::number::{float, mean};
use crate::statistics::{pearson, spearman};

/// How far the length of a vector follows the popularity of its item.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NormPopularity {
    /// Spearman's correlation of length and interactions; none where one does not vary.
    pub spearman: Option<f64>,
    /// Pearson's correlation of length and `ln(1 + interactions)`.
    pub pearson: Option<f64>,
    /// Mean length.
    pub mean_norm: f64,
    /// Standard deviation of the length over the mean.
    pub variation: f64,
    /// Vectors of length 0.
    pub n_zero: usize,
}

/// How far the lengths of vectors `[n_items, dim]` follow the interactions of each item, `counts` `[n_items]`. Under inner
/// product a long vector is recommended more often; this tells how much of that is popularity. O(n (dim + log n)).
///
/// # Errors
/// [`IntrinsicError::Items`] when the two differ in length; [`IntrinsicError::NotFinite`] and the like.
pub fn norm_popularity(
    vectors: ArrayView2<'_, f32>,
    counts: &[u64],
) -> Result<NormPopularity, IntrinsicError> {
    check(vectors, 1)?;
    let (expected, got) = (vectors.nrows(), counts.len());
    if expected != got {
        return Err(IntrinsicError::Items { what: "counts", expected, got });
    }
    let length =
        |row: ndarray::ArrayView1<'_, f32>| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let norms: Vec<f64> = vectors.rows().into_iter().map(length).collect();
    #[expect(clippy::cast_precision_loss, reason = "a correlation needs no more digits")]
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    let logs: Vec<f64> = counts.iter().map(|count| count.ln_1p()).collect();
    let average = mean(&norms);
    let deviation =
        (norms.iter().map(|norm| (norm - average).powi(2)).sum::<f64>() / float(norms.len())).sqrt();
    Ok(NormPopularity {
        spearman: spearman(&norms, &counts),
        pearson: pearson(&norms, &logs),
        mean_norm: average,
        variation: if average > 0.0 { deviation / average } else { 0.0 },
        n_zero: norms.iter().filter(|&&norm| norm == 0.0).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn lengths_by_hand() {
        let vectors = array![[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]];
        let got = norm_popularity(vectors.view(), &[50, 7, 1]).unwrap();
        assert_eq!((got.spearman, got.mean_norm, got.n_zero), (Some(1.0), 2.0, 1));
        assert!((got.variation - (14.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-15);
        assert_eq!(norm_popularity(vectors.view(), &[1, 7, 50]).unwrap().spearman, Some(-1.0));
        assert_eq!(norm_popularity(vectors.view(), &[4, 4, 4]).unwrap().pearson, None);
        assert!(matches!(norm_popularity(vectors.view(), &[1]), Err(IntrinsicError::Items { got: 1, .. })));
    }
}
