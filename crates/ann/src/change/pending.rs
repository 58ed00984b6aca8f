use std::sync::Arc;

use embed_core::{Filter, ItemId};

use crate::scan::Collector;
use crate::scoring::Scoring;

/// Rows of a block.
const BLOCK: usize = 128;

/// Vectors beside an index, in no order. A copy shares all blocks, and a change copies one or two of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    /// Invariant: all but the last are full, and the last has a row.
    blocks: Vec<Arc<Block>>,
}

#[derive(Debug, Clone, Default)]
struct Block {
    ids: Vec<ItemId>,
    /// `[ids.len(), dim]`
    rows: Vec<f32>,
}

impl Block {
    fn dim(&self) -> usize {
        self.rows.len() / self.ids.len().max(1)
    }

    fn row(&self, at: usize) -> &[f32] {
        let dim = self.dim();
        self.rows.get(at * dim..(at + 1) * dim).unwrap_or_default()
    }
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.ids.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The vector in a slot; empty where there is none.
    pub(super) fn row(&self, slot: u32) -> &[f32] {
        self.blocks.get(slot as usize / BLOCK).map_or(&[], |block| block.row(slot as usize % BLOCK))
    }

    /// Adds a vector; its slot.
    pub(super) fn push(&mut self, id: ItemId, row: &[f32]) -> u32 {
        let slot = u32::try_from(self.len()).unwrap_or(u32::MAX);
        if self.len().is_multiple_of(BLOCK) {
            self.blocks.push(Arc::default());
        }
        if let Some(block) = self.blocks.last_mut().map(Arc::make_mut) {
            block.ids.push(id);
            block.rows.extend_from_slice(row);
        }
        slot
    }

    pub(super) fn write(&mut self, slot: u32, row: &[f32]) {
        if let Some(block) = self.blocks.get_mut(slot as usize / BLOCK).map(Arc::make_mut) {
            let start = slot as usize % BLOCK * row.len();
            block.rows[start..start + row.len()].copy_from_slice(row);
        }
    }

    /// Takes out the vector in a slot, which the last one moves into; the id of that, if it is another.
    pub(super) fn take(&mut self, slot: u32) -> Option<ItemId> {
        let last = self.blocks.last_mut().map(Arc::make_mut)?;
        let (id, dim) = (*last.ids.last()?, last.dim());
        let row = last.rows.split_off(last.rows.len() - dim);
        last.ids.pop();
        if last.ids.is_empty() {
            self.blocks.pop();
        }
        if slot as usize >= self.len() {
            return None;
        }
        self.write(slot, &row);
        let block = Arc::make_mut(self.blocks.get_mut(slot as usize / BLOCK)?);
        block.ids[slot as usize % BLOCK] = id;
        Some(id)
    }

    /// All vectors with their ids, in the order of slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ItemId, &[f32])> {
        self.blocks.iter().flat_map(|block| block.ids.iter().enumerate().map(|(at, &id)| (id, block.row(at))))
    }

    /// Offers every allowed row; `query` is prepared.
    pub(super) fn scan(&self, scoring: Scoring, query: &[f32], filter: Filter<'_>, best: &mut Collector) {
        let mut scores = [0.0; BLOCK];
        for block in &self.blocks {
            let scores = &mut scores[..block.ids.len()];
            scoring.rows(query, &block.rows, scores);
            for (&id, &score) in block.ids.iter().zip(&*scores) {
                // Few rows would enter, so the filter is asked last.
                if score >= best.threshold() && filter.allows(id) {
                    best.offer(id, score);
                }
            }
        }
    }
}
