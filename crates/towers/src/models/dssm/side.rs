use std::ops::Range;

use embed_core::SeededRng;
use embed_core::kernel::axpy;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::LayerError;
use crate::features::{Coded, Coder, Column, Records, Side};
use crate::layers::{BagPool, Linear, Mlp, MlpParams, MlpScratch, MlpTape, Module, Slot, Table, Tensor};
use crate::matrix::{Buffer, each_row};

/// What one feature becomes.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// A row of a table.
    Code(usize),
    /// The mean of rows of a table.
    List(usize),
    /// So many values; in a sum by way of a map.
    Values(usize, Option<Box<Linear>>),
}

/// One tower: features, perhaps a vector from elsewhere beside them (the pooled history), and layers or a sum.
#[derive(Debug, Clone, PartialEq)]
pub struct SideTower {
    dim: usize,
    parts: Vec<Part>,
    /// Whether a vector `[dim]` comes after the features.
    beside: bool,
    /// The probability with which training takes the id for unknown.
    id_dropout: f32,
    layers: Option<Mlp>,
    /// Streams of its draws.
    purpose: &'static str,
}

/// What a pass over one side keeps.
#[derive(Debug, Clone, Default)]
pub struct SideTape {
    /// The features of the batch.
    pub(super) records: Records,
    /// What goes into the layers.
    x: Buffer,
    dx: Buffer,
    /// One feature's part of a sum.
    part: Buffer,
    layers: MlpTape,
    scratch: MlpScratch,
}

impl SideTower {
    /// Over the columns that a coder has for a side.
    ///
    /// # Errors
    /// As [`Mlp::new`].
    pub fn new(
        (side, coder): (Side, &Coder),
        dim: usize,
        beside: bool,
        layers: Option<&MlpParams>,
        rng: &mut SeededRng,
    ) -> Result<Self, LayerError> {
        let mut values = |width| {
            let map = layers.is_none().then(|| Box::new(Linear::new(width, dim, false, rng)));
            Part::Values(width, map)
        };
        let part = |column: &Column| match *column {
            Column::Code { table } => Part::Code(table),
            Column::List { table } => Part::List(table),
            Column::Number { .. } => values(1),
            Column::Vector { width } => values(width),
        };
        let parts: Vec<Part> = coder.columns(side).iter().map(part).collect();
        let mut tower = Self {
            dim,
            parts,
            beside,
            id_dropout: coder.schema().side(side).id.as_ref().map_or(0.0, |id| id.dropout),
            layers: None,
            purpose: match side {
                Side::User => "unknown users",
                Side::Item => "unknown items",
            },
        };
        let inputs = tower.inputs();
        tower.layers = layers.map(|layers| Mlp::new(layers, inputs, dim, rng)).transpose()?;
        Ok(tower)
    }

