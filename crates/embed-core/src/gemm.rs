//! Matrix products behind one function, over the `gemm` crate.
//!
//! **Determinism.** On one instruction set an element of a product is a function of its row of `a`, its column
//! of `b`, its old value and the two factors: the same bits from a product of whole matrices, from one of a
//! block of their rows or columns, in any layout, on any number of threads. What is cut into blocks of any size
//! is therefore the same product. Between instruction sets results agree to rounding.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::kernel::matmul;
use crate::{Parallelism, ParallelismError};

/// Rows of a block of [`par_gemm`]: enough that packing `b` for each is little work beside it.
const BLOCK: usize = 256;

/// `c = alpha · a · b + beta · c` for `a` `[m, k]`, `b` `[k, n]`, `c` `[m, n]`, any strides, on the calling
/// thread. With `beta` 0 the old values of `c` are not read. O(m · k · n).
///
/// A single row or column takes as long as several: [`kernel::dot_rows`](crate::kernel::dot_rows) is made for
/// it (and sums in another order).
///
/// # Panics
/// When the shapes do not fit.
pub fn gemm(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    c: ArrayViewMut2<'_, f32>,
) {
    check(&a, &b, &c);
    matmul::multiply(alpha, a, b, beta, c);
}

/// [`gemm()`] on several threads, in blocks of 256 rows of `c`: the same bits for any number of threads, and
/// those of [`gemm()`].
///
/// # Errors
/// [`ParallelismError`] when the threads cannot be started.
///
/// # Panics
/// When the shapes do not fit.
pub fn par_gemm(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
    parallelism: Parallelism,
) -> Result<(), ParallelismError> {
    check(&a, &b, &c);
    parallelism.install(|| {
        a.axis_chunks_iter(Axis(0), BLOCK)
            .into_par_iter()
            .zip(c.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter())
            .for_each(|(a, c)| matmul::multiply(alpha, a, b, beta, c));
    })
}

