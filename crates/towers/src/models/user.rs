use embed_core::{ItemId, SeededRng};
use ndarray::{ArrayViewMut2, Axis};

use super::{Context, Encoder, Example, Join, PoolingLayer, TowersParams, UserTape};
use crate::LayerError;
use crate::layers::{BagPool, Dropout, Linear, Mlp, Module, Slot, Table, Tensor};
use crate::matrix::{Buffer, each_row, each_row_mut, row};

/// The stream that dropout of joined vectors draws from.
const DROPOUT: &str = "user vectors";

/// Users by their id, their history or both, with layers over it or without.
#[derive(Debug, Clone, PartialEq)]
pub struct UserTower {
    pub(super) params: TowersParams,
    /// Number of the table of users, if their id is a feature.
    pub(crate) users: Option<usize>,
    /// Number of the table of the history's items, if there is a history.
    pub(crate) history: Option<usize>,
    pub(crate) pooling: Option<PoolingLayer>,
    /// V of a mix.
    pub(crate) map: Option<Linear>,
    dropout: Dropout,
    pub(crate) layers: Option<Mlp>,
}

impl UserTower {
    /// Over the tables of these numbers.
    ///
    /// # Errors
    /// [`LayerError::Setting`] when there is neither id nor history, or they are joined for layers that are not there; and as
    /// the layers' constructors.
    pub fn new(
        params: &TowersParams,
        (users, history): (Option<usize>, Option<usize>),
        rng: &mut SeededRng,
    ) -> Result<Self, LayerError> {
        let dim = params.dim;
        let setting = |name, expected| Err(LayerError::Setting { name, got: 0.0, expected });
        let both = users.is_some() && history.is_some();
        if users.is_none() && history.is_none() {
            return setting("user features", "at least 1: the id or the history");
        }
        let inputs = if both && params.join == Join::Concat { 2 * dim } else { dim };
        if inputs > dim && params.user_layers.is_none() {
            return setting("user layers", "given, where id and history lie side by side");
        }
        let pooling = match params.pooling {
            Some(pooling) => PoolingLayer::new(pooling, dim, params.max_history, rng)?,
            None => None,
        };
        let map = (both && params.join != Join::Concat).then(|| Linear::identity(dim));
        let layers = params.user_layers.as_ref().map(|layers| Mlp::new(layers, inputs, dim, rng));
        let dropout = Dropout::new(params.dropout)?;
        Ok(Self {
            params: params.clone(),
            users,
            history,
            pooling,
            map,
            dropout,
            layers: layers.transpose()?,
        })
    }

