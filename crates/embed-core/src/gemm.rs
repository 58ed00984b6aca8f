//! Matrix products.
use ndarray::{ArrayView2, ArrayViewMut2};

/// `c = alpha · a · b + beta · c` for `a` `[m, k]`, `b` `[k, n]`, `c` `[m, n]`, any strides, on the calling thread.
pub fn gemm(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
) {
    ndarray::linalg::general_mat_mul(alpha, &a, &b, beta, &mut c);
}
