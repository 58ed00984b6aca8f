use std::sync::Arc;

use embed_core::{ItemId, SeededRng};
use ndarray::ArrayViewMut2;

use super::{DssmParams, SideTape, SideTower};
use crate::LayerError;
use crate::features::{Coder, Records, Side};
use crate::layers::{Module, Slot, Table, Tensor};
use crate::matrix::Buffer;
use crate::models::{Context, Encoder};

/// Items by their features.
#[derive(Debug, Clone)]
pub struct DssmItem {
    /// A row an item.
    pub(crate) records: Arc<Records>,
    pub(crate) tower: SideTower,
}

impl DssmItem {
    /// Over the records of a catalogue.
    ///
    /// # Errors
    /// As [`SideTower::new`].
    pub fn new(
        params: &DssmParams,
        coder: &Coder,
        records: Arc<Records>,
        rng: &mut SeededRng,
    ) -> Result<Self, LayerError> {
        let layers = params.item_layers.as_ref();
        Ok(Self { records, tower: SideTower::new((Side::Item, coder), params.dim, false, layers, rng)? })
    }

    /// The same function in serving, with each normalisation folded into the layer before it.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { tower: self.tower.folded(), ..self.clone() }
    }

    /// Rows of items that need not be of the catalogue: all rows of `records`.
    pub(crate) fn infer_records(
        &self,
        tables: &[Table],
        records: &Records,
        rows: &[u32],
        out: ArrayViewMut2<'_, f32>,
        tape: &mut SideTape,
    ) {
        self.tower.read(records, rows, None, tape);
        self.tower.infer(tables, None, out, tape);
    }
}

impl Encoder<ItemId> for DssmItem {
    type Tape = SideTape;

    fn dim(&self) -> usize {
        self.tower.dim()
    }

    fn n_known(&self, _: &[Table]) -> Option<usize> {
        Some(self.records.len())
    }

    fn knows_by_content(&self, item: &ItemId) -> bool {
        (*item as usize) < self.records.len() && self.records.says_something(*item as usize)
    }

    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[ItemId],
        out: &mut Buffer,
        tape: &mut SideTape,
    ) -> Result<(), LayerError> {
        self.tower.read(&self.records, records, Some((cx.seed, cx.step)), tape);
        self.tower.forward(tables, None, out, (cx.seed ^ 1, cx.step), tape)
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut SideTape) {
        self.tower.backward(tables, dout, None, tape);
    }

    fn infer(
        &self,
        _: Context<'_>,
        tables: &[Table],
        records: &[ItemId],
        out: ArrayViewMut2<'_, f32>,
        tape: &mut SideTape,
    ) {
        self.infer_records(tables, &self.records, records, out, tape);
    }
}

impl Module for DssmItem {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        self.tower.tensors(path, out);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        self.tower.slots(out);
    }
}