fn check(a: &ArrayView2<'_, f32>, b: &ArrayView2<'_, f32>, c: &ArrayViewMut2<'_, f32>) {
    let (a, b, c) = (a.dim(), b.dim(), c.dim());
    assert!(a.1 == b.0 && c == (a.0, b.1), "a product of {a:?} and {b:?} does not fit into {c:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;
    use ndarray::{Array2, s};
    use proptest::prelude::*;

    fn matrix(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
        let mut rng = SeededRng::new(seed);
        Array2::from_shape_simple_fn((rows, columns), || rng.unit_f32() - 0.5)
    }

    proptest! {
        #[test]
        fn products_agree_with_the_definition(m in 0usize..40, k in 0usize..40, n in 0usize..40, seed in 0u64..99) {
            let (a, b_t, c) = (matrix(m, k, seed), matrix(n, k, seed + 1), matrix(m, n, seed + 2));
            let mut got = c.clone();
            gemm(2.0, a.view(), b_t.t(), 0.5, got.view_mut());
            for ((i, j), x) in got.indexed_iter() {
                let sum: f32 = (0..k).map(|l| a[[i, l]] * b_t[[j, l]]).sum();
                prop_assert!((x - (2.0 * sum + 0.5 * c[[i, j]])).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn empty_matrices_have_a_product() {
        for (m, k, n) in (0..27).map(|i| (i / 9, i / 3 % 3, i % 3)) {
            let mut c = Array2::from_elem((m, n), 2.0);
            gemm(1.0, Array2::ones((m, k)).view(), Array2::ones((k, n)).view(), 0.5, c.view_mut());
            assert!(c.iter().all(|&x| x == k as f32 + 1.0), "{m} x {k} x {n}: {c}");
        }
    }

    #[test]
    fn old_values_are_not_read_when_beta_is_zero() {
        let mut c = Array2::from_elem((3, 2), f32::NAN);
        gemm(1.0, matrix(3, 4, 1).view(), matrix(4, 2, 2).view(), 0.0, c.view_mut());
        assert!(c.iter().all(|x| x.is_finite()));
        let mut c = Array2::from_elem((3, 2), f32::NAN);
        gemm(1.0, matrix(3, 0, 1).view(), matrix(0, 2, 2).view(), 0.0, c.view_mut());
        assert_eq!(c, Array2::<f32>::zeros((3, 2)), "an empty sum is zero");
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let (a, b) = (matrix(1000, 70, 1), matrix(70, 90, 2));
        let mut expected = Array2::zeros((1000, 90));
        gemm(1.0, a.view(), b.view(), 0.0, expected.view_mut());
        for threads in [1, 2, 7] {
            let mut c = Array2::zeros((1000, 90));
            let parallelism = Parallelism::Threads(threads.try_into().unwrap());
            par_gemm(1.0, a.view(), b.view(), 0.0, c.view_mut(), parallelism).unwrap();
            assert_eq!(c, expected, "{threads} threads");
        }
    }

    /// The same values in another layout: transposed memory, reversed axes, gaps between elements.
    fn layouts(values: &Array2<f32>) -> Vec<Array2<f32>> {
        let mut backwards = values.clone();
        backwards.invert_axis(Axis(0));
        backwards.invert_axis(Axis(1));
        let mut backwards = backwards.as_standard_layout().into_owned();
        backwards.invert_axis(Axis(0));
        backwards.invert_axis(Axis(1));
        let mut gaps = Array2::from_elem((2 * values.nrows(), 3 * values.ncols()), f32::NAN);
        gaps.slice_mut(s![..;2, ..;3]).assign(values);
        gaps.slice_collapse(s![..;2, ..;3]);
        let columns = values.t().as_standard_layout().into_owned().reversed_axes();
        vec![values.clone(), columns, backwards, gaps]
    }

    #[test]
    fn an_element_is_the_same_bits_in_any_product_that_has_it() {
        for k in [1, 2, 16, 100, 513, 1100] {
            for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (0.3, 0.7)] {
                let (a, b, c) = (matrix(70, k, 1), matrix(k, 300, 2), matrix(70, 300, 3));
                let mut whole = c.clone();
                gemm(alpha, a.view(), b.view(), beta, whole.view_mut());
                let rows = [0..70, 69..70, 3..5, 5..12, 1..66];
                let columns = [0..300, 7..8, 0..2, 16..32, 100..133];
                for (rows, columns) in rows.iter().flat_map(|r| columns.iter().map(move |c| (r, c))) {
                    let a = a.slice(s![rows.clone(), ..]).to_owned();
                    let b = b.slice(s![.., columns.clone()]).to_owned();
                    let part = s![rows.clone(), columns.clone()];
                    let products = layouts(&c.slice(part).to_owned());
                    let operands = layouts(&a).into_iter().zip(layouts(&b).into_iter().rev());
                    for (layout, (mut got, (a, b))) in products.into_iter().zip(operands).enumerate() {
                        assert_eq!(got, c.slice(part), "layouts hold the same values");
                        gemm(alpha, a.view(), b.view(), beta, got.view_mut());
                        let same = got.iter().zip(whole.slice(part)).all(|(x, y)| x.to_bits() == y.to_bits());
                        assert!(same, "k {k}, rows {rows:?}, columns {columns:?}, layout {layout}");
                    }
                    let mut got = c.slice(part).to_owned();
                    let b_t = b.t().as_standard_layout().into_owned();
                    gemm(alpha, a.view(), b_t.t(), beta, got.view_mut());
                    assert_eq!(
                        got,
                        whole.slice(part),
                        "k {k}, rows {rows:?}, columns {columns:?}, b transposed"
                    );
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn shapes_that_do_not_fit_panic() {
        gemm(1.0, matrix(2, 3, 1).view(), matrix(2, 3, 1).view(), 0.0, matrix(2, 3, 1).view_mut());
    }
}
