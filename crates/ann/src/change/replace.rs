//! Another index in the place of one, under the ids that its keys have.

use std::sync::Arc;

use embed_core::{AnnIndex, ItemId, KeyTable, SearchError};

use super::{Changed, ReplaceError};
use crate::id_map::{IdMap, Names};
use crate::{Damaged, Index};

impl Changed {
    /// Another index in the place of this one and its changes: one that was built anew from other vectors, say.
    ///
    /// Where there are keys, those that are known keep their ids, whatever ids they have in the other index, and new
    /// ones get the next ids; a known key that the other index lacks has no row any more. Where there are none, the
    /// other index's ids are taken as they are.
    ///
    /// O(keys), and O(n · dim) where the other index has its keys in another order.
    ///
    /// # Errors
    /// [`ReplaceError::Dimension`], [`ReplaceError::Metric`], [`ReplaceError::Space`] and [`ReplaceError::Keys`] where
    /// the two indexes are not of one kind; [`ReplaceError::Vocab`] beyond the most ids; [`ReplaceError::Search`] where
    /// keys cannot be read.
    pub fn replaced(&self, index: Index) -> Result<Self, ReplaceError> {
        if index.dim() != self.dim() {
            return Err(ReplaceError::Dimension { expected: self.dim(), got: index.dim() });
        }
        if index.metric() != self.metric() {
            return Err(ReplaceError::Metric { expected: self.metric(), got: index.metric() });
        }
        if !self.space().accepts(index.space()) {
            return Err(ReplaceError::Space { expected: self.space().id(), got: index.space().id() });
        }
        let (old, new) = (self.key_table()?, AnnIndex::keys(&index)?);
        match (old, new) {
            (None, None) => {
                let mut next = Self::from(index);
                next.given = next.given.max(self.given);
                Ok(next)
            }
            (Some(old), Some(new)) => renamed(old.clone(), &new, index),
            (old, new) => Err(ReplaceError::Keys { expected: old.is_some(), got: new.is_some() }),
        }
    }
}

/// An index under the ids that a table gives to its keys.
fn renamed(mut table: KeyTable, keys: &KeyTable, index: Index) -> Result<Changed, ReplaceError> {
    let ids: Vec<ItemId> = keys.keys().map(|key| table.intern(key)).collect::<Result<_, _>>()?;
    let same = table.len() == ids.len() && ids.is_sorted();
    if same {
        return Ok(index.into());
    }
    let bound = ItemId::try_from(table.len()).unwrap_or(ItemId::MAX);
    let rows: Vec<ItemId> = match &index.names().ids {
        Some(old) => {
            let known = old.ids().iter().map(|&id| {
                let damaged = Damaged { id, position: id as usize, len: ids.len() };
                ids.get(id as usize).copied().ok_or(damaged)
            });
            known
                .collect::<Result<_, _>>()
                .map_err(|e| SearchError::Implementation { source: Box::new(e) })?
        }
        None => ids,
    };
    let mut order: Vec<u32> = (0..).take(rows.len()).collect();
    order.sort_unstable_by_key(|&row| rows[row as usize]);
    let sorted: Vec<ItemId> = order.iter().map(|&row| rows[row as usize]).collect();
    let ids = (sorted.len() < table.len()).then(|| Arc::new(IdMap::new(&sorted, bound)));
    let names = Names { keys: Some(table.to_vocab()?).into(), ids };
    let ordered = if order.is_sorted() { index } else { index.reordered(&order) };
    Ok(ordered.named(names).into())
}
