//! Change of an index of any family: new vectors beside it, removed ones marked, until it is rebuilt.

mod banned;
mod compact;
mod error;
mod file;
mod keyed;
mod live;
mod pending;
mod replace;
mod search;
mod states;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use embed_core::{
    AnnIndex, AnnIndexMut, ChangeError, ItemId, KeyTable, Metric, Run, SearchError, VocabError, kernel,
};
use ndarray::ArrayView2;

use self::banned::Banned;
pub use self::error::ReplaceError;
pub use self::keyed::{KeyedNeighbor, NoKeys};
pub use self::live::Live;
use self::pending::Pending;
use self::states::{State, States};
use crate::Index;

/// An index with the changes made since it was built.
///
/// Added and updated vectors are searched exactly beside the index, and removed rows of the index are banned
/// from its answers; so a search is as good as the index's own, and slower the more has changed, until
/// [`AnnIndexMut::compact`] rebuilds it.
///
/// *Ids and keys.* No row ever changes its id, and no id is given twice. Where the index has keys, every row has one:
/// rows are added and removed by key, a new key gets the next id, and a key that comes back gets its old id. Items
/// without a trained vector ([`Vectors`](crate::Vectors)) have an id and a key, and get a row by an upsert.
///
/// *Cost.* A change costs O(dim + log changes) on the average. A clone shares the vectors with the original and costs
/// O(ids / 4096 + changes / 128); a change of either then copies a block of 128 vectors.
///
/// *Compaction* takes the vectors that the index gives back. Families that keep only codes keep those of rows that did
/// not change, and code new ones likewise. They learn lists and codes anew, from decoded vectors, only where more rows
/// are new than old, where twice the lists are due, or where the codes do not fit the new vectors; so build such an
/// index from the vectors themselves now and then, and put it in place ([`Changed::replaced`]). Efforts that
/// [`Index::tune`] measured are kept; after many changes they are worth measuring again.
///
/// *Memory.* 4 · dim + 8 bytes for each added or updated row, 8 for each removed one.
///
/// ```
/// use ann::{Changed, IndexSpec};
/// use embed_core::{AnnIndex, AnnIndexMut, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(500, 8, 10, 1);
/// let mut index = Changed::from(IndexSpec::Flat.build(&vectors, Metric::L2, &mut Run::default())?);
/// let id = index.add(&[9.0; 8])?;
/// assert_eq!(index.search(&[9.0; 8], &SearchRequest::k(1))?[0].id, id);
/// index.remove(3)?;
/// index.compact(&mut Run::default())?;
/// assert_eq!((index.len(), index.search(&[9.0; 8], &SearchRequest::k(1))?[0].id), (500, id));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Changed {
    base: Arc<Index>,
    states: States,
    /// The rows of the index that are removed or lie beside it.
    banned: Banned,
    /// The vectors beside the index, of length 1 under cosine.
    pending: Pending,
    /// Ids given so far; as many as keys, where there are keys.
    given: u32,
    /// The keys of all ids, read when they are first asked for.
    keys: OnceLock<Option<KeyTable>>,
}

impl From<Index> for Changed {
    fn from(index: Index) -> Self {
        Self {
            given: u32::try_from(index.id_bound()).unwrap_or(u32::MAX),
            states: States::default(),
            banned: Banned::default(),
            pending: Pending::default(),
            keys: OnceLock::new(),
            base: Arc::new(index),
        }
    }
}

/// A failure of something else.
fn failed(error: impl std::error::Error + Send + Sync + 'static) -> ChangeError {
    ChangeError::Implementation { source: Box::new(error) }
}

/// The most ids.
const LIMIT: usize = u32::MAX as usize;

impl Changed {
    /// The index without the changes.
    #[must_use]
    pub fn base(&self) -> &Index {
        &self.base
    }

    /// Rows beside the index, and rows of the index that are not answers: what a search pays for.
    #[must_use]
    pub fn pending(&self) -> (usize, usize) {
        (self.pending.len(), self.banned.len())
    }

    fn in_base(&self, id: ItemId) -> bool {
        self.base.names().has(id, self.base.len())
    }

    /// Presence of a row with this id.
    #[must_use]
    pub fn contains(&self, id: ItemId) -> bool {
        match self.states.get(id) {
            State::Unchanged => self.in_base(id),
            State::Removed => false,
            State::Beside(_) => true,
        }
    }

    /// The vector of a row beside the index.
    fn beside(&self, id: ItemId) -> Option<&[f32]> {
        match self.states.get(id) {
            State::Beside(slot) => Some(self.pending.row(slot)),
            State::Unchanged | State::Removed => None,
        }
    }

