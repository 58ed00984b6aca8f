use embed_core::{ItemId, kernel};
use ndarray::{Array2, ArrayView2};

use super::IntrinsicError;
use crate::Labels;

/// Checks that there are `least` rows, that they can be numbered, that all components are
/// numbers, and that no product of two rows can overflow.
pub(crate) fn check(vectors: ArrayView2<'_, f32>, least: usize) -> Result<(), IntrinsicError> {
    let (got, limit) = (vectors.nrows(), ItemId::MAX as usize);
    if got < least {
        return Err(IntrinsicError::TooFewRows { least, got });
    }
    if got > limit {
        return Err(IntrinsicError::TooManyRows { got, limit });
    }
    if vectors.ncols() == 0 {
        return Err(IntrinsicError::NoComponents);
    }
    if let Some(((row, column), &value)) = vectors.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(IntrinsicError::NotFinite { row, column, value });
    }
    let lengths =
        vectors.rows().into_iter().map(|row| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>());
    match lengths.enumerate().find(|&(_, square)| square > LONGEST * LONGEST) {
        Some((row, square)) => Err(IntrinsicError::TooLong { row, length: square.sqrt(), most: LONGEST }),
        None => Ok(()),
    }
}

/// Vectors up to this long have products and squared distances that are finite.
const LONGEST: f64 = 1e18;

pub(super) fn check_labels(vectors: ArrayView2<'_, f32>, labels: &Labels) -> Result<(), IntrinsicError> {
    check(vectors, 1)?;
    let (expected, got) = (vectors.nrows(), labels.n_items());
    if expected != got {
        return Err(IntrinsicError::Items { what: "labels", expected, got });
    }
    Ok(())
}

/// The rows, of length 1 where they have one.
pub(crate) fn unit_rows(vectors: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut rows = vectors.as_standard_layout().into_owned();
    for mut row in rows.rows_mut() {
        if let Some(row) = row.as_slice_mut() {
            kernel::normalize(row);
        }
    }
    rows
}

/// Items by cluster: what measures of clusters work on.
pub(super) struct Clusters {
    /// Labelled items, those of a cluster back to back.
    pub(super) items: Vec<ItemId>,
    /// Where each cluster starts in `items`, and the end.
    pub(super) starts: Vec<usize>,
}

impl Clusters {
    /// # Errors
    /// An item with two labels, or fewer than `least` labels.
    pub(super) fn new(labels: &Labels, least: usize) -> Result<Self, IntrinsicError> {
        let got = labels.n_labels();
        if got < least {
            return Err(IntrinsicError::TooFewLabels { least, got });
        }
        let mut items: Vec<(u32, ItemId)> = Vec::with_capacity(labels.n_items());
        for (item, row) in (0..).zip(labels.rows()) {
            match *row {
                [] => {}
                [label] => items.push((label, item)),
                _ => return Err(IntrinsicError::SeveralLabels { item, got: row.len() }),
            }
        }
        items.sort_unstable();
        let mut starts = vec![0];
        for size in labels.sizes() {
            starts.push(starts[starts.len() - 1] + size);
        }
        Ok(Self { items: items.into_iter().map(|(_, item)| item).collect(), starts })
    }

    /// Number of clusters.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn span(&self, cluster: usize) -> std::ops::Range<usize> {
        self.starts[cluster]..self.starts[cluster + 1]
    }
}
