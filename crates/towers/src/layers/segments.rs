use std::ops::Range;

use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::LayerError;

/// Segments that one task works on.
const AT_ONCE: usize = 16;

/// How rows that lie back to back fall into segments (the histories of a batch), without padding, and which of the rows
/// count.
///
/// A segment that is empty or wholly masked is allowed: pooling and attention give it zeros, and no gradient.
#[derive(Debug, Clone, Copy)]
pub struct Segments<'a> {
    offsets: &'a [usize],
    mask: Option<&'a [bool]>,
}

impl<'a> Segments<'a> {
    /// Segment `i` is the rows `offsets[i]..offsets[i + 1]`; with a mask only rows with `true` count.
    ///
    /// # Errors
    /// [`LayerError::Shape`] when there is no offset, the first is not 0, they fall, or the mask is not one value a row.
    pub fn new(offsets: &'a [usize], mask: Option<&'a [bool]>) -> Result<Self, LayerError> {
        let shape = |what, expected, got| Err(LayerError::Shape { what, expected, got });
        match offsets.first() {
            None => return shape("offsets, at least", 1, 0),
            Some(0) => {}
            Some(&got) => return shape("as the first offset", 0, got),
        }
        if let Some(pair) = offsets.windows(2).find(|pair| pair[1] < pair[0]) {
            return shape("as the least next offset", pair[0], pair[1]);
        }
        let segments = Self { offsets, mask };
        match mask {
            Some(mask) if mask.len() != segments.n_rows() => {
                shape("values of a mask", segments.n_rows(), mask.len())
            }
            _ => Ok(segments),
        }
    }

    /// Number of segments.
    #[must_use]
    pub fn len(self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no segment.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Rows of all segments.
    #[must_use]
    pub fn n_rows(self) -> usize {
        self.offsets[self.len()]
    }

    /// The rows of a segment.
    ///
    /// # Panics
    /// When there is none of that number.
    #[must_use]
    pub fn rows(self, segment: usize) -> Range<usize> {
        self.offsets[segment]..self.offsets[segment + 1]
    }

    /// Whether a row counts.
    #[must_use]
    pub fn counts(self, row: usize) -> bool {
        self.mask.is_none_or(|mask| mask[row])
    }

    /// How many rows of a segment count.
    #[must_use]
    pub fn live(self, segment: usize) -> usize {
        let rows = self.rows(segment);
        self.mask.map_or(rows.len(), |mask| mask[rows].iter().filter(|live| **live).count())
    }

    /// Works on the rows of each segment of a matrix, in parallel; `work` gets the segment's number, its rows `[rows, width]`
    /// back to back, and memory that is kept from call to call.
    pub(crate) fn each_mut<S: Default>(
        self,
        mut matrix: ArrayViewMut2<'_, f32>,
        work: impl Fn(usize, &mut [f32], &mut S) + Sync,
    ) {
        let width = matrix.ncols();
        debug_assert_eq!(matrix.nrows(), self.n_rows(), "rows of segments");
        let mut rest = matrix.as_slice_mut().unwrap_or_default();
        let mut tasks = Vec::with_capacity(self.len().div_ceil(AT_ONCE));
        for first in (0..self.len()).step_by(AT_ONCE) {
            let last = self.len().min(first + AT_ONCE);
            let (part, after) = rest.split_at_mut((self.offsets[last] - self.offsets[first]) * width);
            tasks.push((first..last, part));
            rest = after;
        }
        tasks.into_par_iter().for_each(|(segments, mut part)| {
            let mut scratch = S::default();
            for segment in segments {
                let (rows, after) = part.split_at_mut(self.rows(segment).len() * width);
                work(segment, rows, &mut scratch);
                part = after;
            }
        });
    }
}

/// Rows of blocks of [`AT_ONCE`], in parallel: one row a segment.
pub(crate) fn each_segment_row<S: Default>(
    mut matrix: ArrayViewMut2<'_, f32>,
    work: impl Fn(usize, &mut [f32], &mut S) + Sync,
) {
    matrix.axis_chunks_iter_mut(Axis(0), AT_ONCE).into_par_iter().enumerate().for_each(
        |(block, mut rows)| {
            let mut scratch = S::default();
            for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
                work(block * AT_ONCE + i, row.as_slice_mut().unwrap_or_default(), &mut scratch);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn offsets_and_masks_are_checked() {
        for (offsets, mask) in
            [(&[][..], None), (&[1, 2], None), (&[0, 3, 2], None), (&[0, 2], Some(&[true][..]))]
        {
            assert!(matches!(Segments::new(offsets, mask), Err(LayerError::Shape { .. })), "{offsets:?}");
        }
        let segments = Segments::new(&[0, 2, 2, 3], Some(&[true, false, false])).unwrap();
        assert_eq!((segments.len(), segments.n_rows()), (3, 3));
        assert_eq!([segments.live(0), segments.live(1), segments.live(2)], [1, 0, 0]);
    }

    #[test]
    fn every_row_is_visited_once() {
        let offsets: Vec<usize> = (0..100).map(|i| i * (i + 1) / 2 % 7 + 7 * i).collect();
        let offsets: Vec<usize> = [0].into_iter().chain(offsets.into_iter().skip(1)).collect();
        let segments = Segments::new(&offsets, None).unwrap();
        let mut matrix = Array2::zeros((segments.n_rows(), 2));
        segments.each_mut(matrix.view_mut(), |segment, rows, _: &mut ()| {
            rows.iter_mut().for_each(|x| *x += segment as f32 + 1.0);
        });
        for segment in 0..segments.len() {
            for row in segments.rows(segment) {
                assert_eq!(matrix[[row, 1]], segment as f32 + 1.0);
            }
        }
    }
}
