//! New vectors in a graph that stands.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use embed_core::{AnnIndex, ItemId, Run, SeededRng, Vocab};

use super::beam::NONE;
use super::build::{layer_sizes, levels, node_id};
use super::copies::{self, Groups};
use super::grow::Plan;
use super::{Hnsw, in_order};
use crate::aligned::Aligned;
use crate::flat::stored_rows;
use crate::id_map::{IdMap, Names};
use crate::{BuildError, Damaged, Vectors};

/// Old and new nodes together.
struct Arranged {
    /// The group of each node.
    order: Vec<u32>,
    /// Nodes of each layer, the ground first.
    sizes: Vec<usize>,
    /// The new number of each old node.
    new: Vec<u32>,
}

impl Hnsw {
    /// Inserts vectors `[b, dim]` into the graph: each searches for its neighbours and is linked with them, as in a
    /// build, while what is there keeps its links but for those that the new ones displace. Their ids, which are
    /// returned, go on where those of the index end. Where it fails, the index stays as it was.
    ///
    /// About b searches of width `ef_construction`, and a pass over the index: O(n · m · dim), little beside a
    /// build. So give many at once; few at a time are better kept beside the index ([`Changed`](crate::Changed)),
    /// whose compaction then inserts them.
    ///
    /// *Determinism.* The same index, vectors and seed give the same graph on any number of threads; it is not the
    /// one that a build over all vectors gives.
    ///
    /// # Errors
    /// As [`Hnsw::build`], and
    /// - [`BuildError::Dimension`], [`BuildError::Space`] when the vectors are not of the index's kind.
    /// - [`BuildError::Keys`] when one side has keys and the other has none; [`BuildError::Vocab`] when a key is
    ///   there already.
    /// - [`BuildError::Store`], [`BuildError::Damaged`] when the file of an opened index is damaged.
    pub fn extend<'v>(
        &mut self,
        vectors: impl Into<Vectors<'v>>,
        run: &mut Run<'_>,
    ) -> Result<Range<ItemId>, BuildError> {
        let vectors = vectors.into();
        let before = self.names.bound(self.len());
        if vectors.dim() != self.dim {
            return Err(BuildError::Dimension { expected: self.dim, got: vectors.dim() });
        }
        vectors.check(self.metric, Self::MAX_ROWS - self.len())?;
        let (limit, got) = (ItemId::MAX as usize, before + vectors.id_bound());
        if got > limit {
            return Err(BuildError::TooManyRows { limit, got });
        }
        if !self.space.accepts(vectors.space) {
            return Err(BuildError::Space { expected: self.space.id(), got: vectors.space.id() });
        }
        let names = Names { keys: self.keys_with(&vectors)?.into(), ids: self.ids_with(&vectors) };
        *self = self.extended(&vectors, names, run)?;
        Ok(node_id(before)..node_id(got))
    }

    /// The graph with these vectors, which have been checked, after its own rows; `names` are those of all.
    pub(crate) fn extended(
        &self,
        vectors: &Vectors<'_>,
        names: Names,
        run: &mut Run<'_>,
    ) -> Result<Self, BuildError> {
        if vectors.is_empty() {
            return Ok(Self { names, ..self.clone() });
        }
        let dim = self.dim;
        let table = self.rows_with(vectors)?;
        let groups = run.parallelism.install(|| copies::group(&table, dim))?;
        let Arranged { order, sizes, new } = self.arranged(&groups, run.seed)?;
        let plan = Plan {
            metric: self.metric,
            dim,
            params: self.params(),
            groups,
            order,
            sizes,
            rows: &|rows| in_order(&table, dim, rows.iter().copied()),
            old: Some((self, new)).filter(|_| !self.is_empty()),
            space: self.space,
            names,
        };
        Ok(Self { efforts: self.efforts.clone(), ..plan.grow(run)? })
    }

    /// The ids of all rows, where they are not their numbers.
    fn ids_with(&self, vectors: &Vectors<'_>) -> Option<Arc<IdMap>> {
        if self.names.ids.is_none() && vectors.ids().is_none() {
            return None;
        }
        let (before, mut all) = (node_id(self.names.bound(self.len())), Vec::new());
        match &self.names.ids {
            Some(ids) => all.extend_from_slice(ids.ids()),
            None => all.extend(0..before),
        }
        match vectors.ids() {
            Some(ids) => all.extend(ids.ids().iter().map(|id| before + id)),
            None => all.extend(before..before + node_id(vectors.len())),
        }
        Some(Arc::new(IdMap::new(&all, before + node_id(vectors.id_bound()))))
    }

    /// The keys of all rows.
    fn keys_with(&self, vectors: &Vectors<'_>) -> Result<Option<Arc<Vocab>>, BuildError> {
        let before = self.names.bound(self.len());
        match (self.names.keys.get()?, &vectors.keys) {
            (None, None) => Ok(None),
            (None, Some(new)) if before == 0 => Ok(Some(Arc::clone(new))),
            (Some(old), Some(new)) => Ok(Some(Arc::new(Vocab::from_keys(old.keys().chain(new.keys()))?))),
            (old, new) => {
                let keys = old.map_or(0, |keys| keys.len()) + new.as_ref().map_or(0, |keys| keys.len());
                Err(BuildError::Keys { keys, vectors: before + vectors.id_bound() })
            }
        }
    }

    /// All rows in the order of their ids, as they are stored.
    fn rows_with(&self, vectors: &Vectors<'_>) -> Result<Aligned<f32>, BuildError> {
        let (stored, dim, len) = (self.stored(), self.dim, self.table.len() / self.dim);
        if let Some((id, &node)) = (0..).zip(self.nodes.iter()).find(|&(_, &node)| node as usize >= len) {
            return Err(Damaged { id, position: node as usize, len }.into());
        }
        let new = stored_rows(vectors, self.metric, 0..vectors.len());
        Ok(Aligned::new((self.len() + vectors.len()) * dim, |table| {
            let (old_rows, new_rows) = table.split_at_mut(self.len() * dim);
            for (slot, &node) in old_rows.chunks_exact_mut(dim).zip(self.nodes.iter()) {
                slot.copy_from_slice(&stored.table[node as usize * dim..(node as usize + 1) * dim]);
            }
            new_rows.copy_from_slice(&new);
        }))
    }

    /// Numbers the nodes, the new among the old.
    fn arranged(&self, groups: &Groups, seed: u64) -> Result<Arranged, BuildError> {
        let nodes = self.ground().len;
        let mut group_of = vec![NONE; nodes];
        let mut fresh = Vec::new();
        for group in 0..node_id(groups.len()) {
            let row = groups.rows(group)[0];
            match self.nodes.get(row as usize) {
                None => fresh.push(group),
                Some(&node) if group_of[node as usize] == NONE => group_of[node as usize] = group,
                Some(&node) => return Err(Damaged { id: row, position: node as usize, len: nodes }.into()),
            }
        }
        if let Some(node) = group_of.iter().position(|&group| group == NONE) {
            return Err(Damaged { id: node_id(self.len()), position: node, len: nodes }.into());
        }
        SeededRng::stream(seed, "hnsw order", 0).shuffle(&mut fresh);
        let level_of = |node: usize| {
            let above = self.upper.iter().take_while(|layer| node < layer.size).count();
            u8::try_from(above).unwrap_or(u8::MAX)
        };
        let mut all: Vec<(u8, u32, u32)> = group_of
            .into_iter()
            .enumerate()
            .map(|(node, group)| (level_of(node), group, node_id(node)))
            .collect();
        let drawn = levels(fresh.len(), self.m, seed);
        all.extend(drawn.into_iter().zip(fresh).map(|(level, group)| (level, group, NONE)));
        // Stable: of one level, the old ones come first, in their order.
        all.sort_by_key(|&(level, _, _)| Reverse(level));
        let sizes = layer_sizes(&all.iter().map(|&(level, _, _)| level).collect::<Vec<_>>());
        let mut new = vec![0; nodes];
        for (number, &(_, _, old)) in all.iter().enumerate().filter(|(_, (_, _, old))| *old != NONE) {
            new[old as usize] = node_id(number);
        }
        Ok(Arranged { order: all.into_iter().map(|(_, group, _)| group).collect(), sizes, new })
    }
}
