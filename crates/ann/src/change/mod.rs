//! Change of an index of any family: new vectors beside it, removed ones marked, until it is rebuilt.

mod live;
mod search;

use std::ops::Range;
use std::sync::Arc;

use embed_core::{AnnIndex, AnnIndexMut, ChangeError, ItemId, KeyTable, Metric, Run, SearchError, kernel};
use ndarray::ArrayView2;

pub use self::live::Live;
use crate::{Index, Vectors};

/// An index with the changes made since it was built.
///
/// Added and updated vectors are searched exactly beside the index, and removed rows of the index are banned
/// from its answers; so a search is as good as the index's own, and slower the more has changed, until
/// [`AnnIndexMut::compact`] rebuilds it.
///
/// Ids go on where those of the index end. A compaction takes the vectors that the index gives back, which are
/// decoded ones where the family keeps only codes. Efforts that [`Index::tune`] measured are kept; after many changes
/// they are worth measuring again.
///
/// *Memory.* 4 · dim + 4 bytes for each added or updated row, and a bit for each row of the index.
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
    /// Rows of the index that are not answers: removed, or updated.
    dead: Vec<u64>,
    /// The set bits of `dead`, ascending.
    dead_ids: Vec<ItemId>,
    /// The ids of the vectors beside the index, ascending.
    ids: Vec<ItemId>,
    /// Those vectors `[ids.len(), dim]`, of length 1 under cosine.
    rows: Vec<f32>,
    /// Ids given so far.
    given: u32,
    /// The keys, where some were added since the index was built.
    keys: Option<KeyTable>,
}

impl From<Index> for Changed {
    fn from(index: Index) -> Self {
        let n = index.len();
        Self {
            dead: vec![0; n.div_ceil(64)],
            dead_ids: Vec::new(),
            ids: Vec::new(),
            rows: Vec::new(),
            given: u32::try_from(n).unwrap_or(u32::MAX),
            keys: None,
            base: Arc::new(index),
        }
    }
}

impl Changed {
    /// The index without the changes.
    #[must_use]
    pub fn base(&self) -> &Index {
        &self.base
    }

    /// Rows beside the index, and rows of the index that are not answers: what a search pays for.
    #[must_use]
    pub fn pending(&self) -> (usize, usize) {
        (self.ids.len(), self.dead_ids.len())
    }

    fn is_dead(&self, id: ItemId) -> bool {
        self.dead.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    fn in_base(&self, id: ItemId) -> bool {
        (id as usize) < self.base.len()
    }

    /// The vector as it is kept.
    fn checked(&self, vector: &[f32]) -> Result<Vec<f32>, ChangeError> {
        if vector.len() != self.dim() {
            return Err(ChangeError::Dimension { expected: self.dim(), got: vector.len() });
        }
        if let Some(column) = vector.iter().position(|x| !x.is_finite()) {
            return Err(ChangeError::NotFinite { column, value: vector[column] });
        }
        let mut row = vector.to_vec();
        if self.metric() == Metric::Cosine {
            kernel::normalize(&mut row);
        }
        Ok(row)
    }

    /// Bans a row of the index; whether it was an answer before.
    fn ban(&mut self, id: ItemId) -> bool {
        let Err(place) = self.dead_ids.binary_search(&id) else { return false };
        self.dead_ids.insert(place, id);
        self.dead[id as usize / 64] |= 1 << (id % 64);
        true
    }

    fn known(&self, id: ItemId) -> Result<(), ChangeError> {
        if id < self.given { Ok(()) } else { Err(ChangeError::UnknownId { id, ids: self.given as usize }) }
    }

    /// The index over all ids that were given; removed rows are zero, and stay marked.
    fn rebuilt(&self, run: &mut Run<'_>) -> Result<Self, ChangeError> {
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| ChangeError::Implementation { source };
        let dim = self.dim();
        let (mut rows, mut removed) = (vec![0.0; self.given as usize * dim], Vec::new());
        for (slot, id) in rows.chunks_exact_mut(dim).zip(0..) {
            match self.vector_into(id, slot) {
                Err(SearchError::UnknownId { .. }) => removed.push(id),
                other => other.map_err(|e| failed(Box::new(e)))?,
            }
        }
        let rows =
            ArrayView2::from_shape((self.given as usize, dim), &rows).map_err(|e| failed(Box::new(e)))?;
        let mut vectors = Vectors::from(rows).in_space(self.space());
        if let Some(keys) = &self.key_table()? {
            vectors = vectors.keyed(keys.to_vocab().map_err(|e| failed(Box::new(e)))?);
        }
        let mut index = self.base.rebuilt(vectors, run).map_err(|e| failed(Box::new(e)))?;
        if let (Some(efforts), Some(measured)) = (index.efforts_mut(), self.base.efforts_table()) {
            *efforts = measured.clone();
        }
        let mut next = Self::from(index);
        for id in removed {
            next.ban(id);
        }
        Ok(next)
    }

    fn key_table(&self) -> Result<Option<KeyTable>, ChangeError> {
        AnnIndex::keys(self).map_err(|e| ChangeError::Implementation { source: Box::new(e) })
    }

    fn push(&mut self, row: Vec<f32>) -> Result<ItemId, ChangeError> {
        let id = self.given;
        self.given = id.checked_add(1).ok_or(ChangeError::Full { limit: u32::MAX as usize })?;
        self.ids.push(id);
        self.rows.extend(row);
        Ok(id)
    }
}

impl AnnIndexMut for Changed {
    fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError> {
        let row = self.checked(vector)?;
        if self.key_table()?.is_some() {
            return Err(ChangeError::KeyNeeded);
        }
        self.push(row)
    }

    fn add_batch(&mut self, vectors: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError> {
        let mut next = self.clone();
        for vector in vectors.rows() {
            next.add(&vector.to_vec())?;
        }
        let ids = self.given..next.given;
        *self = next;
        Ok(ids)
    }

    fn upsert(&mut self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError> {
        let Some(mut keys) = self.key_table()? else {
            return Err(ChangeError::Unkeyed { key: key.to_owned() });
        };
        let row = self.checked(vector)?;
        if let Some(id) = keys.get(key) {
            return self.update(id, vector).map(|()| id);
        }
        let source = |e| ChangeError::Implementation { source: Box::new(e) };
        keys.intern(key).map_err(source)?;
        let id = self.push(row)?;
        self.keys = Some(keys);
        Ok(id)
    }

    fn remove_key(&mut self, key: &str) -> Result<bool, ChangeError> {
        let Some(keys) = self.key_table()? else { return Err(ChangeError::Unkeyed { key: key.to_owned() }) };
        keys.get(key).map_or(Ok(false), |id| self.remove(id))
    }

    fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError> {
        self.known(id)?;
        if let Ok(place) = self.ids.binary_search(&id) {
            self.ids.remove(place);
            let dim = self.dim();
            self.rows.drain(place * dim..(place + 1) * dim);
            return Ok(true);
        }
        Ok(self.in_base(id) && self.ban(id))
    }

    fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError> {
        self.known(id)?;
        let row = self.checked(vector)?;
        let at = self.dim();
        match self.ids.binary_search(&id) {
            Ok(place) => self.rows[place * at..(place + 1) * at].copy_from_slice(&row),
            Err(place) => {
                self.ids.insert(place, id);
                self.rows.splice(place * at..place * at, row);
                if self.in_base(id) {
                    self.ban(id);
                }
            }
        }
        Ok(())
    }

    fn compact(&mut self, run: &mut Run<'_>) -> Result<(), ChangeError> {
        *self = self.rebuilt(run)?;
        Ok(())
    }
}
