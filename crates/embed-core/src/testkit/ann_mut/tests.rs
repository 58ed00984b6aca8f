use std::ops::Range;
use std::sync::Arc;

use ndarray::ArrayView2;

use super::{AnnMutSuite, ann_index_mut};
use crate::testkit::panics;
use crate::{
    AnnIndex, AnnIndexMut, ChangeError, ItemId, KeyTable, Metric, Neighbor, Run, SearchError, SearchRequest,
    Space, Stop, TopK, Vocab,
};

/// What a toy does wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    None,
    IdsMove,
    RemovedRowsAnswer,
    KeyComesBackElsewhere,
    HalfABatch,
    SaysNotThere,
    AddsWithoutKey,
    ForgetsNewKeys,
    IdsComeTwice,
    UpdateOfRemovedIsLost,
    CountsRemovedRows,
    TakesNan,
    UnknownIdIsNothing,
    StopForgetsChanges,
}

struct Toy {
    rows: Vec<Option<Vec<f32>>>,
    keys: Option<KeyTable>,
    built: Vec<Option<Vec<f32>>>,
    metric: Metric,
    fault: Fault,
}

impl AnnIndex for Toy {
    fn dim(&self) -> usize {
        super::DIM
    }

    fn len(&self) -> usize {
        if self.fault == Fault::CountsRemovedRows {
            self.rows.len()
        } else {
            self.rows.iter().flatten().count()
        }
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
        request.check(query, self.dim())?;
        let (k, least) = match request.stop {
            Stop::K(k) => (k, f32::NEG_INFINITY),
            Stop::Radius(r) => (usize::MAX, self.metric.radius_score(r)),
        };
        let mut top = TopK::new(k);
        for (id, row) in (0..).zip(&self.rows) {
            let zero = vec![0.0; self.dim()];
            let row = if self.fault == Fault::RemovedRowsAnswer {
                Some(row.as_ref().unwrap_or(&zero))
            } else {
                row.as_ref()
            };
            if let Some(row) = row
                && request.filter.allows(id)
                && self.metric.score(query, row) >= least
            {
                top.push(id, self.metric.score(query, row));
            }
        }
        top.drain_into(out);
        Ok(())
    }
}

impl Toy {
    fn check(&self, vector: &[f32]) -> Result<(), ChangeError> {
        if vector.len() != self.dim() {
            return Err(ChangeError::Dimension { expected: self.dim(), got: vector.len() });
        }
        match vector.iter().position(|x| !x.is_finite()) {
            Some(column) if self.fault != Fault::TakesNan => {
                Err(ChangeError::NotFinite { column, value: vector[column] })
            }
            _ => Ok(()),
        }
    }

    fn known(&self, id: ItemId) -> Result<(), ChangeError> {
        let ids = self.rows.len();
        if (id as usize) < ids { Ok(()) } else { Err(ChangeError::UnknownId { id, ids }) }
    }
}

impl AnnIndexMut for Toy {
    fn add(&mut self, vector: &[f32]) -> Result<ItemId, ChangeError> {
        if self.keys.is_some() && self.fault != Fault::AddsWithoutKey {
            return Err(ChangeError::KeyNeeded);
        }
        self.check(vector)?;
        let free = self.rows.iter().position(Option::is_none).filter(|_| self.fault == Fault::IdsComeTwice);
        let id = free.unwrap_or(self.rows.len());
        self.rows.truncate(self.rows.len().max(id));
        if id == self.rows.len() {
            self.rows.push(None);
        }
        self.rows[id] = Some(vector.to_vec());
        Ok(u32::try_from(id).unwrap())
    }

    fn add_batch(&mut self, vectors: ArrayView2<'_, f32>) -> Result<Range<ItemId>, ChangeError> {
        if self.keys.is_some() {
            return Err(ChangeError::KeyNeeded);
        }
        let first = u32::try_from(self.rows.len()).unwrap();
        if self.fault != Fault::HalfABatch {
            vectors.rows().into_iter().try_for_each(|row| self.check(&row.to_vec()))?;
        }
        for row in vectors.rows() {
            self.check(&row.to_vec())?;
            self.rows.push(Some(row.to_vec()));
        }
        Ok(first..u32::try_from(self.rows.len()).unwrap())
    }

