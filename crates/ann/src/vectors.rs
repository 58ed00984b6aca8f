use std::sync::Arc;

use embed_core::{Embeddings, ItemId, Metric, RowMask, Space, Vocab};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::BuildError;
use crate::id_map::{IdMap, Names};
use crate::scoring::Scoring;

/// Source of an index: vectors, their ids, the space they live in, and their keys if they have some.
///
/// Made from `&Embeddings`, with keys, space and the rows that were trained; or from an array `[n, dim]`, all rows of it
/// and without keys. The id of a vector is its row in the table, whether or not all rows are indexed.
#[derive(Debug, Clone)]
pub struct Vectors<'a> {
    pub(crate) table: ArrayView2<'a, f32>,
    choice: Choice,
    pub(crate) space: Space,
    pub(crate) keys: Option<Arc<Vocab>>,
}

/// Rows of a table that are indexed.
#[derive(Debug, Clone)]
enum Choice {
    /// All; their numbers are their ids.
    All,
    /// Those with these ids, which are their numbers in the table.
    Some(Arc<IdMap>),
    /// All, under these ids.
    Named(Arc<IdMap>),
}

impl<'a> From<&'a Embeddings> for Vectors<'a> {
    fn from(items: &'a Embeddings) -> Self {
        Self {
            table: items.vectors(),
            choice: items.trained_rows().map_or(Choice::All, |trained| Choice::of(trained)),
            space: items.space(),
            keys: Some(Arc::clone(items.vocab())),
        }
    }
}

impl<'a> From<ArrayView2<'a, f32>> for Vectors<'a> {
    fn from(table: ArrayView2<'a, f32>) -> Self {
        Self { table, choice: Choice::All, space: Space::ANY, keys: None }
    }
}

impl<'a> From<&'a Array2<f32>> for Vectors<'a> {
    fn from(table: &'a Array2<f32>) -> Self {
        table.view().into()
    }
}

impl Choice {
    fn of(trained: &RowMask) -> Self {
        if trained.is_full() {
            return Self::All;
        }
        let ids: Vec<ItemId> = trained.rows().filter_map(|row| ItemId::try_from(row).ok()).collect();
        // Tables of more rows than there are ids are refused by the check of every build.
        Self::Some(Arc::new(IdMap::new(&ids, ItemId::try_from(trained.len()).unwrap_or(ItemId::MAX))))
    }
}

impl<'a> Vectors<'a> {
    /// The same vectors, said to live in `space`.
    #[must_use]
    pub fn in_space(self, space: Space) -> Self {
        Self { space, ..self }
    }

    /// The same vectors under these keys, one a row of the table.
    #[must_use]
    pub fn keyed(self, keys: impl Into<Arc<Vocab>>) -> Self {
        Self { keys: Some(keys.into()), ..self }
    }

    /// Only those rows of the table that were trained, under the ids and keys that they have in it.
    ///
    /// # Errors
    /// [`BuildError::Mask`] when the set is of a table of another length.
    pub fn with_trained(self, trained: &RowMask) -> Result<Self, BuildError> {
        let expected = self.table.nrows();
        if trained.len() != expected {
            return Err(BuildError::Mask { expected, got: trained.len() });
        }
        Ok(Self { choice: Choice::of(trained), ..self })
    }

    /// Those rows of the table that an index with these names has.
    pub(crate) fn chosen_as_in(self, names: &Names) -> Self {
        Self { choice: names.ids.clone().map_or(Choice::All, Choice::Some), ..self }
    }

    /// Those rows of a table without gaps that an index with these names has.
    pub(crate) fn rows_of(self, names: &Names) -> Self {
        Self { choice: names.ids.clone().map_or(Choice::All, Choice::Named), ..self }
    }

    /// Number of vectors to be indexed.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.choice {
            Choice::Some(ids) => ids.len(),
            Choice::All | Choice::Named(_) => self.table.nrows(),
        }
    }

    /// Absence of vectors to be indexed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bound of the ids.
    #[must_use]
    pub fn id_bound(&self) -> usize {
        match &self.choice {
            Choice::Some(ids) | Choice::Named(ids) => ids.bound() as usize,
            Choice::All => self.table.nrows(),
        }
    }

    pub(crate) fn dim(&self) -> usize {
        self.table.ncols()
    }

    /// A vector to be indexed, by its number among them.
    #[inline]
    pub(crate) fn row(&self, row: usize) -> ArrayView1<'_, f32> {
        match &self.choice {
            Choice::Some(ids) => self.table.row(ids.ids()[row] as usize),
            Choice::All | Choice::Named(_) => self.table.row(row),
        }
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = ArrayView1<'_, f32>> {
        (0..self.len()).map(|row| self.row(row))
    }

    /// The vector with this id, if there is one to be indexed.
    pub(crate) fn get(&self, id: ItemId) -> Option<ArrayView1<'_, f32>> {
        match &self.choice {
            Choice::All => ((id as usize) < self.table.nrows()).then(|| self.table.row(id as usize)),
            Choice::Some(ids) | Choice::Named(ids) => ids.row(id).map(|row| self.row(row as usize)),
        }
    }

    /// The ids, where they are not the numbers of the vectors.
    pub(crate) fn ids(&self) -> Option<&Arc<IdMap>> {
        match &self.choice {
            Choice::Some(ids) | Choice::Named(ids) => Some(ids),
            Choice::All => None,
        }
    }

    pub(crate) fn names(&self) -> Names {
        Names { keys: self.keys.clone().into(), ids: self.ids().cloned() }
    }

    /// Refuses what no index can be built from.
    pub(crate) fn check(&self, metric: Metric, limit: usize) -> Result<(), BuildError> {
        if !Scoring::knows(metric) {
            return Err(BuildError::Metric { metric });
        }
        if self.dim() == 0 {
            return Err(BuildError::ZeroDim);
        }
        if self.len() > limit {
            return Err(BuildError::TooManyRows { limit, got: self.len() });
        }
        let (limit, got) = (ItemId::MAX as usize, self.table.nrows());
        if got > limit {
            return Err(BuildError::TooManyRows { limit, got });
        }
        if let Some(keys) = &self.keys
            && keys.len() != self.id_bound()
        {
            return Err(BuildError::Keys { keys: keys.len(), vectors: self.id_bound() });
        }
        for (row, vector) in self.rows().enumerate() {
            if let Some((column, &value)) = vector.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                let row = self.ids().map_or(row, |ids| ids.ids()[row] as usize);
                return Err(BuildError::NotFinite { row, column, value });
            }
        }
        Ok(())
    }
}