    /// The same function in serving, with each normalisation folded into the layer before it.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { layers: self.layers.as_ref().map(Mlp::folded), ..self.clone() }
    }

    /// Takes over the users and histories of examples.
    fn read(&self, cx: Context<'_>, records: &[Example], tape: &mut UserTape) {
        let TowersParams { view, max_history, .. } = self.params;
        tape.users.clear();
        tape.users.extend(records.iter().map(|example| example.user));
        tape.bag.clear();
        tape.distances.clear();
        if self.history.is_some() {
            for (i, &example) in records.iter().enumerate() {
                let into = (&mut tape.history, &mut tape.distances);
                cx.history_into((i, example), view, max_history, into);
                tape.bag.push(&tape.history);
            }
        }
    }

    /// What goes into the layers.
    fn join(&self, tables: &[Table], n: usize, tape: &mut UserTape) {
        let dim = self.params.dim;
        if let (Some(users), Some(history), Join::Concat, None) =
            (self.users, self.history, self.params.join, &self.pooling)
        {
            tape.joined.resize(n, 2 * dim);
            let UserTape { users: ids, bag, joined, .. } = tape;
            return each_row_mut(joined.view_mut(), |i, to| {
                let (id, pooled) = to.split_at_mut(dim);
                tables[users].prefetch(ids.get(i + 1..i + 2).unwrap_or_default());
                tables[history].prefetch(bag.get(i + 1));
                id.copy_from_slice(tables[users].row(ids[i]));
                tables[history].bag_row(bag.get(i), BagPool::Mean, pooled);
            });
        }
        if let Some(table) = self.users {
            tape.ids.resize(n, dim);
            tables[table].gather(&tape.users, tape.ids.view_mut());
        }
        if let Some(table) = self.history {
            tape.pooled.resize(n, dim);
            match &self.pooling {
                None => tables[table].bag(&tape.bag, BagPool::Mean, tape.pooled.view_mut()),
                Some(layer) => {
                    tape.distinct.set(&tape.bag);
                    tape.items.resize(tape.distinct.ids().len(), dim);
                    tables[table].gather(tape.distinct.ids(), tape.items.view_mut());
                    let users = self.users.is_some().then(|| tape.ids.view());
                    let items = (tape.items.view(), &tape.distinct);
                    let lists = (&tape.bag, &*tape.distances);
                    layer.forward(items, lists, users, tape.pooled.view_mut(), &mut tape.pooling);
                }
            }
        }
        match (self.users, self.history, self.params.join) {
            (Some(_), Some(_), Join::Concat) => {
                tape.joined.resize(n, 2 * dim);
                let (ids, pooled) = (&tape.ids, &tape.pooled);
                each_row_mut(tape.joined.view_mut(), |i, to| {
                    to[..dim].copy_from_slice(ids.row(i));
                    to[dim..].copy_from_slice(pooled.row(i));
                });
            }
            (Some(_), Some(_), Join::Mix { share }) => {
                tape.mapped.resize(n, dim);
                if let Some(map) = &self.map {
                    map.forward(tape.pooled.view(), tape.mapped.view_mut());
                }
                tape.joined.resize(n, dim);
                let (ids, mapped) = (&tape.ids, &tape.mapped);
                each_row_mut(tape.joined.view_mut(), |i, to| {
                    for ((to, id), mapped) in to.iter_mut().zip(ids.row(i)).zip(mapped.row(i)) {
                        *to = share * id + (1.0 - share) * mapped;
                    }
                });
            }
            (Some(_), None, _) => std::mem::swap(&mut tape.joined, &mut tape.ids),
            _ => std::mem::swap(&mut tape.joined, &mut tape.pooled),
        }
    }

    /// Serving: one user, by its id, its history or both, into `[dim]`. Allocates nothing once the tape has grown, but for
    /// what matrix products of attention need.
    ///
    /// # Panics
    /// When an id has no row in its table, or the length differs.
    pub fn apply(
        &self,
        tables: &[Table],
        user: u32,
        history: &[ItemId],
        out: &mut [f32],
        tape: &mut UserTape,
    ) {
        let dim = self.params.dim;
        let history = &history[history.len().saturating_sub(self.params.max_history)..];
        if self.pooling.is_some() {
            tape.users.clear();
            tape.users.push(user);
            tape.bag.clear();
            tape.distances.clear();
            tape.bag.push(history);
            self.join(tables, 1, tape);
        } else {
            let both = self.users.is_some() && self.history.is_some();
            let side_by_side = both && self.map.is_none();
            tape.joined.resize(1, if side_by_side { 2 * dim } else { dim });
            let joined = tape.joined.as_slice_mut();
            if let Some(table) = self.users {
                joined[..dim].copy_from_slice(tables[table].row(user));
            }
            if let Some(table) = self.history {
                tape.pooled.resize(1, dim);
                tables[table].bag_row(history, BagPool::Mean, tape.pooled.as_slice_mut());
                match (&self.map, self.params.join) {
                    (Some(map), Join::Mix { share }) => {
                        tape.mapped.resize(1, dim);
                        map.apply(tape.pooled.as_slice(), tape.mapped.as_slice_mut());
                        for (to, mapped) in joined.iter_mut().zip(tape.mapped.as_slice()) {
                            *to = share * *to + (1.0 - share) * mapped;
                        }
                    }
                    _ => {
                        let from = if side_by_side { dim } else { 0 };
                        joined[from..].copy_from_slice(tape.pooled.as_slice());
                    }
                }
            }
        }
        match &self.layers {
            Some(layers) => layers.apply(tape.joined.as_slice(), out, &mut tape.scratch),
            None => out.copy_from_slice(tape.joined.as_slice()),
        }
    }

    /// Serving: users by id and history, one row each of `out`.
    ///
    /// # Panics
    /// When an id has no row in its table, or the numbers differ.
    pub(crate) fn infer_histories<'h>(
        &self,
        tables: &[Table],
        users: &[u32],
        histories: impl Iterator<Item = &'h [ItemId]>,
        out: ArrayViewMut2<'_, f32>,
        tape: &mut UserTape,
    ) {
        tape.users.clear();
        tape.users.extend_from_slice(users);
        tape.bag.clear();
        tape.distances.clear();
        histories.for_each(|history| tape.bag.push(history));
        self.infer_read(tables, out, tape);
    }

    fn infer_read(&self, tables: &[Table], out: ArrayViewMut2<'_, f32>, tape: &mut UserTape) {
        self.join(tables, out.nrows(), tape);
        match &self.layers {
            Some(layers) => layers.infer(tape.joined.view(), out, &mut tape.scratch),
            None => each_row(tape.joined.view(), out, |from, to| to.copy_from_slice(from)),
        }
    }
}

impl Encoder<Example> for UserTower {
    type Tape = UserTape;

    fn dim(&self) -> usize {
        self.params.dim
    }

    fn n_known(&self, tables: &[Table]) -> Option<usize> {
        self.users.map(|table| tables[table].len())
    }

    fn forward(
        &mut self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[Example],
        out: &mut Buffer,
        tape: &mut UserTape,
    ) -> Result<(), LayerError> {
        self.read(cx, records, tape);
        self.join(tables, records.len(), tape);
        tape.drop = (cx.seed, 3 * cx.step + cx.view.map_or(0, |view| 1 + u64::from(view.number)));
        self.dropout.mask(tape.drop.0, DROPOUT, tape.drop.1, tape.joined.view_mut());
        out.resize(records.len(), self.params.dim);
        match &mut self.layers {
            Some(layers) => {
                layers.forward(tape.joined.view(), out.view_mut(), (cx.seed, cx.step), &mut tape.layers)
            }
            None => {
                out.assign(tape.joined.view());
                Ok(())
            }
        }
    }

