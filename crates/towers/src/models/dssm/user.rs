use std::sync::Arc;

use embed_core::{ItemId, SeededRng};
use ndarray::ArrayViewMut2;

use super::{DssmParams, HistoryTape, HistoryTower, SideTape, SideTower};
use crate::LayerError;
use crate::features::{Coder, Records, Side};
use crate::layers::{Module, Slot, Table, Tensor};
use crate::matrix::Buffer;
use crate::models::{Context, Encoder, Example};

/// Users by their features and what they did.
#[derive(Debug, Clone)]
pub struct DssmUser {
    /// A row a user.
    pub(crate) records: Arc<Records>,
    /// A row an item: what a history is made of.
    pub(crate) items: Arc<Records>,
    pub(crate) tower: SideTower,
    pub(crate) history: Option<HistoryTower>,
}

/// What a pass over users keeps.
#[derive(Debug, Clone, Default)]
pub struct DssmUserTape {
    rows: Vec<u32>,
    history: Vec<ItemId>,
    histories: HistoryTape,
    side: SideTape,
}

impl DssmUser {
    /// Over the records of users and of the catalogue.
    ///
    /// # Errors
    /// As [`SideTower::new`] and [`HistoryTower::new`].
    pub fn new(
        params: &DssmParams,
        coder: &Coder,
        (records, items): (Arc<Records>, Arc<Records>),
        rng: &mut SeededRng,
    ) -> Result<Self, LayerError> {
        let feature = params.schema.history.as_ref();
        let history =
            feature.map(|feature| HistoryTower::new(feature, coder, params.dim, rng)).transpose()?;
        let layers = params.user_layers.as_ref();
        let tower = SideTower::new((Side::User, coder), params.dim, history.is_some(), layers, rng)?;
        Ok(Self { records, items, tower, history })
    }

    /// The same function in serving, with each normalisation folded into the layer before it.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { tower: self.tower.folded(), ..self.clone() }
    }

    fn read(&self, cx: Context<'_>, records: &[Example], training: bool, tape: &mut DssmUserTape) {
        tape.rows.clear();
        tape.rows.extend(records.iter().map(|example| example.user));
        self.tower.read(&self.records, &tape.rows, training.then_some((cx.seed, cx.step)), &mut tape.side);
        if let Some(tower) = &self.history {
            tape.histories.bag.clear();
            tape.histories.distances.clear();
            for (i, &example) in records.iter().enumerate() {
                let into = (&mut tape.history, &mut tape.histories.distances);
                cx.history_into((i, example), tower.feature.view, tower.feature.most, into);
                tape.histories.bag.push(&tape.history);
            }
        }
    }

    fn pool(&self, tables: &[Table], tape: &mut DssmUserTape) {
        if let Some(history) = &self.history {
            history.forward(tables, &self.items, &mut tape.histories);
        }
    }

    /// Serving: one record of `records` and a history, into `[dim]`.
    pub(crate) fn apply(
        &self,
        tables: &[Table],
        (records, row): (&Records, usize),
        history: &[ItemId],
        out: &mut [f32],
        tape: &mut DssmUserTape,
    ) {
        let beside = self.history.as_ref().map(|tower| {
            tower.apply(tables, &self.items, history, &mut tape.histories);
            tape.histories.pooled.as_slice()
        });
        self.tower.apply(tables, (records, row), beside, out, &mut tape.side);
    }

    /// Serving many: first none, then one after another, then [`DssmUser::infer_pushed`].
    pub(crate) fn clear(&self, tape: &mut DssmUserTape) {
        tape.side.records.clear_for(&self.records);
        tape.histories.bag.clear();
        tape.histories.distances.clear();
    }

    /// Serving many: one more record and history.
    pub(crate) fn push(
        &self,
        (records, row): (&Records, usize),
        history: &[ItemId],
        tape: &mut DssmUserTape,
    ) {
        tape.side.records.push(records, row);
        if let Some(tower) = &self.history {
            tape.histories.bag.push(&history[history.len().saturating_sub(tower.feature.most)..]);
        }
    }

    /// Serving many: one row for each that was pushed.
    pub(crate) fn infer_pushed(
        &self,
        tables: &[Table],
        out: ArrayViewMut2<'_, f32>,
        tape: &mut DssmUserTape,
    ) {
        self.pool(tables, tape);
        let beside = self.history.is_some().then(|| tape.histories.pooled.view());
        self.tower.infer(tables, beside, out, &mut tape.side);
    }
}

impl Encoder<Example> for DssmUser {
    type Tape = DssmUserTape;

    fn dim(&self) -> usize {
        self.tower.dim()
    }

    fn n_known(&self, _: &[Table]) -> Option<usize> {
        Some(self.records.len())
    }

    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[Example],
        out: &mut Buffer,
        tape: &mut DssmUserTape,
    ) -> Result<(), LayerError> {
        self.read(cx, records, true, tape);
        self.pool(tables, tape);
        let beside = self.history.is_some().then(|| tape.histories.pooled.view());
        self.tower.forward(tables, beside, out, (cx.seed, cx.step), &mut tape.side)
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut DssmUserTape) {
        let DssmUserTape { histories, side, .. } = tape;
        let dbeside = self.history.is_some().then_some(&mut histories.dpooled);
        self.tower.backward(tables, dout, dbeside, side);
        if let Some(history) = &mut self.history {
            history.backward(tables, histories);
        }
    }

    fn infer(
        &self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[Example],
        out: ArrayViewMut2<'_, f32>,
        tape: &mut DssmUserTape,
    ) {
        self.read(cx, records, false, tape);
        self.infer_pushed(tables, out, tape);
    }
}

impl Module for DssmUser {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        if let Some(history) = &self.history {
            history.tensors(&format!("{path}.history"), out);
        }
        self.tower.tensors(path, out);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        if let Some(history) = &mut self.history {
            history.slots(out);
        }
        self.tower.slots(out);
    }
}
