use embed_core::kernel::axpy;
use embed_core::{ItemId, SeededRng};

use crate::LayerError;
use crate::features::{Coded, Coder, Column, HistoryFeature, Records, Side};
use crate::layers::{
    Bag, BagPool, Distinct, Module, Pool, PoolTape, Segments, Slot, Table, Tensor, pool_rows,
    pool_rows_backward,
};
use crate::matrix::{Buffer, each_row};
use crate::models::{PoolingLayer, PoolingTape};

/// A history as one vector: each item is the sum of its id's row and those of its categories, and the items are pooled.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryTower {
    pub(super) feature: HistoryFeature,
    dim: usize,
    /// Number of the column in the records of items, number of the table.
    columns: Vec<(usize, usize)>,
    pooling: Option<PoolingLayer>,
}

/// What a pass over histories keeps.
#[derive(Debug, Clone, Default)]
pub struct HistoryTape {
    /// Items of the histories.
    pub(super) bag: Bag,
    /// How far they are from the positive, where that is not counted from the end.
    pub(super) distances: Vec<u32>,
    /// The items, each once where a layer pools them.
    distinct: Distinct,
    /// Their codes, by column.
    codes: Vec<Bag>,
    items: Buffer,
    ditems: Buffer,
    part: Buffer,
    /// One row a history.
    pub(super) pooled: Buffer,
    pub(super) dpooled: Buffer,
    pooling: PoolingTape,
    mean: PoolTape,
}

impl HistoryTower {
    /// Over the columns of the items that the schema names.
    ///
    /// # Errors
    /// As [`PoolingLayer::new`].
    pub fn new(
        feature: &HistoryFeature,
        coder: &Coder,
        dim: usize,
        rng: &mut SeededRng,
    ) -> Result<Self, LayerError> {
        let schema = coder.schema().side(Side::Item);
        let ids = usize::from(schema.id.is_some());
        let mut numbers: Vec<usize> = (0..ids).collect();
        numbers.extend(feature.columns.iter().filter_map(|column| {
            schema.features.iter().position(|feature| feature.column == *column).map(|at| ids + at)
        }));
        let table = |number: usize| match coder.columns(Side::Item)[number] {
            Column::Code { table } | Column::List { table } => Some((number, table)),
            _ => None,
        };
        Ok(Self {
            columns: numbers.into_iter().filter_map(table).collect(),
            pooling: PoolingLayer::new(feature.pooling, dim, feature.most, rng)?,
            feature: feature.clone(),
            dim,
        })
    }

    /// The most items of a history.
    pub(crate) fn most(&self) -> usize {
        self.feature.most
    }

    /// How items are pooled; none for their mean.
    pub(crate) fn pooling(&self) -> Option<&PoolingLayer> {
        self.pooling.as_ref()
    }

    /// The vector that each item has in a history, `[items, dim]`.
    pub(crate) fn items(&self, tables: &[Table], records: &Records) -> Buffer {
        let mut tape = HistoryTape::default();
        (0..u32::try_from(records.len()).unwrap_or(u32::MAX)).for_each(|item| tape.bag.push(&[item]));
        tape.distinct.set_apart(&tape.bag);
        self.gather(tables, records, &mut tape);
        tape.items
    }

    /// The vectors of the tape's distinct items.
    fn gather(&self, tables: &[Table], records: &Records, tape: &mut HistoryTape) {
        let HistoryTape { distinct, codes, items, part, .. } = tape;
        let ids = distinct.ids();
        items.zero(ids.len(), self.dim);
        codes.resize_with(self.columns.len(), Bag::new);
        for ((number, table), codes) in self.columns.iter().zip(codes) {
            codes.clear();
            match &records.columns()[*number] {
                Coded::Codes(of) => ids.iter().for_each(|&id| codes.push(&[of[id as usize]])),
                Coded::Lists(of) => ids.iter().for_each(|&id| codes.push(of.get(id as usize))),
                Coded::Values(_) => ids.iter().for_each(|_| codes.push(&[])),
            }
            part.resize(ids.len(), self.dim);
            tables[*table].bag(codes, BagPool::Mean, part.view_mut());
            each_row(part.view(), items.view_mut(), |from, to| axpy(1.0, from, to));
        }
    }

    /// Pools the histories in the tape's bag, whose items are rows of `records`.
    pub(super) fn forward(&self, tables: &[Table], records: &Records, tape: &mut HistoryTape) {
        match &self.pooling {
            Some(_) => tape.distinct.set(&tape.bag),
            None => tape.distinct.set_apart(&tape.bag),
        }
        self.gather(tables, records, tape);
        let HistoryTape { bag, distances, distinct, items, pooled, pooling, mean, .. } = tape;
        pooled.resize(bag.len(), self.dim);
        match &self.pooling {
            Some(layer) => {
                let items = (items.view(), &*distinct);
                layer.forward(items, (bag, distances), None, pooled.view_mut(), pooling);
            }
            None => {
                let Ok(segments) = Segments::new(bag.offsets(), None) else { return };
                pool_rows(items.view(), segments, Pool::Mean, pooled.view_mut(), mean);
            }
        }
    }

    /// From the gradient of the pooled rows to those of tables and layers.
    pub(super) fn backward(&mut self, tables: &mut [Table], tape: &mut HistoryTape) {
        let HistoryTape { bag, distances, distinct, codes, items, ditems, dpooled, pooling, mean, .. } = tape;
        ditems.resize(distinct.ids().len(), self.dim);
        match &mut self.pooling {
            Some(layer) => {
                let items = (items.view(), &*distinct);
                layer.backward(items, (bag, distances), None, dpooled.view(), ditems.view_mut(), pooling);
            }
            None => {
                let Ok(segments) = Segments::new(bag.offsets(), None) else { return };
                pool_rows_backward(segments, Pool::Mean, dpooled.view(), ditems.view_mut(), mean);
            }
        }
        for ((_, table), codes) in self.columns.iter().zip(codes) {
            tables[*table].gradients.add_bags(codes, BagPool::Mean, ditems.view());
        }
    }

    /// Serving: one history into the tape's pooled row. Without a pooling that attends, nothing is allocated once the tape has
    /// grown.
    pub(super) fn apply(
        &self,
        tables: &[Table],
        records: &Records,
        history: &[ItemId],
        tape: &mut HistoryTape,
    ) {
        let history = &history[history.len().saturating_sub(self.feature.most)..];
        tape.bag.clear();
        tape.distances.clear();
        tape.bag.push(history);
        if self.pooling.is_some() {
            return self.forward(tables, records, tape);
        }
        tape.pooled.zero(1, self.dim);
        tape.part.resize(1, self.dim);
        let (pooled, part) = (tape.pooled.as_slice_mut(), tape.part.as_slice_mut());
        let share = BagPool::Mean.weight(history.len());
        for (number, table) in &self.columns {
            for &id in history {
                match &records.columns()[*number] {
                    Coded::Codes(of) => axpy(share, tables[*table].row(of[id as usize]), pooled),
                    Coded::Lists(of) => {
                        tables[*table].bag_row(of.get(id as usize), BagPool::Mean, part);
                        axpy(share, part, pooled);
                    }
                    Coded::Values(_) => {}
                }
            }
        }
    }
}

impl Module for HistoryTower {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        if let Some(pooling) = &self.pooling {
            pooling.tensors(&format!("{path}.pooling"), out);
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        if let Some(pooling) = &mut self.pooling {
            pooling.slots(out);
        }
    }
}
