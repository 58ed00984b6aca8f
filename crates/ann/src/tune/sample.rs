use ndarray::{Array2, ArrayView2};

use super::TuneError;
use crate::ParamsError;

/// What an index is tuned on: queries as they are asked in earnest, and, for families that keep codes only, the
/// vectors that the index was built from.
///
/// A few hundred queries tell recall within about a hundredth. Rows of the index are no good sample: each is its
/// own nearest neighbour.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    pub(super) queries: ArrayView2<'a, f32>,
    pub(super) vectors: Option<ArrayView2<'a, f32>>,
}

impl<'a> Sample<'a> {
    /// Queries `[n, dim]`.
    #[must_use]
    pub fn new(queries: ArrayView2<'a, f32>) -> Self {
        Self { queries, vectors: None }
    }

    /// The same with the vectors `[rows, dim]` that the index was built from.
    #[must_use]
    pub fn against(self, vectors: ArrayView2<'a, f32>) -> Self {
        Self { vectors: Some(vectors), ..self }
    }
}

impl<'a> From<ArrayView2<'a, f32>> for Sample<'a> {
    fn from(queries: ArrayView2<'a, f32>) -> Self {
        Self::new(queries)
    }
}

impl<'a> From<&'a Array2<f32>> for Sample<'a> {
    fn from(queries: &'a Array2<f32>) -> Self {
        Self::new(queries.view())
    }
}

/// For which recall an index is tuned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TuneParams {
    /// The recall to be reached, above 0, at most 1; requests may ask for any up to it.
    pub recall: f32,
    /// Answers a query, 1 to 65,536; requests may ask for any number up to it.
    pub k: usize,
}

impl Default for TuneParams {
    fn default() -> Self {
        Self { recall: 0.95, k: 10 }
    }
}

impl TuneParams {
    const K: (usize, usize) = (1, 1 << 16);

    /// The defaults for another recall.
    #[must_use]
    pub fn recall(recall: f32) -> Self {
        Self { recall, ..Self::default() }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`TuneError::Recall`], [`TuneError::Params`].
    pub fn validate(&self) -> Result<(), TuneError> {
        if !(self.recall > 0.0 && self.recall <= 1.0) {
            return Err(TuneError::Recall { recall: self.recall });
        }
        let (least, most) = Self::K;
        if !(least..=most).contains(&self.k) {
            return Err(ParamsError { name: "k", least, most, got: self.k }.into());
        }
        Ok(())
    }
}
