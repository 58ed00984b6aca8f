use embed_core::{SeededRng, kernel};
use ndarray::{Array2, ArrayView2};

use super::ColdError;
use super::ridge::check_finite;

/// Scales `rows` `[n, dim]` by one factor, so that the median of their norms is the `quantile` of the norms of `warm`
/// vectors: 0.5 puts cold items on a level with warm ones, less behind them. Under inner product, long vectors win: one
/// that is too short is never retrieved, one that is too long always is. All-zero rows stay.
///
/// # Errors
/// - [`ColdError::Setting`] when the quantile is not in 0..=1.
/// - [`ColdError::Shape`] when the two differ in `dim`, [`ColdError::TooFew`] without a warm vector.
/// - [`ColdError::NotFinite`] names the first component that is not.
pub fn calibrate_norms(
    rows: &mut Array2<f32>,
    warm: ArrayView2<'_, f32>,
    quantile: f64,
) -> Result<(), ColdError> {
    let (expected, got) = (warm.ncols(), rows.ncols());
    if expected != got {
        return Err(ColdError::Shape { what: "components", expected, got });
    }
    check_finite("vector", &rows.view())?;
    let level = norm_at(warm, quantile)?;
    let median = norm_at(rows.view(), 0.5).unwrap_or(0.0);
    if median > 0.0 {
        rows.mapv_inplace(|x| x * (level / median));
    }
    Ok(())
}

/// Random vectors `[n, dim]` for items of which nothing is known: directions uniform on the sphere, norms those of the
/// `quantile` of `warm`. A low quantile keeps them behind what was learned, until traffic moves them. Row `i` depends on
/// the seed and `i` only.
///
/// # Errors
/// As [`calibrate_norms`].
pub fn random_like(
    n: usize,
    warm: ArrayView2<'_, f32>,
    quantile: f64,
    seed: u64,
) -> Result<Array2<f32>, ColdError> {
    let level = norm_at(warm, quantile)?;
    let mut rows = Array2::zeros((n, warm.ncols()));
    for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
        let mut rng = SeededRng::stream(seed, "cold items", i as u64);
        row.iter_mut().for_each(|x| *x = normal(&mut rng));
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row.mapv_inplace(|x| x * (level / norm));
        }
    }
    Ok(rows)
}

/// A standard normal draw, by the method of Box and Muller.
#[expect(clippy::cast_possible_truncation, reason = "a draw in f32")]
fn normal(rng: &mut SeededRng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.unit_f64()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.unit_f64()).cos()) as f32
}

/// The quantile of the norms of the rows.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank below the number of rows"
)]
fn norm_at(rows: ArrayView2<'_, f32>, quantile: f64) -> Result<f32, ColdError> {
    if !(0.0..=1.0).contains(&quantile) {
        return Err(ColdError::Setting { name: "quantile", got: quantile, least: 0.0, most: 1.0 });
    }
    if rows.nrows() == 0 {
        return Err(ColdError::TooFew { got: 0, least: 1 });
    }
    check_finite("vector", &rows)?;
    let mut norms: Vec<f32> = rows
        .rows()
        .into_iter()
        .map(|row| row.as_slice().map_or_else(|| row.dot(&row).sqrt(), kernel::norm))
        .collect();
    norms.sort_unstable_by(f32::total_cmp);
    Ok(norms[((norms.len() - 1) as f64 * quantile).round() as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn norms_are_brought_to_the_level_of_warm_ones() {
        let warm = array![[3.0, 4.0], [0.0, 1.0], [8.0, 6.0]];
        let mut cold = array![[0.1, 0.0], [0.0, 0.2], [0.3, 0.0], [0.0, 0.0]];
        calibrate_norms(&mut cold, warm.view(), 0.5).unwrap();
        // The median of 0, 0.1, 0.2, 0.3 by rank is 0.2.
        assert!((cold[[1, 1]] - 5.0).abs() < 1e-5 && (cold[[0, 0]] - 2.5).abs() < 1e-5, "{cold}");
        calibrate_norms(&mut cold, warm.view(), 1.0).unwrap();
        assert!((cold[[1, 1]] - 10.0).abs() < 1e-4);
        let mut zeros = Array2::zeros((2, 2));
        calibrate_norms(&mut zeros, warm.view(), 0.5).unwrap();
        assert_eq!(zeros, Array2::<f32>::zeros((2, 2)));
        assert!(matches!(calibrate_norms(&mut zeros, warm.view(), 1.5), Err(ColdError::Setting { .. })));
        let none = Array2::<f32>::zeros((0, 2));
        assert!(matches!(calibrate_norms(&mut zeros, none.view(), 0.5), Err(ColdError::TooFew { .. })));
        assert!(matches!(
            random_like(2, array![[f32::NAN]].view(), 0.5, 1),
            Err(ColdError::NotFinite { .. })
        ));
    }

    #[test]
    fn random_rows_point_everywhere() {
        let warm = Array2::from_elem((5, 8), 0.25);
        let rows = random_like(2000, warm.view(), 0.3, 1).unwrap();
        let level = 0.25 * 8f32.sqrt();
        assert!(rows.rows().into_iter().all(|row| (row.dot(&row).sqrt() - level).abs() < 1e-5));
        let mean = rows.mean_axis(ndarray::Axis(0)).unwrap();
        assert!(mean.iter().all(|x| x.abs() < 0.03), "{mean}");
        assert_eq!(rows.row(3), random_like(9, warm.view(), 0.3, 1).unwrap().row(3));
    }
}
