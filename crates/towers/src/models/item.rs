use embed_core::{ItemId, SeededRng};
use ndarray::ArrayViewMut2;

use super::{Context, Encoder, TowersParams};
use crate::LayerError;
use crate::layers::{Mlp, MlpScratch, MlpTape, Module, Slot, Table, Tensor};
use crate::matrix::Buffer;

/// Items by their row of a table, with layers over it or without.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemTower {
    /// Number of the table.
    pub table: usize,
    dim: usize,
    layers: Option<Mlp>,
}

/// What a pass over items keeps.
#[derive(Debug, Clone, Default)]
pub struct ItemTape {
    ids: Vec<ItemId>,
    rows: Buffer,
    drows: Buffer,
    layers: MlpTape,
    scratch: MlpScratch,
}

impl ItemTower {
    /// Over table number `table`.
    ///
    /// # Errors
    /// As [`Mlp::new`].
    pub fn new(params: &TowersParams, table: usize, rng: &mut SeededRng) -> Result<Self, LayerError> {
        let layers = params.item_layers.as_ref().map(|layers| Mlp::new(layers, params.dim, params.dim, rng));
        Ok(Self { table, dim: params.dim, layers: layers.transpose()? })
    }

    /// The layers in serving, each normalisation folded into the layer before it.
    pub(crate) fn folded_layers(&self) -> Option<Mlp> {
        self.layers.as_ref().map(Mlp::folded)
    }
}

impl Encoder<ItemId> for ItemTower {
    type Tape = ItemTape;

    fn dim(&self) -> usize {
        self.dim
    }

    fn n_known(&self, tables: &[Table]) -> Option<usize> {
        Some(tables[self.table].len())
    }

    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[ItemId],
        out: &mut Buffer,
        tape: &mut ItemTape,
    ) -> Result<(), LayerError> {
        tape.ids.clear();
        tape.ids.extend_from_slice(records);
        out.resize(records.len(), self.dim);
        let Some(layers) = &mut self.layers else {
            tables[self.table].gather(records, out.view_mut());
            return Ok(());
        };
        tape.rows.resize(records.len(), self.dim);
        tables[self.table].gather(records, tape.rows.view_mut());
        layers.forward(tape.rows.view(), out.view_mut(), (cx.seed ^ 1, cx.step), &mut tape.layers)
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut ItemTape) {
        let gradients = &mut tables[self.table].gradients;
        let Some(layers) = &mut self.layers else {
            return gradients.add_rows(&tape.ids, dout.view());
        };
        tape.drows.resize(tape.ids.len(), self.dim);
        layers.backward(tape.rows.view(), dout.view(), Some(tape.drows.view_mut()), &mut tape.layers);
        gradients.add_rows(&tape.ids, tape.drows.view());
    }

    fn infer(
        &self,
        _: Context<'_>,
        tables: &[Table],
        records: &[ItemId],
        mut out: ArrayViewMut2<'_, f32>,
        tape: &mut ItemTape,
    ) {
        let Some(layers) = &self.layers else {
            return tables[self.table].gather(records, out.view_mut());
        };
        tape.rows.resize(records.len(), self.dim);
        tables[self.table].gather(records, tape.rows.view_mut());
        layers.infer(tape.rows.view(), out, &mut tape.scratch);
    }
}

impl Module for ItemTower {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        if let Some(layers) = &self.layers {
            layers.tensors(&format!("{path}.layers"), out);
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        if let Some(layers) = &mut self.layers {
            layers.slots(out);
        }
    }
}
