//! What the kernels must compute: the definitions, in f64, one component after the other.

pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

pub(super) fn squared_l2(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum()
}

pub(super) fn axpy(alpha: f32, x: &[f32], y: &[f32]) -> Vec<f64> {
    x.iter().zip(y).map(|(&x, &y)| f64::from(alpha) * f64::from(x) + f64::from(y)).collect()
}

/// The sum of the magnitudes of a dot product's terms, which its rounding error is measured by.
pub(super) fn magnitude(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x) * f64::from(y)).abs()).sum()
}
