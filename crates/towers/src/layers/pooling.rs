use embed_core::kernel::axpy;
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use super::Segments;
use super::segments::each_segment_row;
use crate::matrix::{Buffer, row};

/// How the rows of a segment become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Pool {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// The largest value of each column.
    Max,
}

/// Which row gave each maximum of a forward pass; of other pools nothing.
#[derive(Debug, Clone, Default)]
pub struct PoolTape {
    /// Row numbers, as f32 bits.
    chosen: Buffer,
}

/// Pools the rows `x` of each segment into one row of `y` `[segments, width]`; masked rows do not count, a segment without
/// rows gives zeros. O(rows · width).
///
/// # Panics
/// When the shapes do not fit, or a segment begins beyond row 2³².
pub fn pool_rows(
    x: ArrayView2<'_, f32>,
    segments: Segments<'_>,
    pool: Pool,
    y: ArrayViewMut2<'_, f32>,
    tape: &mut PoolTape,
) {
    assert_eq!((x.nrows(), y.nrows()), (segments.n_rows(), segments.len()), "rows of segments");
    if pool == Pool::Max {
        tape.chosen.resize(y.nrows(), y.ncols());
        each_segment_row(tape.chosen.view_mut(), |segment, chosen, _: &mut ()| {
            chosen.fill(f32::from_bits(u32::MAX));
            for i in segments.rows(segment).filter(|&i| segments.counts(i)) {
                for (column, (chosen, value)) in chosen.iter_mut().zip(row(&x, i)).enumerate() {
                    if chosen.to_bits() == u32::MAX || *value > x[[chosen.to_bits() as usize, column]] {
                        *chosen = f32::from_bits(u32::try_from(i).unwrap_or(u32::MAX));
                    }
                }
            }
        });
    }
    let chosen = &tape.chosen;
    each_segment_row(y, |segment, y, _: &mut ()| {
        y.fill(0.0);
        if pool == Pool::Max {
            for (column, (y, chosen)) in y.iter_mut().zip(chosen.row(segment)).enumerate() {
                if chosen.to_bits() != u32::MAX {
                    *y = x[[chosen.to_bits() as usize, column]];
                }
            }
            return;
        }
        let weight = weight(segments, segment, pool);
        for i in segments.rows(segment).filter(|&i| segments.counts(i)) {
            axpy(weight, row(&x, i), y);
        }
    });
}

/// The gradient of each row of `x` from that of `y`; a masked row's is zero.
///
/// # Panics
/// When the shapes do not fit.
pub fn pool_rows_backward(
    segments: Segments<'_>,
    pool: Pool,
    dy: ArrayView2<'_, f32>,
    dx: ArrayViewMut2<'_, f32>,
    tape: &PoolTape,
) {
    let width = dy.ncols();
    segments.each_mut(dx, |segment, dx, _: &mut ()| {
        dx.fill(0.0);
        let dy = row(&dy, segment);
        let rows = segments.rows(segment);
        if pool == Pool::Max {
            for (column, chosen) in tape.chosen.row(segment).iter().enumerate() {
                if chosen.to_bits() != u32::MAX {
                    dx[(chosen.to_bits() as usize - rows.start) * width + column] = dy[column];
                }
            }
            return;
        }
        let weight = weight(segments, segment, pool);
        for (i, dx) in rows.zip(dx.chunks_exact_mut(width.max(1))) {
            if segments.counts(i) {
                axpy(weight, dy, dx);
            }
        }
    });
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn weight(segments: Segments<'_>, segment: usize, pool: Pool) -> f32 {
    match pool {
        Pool::Mean => 1.0 / segments.live(segment).max(1) as f32,
        Pool::Sum | Pool::Max => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, Axis, s};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let offsets = [0, 3, 3, 4, 9];
        let mask = [true, false, true, false, true, true, false, true, true];
        let segments = Segments::new(&offsets, Some(&mask)).unwrap();
        for pool in [Pool::Mean, Pool::Sum, Pool::Max] {
            let (x, dy) = (random(9, 3, 1), random(4, 3, 2));
            let (mut y, mut dx, mut tape) =
                (Array2::zeros((4, 3)), Array2::zeros((9, 3)), PoolTape::default());
            pool_rows(x.view(), segments, pool, y.view_mut(), &mut tape);
            pool_rows_backward(segments, pool, dy.view(), dx.view_mut(), &tape);
            let check = Check::new(&[&x], |a| {
                let mut y = Wide::zeros((4, 3));
                for segment in 0..4 {
                    let live: Vec<usize> =
                        (offsets[segment]..offsets[segment + 1]).filter(|&i| mask[i]).collect();
                    if live.is_empty() {
                        continue;
                    }
                    let rows = a[0].select(Axis(0), &live);
                    let pooled = match pool {
                        Pool::Mean => rows.mean_axis(Axis(0)).unwrap(),
                        Pool::Sum => rows.sum_axis(Axis(0)),
                        Pool::Max => rows.map_axis(Axis(0), |c| c.iter().copied().fold(f64::MIN, f64::max)),
                    };
                    y.slice_mut(s![segment, ..]).assign(&pooled);
                }
                y
            });
            check.forward(&y);
            check.backward(&dy, &[&dx]);
        }
    }
}
