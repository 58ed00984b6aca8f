use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::{ItemId, RowMask, Vocab, kernel};

/// Which vector space vectors live in, so that vectors of two trainings, or of the two tables of one, are
/// not compared by mistake: scoring a centre vector against centre vectors where context vectors are meant
/// is a silent loss.
///
/// A space is the fingerprint of the table that defines it; vectors from elsewhere may be in [`Space::ANY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Space(u64);

impl Space {
    /// The unknown space, compatible with all.
    pub const ANY: Self = Self(0);

    /// The space that `vectors` `[n, dim]` define: a fingerprint of their shape and bits. O(n · dim).
    #[must_use]
    pub fn of(vectors: ArrayView2<'_, f32>) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&(vectors.nrows() as u64).to_le_bytes());
        hash.update(&(vectors.ncols() as u64).to_le_bytes());
        let mut bytes = Vec::with_capacity(4 * vectors.ncols());
        for row in vectors.rows() {
            bytes.clear();
            bytes.extend(row.iter().flat_map(|x| x.to_le_bytes()));
            hash.update(&bytes);
        }
        Self(hash.digest().max(1))
    }

    /// The stored form; 0 is [`Space::ANY`].
    #[must_use]
    pub fn id(self) -> u64 {
        self.0
    }

    /// The space with this stored form.
    #[must_use]
    pub fn from_id(id: u64) -> Self {
        Self(id)
    }

    /// Whether vectors of the two spaces may be compared.
    #[must_use]
    pub fn accepts(self, other: Self) -> bool {
        self == other || self == Self::ANY || other == Self::ANY
    }
}

/// Vectors `[n_items, dim]` with their keys: the one currency between learning, search and evaluation.
///
/// An item that training did not see has a row that was not learned. The table says which ([`Embeddings::untrained`]), and
/// index, recommender and evaluation take the trained rows only; ids are those of the table all the same.
///
/// Memory: 4 · dim bytes an item, a bit more where rows are untrained, and the [`Vocab`], which clones share.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    vocab: Arc<Vocab>,
    /// Invariant: row-major, all finite, `vocab.len()` rows.
    vectors: Array2<f32>,
    space: Space,
    /// Invariant: `vocab.len()` rows, not all of them; `None` where all were trained.
    trained: Option<Arc<RowMask>>,
}

