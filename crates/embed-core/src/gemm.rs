//! Matrix products behind one function, over the `gemm` crate.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::kernel::matmul;
use crate::{Parallelism, ParallelismError};

/// Rows of a block of [`par_gemm`].
const BLOCK: usize = 256;

/// `c = alpha · a · b + beta · c` for `a` `[m, k]`, `b` `[k, n]`, `c` `[m, n]`, any strides, on the calling
/// thread. With `beta` 0 the old values of `c` are not read. O(m · k · n).
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

/// [`gemm`] on several threads: blocks of 256 rows of `c`, so that the result is the same bits for any number
/// of threads.
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
        let product = |threads: usize| {
            let mut c = Array2::zeros((1000, 90));
            let parallelism = Parallelism::Threads(threads.try_into().unwrap());
            par_gemm(1.0, a.view(), b.view(), 0.0, c.view_mut(), parallelism).unwrap();
            c
        };
        let one = product(1);
        assert_eq!(one, product(2));
        assert_eq!(one, product(7));
        let mut first = Array2::zeros((256, 90));
        gemm(1.0, a.slice(s![..256, ..]), b.view(), 0.0, first.view_mut());
        assert_eq!(one.slice(s![..256, ..]), first);
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn shapes_that_do_not_fit_panic() {
        gemm(1.0, matrix(2, 3, 1).view(), matrix(2, 3, 1).view(), 0.0, matrix(2, 3, 1).view_mut());
    }
}