    /// The same function in serving, with each normalisation folded into the layer before it.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { layers: self.layers.as_ref().map(Mlp::folded), ..self.clone() }
    }

    /// Components of its vectors.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Values of all features side by side.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.parts.iter().map(|part| self.width(part)).sum::<usize>() + if self.beside { self.dim } else { 0 }
    }

    /// The layers, where there are any.
    #[must_use]
    pub fn layers(&self) -> Option<&Mlp> {
        self.layers.as_ref()
    }

    /// The maps of a sum, by feature; none of those with categories.
    pub fn maps(&self) -> impl Iterator<Item = Option<&Linear>> {
        self.parts.iter().map(|part| match part {
            Part::Values(_, map) => map.as_deref(),
            Part::Code(_) | Part::List(_) => None,
        })
    }

    fn width(&self, part: &Part) -> usize {
        match part {
            Part::Code(_) | Part::List(_) => self.dim,
            Part::Values(width, _) => *width,
        }
    }

    /// Takes over the features of a batch; in training, of a step, some ids are unknown.
    pub(super) fn read(&self, from: &Records, rows: &[u32], step: Option<(u64, u64)>, tape: &mut SideTape) {
        tape.records.gather(from, rows);
        if let (Some((seed, step)), true) = (step, self.id_dropout > 0.0) {
            for (i, id) in tape.records.ids_mut().into_iter().flatten().enumerate() {
                let mut rng = SeededRng::stream(seed, self.purpose, (step << 24) ^ i as u64);
                if rng.unit_f32() < self.id_dropout {
                    *id = 0;
                }
            }
        }
    }

    /// The features of the batch side by side, or as one sum.
    fn join(&self, tables: &[Table], beside: Option<ArrayView2<'_, f32>>, tape: &mut SideTape) {
        let SideTape { records, x, part: one, .. } = tape;
        let n = records.len();
        let sum = self.layers.is_none();
        if sum {
            x.zero(n, self.dim);
        } else {
            x.resize(n, self.inputs());
        }
        let mut first = 0;
        for (part, coded) in self.parts.iter().zip(records.columns()) {
            let width = if sum { self.dim } else { self.width(part) };
            if sum {
                one.resize(n, width);
                fill(part, coded, tables, one.view_mut());
                each_row(one.view(), x.view_mut(), |from, to| axpy(1.0, from, to));
            } else {
                fill(part, coded, tables, columns_mut(x, first..first + width));
            }
            first += width;
        }
        if let Some(beside) = beside {
            if sum {
                each_row(beside, x.view_mut(), |from, to| axpy(1.0, from, to));
            } else {
                columns_mut(x, first..first + self.dim).assign(&beside);
            }
        }
    }

    /// Training, of the batch that was read: into `out` `[n, dim]`.
    ///
    /// # Errors
    /// As [`Mlp::forward`].
    pub(super) fn forward(
        &mut self,
        tables: &[Table],
        beside: Option<ArrayView2<'_, f32>>,
        out: &mut Buffer,
        step: (u64, u64),
        tape: &mut SideTape,
    ) -> Result<(), LayerError> {
        self.join(tables, beside, tape);
        out.resize(tape.records.len(), self.dim);
        match &mut self.layers {
            Some(layers) => layers.forward(tape.x.view(), out.view_mut(), step, &mut tape.layers),
            None => {
                out.assign(tape.x.view());
                Ok(())
            }
        }
    }

    /// From the gradient of `out` to those of tables and layers, and of what was beside the features.
    pub(super) fn backward(
        &mut self,
        tables: &mut [Table],
        dout: &mut Buffer,
        dbeside: Option<&mut Buffer>,
        tape: &mut SideTape,
    ) {
        let SideTape { records, x, dx, layers: tape, .. } = tape;
        let sum = self.layers.is_none();
        if let Some(layers) = &mut self.layers {
            dx.resize(x.dim().0, x.dim().1);
            layers.backward(x.view(), dout.view(), Some(dx.view_mut()), tape);
        } else {
            std::mem::swap(dx, dout);
        }
        let mut first = 0;
        for (part, coded) in self.parts.iter_mut().zip(records.columns()) {
            let width = match part {
                Part::Values(width, _) if !sum => *width,
                _ => self.dim,
            };
            let from = if sum { 0 } else { first };
            let own = columns(dx, from..from + width);
            match (part, coded) {
                (Part::Code(table), Coded::Codes(codes)) => tables[*table].gradients.add_rows(codes, own),
                (Part::List(table), Coded::Lists(bag)) => {
                    tables[*table].gradients.add_bags(bag, BagPool::Mean, own);
                }
                (Part::Values(_, Some(map)), Coded::Values(values)) => map.backward(values.view(), own, None),
                _ => {}
            }
            first += width;
        }
        if let Some(dbeside) = dbeside {
            let from = if sum { 0 } else { first };
            dbeside.assign(columns(dx, from..from + self.dim));
        }
    }

    /// Serving, of the batch that was read: into `out` `[n, dim]`.
    pub(super) fn infer(
        &self,
        tables: &[Table],
        beside: Option<ArrayView2<'_, f32>>,
        out: ArrayViewMut2<'_, f32>,
        tape: &mut SideTape,
    ) {
        self.join(tables, beside, tape);
        match &self.layers {
            Some(layers) => layers.infer(tape.x.view(), out, &mut tape.scratch),
            None => each_row(tape.x.view(), out, |from, to| to.copy_from_slice(from)),
        }
    }

    /// Serving: one record into `[dim]`, without allocating once the tape has grown.
    pub(super) fn apply(
        &self,
        tables: &[Table],
        (records, row): (&Records, usize),
        beside: Option<&[f32]>,
        out: &mut [f32],
        tape: &mut SideTape,
    ) {
        let sum = self.layers.is_none();
        tape.x.zero(1, if sum { self.dim } else { self.inputs() });
        tape.part.resize(1, self.dim);
        let (x, one) = (tape.x.as_slice_mut(), tape.part.as_slice_mut());
        let mut first = 0;
        for (part, coded) in self.parts.iter().zip(records.columns()) {
            let width = if sum { self.dim } else { self.width(part) };
            let to = if sum { &mut x[..] } else { &mut x[first..first + width] };
            match (part, coded) {
                (Part::Code(table), Coded::Codes(codes)) => axpy(1.0, tables[*table].row(codes[row]), to),
                (Part::List(table), Coded::Lists(bag)) => {
                    tables[*table].bag_row(bag.get(row), BagPool::Mean, one);
                    axpy(1.0, one, to);
                }
                (Part::Values(_, None), Coded::Values(values)) => to.copy_from_slice(values.row(row)),
                (Part::Values(_, Some(map)), Coded::Values(values)) => {
                    map.apply(values.row(row), one);
                    axpy(1.0, one, to);
                }
                _ => {}
            }
            first += width;
        }
        if let Some(beside) = beside {
            axpy(1.0, beside, if sum { &mut x[..] } else { &mut x[first..] });
        }
        match &self.layers {
            Some(layers) => layers.apply(tape.x.as_slice(), out, &mut tape.scratch),
            None => out.copy_from_slice(tape.x.as_slice()),
        }
    }
}

