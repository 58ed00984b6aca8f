use std::sync::Arc;

use embed_core::{Embeddings, Metric, Space, Vocab};
use ndarray::{Array2, ArrayView2};

use crate::BuildError;
use crate::scoring::Scoring;

/// What an index is built from: vectors `[n, dim]`, the space they live in, and their keys if they have some.
///
/// Made from `&Embeddings` (with keys and space), or from an array (without).
#[derive(Debug, Clone)]
pub struct Vectors<'a> {
    pub(crate) rows: ArrayView2<'a, f32>,
    pub(crate) space: Space,
    pub(crate) keys: Option<Arc<Vocab>>,
}

impl<'a> From<&'a Embeddings> for Vectors<'a> {
    fn from(items: &'a Embeddings) -> Self {
        Self { rows: items.vectors(), space: items.space(), keys: Some(Arc::clone(items.vocab())) }
    }
}

impl<'a> From<ArrayView2<'a, f32>> for Vectors<'a> {
    fn from(rows: ArrayView2<'a, f32>) -> Self {
        Self { rows, space: Space::ANY, keys: None }
    }
}

impl<'a> From<&'a Array2<f32>> for Vectors<'a> {
    fn from(rows: &'a Array2<f32>) -> Self {
        rows.view().into()
    }
}

impl Vectors<'_> {
    /// The same vectors, said to live in `space`.
    #[must_use]
    pub fn in_space(self, space: Space) -> Self {
        Self { space, ..self }
    }

    /// The same vectors under these keys, one a row.
    #[must_use]
    pub fn keyed(self, keys: impl Into<Arc<Vocab>>) -> Self {
        Self { keys: Some(keys.into()), ..self }
    }

    /// Number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// Whether there is no vector.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses what no index can be built from.
    pub(crate) fn check(&self, metric: Metric, limit: usize) -> Result<(), BuildError> {
        if !Scoring::knows(metric) {
            return Err(BuildError::Metric { metric });
        }
        if self.rows.ncols() == 0 {
            return Err(BuildError::ZeroDim);
        }
        if self.len() > limit {
            return Err(BuildError::TooManyRows { limit, got: self.len() });
        }
        if let Some(keys) = &self.keys
            && keys.len() != self.len()
        {
            return Err(BuildError::Keys { keys: keys.len(), vectors: self.len() });
        }
        for (row, vector) in self.rows.rows().into_iter().enumerate() {
            if let Some((column, &value)) = vector.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                return Err(BuildError::NotFinite { row, column, value });
            }
        }
        Ok(())
    }
}
