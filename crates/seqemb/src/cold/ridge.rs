use embed_core::SeededRng;
use ndarray::{Array2, ArrayView2};

use super::ColdError;
use super::solve::cholesky_solve;

/// Settings of [`Ridge`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RidgeParams {
    /// Weight of the squared coefficients, relative to the mean square of a feature: 0 to 10⁹. 0.1.
    pub lambda: f64,
    /// Share of the warm items that are held out to measure the fit: 0 to 0.9. The final coefficients are from all. 0.1.
    pub held_out: f64,
    /// Whether predictions are stretched so that their norms are those of the vectors. Regression pulls towards the mean,
    /// and a vector that is too short is never retrieved beside warm ones by inner product. True.
    pub calibrate: bool,
}

impl Default for RidgeParams {
    fn default() -> Self {
        Self { lambda: 0.1, held_out: 0.1, calibrate: true }
    }
}

/// How a regression does on items that it was not fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeldOut {
    /// Items held out; 0 when there are too few to hold any out, and the other figures are 0 then.
    pub items: usize,
    /// Share of the variance around the mean vector that the prediction explains, before stretching; below 0 when the
    /// mean would do better.
    pub r2: f64,
    /// Mean cosine of prediction and vector.
    pub cosine: f64,
    /// The same with the mean vector for everyone: what features must beat.
    pub cosine_of_mean: f64,
}

/// Linear regression from content features to vectors: an item without interactions gets the vector that its features
/// speak for.
///
/// With features `X` and vectors `Y`, both centred, `W = (XᵀX + λ s n I)⁻¹ XᵀY` where `s` is the mean square of a centred
/// feature. O(n f² + f³ + n f d); memory `8 f (f + d)` bytes.
///
/// ```
/// use ndarray::array;
/// use seqemb::cold::{Ridge, RidgeParams};
///
/// let features = array![[0.0], [1.0], [2.0], [3.0]];
/// let vectors = array![[1.0, 0.0], [1.0, 2.0], [1.0, 4.0], [1.0, 6.0]];
/// let params = RidgeParams { lambda: 0.0, ..Default::default() };
/// let ridge = Ridge::fit(features.view(), vectors.view(), &params, 1)?;
/// assert!((ridge.predict(array![[5.0]].view())?[[0, 1]] - 10.0).abs() < 1e-3);
/// # Ok::<(), seqemb::cold::ColdError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// `[n_features, dim]`.
    weights: Vec<f64>,
    feature_means: Vec<f64>,
    vector_means: Vec<f64>,
    stretch: f64,
    held_out: HeldOut,
}

impl Ridge {
    /// Most features.
    pub const MAX_FEATURES: usize = 4096;

