//! The one place where the `gemm` crate is called.

use ndarray::{ArrayView2, ArrayViewMut2};

/// `c = alpha · a · b + beta · c` on the calling thread; the shapes were checked.
pub(crate) fn multiply(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
) {
    let (m, k) = a.dim();
    let n = b.ncols();
    assert!(b.nrows() == k && c.dim() == (m, n), "shapes of a product");
    let (a_strides, b_strides, c_strides) = (a.strides(), b.strides(), c.strides());
    let strides = [a_strides[0], a_strides[1], b_strides[0], b_strides[1], c_strides[0], c_strides[1]];
    let [a_row, a_column, b_row, b_column, c_row, c_column] = strides;
    // SAFETY: the pointers and strides are those of views of the shapes [m, k], [k, n] and [m, n], as
    // asserted; `c` is borrowed mutably, so that it overlaps neither of the others. `gemm` takes the factor
    // of the old values first.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            c_column,
            c_row,
            beta != 0.0,
            a.as_ptr(),
            a_column,
            a_row,
            b.as_ptr(),
            b_column,
            b_row,
            beta,
            alpha,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