    fn key_table(&self) -> Result<Option<&KeyTable>, SearchError> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys.as_ref());
        }
        let keys = AnnIndex::keys(&*self.base)?;
        Ok(self.keys.get_or_init(|| keys).as_ref())
    }

    /// The keys, for a change by key.
    fn keys_for(&self, key: &str) -> Result<&KeyTable, ChangeError> {
        self.key_table().map_err(failed)?.ok_or_else(|| ChangeError::Unkeyed { key: key.to_owned() })
    }

    fn check(&self, vector: ArrayView2<'_, f32>) -> Result<(), ChangeError> {
        if vector.ncols() != self.dim() {
            return Err(ChangeError::Dimension { expected: self.dim(), got: vector.ncols() });
        }
        match vector.indexed_iter().find(|(_, x)| !x.is_finite()) {
            Some(((_, column), &value)) => Err(ChangeError::NotFinite { column, value }),
            None => Ok(()),
        }
    }

    /// The vector as it is kept.
    fn checked(&self, vector: &[f32]) -> Result<Vec<f32>, ChangeError> {
        self.check(ArrayView2::from_shape((1, vector.len()), vector).map_err(failed)?)?;
        let mut row = vector.to_vec();
        if self.metric() == Metric::Cosine {
            kernel::normalize(&mut row);
        }
        Ok(row)
    }

    fn known(&self, id: ItemId) -> Result<(), ChangeError> {
        if id < self.given { Ok(()) } else { Err(ChangeError::UnknownId { id, ids: self.given as usize }) }
    }

    fn next_id(&self) -> Result<ItemId, ChangeError> {
        if (self.given as usize) < LIMIT { Ok(self.given) } else { Err(ChangeError::Full { limit: LIMIT }) }
    }

    /// Puts a vector, as it is kept, in the place of a row, or gives the id a row.
    fn set(&mut self, id: ItemId, row: &[f32]) {
        match self.states.get(id) {
            State::Beside(slot) => return self.pending.write(slot, row),
            State::Unchanged if self.in_base(id) => self.banned.push(id),
            State::Unchanged | State::Removed => {}
        }
        let slot = self.pending.push(id, row);
        self.states.set(id, State::Beside(slot));
    }

    /// Takes a row away; whether it was there.
    fn take(&mut self, id: ItemId) -> bool {
        let in_base = self.in_base(id);
        match self.states.get(id) {
            State::Unchanged if in_base => self.banned.push(id),
            State::Unchanged | State::Removed => return false,
            State::Beside(slot) => {
                if let Some(moved) = self.pending.take(slot) {
                    self.states.set(moved, State::Beside(slot));
                }
            }
        }
        self.states.set(id, if in_base { State::Removed } else { State::Unchanged });
        true
    }
}

impl AnnIndexMut for Changed {
    fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError> {
        if self.key_table().map_err(failed)?.is_some() {
            return Err(ChangeError::KeyNeeded);
        }
        let (row, id) = (self.checked(vector)?, self.next_id()?);
        self.set(id, &row);
        self.given = id + 1;
        Ok(id)
    }

    fn add_batch(&mut self, vectors: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError> {
        if self.key_table().map_err(failed)?.is_some() {
            return Err(ChangeError::KeyNeeded);
        }
        self.check(vectors)?;
        if vectors.nrows() > LIMIT - self.given as usize {
            return Err(ChangeError::Full { limit: LIMIT });
        }
        let first = self.given;
        for vector in vectors.rows() {
            self.add(&vector.to_vec())?;
        }
        Ok(first..self.given)
    }

    fn upsert(&mut self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError> {
        let known = self.keys_for(key)?.get(key);
        let row = self.checked(vector)?;
        let id = match known {
            Some(id) => id,
            None => {
                let id = self.next_id()?;
                if let Some(Some(keys)) = self.keys.get_mut() {
                    keys.intern(key).map_err(|e| match e {
                        VocabError::TooManyKeys { limit } => ChangeError::Full { limit },
                        e => failed(e),
                    })?;
                }
                self.given = id + 1;
                id
            }
        };
        self.set(id, &row);
        Ok(id)
    }

    fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError> {
        self.known(id)?;
        Ok(self.take(id))
    }

    fn remove_key(&mut self, key: &str) -> Result<bool, ChangeError> {
        let id = self.keys_for(key)?.get(key);
        Ok(id.is_some_and(|id| self.take(id)))
    }

    fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError> {
        self.known(id)?;
        let row = self.checked(vector)?;
        self.set(id, &row);
        Ok(())
    }

    /// Where the build fails or the observer stops it, the index is as it was.
    fn compact(&mut self, run: &mut Run<'_>) -> Result<(), ChangeError> {
        if self.is_changed() {
            *self = self.compacted(run)?.into();
        }
        Ok(())
    }
}