    /// From the features `[n, n_features]` and the vectors `[n, dim]` of warm items.
    ///
    /// # Errors
    /// - [`ColdError::Setting`] for a setting out of its range, or more than [`Ridge::MAX_FEATURES`].
    /// - [`ColdError::Shape`] when the two differ in rows, [`ColdError::TooFew`] below two rows.
    /// - [`ColdError::NotFinite`] names the first value that is not.
    /// - [`ColdError::Singular`] when features depend on each other and lambda does not help.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of items"
    )]
    pub fn fit(
        features: ArrayView2<'_, f32>,
        vectors: ArrayView2<'_, f32>,
        params: &RidgeParams,
        seed: u64,
    ) -> Result<Self, ColdError> {
        let ranges = [
            ("lambda", params.lambda, 1e9),
            ("held out", params.held_out, 0.9),
            ("features", features.ncols() as f64, Self::MAX_FEATURES as f64),
        ];
        for (name, got, most) in ranges {
            if !(0.0..=most).contains(&got) {
                return Err(ColdError::Setting { name, got, least: 0.0, most });
            }
        }
        let n = features.nrows();
        if vectors.nrows() != n {
            return Err(ColdError::Shape { what: "rows of vectors", expected: n, got: vectors.nrows() });
        }
        if n < 2 {
            return Err(ColdError::TooFew { got: n, least: 2 });
        }
        check_finite("feature", &features)?;
        check_finite("vector", &vectors)?;
        let mut order: Vec<usize> = (0..n).collect();
        SeededRng::stream(seed, "ridge held out", 0).shuffle(&mut order);
        let n_held = ((n as f64 * params.held_out).round() as usize).min(n - 2);
        let (held, rest) = order.split_at(n_held);
        let held_out = if held.is_empty() {
            HeldOut::default()
        } else {
            Self::solve(&features, &vectors, rest, params)?.measure(&features, &vectors, held)
        };
        order.sort_unstable();
        Ok(Self { held_out, ..Self::solve(&features, &vectors, &order, params)? })
    }

    /// How it did on the items held out.
    #[must_use]
    pub fn held_out(&self) -> HeldOut {
        self.held_out
    }

    /// Vectors `[n, dim]` for features `[n, n_features]`.
    ///
    /// # Errors
    /// [`ColdError::Shape`], [`ColdError::NotFinite`].
    pub fn predict(&self, features: ArrayView2<'_, f32>) -> Result<Array2<f32>, ColdError> {
        let (expected, got) = (self.feature_means.len(), features.ncols());
        if expected != got {
            return Err(ColdError::Shape { what: "features", expected, got });
        }
        check_finite("feature", &features)?;
        let mut out = Array2::zeros((features.nrows(), self.vector_means.len()));
        for (row, mut to) in out.rows_mut().into_iter().enumerate() {
            let vector = self.one(&features, row);
            #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
            to.iter_mut().zip(vector).for_each(|(to, x)| *to = (x * self.stretch) as f32);
        }
        Ok(out)
    }

    /// One prediction, not stretched.
    fn one(&self, features: &ArrayView2<'_, f32>, row: usize) -> Vec<f64> {
        let mut vector = self.vector_means.clone();
        let d = vector.len();
        for ((x, mean), weights) in
            features.row(row).iter().zip(&self.feature_means).zip(self.weights.chunks(d.max(1)))
        {
            let x = f64::from(*x) - mean;
            vector.iter_mut().zip(weights).for_each(|(v, w)| *v += x * w);
        }
        vector
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of items")]
    fn solve(
        features: &ArrayView2<'_, f32>,
        vectors: &ArrayView2<'_, f32>,
        rows: &[usize],
        params: &RidgeParams,
    ) -> Result<Self, ColdError> {
        let (f, d, n) = (features.ncols(), vectors.ncols(), rows.len() as f64);
        let mean = |table: &ArrayView2<'_, f32>| {
            let mut means = vec![0.0; table.ncols()];
            for &row in rows {
                means.iter_mut().zip(table.row(row)).for_each(|(m, x)| *m += f64::from(*x) / n);
            }
            means
        };
        let (feature_means, vector_means) = (mean(features), mean(vectors));
        let (mut gram, mut product) = (vec![0.0; f * f], vec![0.0; f * d]);
        for &row in rows {
            let x: Vec<f64> =
                features.row(row).iter().zip(&feature_means).map(|(x, m)| f64::from(*x) - m).collect();
            for (i, &xi) in x.iter().enumerate().filter(|(_, xi)| **xi != 0.0) {
                gram[i * f..=i * f + i].iter_mut().zip(&x).for_each(|(g, xj)| *g += xi * xj);
                let ys = vectors.row(row).into_iter().zip(&vector_means);
                product[i * d..(i + 1) * d]
                    .iter_mut()
                    .zip(ys)
                    .for_each(|(p, (y, m))| *p += xi * (f64::from(*y) - m));
            }
        }
        let trace: f64 = (0..f).map(|i| gram[i * f + i]).sum();
        (0..f).for_each(|i| gram[i * f + i] += params.lambda * trace / f as f64);
        cholesky_solve(&mut gram, f, &mut product, d).ok_or(ColdError::Singular)?;
        let mut ridge = Self {
            weights: product,
            feature_means,
            vector_means,
            stretch: 1.0,
            held_out: HeldOut::default(),
        };
        if params.calibrate {
            let (mut real, mut predicted) = (0.0, 0.0);
            for &row in rows {
                real += norm(vectors.row(row).iter().map(|x| f64::from(*x)));
                predicted += norm(ridge.one(features, row).into_iter());
            }
            if predicted > 0.0 {
                ridge.stretch = real / predicted;
            }
        }
        Ok(ridge)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of items")]
    fn measure(
        &self,
        features: &ArrayView2<'_, f32>,
        vectors: &ArrayView2<'_, f32>,
        rows: &[usize],
    ) -> HeldOut {
        let (mut left, mut all, mut cosine, mut cosine_of_mean) = (0.0, 0.0, 0.0, 0.0);
        for &row in rows {
            let real: Vec<f64> = vectors.row(row).iter().map(|x| f64::from(*x)).collect();
            let guess = self.one(features, row);
            for ((y, p), m) in real.iter().zip(&guess).zip(&self.vector_means) {
                left += (y - p) * (y - p);
                all += (y - m) * (y - m);
            }
            cosine += cos(&real, &guess);
            cosine_of_mean += cos(&real, &self.vector_means);
        }
        let n = rows.len() as f64;
        let r2 = if all > 0.0 { 1.0 - left / all } else { 0.0 };
        HeldOut { items: rows.len(), r2, cosine: cosine / n, cosine_of_mean: cosine_of_mean / n }
    }
}

