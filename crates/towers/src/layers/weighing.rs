//! What attentions have in common once they have a weight for each row: weighted sums of the rows of each segment, and the way back.

use embed_core::kernel;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::segments::{Segments, each_segment_row};
use crate::matrix::{Buffer, row};

/// What the entries of segments stand for: rows of a matrix, one each or shared ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entries<'a> {
    rows: ArrayView2<'a, f32>,
    places: Option<&'a [u32]>,
}

impl<'a> Entries<'a> {
    /// Entry `i` is row `i`.
    pub(crate) fn apart(rows: ArrayView2<'a, f32>) -> Self {
        Self { rows, places: None }
    }

    /// Entry `i` is row `places[i]`.
    pub(crate) fn shared(rows: ArrayView2<'a, f32>, places: &'a [u32]) -> Self {
        Self { rows, places: Some(places) }
    }

    /// The row of an entry.
    pub(crate) fn get(self, entry: usize) -> &'a [f32] {
        row(&self.rows, self.places.map_or(entry, |places| places[entry] as usize))
    }
}

/// `y = Σ w x` over the rows of each segment that count.
pub(crate) fn weigh(x: Entries<'_>, segments: Segments<'_>, weights: &[f32], y: ArrayViewMut2<'_, f32>) {
    each_segment_row(y, |segment, y, _: &mut ()| {
        y.fill(0.0);
        for i in segments.rows(segment).filter(|&i| segments.counts(i)) {
            kernel::axpy(weights[i], x.get(i), y);
        }
    });
}

/// The gradient of each weight of [`weigh`], `dy · x`; 0 for what does not count.
pub(crate) fn weight_slopes(
    x: Entries<'_>,
    segments: Segments<'_>,
    dy: ArrayView2<'_, f32>,
    slopes: &mut Buffer,
) {
    slopes.resize(segments.n_rows(), 1);
    segments.each_mut(slopes.view_mut(), |segment, slopes, _: &mut ()| {
        for (i, slope) in segments.rows(segment).zip(slopes) {
            *slope = if segments.counts(i) { kernel::dot(row(&dy, segment), x.get(i)) } else { 0.0 };
        }
    });
}

/// Adds the gradient of each row of [`weigh`], `w dy`, to `dx`.
pub(crate) fn add_spread(
    segments: Segments<'_>,
    weights: &[f32],
    dy: ArrayView2<'_, f32>,
    dx: ArrayViewMut2<'_, f32>,
) {
    let dim = dx.ncols();
    segments.each_mut(dx, |segment, dx, _: &mut ()| {
        for (i, dx) in segments.rows(segment).zip(dx.chunks_exact_mut(dim.max(1))) {
            if segments.counts(i) {
                kernel::axpy(weights[i], row(&dy, segment), dx);
            }
        }
    });
}

/// Turns the logits of each segment's rows `[rows, 1]` into weights of sum 1; what does not count, and a segment where nothing
/// does, gets 0.
pub(crate) fn softmax(segments: Segments<'_>, logits: &mut Buffer) {
    segments.each_mut(logits.view_mut(), |segment, weights, _: &mut ()| {
        for (i, weight) in segments.rows(segment).zip(&mut *weights) {
            if !segments.counts(i) {
                *weight = f32::NEG_INFINITY;
            }
        }
        let largest = kernel::max(weights);
        if largest == f32::NEG_INFINITY {
            return weights.fill(0.0);
        }
        let scale = 1.0 / kernel::exp_sum(weights, largest);
        weights.iter_mut().for_each(|w| *w *= scale);
    });
}

/// From the gradients of [`softmax`]'s weights to those of its logits, in place.
pub(crate) fn softmax_backward(segments: Segments<'_>, weights: &[f32], slopes: &mut Buffer) {
    segments.each_mut(slopes.view_mut(), |segment, slopes, _: &mut ()| {
        let weights = &weights[segments.rows(segment)];
        let mean = kernel::dot(weights, slopes);
        slopes.iter_mut().zip(weights).for_each(|(slope, weight)| *slope = weight * (*slope - mean));
    });
}
