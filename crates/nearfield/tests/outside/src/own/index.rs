use std::ops::Range;
use std::sync::Arc;

use embed_core::testkit::{AnnMutSuite, AnnSuite, ann_index, ann_index_mut};
use embed_core::{
    AnnIndex, AnnIndexMut, ChangeError, ItemId, KeyTable, Metric, Neighbor, Run, SearchError, SearchRequest, Space,
    Stop, TopK, Vocab,
};
use ndarray::ArrayView2;

/// Rows in a list, each looked at.
struct Shelf {
    rows: Vec<Option<Vec<f32>>>,
    keys: Option<KeyTable>,
    dim: usize,
    metric: Metric,
}

impl Shelf {
    fn new(vectors: ArrayView2<'_, f32>, keys: Option<Arc<Vocab>>, metric: Metric) -> Self {
        let rows = vectors.rows().into_iter().map(|row| Some(row.to_vec())).collect();
        Self { rows, keys: keys.map(KeyTable::from), dim: vectors.ncols(), metric }
    }

    fn id(&self) -> Result<ItemId, ChangeError> {
        ItemId::try_from(self.rows.len()).map_err(|_| ChangeError::Full { limit: ItemId::MAX as usize })
    }

    fn check(&self, vector: &[f32]) -> Result<(), ChangeError> {
        if vector.len() != self.dim {
            return Err(ChangeError::Dimension { expected: self.dim, got: vector.len() });
        }
        match vector.iter().position(|x| !x.is_finite()) {
            Some(column) => Err(ChangeError::NotFinite { column, value: vector[column] }),
            None => Ok(()),
        }
    }

    fn slot(&mut self, id: ItemId) -> Result<&mut Option<Vec<f32>>, ChangeError> {
        let ids = self.rows.len();
        self.rows.get_mut(id as usize).ok_or(ChangeError::UnknownId { id, ids })
    }
}

impl AnnIndex for Shelf {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.rows.iter().flatten().count()
    }

    fn id_bound(&self) -> usize {
        self.rows.len()
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn space(&self) -> Space {
        Space::ANY
    }

    fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
        Ok(self.keys.clone())
    }

    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        if out.len() != self.dim {
            return Err(SearchError::Dimension { expected: self.dim, got: out.len() });
        }
        let row = self.rows.get(id as usize).and_then(Option::as_ref);
        out.copy_from_slice(row.ok_or(SearchError::UnknownId { id, len: self.len() })?);
        Ok(())
    }

    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        out.clear();
        request.check(query, self.dim)?;
        let (k, least) = match request.stop {
            Stop::K(k) => (k, f32::NEG_INFINITY),
            Stop::Radius(radius) => (usize::MAX, self.metric.radius_score(radius)),
            _ => return Err(SearchError::Unsupported { what: "stop rule" }),
        };
        let mut top = TopK::new(k);
        for (id, row) in (0..).zip(&self.rows) {
            let score = row.as_ref().map(|row| self.metric.score(query, row));
            if let Some(score) = score.filter(|&score| score >= least && request.filter.allows(id)) {
                top.push(id, score);
            }
        }
        top.drain_into(out);
        Ok(())
    }
}

impl AnnIndexMut for Shelf {
    fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError> {
        if self.keys.is_some() {
            return Err(ChangeError::KeyNeeded);
        }
        self.check(vector)?;
        let id = self.id()?;
        self.rows.push(Some(vector.to_vec()));
        Ok(id)
    }

    fn add_batch(&mut self, vectors: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError> {
        if self.keys.is_some() {
            return Err(ChangeError::KeyNeeded);
        }
        let rows: Vec<Vec<f32>> = vectors.rows().into_iter().map(|row| row.to_vec()).collect();
        rows.iter().try_for_each(|row| self.check(row))?;
        let first = self.id()?;
        self.rows.extend(rows.into_iter().map(Some));
        Ok(first..self.id()?)
    }

    fn upsert(&mut self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError> {
        self.check(vector)?;
        let Some(keys) = &mut self.keys else { return Err(ChangeError::Unkeyed { key: key.to_owned() }) };
        let id = keys.intern(key).map_err(|source| ChangeError::Implementation { source: source.into() })?;
        self.rows.resize(self.rows.len().max(id as usize + 1), None);
        self.rows[id as usize] = Some(vector.to_vec());
        Ok(id)
    }

    fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError> {
        self.slot(id)?;
        self.check(vector)?;
        *self.slot(id)? = Some(vector.to_vec());
        Ok(())
    }

    fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError> {
        Ok(self.slot(id)?.take().is_some())
    }

    fn remove_key(&mut self, key: &str) -> Result<bool, ChangeError> {
        let Some(keys) = &self.keys else { return Err(ChangeError::Unkeyed { key: key.to_owned() }) };
        keys.get(key).map_or(Ok(false), |id| self.remove(id))
    }

    fn compact(&mut self, _: &mut Run<'_>) -> Result<(), ChangeError> {
        Ok(())
    }
}

pub fn keeps_the_contract() {
    ann_index(|rows, metric| Box::new(Shelf::new(rows, None, metric)), &AnnSuite::exact("shelf"));
    ann_index_mut(
        |rows, keys, metric| Box::new(Shelf::new(rows, keys, metric)),
        &AnnMutSuite::exact("a shelf that changes"),
    );
}
