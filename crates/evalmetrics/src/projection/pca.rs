use embed_core::{Run, gemm};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::ProjectError;
use crate::eigen::symmetric;
use crate::intrinsic::check;
use crate::moments::{centred, column_means, scatter};
use crate::number::float;

/// Principal components: the orthogonal axes along which vectors vary most.
///
/// Of an axis the component largest in size is positive, so that pictures do not flip from run to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    means: Vec<f64>,
    /// `[axes, dim]`, of length 1.
    axes: Array2<f32>,
    variances: Vec<f64>,
    total: f64,
}

impl Pca {
    /// The first `axes` of vectors `[n, dim]`.
    ///
    /// # Errors
    /// [`ProjectError::Axes`] for none, or more than `dim`; [`ProjectError::Vectors`] for fewer than two vectors,
    /// and for those that are not finite; [`ProjectError::Parallelism`].
    ///
    /// # Complexity
    /// O(n · dim² + dim³). Memory: a copy of the vectors, and 70 · dim² bytes.
    ///
    /// # Determinism
    /// The same bits on any number of threads. Nothing is drawn.
    ///
    /// # Reference
    /// Pearson 1901; Jolliffe, Principal Component Analysis, 2002.
    pub fn fit(vectors: ArrayView2<'_, f32>, axes: usize, run: &mut Run<'_>) -> Result<Self, ProjectError> {
        check(vectors, 2)?;
        let (n, dim) = vectors.dim();
        if axes == 0 || axes > dim {
            return Err(ProjectError::Axes { got: axes, most: dim });
        }
        let means = column_means(vectors);
        let scatter = scatter(centred(vectors, &means).view(), run.parallelism)?;
        let (values, directions) = symmetric(&scatter);
        let variances: Vec<f64> = values.iter().map(|value| value.max(0.0) / float(n - 1)).collect();
        #[expect(clippy::cast_possible_truncation, reason = "components of unit vectors")]
        let directions = directions.slice_axis(Axis(0), Slice::from(..axes)).mapv(|x| x as f32);
        let total = variances.iter().sum();
        Ok(Self { means, axes: directions, variances: variances[..axes].to_vec(), total })
    }

    /// Vectors `[n, dim]` along the axes: `[n, axes]`.
    ///
    /// # Errors
    /// [`ProjectError::Dimension`].
    pub fn transform(&self, vectors: ArrayView2<'_, f32>) -> Result<Array2<f32>, ProjectError> {
        let (expected, got) = (self.axes.ncols(), vectors.ncols());
        if expected != got {
            return Err(ProjectError::Dimension { expected, got });
        }
        let mut out = Array2::zeros((vectors.nrows(), self.axes.nrows()));
        gemm::gemm(1.0, centred(vectors, &self.means).view(), self.axes.t(), 0.0, out.view_mut());
        Ok(out)
    }

    /// The axes, `[axes, dim]`, of length 1.
    #[must_use]
    pub fn axes(&self) -> ArrayView2<'_, f32> {
        self.axes.view()
    }

    /// The variance along each axis, largest first.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The share of the whole variance along each axis; 0 where nothing varies.
    #[must_use]
    pub fn explained(&self) -> Vec<f64> {
        self.variances.iter().map(|v| if self.total > 0.0 { v / self.total } else { 0.0 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::SeededRng;
    use ndarray::array;

    #[test]
    fn a_line_by_hand() {
        // Along (3, 4)/5 with places −1, 0, 1, off the origin.
        let vectors = array![[10.0 - 3.0, 20.0 - 4.0], [10.0, 20.0], [13.0, 24.0]];
        let pca = Pca::fit(vectors.view(), 2, &mut Run::default()).unwrap();
        assert!((pca.axes()[[0, 0]] - 0.6).abs() < 1e-6 && (pca.axes()[[0, 1]] - 0.8).abs() < 1e-6);
        assert!((pca.variances()[0] - 25.0).abs() < 1e-9 && pca.variances()[1] < 1e-9);
        assert!((pca.explained()[0] - 1.0).abs() < 1e-9);
        let places = pca.transform(vectors.view()).unwrap();
        for (row, expected) in [-5.0, 0.0, 5.0].iter().enumerate() {
            assert!((places[[row, 0]] - expected).abs() < 1e-5 && places[[row, 1]].abs() < 1e-5);
        }
    }

    #[test]
    fn axes_are_orthogonal_and_keep_the_variance() {
        let mut rng = SeededRng::new(1);
        let vectors = Array2::from_shape_fn((700, 12), |(_, j)| (rng.unit_f32() - 0.2) * (j + 1) as f32);
        let of = |threads| Pca::fit(vectors.view(), 12, &mut Run::default().threads(threads)).unwrap();
        let pca = of(1);
        assert_eq!((of(2), of(7)), (pca.clone(), pca.clone()));
        let unit = pca.axes().dot(&pca.axes().t()) - Array2::<f32>::eye(12);
        assert!(unit.iter().all(|x| x.abs() < 1e-5));
        assert!((pca.explained().iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let out = pca.transform(vectors.view()).unwrap();
        let variance = out.column(0).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 699.0;
        assert!((variance - pca.variances()[0]).abs() < 1e-4 * variance);
    }

    #[test]
    fn bad_input_is_named() {
        let vectors = array![[1.0, 2.0], [3.0, 4.0]];
        let fails = |axes| Pca::fit(vectors.view(), axes, &mut Run::default()).unwrap_err();
        assert!(matches!(fails(0), ProjectError::Axes { got: 0, most: 2 }));
        assert!(matches!(fails(3), ProjectError::Axes { got: 3, most: 2 }));
        let one = array![[1.0f32]];
        assert!(matches!(Pca::fit(one.view(), 1, &mut Run::default()), Err(ProjectError::Vectors(_))));
        let pca = Pca::fit(vectors.view(), 1, &mut Run::default()).unwrap();
        assert!(matches!(pca.transform(one.view()), Err(ProjectError::Dimension { expected: 2, got: 1 })));
        let same = Pca::fit(Array2::<f32>::ones((5, 3)).view(), 2, &mut Run::default()).unwrap();
        assert_eq!(same.explained(), [0.0, 0.0]);
    }
}
