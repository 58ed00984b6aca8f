//! The index over the rows that are there.

use std::sync::Arc;

use embed_core::{AnnIndex, ChangeError, ItemId, Run};
use ndarray::ArrayView2;

use super::{Changed, failed};
use crate::id_map::{IdMap, Names};
use crate::{BuildError, Hnsw, Index, Quantized, Vectors};

impl Changed {
    /// Need of a compaction: false where it would do nothing.
    pub(super) fn is_changed(&self) -> bool {
        self.only_names() || !self.pending.is_empty() || self.banned.len() > 0
    }

    /// Sameness of ids and rows: ids were given, and rows are as they were.
    fn only_names(&self) -> bool {
        self.given as usize != self.base.id_bound() && self.pending.is_empty() && self.banned.len() == 0
    }

    /// The ids of all rows, ascending.
    fn alive(&self) -> Vec<ItemId> {
        let names = self.base.names();
        let unchanged = |id: &ItemId| self.states.get(*id) == super::State::Unchanged;
        let mut all: Vec<ItemId> = match &names.ids {
            Some(ids) => ids.ids().iter().copied().filter(unchanged).collect(),
            None => (0..self.given).take(self.base.len()).filter(unchanged).collect(),
        };
        all.extend(self.pending.iter().map(|(id, _)| id));
        all.sort_unstable();
        all
    }

    /// Names of rows with these ids.
    fn names_of(&self, alive: &[ItemId]) -> Result<Names, ChangeError> {
        let keys = self.key_table().map_err(failed)?;
        let keys = keys.map(embed_core::KeyTable::to_vocab).transpose().map_err(failed)?;
        let same = alive.len() == self.given as usize;
        let ids = (!same).then(|| Arc::new(IdMap::new(alive, self.given)));
        Ok(Names { keys: keys.into(), ids })
    }

    /// The index over the rows that are there, under their ids: a graph to which vectors were only added takes them in,
    /// codes of rows that did not change are kept, all else is built anew with the parameters it had.
    pub(super) fn compacted(&self, run: &mut Run<'_>) -> Result<Index, ChangeError> {
        let alive = self.alive();
        let names = self.names_of(&alive)?;
        if self.only_names() {
            return Ok(Index::clone(&self.base).named(names));
        }
        if let Some(graph) = self.extended(&names, run)? {
            return Ok(graph.into());
        }
        if let Some(index) = self.recoded(&alive, run)? {
            return Ok(index.named(names));
        }
        let dim = self.dim();
        let mut rows = vec![0.0; alive.len() * dim];
        for (slot, &id) in rows.chunks_exact_mut(dim).zip(&alive) {
            self.vector_into(id, slot).map_err(failed)?;
        }
        let rows = ArrayView2::from_shape((alive.len(), dim), &rows).map_err(failed)?;
        let rows = Vectors::from(rows).in_space(self.space());
        let mut index = self.base.rebuilt(rows, run).map_err(failed)?.named(names);
        if let (Some(efforts), Some(measured)) = (index.efforts_mut(), self.base.efforts_table()) {
            *efforts = measured.clone();
        }
        Ok(index)
    }

    /// The codes of rows that did not change with those of new vectors, where the index keeps only codes.
    fn recoded(&self, alive: &[ItemId], run: &mut Run<'_>) -> Result<Option<Index>, ChangeError> {
        let (codes, listed) = match &*self.base {
            Index::Ivf(index) => (index, true),
            Index::Quantized(index) => (&index.0, false),
            Index::Flat(_) | Index::Hnsw(_) | Index::RpForest(_) => return Ok(None),
        };
        if !codes.keeps_codes_only() {
            return Ok(None);
        }
        let (mut flat, mut fresh) = (Vec::new(), 0);
        let mut rows = Vec::with_capacity(alive.len());
        for &id in alive {
            match self.beside(id) {
                Some(row) => {
                    flat.extend_from_slice(row);
                    rows.push((true, fresh));
                    fresh += 1;
                }
                None => rows.push((
                    false,
                    self.base.names().ids.as_ref().map_or(Some(id), |ids| ids.row(id)).unwrap_or(id),
                )),
            }
        }
        let fresh = ArrayView2::from_shape((fresh as usize, self.dim()), &flat).map_err(failed)?;
        let index = codes.recoded(&rows, &Vectors::from(fresh), run).map_err(failed)?;
        Ok(index.map(|index| if listed { index.into() } else { Quantized(index).into() }))
    }

    /// The graph with the vectors beside it, where they are its last rows and no more than it has.
    fn extended(&self, names: &Names, run: &mut Run<'_>) -> Result<Option<Hnsw>, ChangeError> {
        let Index::Hnsw(graph) = &*self.base else { return Ok(None) };
        let mut rows: Vec<(ItemId, &[f32])> = self.pending.iter().collect();
        rows.sort_unstable_by_key(|&(id, _)| id);
        let follow = rows.first().is_some_and(|&(id, _)| id as usize >= graph.id_bound());
        if !follow || self.banned.len() > 0 || rows.len() > graph.len() {
            return Ok(None);
        }
        let flat: Vec<f32> = rows.iter().flat_map(|(_, row)| *row).copied().collect();
        let rows = Vectors::from(ArrayView2::from_shape((rows.len(), self.dim()), &flat).map_err(failed)?);
        let (limit, got) = (Hnsw::MAX_ROWS, graph.len() + rows.len());
        if got > limit {
            return Err(failed(BuildError::TooManyRows { limit, got }));
        }
        graph.extended(&rows, names.clone(), run).map(Some).map_err(failed)
    }

    /// Identity of the two indexes.
    pub(super) fn has_base_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base)
    }

    /// This generation on an index that was compacted from an earlier one, `since`: what changed between the two is
    /// done again.
    pub(super) fn rebased(&self, since: &Self, index: Index) -> Self {
        let mut next = Self::from(index);
        (next.keys, next.given) = (self.keys.clone(), self.given);
        for (id, row) in self.pending.iter() {
            if since.beside(id) != Some(row) {
                next.set(id, row);
            }
        }
        // What lay beside the index and was not in it left no trace.
        let gone = since.pending.iter().map(|(id, _)| id).filter(|&id| !self.contains(id));
        for id in self.states.removed().chain(gone) {
            next.take(id);
        }
        next
    }
}