fn columns(matrix: &Buffer, range: Range<usize>) -> ArrayView2<'_, f32> {
    let mut view = matrix.view();
    view.slice_axis_inplace(Axis(1), range.into());
    view
}

fn columns_mut(matrix: &mut Buffer, range: Range<usize>) -> ArrayViewMut2<'_, f32> {
    let mut view = matrix.view_mut();
    view.slice_axis_inplace(Axis(1), range.into());
    view
}

/// The rows of one feature.
fn fill(part: &Part, coded: &Coded, tables: &[Table], mut out: ArrayViewMut2<'_, f32>) {
    match (part, coded) {
        (Part::Code(table), Coded::Codes(codes)) => tables[*table].gather(codes, out),
        (Part::List(table), Coded::Lists(bag)) => tables[*table].bag(bag, BagPool::Mean, out),
        (Part::Values(_, None), Coded::Values(values)) => out.assign(&values.view()),
        (Part::Values(_, Some(map)), Coded::Values(values)) => map.forward(values.view(), out),
        // Records are of the coder that the parts are of.
        _ => out.fill(0.0),
    }
}

impl Module for SideTower {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        for (number, map) in self.maps().enumerate() {
            if let Some(map) = map {
                map.tensors(&format!("{path}.map.{number}"), out);
            }
        }
        if let Some(layers) = &self.layers {
            layers.tensors(&format!("{path}.layers"), out);
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        for part in &mut self.parts {
            if let Part::Values(_, Some(map)) = part {
                map.slots(out);
            }
        }
        if let Some(layers) = &mut self.layers {
            layers.slots(out);
        }
    }
}
