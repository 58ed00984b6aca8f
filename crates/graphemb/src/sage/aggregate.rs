//! Means and maxima over lists of rows, and their gradients. Whatever the threads, a row is summed in the order of its
//! list.

use embed_core::kernel::axpy;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::lists::Lists;

/// Rows that one task works on.
const AT_ONCE: usize = 64;

/// Stands for "no row".
pub(super) const NONE: u32 = u32::MAX;

/// The mean of the rows `ids` of `x` into `y`; zeros without any.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
pub(super) fn mean_row<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, y: &mut [f32]) {
    y.fill(0.0);
    let weight = 1.0 / rows.len().max(1) as f32;
    rows.for_each(|row| axpy(weight, row, y));
}

/// The largest value of each column over rows, which are not below 0, into `y`, and the number of the row that has it;
/// zeros without any.
pub(super) fn max_row<'a>(rows: impl Iterator<Item = (u32, &'a [f32])>, y: &mut [f32], chosen: &mut [u32]) {
    y.fill(0.0);
    chosen.fill(NONE);
    for (number, row) in rows {
        for ((y, chosen), &x) in y.iter_mut().zip(chosen.iter_mut()).zip(row) {
            let larger = x > *y;
            *y = if larger { x } else { *y };
            *chosen = if larger { number } else { *chosen };
        }
    }
}

/// Means over the lists into `y` `[lists, width]`.
pub(super) fn mean(x: ArrayView2<'_, f32>, lists: &Lists, y: ArrayViewMut2<'_, f32>) {
    each_row(y, |i, y| mean_row(lists.get(i).iter().map(|&id| row(&x, id as usize)), y));
}

/// Adds to the gradient of `x` from that of [`mean`].
#[expect(clippy::cast_precision_loss, reason = "a mean")]
pub(super) fn mean_backward(
    lists: &Lists,
    back: &Lists,
    dy: ArrayView2<'_, f32>,
    dx: ArrayViewMut2<'_, f32>,
) {
    each_row(dx, |i, dx| {
        for &list in back.get(i) {
            let n = lists.get(list as usize).len() as f32;
            axpy(1.0 / n, row(&dy, list as usize), dx);
        }
    });
}

/// Maxima over the lists into `y` `[lists, width]`, and which rows have them. A value has to be above 0 to be one: rows come
/// out of a ReLU, whose gradient at 0 is 0.
pub(super) fn max(
    x: ArrayView2<'_, f32>,
    lists: &Lists,
    mut y: ArrayViewMut2<'_, f32>,
    chosen: &mut Vec<u32>,
) {
    let width = y.ncols();
    chosen.resize(y.nrows() * width, NONE);
    y.axis_chunks_iter_mut(Axis(0), AT_ONCE)
        .into_par_iter()
        .zip(chosen.par_chunks_mut(AT_ONCE * width))
        .enumerate()
        .for_each(|(block, (mut y, chosen))| {
            for (i, (mut y, chosen)) in y.rows_mut().into_iter().zip(chosen.chunks_mut(width)).enumerate() {
                let rows = lists.get(block * AT_ONCE + i).iter().map(|&id| (id, row(&x, id as usize)));
                max_row(rows, y.as_slice_mut().unwrap_or_default(), chosen);
            }
        });
}

/// Writes the gradient of `x` from that of [`max`].
pub(super) fn max_backward(
    chosen: &[u32],
    back: &Lists,
    dy: ArrayView2<'_, f32>,
    dx: ArrayViewMut2<'_, f32>,
) {
    let width = dy.ncols();
    each_row(dx, |i, dx| {
        dx.fill(0.0);
        for &list in back.get(i) {
            let list = list as usize;
            let chosen = &chosen[list * width..(list + 1) * width];
            for ((dx, dy), &chosen) in dx.iter_mut().zip(row(&dy, list)).zip(chosen) {
                *dx += if chosen as usize == i { *dy } else { 0.0 };
            }
        }
    });
}

/// A row of a matrix whose rows are contiguous.
#[expect(clippy::expect_used, reason = "all matrices here are row-major")]
pub(super) fn row<'a>(matrix: &ArrayView2<'a, f32>, row: usize) -> &'a [f32] {
    (*matrix).index_axis_move(Axis(0), row).to_slice().expect("contiguous rows")
}

/// Works on each row, in parallel; it is told the row's number.
pub(super) fn each_row(mut y: ArrayViewMut2<'_, f32>, work: impl Fn(usize, &mut [f32]) + Sync) {
    y.axis_chunks_iter_mut(Axis(0), AT_ONCE).into_par_iter().enumerate().for_each(|(block, mut y)| {
        for (i, mut y) in y.rows_mut().into_iter().enumerate() {
            work(block * AT_ONCE + i, y.as_slice_mut().unwrap_or_default());
        }
    });
}