    fn upsert(&mut self, key: &str, vector: &[f32]) -> Result<ItemId, ChangeError> {
        let Some(keys) = &mut self.keys else { return Err(ChangeError::Unkeyed { key: key.to_owned() }) };
        let mut table = keys.clone();
        self.check(vector)?;
        let mut id = table.intern(key).unwrap();
        if self.fault == Fault::KeyComesBackElsewhere
            && self.rows.get(id as usize).is_some_and(Option::is_none)
        {
            id = table.intern(&format!("{key} again")).unwrap();
        }
        if id as usize == self.rows.len() {
            self.rows.push(None);
        }
        if self.fault != Fault::ForgetsNewKeys {
            self.keys = Some(table);
        }
        self.rows[id as usize] = Some(vector.to_vec());
        Ok(id)
    }

    fn update(&mut self, id: ItemId, vector: &[f32]) -> Result<(), ChangeError> {
        self.known(id)?;
        self.check(vector)?;
        if self.rows[id as usize].is_some() || self.fault != Fault::UpdateOfRemovedIsLost {
            self.rows[id as usize] = Some(vector.to_vec());
        }
        Ok(())
    }

    fn remove(&mut self, id: ItemId) -> Result<bool, ChangeError> {
        if self.fault == Fault::UnknownIdIsNothing && id as usize >= self.rows.len() {
            return Ok(false);
        }
        self.known(id)?;
        let there = self.rows[id as usize].take().is_some();
        Ok(there && self.fault != Fault::SaysNotThere)
    }

    fn remove_key(&mut self, key: &str) -> Result<bool, ChangeError> {
        let Some(keys) = &self.keys else { return Err(ChangeError::Unkeyed { key: key.to_owned() }) };
        Ok(keys.get(key).is_some_and(|id| self.rows[id as usize].take().is_some()))
    }

    fn compact(&mut self, run: &mut Run<'_>) -> Result<(), ChangeError> {
        if !run.report(&crate::Progress::new("toy", 0, 1)).goes_on() {
            if self.fault == Fault::StopForgetsChanges {
                self.rows = self.built.clone();
            }
            return Err(ChangeError::KeyNeeded);
        }
        if self.fault == Fault::IdsMove {
            self.rows.retain(Option::is_some);
        }
        self.built = self.rows.clone();
        Ok(())
    }
}

fn toy(fault: Fault) -> impl Fn(ArrayView2<'_, f32>, Option<Arc<Vocab>>, Metric) -> Box<dyn AnnIndexMut> {
    move |vectors, keys, metric| {
        let rows: Vec<Option<Vec<f32>>> = vectors.rows().into_iter().map(|row| Some(row.to_vec())).collect();
        Box::new(Toy { built: rows.clone(), rows, keys: keys.map(KeyTable::from), metric, fault })
    }
}

#[test]
fn a_correct_list_passes() {
    ann_index_mut(toy(Fault::None), &AnnMutSuite::exact("list"));
    ann_index_mut(toy(Fault::None), &AnnMutSuite { changes: 30, ..AnnMutSuite::lossy("list") });
}

#[test]
fn every_fault_is_found_and_named() {
    for (fault, message) in [
        (Fault::IdsMove, "bound of the ids"),
        (Fault::RemovedRowsAnswer, "is not there, or banned"),
        (Fault::KeyComesBackElsewhere, "a known key its id"),
        (Fault::HalfABatch, "errors, which change nothing"),
        (Fault::SaysNotThere, "whether the row was there"),
        (Fault::AddsWithoutKey, "KeyNeeded"),
        (Fault::ForgetsNewKeys, "keys by id"),
        (Fault::IdsComeTwice, "the next id"),
        (Fault::UpdateOfRemovedIsLost, "number of rows"),
        (Fault::CountsRemovedRows, "number of rows"),
        (Fault::TakesNan, "NotFinite"),
        (Fault::UnknownIdIsNothing, "UnknownId"),
        (Fault::StopForgetsChanges, "a compaction was stopped"),
    ] {
        let said = panics(|| ann_index_mut(toy(fault), &AnnMutSuite::exact("list")));
        assert!(said.contains(message) && said.contains("list under"), "{fault:?}: {message}: {said}");
    }
}
