//! The one place where the `gemm-f32` crate is called.
//!
//! `gemm` sums in an order that depends on the shape: it has other kernels for single rows and columns, for
//! one or two terms, for small products of operands that are both contiguous along the sum, and for reversed
//! ones; and it cuts long sums by the size of the caches. Here every product is brought into the one form in which an element is
//! summed term by term, in order, whatever is around it.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, Slice, s};

/// Terms that are summed before they are added to the element: as many as `gemm` never cuts.
const DEPTH: usize = 512;

/// The fewest terms that `gemm` has no kernel of their own for.
const FEW: usize = 3;

/// Elements of a product for which `gemm` has kernels of their own.
const SMALL: usize = 256;

/// `c = alpha · a · b + beta · c` on the calling thread; the shapes were checked. An element of the result is
/// a function of its row, its column, its old value and the two factors, on one instruction set.
pub(crate) fn multiply(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
) {
    let terms = a.ncols();
    for start in (0..terms.max(1)).step_by(DEPTH) {
        let part = Slice::from(start..terms.min(start + DEPTH));
        let (a, b) = (a.slice_axis(Axis(1), part), b.slice_axis(Axis(0), part));
        multiply_part(alpha, a, b, if start == 0 { beta } else { 1.0 }, c.view_mut());
    }
}

/// A product of at most [`DEPTH`] terms.
fn multiply_part(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
) {
    let (m, n) = c.dim();
    if m == 0 || n == 0 {
        return;
    }
    let (mut a, mut b) = (forward(a, Axis(1)), forward(b, Axis(0)));
    if (1..FEW).contains(&a.ncols()) {
        (a, b) = (with_zeros(a.view(), (m, FEW)), with_zeros(b.view(), (FEW, n)));
    }
    if m == 1 || n == 1 {
        // A row or column of zeros more, beside the sum so that it is not contiguous.
        let a = if m == 1 { with_zeros(a.t(), (a.ncols(), 2)).reversed_axes() } else { a };
        let b = if n == 1 { with_zeros(b.view(), (b.nrows(), 2)) } else { b };
        let mut wide = with_zeros(c.view(), (m.max(2), n.max(2)));
        call(alpha, a.view(), b.view(), beta, wide.view_mut());
        c.assign(&wide.slice(s![..m, ..n]));
    } else if m * n <= SMALL && a.strides()[1] == 1 && b.strides()[0] == 1 {
        // The smaller operand is turned, so that it is not contiguous along the sum.
        if m <= n {
            call(alpha, a.t().as_standard_layout().t(), b.view(), beta, c);
        } else {
            call(alpha, a.view(), b.as_standard_layout().view(), beta, c);
        }
    } else {
        call(alpha, a.view(), b.view(), beta, c);
    }
}

/// The operand, copied if it runs backwards along the sum.
fn forward(operand: ArrayView2<'_, f32>, sum: Axis) -> CowArray<'_, f32, Ix2> {
    if operand.stride_of(sum) < 0 { operand.as_standard_layout().into_owned().into() } else { operand.into() }
}

/// A copy of the matrix in the corner of a larger one, which is zero elsewhere.
fn with_zeros(matrix: ArrayView2<'_, f32>, shape: (usize, usize)) -> CowArray<'static, f32, Ix2> {
    let mut larger = Array2::zeros(shape);
    larger.slice_mut(s![..matrix.nrows(), ..matrix.ncols()]).assign(&matrix);
    larger.into()
}

fn call<'a>(
    alpha: f32,
    mut a: ArrayView2<'a, f32>,
    mut b: ArrayView2<'a, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
) {
    // The kernels write along the columns of `c`, and forwards.
    if c.strides()[1].abs() < c.strides()[0].abs() {
        (a, b, c) = (b.reversed_axes(), a.reversed_axes(), c.reversed_axes());
    }
    if c.strides()[0] < 0 {
        c.invert_axis(Axis(0));
        a.invert_axis(Axis(0));
    }
    if c.strides()[1] < 0 {
        c.invert_axis(Axis(1));
        b.invert_axis(Axis(1));
    }
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
        gemm_f32::gemm::f32::get_gemm_fn()(
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
            gemm_common::Parallelism::None,
        );
    }
}