pub(super) fn check_finite(what: &'static str, table: &ArrayView2<'_, f32>) -> Result<(), ColdError> {
    match table.indexed_iter().find(|(_, x)| !x.is_finite()) {
        Some(((row, column), _)) => Err(ColdError::NotFinite { what, row, column }),
        None => Ok(()),
    }
}

fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}

fn cos(x: &[f64], y: &[f64]) -> f64 {
    let norms = norm(x.iter().copied()) * norm(y.iter().copied());
    if norms > 0.0 { x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>() / norms } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors that are linear in the features, with noise.
    fn planted(n: usize, noise: f32) -> (Array2<f32>, Array2<f32>) {
        let mut rng = SeededRng::new(4);
        let features = Array2::from_shape_fn((n, 6), |_| rng.unit_f32());
        let weights = Array2::from_shape_fn((6, 9), |_| rng.unit_f32() - 0.5);
        let mut vectors = features.dot(&weights);
        vectors.iter_mut().for_each(|x| *x += 0.3 + noise * (rng.unit_f32() - 0.5));
        (features, vectors)
    }

    #[test]
    fn a_linear_law_is_found_and_the_held_out_items_say_so() {
        let (features, vectors) = planted(400, 0.1);
        let ridge = Ridge::fit(
            features.view(),
            vectors.view(),
            &RidgeParams { lambda: 1e-6, ..Default::default() },
            1,
        )
        .unwrap();
        let held = ridge.held_out();
        assert_eq!(held.items, 40);
        assert!(held.r2 > 0.95 && held.cosine > 0.99 && held.cosine > held.cosine_of_mean, "{held:?}");
        // Vectors that have nothing to do with the features.
        let (_, other) = planted(400, 5.0);
        let mut rng = SeededRng::new(8);
        let noise = Array2::from_shape_fn((400, 6), |_| rng.unit_f32());
        let held = Ridge::fit(noise.view(), other.view(), &RidgeParams::default(), 1).unwrap().held_out();
        assert!(held.r2 < 0.1, "{held:?}");
    }

    #[test]
    fn stretched_predictions_are_as_long_as_warm_vectors() {
        let (features, mut vectors) = planted(400, 2.0);
        // Without a mean, so that the regression shrinks all of a vector.
        let means = vectors.mean_axis(ndarray::Axis(0)).unwrap();
        vectors -= &means;
        let length = |t: &Array2<f32>| t.rows().into_iter().map(|r| r.dot(&r).sqrt()).sum::<f32>() / 400.0;
        let of = |calibrate| {
            let params = RidgeParams { calibrate, ..Default::default() };
            Ridge::fit(features.view(), vectors.view(), &params, 1).unwrap().predict(features.view()).unwrap()
        };
        assert!(length(&of(false)) < 0.8 * length(&vectors));
        assert!((length(&of(true)) / length(&vectors) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn bad_input_is_named() {
        let (features, vectors) = planted(20, 0.1);
        let params = RidgeParams::default();
        let fit = |f: &Array2<f32>, v: &Array2<f32>, p| Ridge::fit(f.view(), v.view(), &p, 1);
        let short = Array2::zeros((9, vectors.ncols()));
        assert!(matches!(fit(&features, &short, params), Err(ColdError::Shape { .. })));
        let mut bad = features.clone();
        bad[[3, 2]] = f32::NAN;
        assert!(matches!(fit(&bad, &vectors, params), Err(ColdError::NotFinite { row: 3, column: 2, .. })));
        assert!(matches!(
            fit(&features, &vectors, RidgeParams { lambda: -1.0, ..params }),
            Err(ColdError::Setting { .. })
        ));
        let twice = ndarray::concatenate(ndarray::Axis(1), &[features.view(), features.view()]).unwrap();
        assert_eq!(fit(&twice, &vectors, RidgeParams { lambda: 0.0, ..params }), Err(ColdError::Singular));
        let one = Array2::zeros((1, 2));
        assert!(matches!(fit(&one, &one, params), Err(ColdError::TooFew { .. })));
        let ridge = fit(&features, &vectors, params).unwrap();
        assert!(matches!(ridge.predict(twice.view()), Err(ColdError::Shape { expected: 6, got: 12, .. })));
    }
}