/// Why vectors and keys do not make [`Embeddings`].
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum EmbeddingsError {
    /// A different number of vectors than keys.
    #[error("{keys} keys but {vectors} vectors")]
    Length {
        /// Number of keys.
        keys: usize,
        /// Number of vectors.
        vectors: usize,
    },
    /// Vectors of no dimension.
    #[error("vectors must have at least one dimension")]
    ZeroDim,
    /// A set of trained rows that is of another table.
    #[error("trained rows of a table of {got}, but there are {expected} vectors")]
    Mask {
        /// Number of vectors.
        expected: usize,
        /// Rows that the set is of.
        got: usize,
    },
    /// A NaN or infinite component.
    #[error("vector of {key:?} (row {row}) has {value} in column {column}")]
    NotFinite {
        /// Key of the vector.
        key: String,
        /// Its row.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
}

impl Embeddings {
    /// Vectors `[n_items, dim]` under their keys; the space is the fingerprint of the vectors.
    ///
    /// # Errors
    /// - [`EmbeddingsError::Length`] when there are not as many keys as rows.
    /// - [`EmbeddingsError::ZeroDim`] when there is no column, with or without rows.
    /// - [`EmbeddingsError::NotFinite`] names the first NaN or infinite component.
    pub fn new(vocab: impl Into<Arc<Vocab>>, vectors: Array2<f32>) -> Result<Self, EmbeddingsError> {
        let space = Space::of(vectors.view());
        Self::in_space(vocab, vectors, space)
    }

    /// Like [`Embeddings::new`], for vectors of a known space (a stored table, a normalised copy).
    ///
    /// # Errors
    /// As [`Embeddings::new`].
    pub fn in_space(
        vocab: impl Into<Arc<Vocab>>,
        vectors: Array2<f32>,
        space: Space,
    ) -> Result<Self, EmbeddingsError> {
        let vocab = vocab.into();
        if vocab.len() != vectors.nrows() {
            return Err(EmbeddingsError::Length { keys: vocab.len(), vectors: vectors.nrows() });
        }
        if vectors.ncols() == 0 {
            return Err(EmbeddingsError::ZeroDim);
        }
        // The search for the place is slow, and hardly ever needed.
        if !vectors.iter().all(|x| x.is_finite())
            && let Some(((row, column), &value)) = vectors.indexed_iter().find(|(_, x)| !x.is_finite())
        {
            let key = vocab.keys().nth(row).unwrap_or_default().to_owned();
            return Err(EmbeddingsError::NotFinite { key, row, column, value });
        }
        let vectors =
            if vectors.is_standard_layout() { vectors } else { vectors.as_standard_layout().into_owned() };
        Ok(Self { vocab, vectors, space, trained: None })
    }

    /// The same, where only the rows of `trained` were learned.
    ///
    /// # Errors
    /// [`EmbeddingsError::Mask`] when the set is of a table of another length.
    pub fn with_trained(self, trained: impl Into<Arc<RowMask>>) -> Result<Self, EmbeddingsError> {
        let trained = trained.into();
        if trained.len() != self.len() {
            return Err(EmbeddingsError::Mask { expected: self.len(), got: trained.len() });
        }
        Ok(Self { trained: (!trained.is_full()).then_some(trained), ..self })
    }

    /// The rows that were trained; `None` where all were.
    #[must_use]
    pub fn trained_rows(&self) -> Option<&Arc<RowMask>> {
        self.trained.as_ref()
    }

    /// Number of trained rows.
    #[must_use]
    pub fn n_trained(&self) -> usize {
        self.trained.as_ref().map_or(self.len(), |trained| trained.count())
    }

    /// Presence of a row with this id that was trained.
    #[must_use]
    pub fn is_trained(&self, id: ItemId) -> bool {
        let row = id as usize;
        row < self.len() && self.trained.as_ref().is_none_or(|trained| trained.contains(row))
    }

    /// Keys of the items whose rows were not trained, in their order: what to give to a method for cold items, or to
    /// leave out.
    pub fn untrained(&self) -> impl Iterator<Item = &str> {
        let trained = self.trained.as_deref();
        let keys =
            self.vocab.keys().enumerate().filter(move |(row, _)| trained.is_some_and(|t| !t.contains(*row)));
        keys.map(|(_, key)| key)
    }

    /// The trained rows alone, under their keys and in the same space: a copy under ids of its own, without gaps.
    /// O(n · dim).
    #[must_use]
    pub fn trained(&self) -> Self {
        let Some(trained) = &self.trained else { return self.clone() };
        let rows: Vec<usize> = trained.rows().collect();
        let mut vocab = Vocab::new();
        for &row in &rows {
            // As distinct as before, and no more of them.
            let key = ItemId::try_from(row).ok().and_then(|id| self.vocab.key(id));
            let _ = vocab.intern(key.unwrap_or_default());
        }
        let vectors = self.vectors.select(ndarray::Axis(0), &rows);
        Self { vocab: Arc::new(vocab), vectors, space: self.space, trained: None }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.nrows()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Components of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.vectors.ncols()
    }

    /// The keys.
    #[must_use]
    pub fn vocab(&self) -> &Arc<Vocab> {
        &self.vocab
    }

    /// All vectors `[n_items, dim]`, row-major.
    #[must_use]
    pub fn vectors(&self) -> ArrayView2<'_, f32> {
        self.vectors.view()
    }

    /// All vectors back to back, `n_items · dim` values.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        self.vectors.as_slice().unwrap_or_default()
    }

    /// The vector of a row, if there is one.
    #[must_use]
    pub fn row(&self, id: ItemId) -> Option<&[f32]> {
        let start = (id as usize).checked_mul(self.dim())?;
        self.as_slice().get(start..start.checked_add(self.dim())?)
    }

    /// The vector of a key, if it is known.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[f32]> {
        self.row(self.vocab.get(key)?)
    }

    /// The space the vectors live in.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    /// The same keys and directions at length 1, in the same space; zero vectors stay zero. O(n · dim).
    #[must_use]
    pub fn normalized(&self) -> Self {
        let mut copy = self.clone();
        for mut row in copy.vectors.rows_mut() {
            if let Some(row) = row.as_slice_mut() {
                kernel::normalize(row);
            }
        }
        copy
    }

    /// The keys and the vectors.
    #[must_use]
    pub fn into_parts(self) -> (Arc<Vocab>, Array2<f32>) {
        (self.vocab, self.vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn keys(names: &[&str]) -> Vocab {
        Vocab::from_keys(names).unwrap()
    }

    #[test]
    fn bad_vectors_are_named() {
        let nan = Embeddings::new(keys(&["a", "b"]), array![[1.0, 2.0], [3.0, f32::NAN]]).unwrap_err();
        assert_eq!(nan.to_string(), "vector of \"b\" (row 1) has NaN in column 1");
        let short = Embeddings::new(keys(&["a"]), array![[1.0], [2.0]]).unwrap_err();
        assert_eq!(short, EmbeddingsError::Length { keys: 1, vectors: 2 });
        assert_eq!(
            Embeddings::new(Vocab::new(), Array2::zeros((0, 0))).unwrap_err(),
            EmbeddingsError::ZeroDim
        );
    }

    #[test]
    fn the_layout_of_the_input_does_not_matter() {
        let columns = array![[1.0f32, 3.0], [2.0, 4.0]].reversed_axes();
        let items = Embeddings::new(keys(&["a", "b"]), columns).unwrap();
        assert_eq!(items.get("b"), Some(&[3.0, 4.0][..]));
        assert_eq!(items.space(), Space::of(array![[1.0, 2.0], [3.0, 4.0]].view()));
        assert_eq!(items.row(2), None);
    }

    #[test]
    fn untrained_rows_are_named_and_left_out() {
        let items = Embeddings::new(keys(&["a", "b", "c"]), array![[1.0], [0.0], [3.0]]).unwrap();
        assert_eq!((items.n_trained(), items.untrained().count(), items.is_trained(3)), (3, 0, false));
        let partly = items.clone().with_trained(RowMask::from_fn(3, |row| row != 1)).unwrap();
        assert_eq!((partly.len(), partly.n_trained()), (3, 2));
        assert_eq!(partly.untrained().collect::<Vec<_>>(), ["b"]);
        assert_eq!([0, 1, 2, 3].map(|id| partly.is_trained(id)), [true, false, true, false]);
        assert_eq!(partly.normalized().n_trained(), 2);
        let alone = partly.trained();
        assert_eq!(
            (alone.get("c"), alone.vocab().get("c"), alone.get("b")),
            (Some(&[3.0][..]), Some(1), None)
        );
        assert_eq!((alone.space(), alone.n_trained()), (items.space(), 2));
        assert_eq!(items.clone().with_trained(RowMask::from_fn(3, |_| true)).unwrap(), items);
        let error = items.with_trained(RowMask::from_fn(2, |_| true)).unwrap_err();
        assert_eq!(error, EmbeddingsError::Mask { expected: 3, got: 2 });
    }

    #[test]
    fn normalising_keeps_the_space_and_zero_vectors() {
        let items = Embeddings::new(keys(&["a", "b"]), array![[3.0, 4.0], [0.0, 0.0]]).unwrap();
        let unit = items.normalized();
        assert_eq!(unit.space(), items.space());
        assert_eq!(unit.get("b"), Some(&[0.0, 0.0][..]));
        assert!((kernel::norm(unit.get("a").unwrap()) - 1.0).abs() < 1e-6);
    }
}
