use embed_core::kernel;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::matrix::{each_row_mut, row};

/// Brings each row to length 1 in place and keeps the old lengths; a zero row stays zero.
///
/// # Panics
/// When the rows are not contiguous.
pub fn normalize_rows(mut x: ArrayViewMut2<'_, f32>, lengths: &mut Vec<f32>) {
    lengths.clear();
    lengths.extend((0..x.nrows()).map(|i| kernel::norm(row(&x.view(), i))));
    let lengths = &*lengths;
    each_row_mut(x.view_mut(), |i, x| {
        if lengths[i] > 0.0 {
            let scale = 1.0 / lengths[i];
            x.iter_mut().for_each(|x| *x *= scale);
        }
    });
}

/// From the gradient of the unit rows `y` to that of the rows before, in place: `dx = (dy − (dy · y) y) / |x|`, zero for a
/// zero row.
///
/// # Panics
/// When the shapes do not fit.
pub fn normalize_rows_backward(y: ArrayView2<'_, f32>, lengths: &[f32], dy: ArrayViewMut2<'_, f32>) {
    each_row_mut(dy, |i, dy| {
        if lengths[i] > 0.0 {
            let y = row(&y, i);
            let along = kernel::dot(dy, y);
            let scale = 1.0 / lengths[i];
            dy.iter_mut().zip(y).for_each(|(dy, y)| *dy = (*dy - along * y) * scale);
        } else {
            dy.fill(0.0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, random};
    use ndarray::Axis;

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (x, dy) = (random(4, 6, 1), random(4, 6, 2));
        let (mut y, mut dx, mut lengths) = (x.clone(), dy.clone(), Vec::new());
        normalize_rows(y.view_mut(), &mut lengths);
        normalize_rows_backward(y.view(), &lengths, dx.view_mut());
        let check = Check::new(&[&x], |a| {
            let lengths = a[0].map_axis(Axis(1), |row| row.dot(&row).sqrt()).insert_axis(Axis(1));
            &a[0] / &lengths
        });
        check.forward(&y);
        check.backward(&dy, &[&dx]);
    }

    #[test]
    fn zero_rows_stay_zero() {
        let (mut y, mut dy, mut lengths) = (random(2, 3, 1) * 0.0, random(2, 3, 2), Vec::new());
        normalize_rows(y.view_mut(), &mut lengths);
        normalize_rows_backward(y.view(), &lengths, dy.view_mut());
        assert!(y.iter().chain(&dy).all(|x| *x == 0.0));
    }
}