    fn backward(&mut self, tables: &mut [Table], dout: &mut Buffer, tape: &mut UserTape) {
        let (n, dim) = dout.dim();
        if let Some(layers) = &mut self.layers {
            tape.djoined.resize(n, tape.joined.dim().1);
            layers.backward(tape.joined.view(), dout.view(), Some(tape.djoined.view_mut()), &mut tape.layers);
        } else {
            std::mem::swap(&mut tape.djoined, dout);
        }
        self.dropout.mask(tape.drop.0, DROPOUT, tape.drop.1, tape.djoined.view_mut());
        let djoined = &tape.djoined;
        if let (Some(users), Some(history), Join::Concat, None) =
            (self.users, self.history, self.params.join, &self.pooling)
        {
            let (ids, pooled) = djoined.view().split_at(Axis(1), dim);
            tables[history].gradients.add_bags(&tape.bag, BagPool::Mean, pooled);
            return tables[users].gradients.add_rows(&tape.users, ids);
        }
        let (mut id_share, mut history_from) = (1.0, 0);
        if let (Some(_), Some(_), join) = (self.users, self.history, self.params.join) {
            tape.dpooled.resize(n, dim);
            match join {
                Join::Concat => history_from = dim,
                Join::Mix { share } => {
                    id_share = share;
                    tape.mapped.resize(n, dim);
                    each_row(djoined.view(), tape.mapped.view_mut(), |from, to| {
                        to.iter_mut().zip(from).for_each(|(t, f)| *t = (1.0 - share) * f);
                    });
                }
            }
        }
        if self.users.is_some() {
            tape.dids.resize(n, dim);
            each_row_mut(tape.dids.view_mut(), |i, to| {
                to.iter_mut().zip(djoined.row(i)).for_each(|(t, f)| *t = id_share * f);
            });
        }
        if let Some(table) = self.history {
            tape.dpooled.resize(n, dim);
            match &mut self.map {
                Some(map) => {
                    map.backward(tape.pooled.view(), tape.mapped.view(), Some(tape.dpooled.view_mut()));
                }
                None => each_row_mut(tape.dpooled.view_mut(), |i, to| {
                    to.copy_from_slice(&row(&djoined.view(), i)[history_from..history_from + dim]);
                }),
            }
            let gradients = &mut tables[table].gradients;
            match &mut self.pooling {
                None => gradients.add_bags(&tape.bag, BagPool::Mean, tape.dpooled.view()),
                Some(layer) => {
                    tape.ditems.resize(tape.distinct.ids().len(), dim);
                    let users = self.users.is_some().then(|| (tape.ids.view(), tape.dids.view_mut()));
                    let (items, ditems) = ((tape.items.view(), &tape.distinct), tape.ditems.view_mut());
                    let lists = (&tape.bag, &*tape.distances);
                    layer.backward(items, lists, users, tape.dpooled.view(), ditems, &mut tape.pooling);
                    gradients.add_rows(tape.distinct.ids(), tape.ditems.view());
                }
            }
        }
        if let Some(table) = self.users {
            tables[table].gradients.add_rows(&tape.users, tape.dids.view());
        }
    }

    fn infer(
        &self,
        cx: Context<'_>,
        tables: &[Table],
        records: &[Example],
        out: ArrayViewMut2<'_, f32>,
        tape: &mut UserTape,
    ) {
        self.read(cx, records, tape);
        self.infer_read(tables, out, tape);
    }
}

impl Module for UserTower {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        if let Some(pooling) = &self.pooling {
            pooling.tensors(&format!("{path}.pooling"), out);
        }
        if let Some(map) = &self.map {
            map.tensors(&format!("{path}.map"), out);
        }
        if let Some(layers) = &self.layers {
            layers.tensors(&format!("{path}.layers"), out);
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        if let Some(pooling) = &mut self.pooling {
            pooling.slots(out);
        }
        if let Some(map) = &mut self.map {
            map.slots(out);
        }
        if let Some(layers) = &mut self.layers {
            layers.slots(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{TwoTower, YouTubeDnn};

    #[test]
    fn a_mix_begins_as_its_history() {
        let mean = YouTubeDnn::mean(8);
        let mixed = |share| TowersParams { user_id: true, join: Join::Mix { share }, ..mean.clone() };
        let vector = |params: &TowersParams| {
            let model = TwoTower::new(params, 5, 20, 0.1, 3).unwrap();
            let mut out = vec![0.0; 8];
            model.user.apply(&model.tables, 2, &[4, 7, 19], &mut out, &mut UserTape::default());
            (out, model.tables.last().unwrap().row(2).to_vec())
        };
        let ((history, _), (begun, _)) = (vector(&mean), vector(&mixed(0.0)));
        assert_eq!(history, begun);
        let (half, id) = vector(&mixed(0.5));
        let expected = |i: usize| 0.5 * id[i] + 0.5 * history[i];
        assert!((0..8).all(|i| (half[i] - expected(i)).abs() < 1e-6));
    }
}
