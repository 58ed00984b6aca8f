use embed_core::{ItemId, SeededRng};
use ndarray::{ArrayViewMut2, Axis};
use serde::{Deserialize, Serialize};

use super::{Augment, Context, Encoder, Example, ItemTower, Similarity, TowersParams, UserTower, View};
use crate::LayerError;
use crate::layers::{Module, Param, Slot, Table, Tensor, normalize_rows, normalize_rows_backward};
use crate::losses::{Contrast, Contrasted, Hits, Objective, Side, contrast_own, contrast_shared};
use crate::matrix::{Buffer, each_row};

/// Two encoders into one space, over tables that they share.
#[derive(Debug, Clone)]
pub struct TwoTower<U, I> {
    /// Vectors of ids; encoders know them by number.
    pub tables: Vec<Table>,
    /// Examples become rows.
    pub user: U,
    /// Items become rows.
    pub item: I,
    /// How rows are compared.
    pub similarity: Similarity,
    /// `ln 1/τ`, what a cosine is multiplied by.
    pub log_scale: Param,
}

/// What positives are contrasted with, and how.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    /// Whether the batch's other positives are candidates of every row.
    pub in_batch: bool,
    /// Items that are candidates of every row, or with `own` so many for each row, row after row.
    pub items: &'a [ItemId],
    /// How many of `items` belong to one row alone; 0 shares them.
    pub own: usize,
    /// What log Q correction subtracts from the logits of the positives, in-batch candidates then items; empty for nothing.
    pub log_counts: &'a [f32],
    /// Whether all items of the user are masked among the candidates, or only the positive itself.
    pub mask_seen: bool,
}

/// A batch of positives.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The positives.
    pub examples: &'a [Example],
    /// Their items.
    pub targets: &'a [ItemId],
    /// What they are contrasted with.
    pub candidates: Candidates<'a>,
    /// By which loss.
    pub objective: Objective,
}

/// Memory of a training step, kept from step to step.
#[derive(Debug, Default)]
pub struct Work<UT, IT> {
    user: UT,
    item: IT,
    /// User rows of the last forward pass.
    pub users: Buffer,
    items: Buffer,
    dusers: Buffer,
    ditems: Buffer,
    dpositives: Buffer,
    user_lengths: Vec<f32>,
    item_lengths: Vec<f32>,
    ids: Vec<ItemId>,
    hits: Hits,
    views: [ViewWork<UT>; 2],
}

/// A changed view of the users.
#[derive(Debug, Default)]
struct ViewWork<T> {
    tape: T,
    rows: Buffer,
    gradients: Buffer,
}

/// How views of a history are contrasted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Views {
    /// How a history is changed into a view.
    pub augment: Augment,
    /// What their loss counts beside that of the positives.
    pub weight: f32,
    /// τ of their softmax.
    pub temperature: f32,
}

impl Default for Views {
    /// λ = 0.1 (Xie et al. 2022), τ = 0.1.
    fn default() -> Self {
        Self { augment: Augment::default(), weight: 0.1, temperature: 0.1 }
    }
}

impl TwoTower<UserTower, ItemTower> {
    /// A model over ids and histories, untrained.
    ///
    /// # Errors
    /// As [`UserTower::new`] and [`ItemTower::new`].
    pub fn new(
        params: &TowersParams,
        n_users: usize,
        n_items: usize,
        temperature: f32,
        seed: u64,
    ) -> Result<Self, LayerError> {
        let table = |n, purpose| {
            Table::normal(n, params.dim, params.deviation, &mut SeededRng::stream(seed, purpose, 0))
        };
        let mut tables = vec![table(n_items, "items")];
        let mut add = |table: Table| {
            tables.push(table);
            tables.len() - 1
        };
        let users = params.user_id.then(|| add(table(n_users, "users")));
        let history = params
            .pooling
            .map(|_| if params.own_history_table { add(table(n_items, "histories")) } else { 0 });
        let rng = &mut SeededRng::stream(seed, "layers", 0);
        let mut log_scale = Param::offsets(1, 0.0);
        log_scale.value[[0, 0]] = -temperature.ln();
        Ok(Self {
            user: UserTower::new(params, (users, history), rng)?,
            item: ItemTower::new(params, 0, rng)?,
            tables,
            similarity: params.similarity,
            log_scale,
        })
    }
}

impl<U: Encoder<Example>, I: Encoder<ItemId>> TwoTower<U, I> {
    /// Two encoders over the tables that they know by number, untrained. τ is what similarities are divided by.
    ///
    /// # Errors
    /// [`LayerError::Shape`] when the two sides have rows of different lengths, [`LayerError::Setting`] when τ is no number above 0.
    pub fn of_encoders(
        user: U,
        item: I,
        tables: Vec<Table>,
        similarity: Similarity,
        temperature: f32,
    ) -> Result<Self, LayerError> {
        let (expected, got) = (user.dim(), item.dim());
        if expected != got {
            return Err(LayerError::Shape { what: "components of items, as of users", expected, got });
        }
        if !(temperature > 0.0 && temperature.is_finite()) {
            let (name, expected) = ("temperature", "a number above 0");
            return Err(LayerError::Setting { name, got: temperature.into(), expected });
        }
        let mut log_scale = Param::offsets(1, 0.0);
        log_scale.value[[0, 0]] = -temperature.ln();
        Ok(Self { tables, user, item, similarity, log_scale })
    }

    /// What similarities are multiplied by: 1 / τ.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.log_scale.value[[0, 0]].exp()
    }

    /// User rows of a batch, into `work.users`.
    ///
    /// # Errors
    /// [`LayerError`] when a layer cannot work on this batch.
    pub fn forward_users(
        &mut self,
        cx: Context<'_>,
        examples: &[Example],
        work: &mut Work<U::Tape, I::Tape>,
    ) -> Result<(), LayerError> {
        self.user.forward(cx, &self.tables, examples, &mut work.users, &mut work.user)?;
        if self.similarity == Similarity::Cosine {
            normalize_rows(work.users.view_mut(), &mut work.user_lengths);
        }
        Ok(())
    }

    /// The loss of a batch whose user rows are in `work`, and all gradients of its mean.
    ///
    /// # Errors
    /// [`LayerError`] when a layer cannot work on this batch.
    pub fn contrast(
        &mut self,
        cx: Context<'_>,
        batch: Batch<'_>,
        work: &mut Work<U::Tape, I::Tape>,
    ) -> Result<Contrasted, LayerError> {
        let Batch { examples, targets, candidates, objective } = batch;
        let (n, dim) = work.users.dim();
        work.ids.clear();
        work.ids.extend_from_slice(targets);
        work.ids.extend_from_slice(candidates.items);
        self.item.forward(cx, &self.tables, &work.ids, &mut work.items, &mut work.item)?;
        if self.similarity == Similarity::Cosine {
            normalize_rows(work.items.view_mut(), &mut work.item_lengths);
        }
        let first = if candidates.in_batch { 0 } else { n };
        work.hits.set(work.ids[first..].iter().copied());
        work.dusers.resize(n, dim);
        work.ditems.resize(work.ids.len(), dim);
        work.dpositives.resize(n, dim);
        let (ids, hits) = (&work.ids, &work.hits);
        let seen = |i: usize| cx.histories.set(examples[i].user);
        let shared_mask = |i: usize, scores: &mut [f32]| {
            hits.mask(&targets[i..=i], scores);
            if candidates.mask_seen {
                hits.mask(seen(i), scores);
            }
        };
        let own_mask = |i: usize, scores: &mut [f32]| {
            let own = &ids[n + i * candidates.own..][..candidates.own];
            for (score, id) in scores.iter_mut().zip(own) {
                let hit = *id == targets[i] || candidates.mask_seen && seen(i).binary_search(id).is_ok();
                *score = if hit { f32::NEG_INFINITY } else { *score };
            }
        };
        let contrast = Contrast { objective, scale: self.scale() };
        let queries = Side { vectors: work.users.view(), gradients: work.dusers.view_mut(), log_counts: &[] };
        let rows = work.items.view();
        let positives = Side {
            vectors: rows.slice_axis(Axis(0), (..n).into()),
            gradients: work.dpositives.view_mut(),
            log_counts: candidates.log_counts.get(..n).unwrap_or_default(),
        };
        let (dpositive_rows, mut dcandidates) = work.ditems.view_mut().split_at(Axis(0), first);
        let others = Side {
            vectors: rows.slice_axis(Axis(0), (first..).into()),
            gradients: dcandidates.view_mut(),
            log_counts: candidates.log_counts.get(first..).unwrap_or_default(),
        };
        let contrasted = if candidates.own > 0 {
            contrast_own(contrast, queries, positives, others, &own_mask)
        } else {
            contrast_shared(contrast, queries, positives, others, &shared_mask)
        };
        if candidates.in_batch {
            let dfirst = dcandidates.slice_axis_mut(Axis(0), (..n).into());
            each_row(work.dpositives.view(), dfirst, |from, to| {
                to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
            });
        } else {
            each_row(work.dpositives.view(), dpositive_rows, |from, to| to.copy_from_slice(from));
        }
        Ok(contrasted)
    }

    /// InfoNCE of two changed views of the users' histories: each user's first view is to be nearer to the second than to those of the
    /// batch's others, `−ln softmax` at temperature τ. Gives the sum of the losses; gradients are those of `weight` times the mean.
    ///
    /// # Errors
    /// [`LayerError`] when a layer cannot work on this batch.
    pub fn contrast_views(
        &mut self,
        cx: Context<'_>,
        examples: &[Example],
        Views { augment, weight, temperature }: Views,
        work: &mut Work<U::Tape, I::Tape>,
    ) -> Result<f64, LayerError> {
        let [first, second] = &mut work.views;
        let mut lengths = [Vec::new(), Vec::new()];
        for (number, (view, lengths)) in [&mut *first, &mut *second].into_iter().zip(&mut lengths).enumerate()
        {
            let number = u8::from(number > 0);
            let cx = Context { view: Some(View { augment, number }), ..cx };
            self.user.forward(cx, &self.tables, examples, &mut view.rows, &mut view.tape)?;
            normalize_rows(view.rows.view_mut(), lengths);
            view.gradients.resize(examples.len(), self.user.dim());
        }
        let (n, dim) = first.rows.dim();
        work.ditems.resize(n, dim);
        work.hits.set(examples.iter().map(|example| example.user));
        let hits = &work.hits;
        let contrasted = contrast_shared(
            Contrast { objective: Objective::Softmax, scale: 1.0 / temperature },
            Side { vectors: first.rows.view(), gradients: first.gradients.view_mut(), log_counts: &[] },
            Side { vectors: second.rows.view(), gradients: second.gradients.view_mut(), log_counts: &[] },
            Side { vectors: second.rows.view(), gradients: work.ditems.view_mut(), log_counts: &[] },
            &|i, scores| hits.mask(&[examples[i].user], scores),
        );
        each_row(work.ditems.view(), second.gradients.view_mut(), |from, to| {
            to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
        });
        for (view, lengths) in [first, second].into_iter().zip(&lengths) {
            normalize_rows_backward(view.rows.view(), lengths, view.gradients.view_mut());
            view.gradients.as_slice_mut().iter_mut().for_each(|g| *g *= weight);
            self.user.backward(&mut self.tables, &mut view.gradients, &mut view.tape);
        }
        Ok(contrasted.loss)
    }

    /// From the gradients in `work` to those of parameters and tables.
    pub fn backward(&mut self, work: &mut Work<U::Tape, I::Tape>) {
        if self.similarity == Similarity::Cosine {
            normalize_rows_backward(work.users.view(), &work.user_lengths, work.dusers.view_mut());
            normalize_rows_backward(work.items.view(), &work.item_lengths, work.ditems.view_mut());
        }
        self.user.backward(&mut self.tables, &mut work.dusers, &mut work.user);
        self.item.backward(&mut self.tables, &mut work.ditems, &mut work.item);
    }

    /// Serving: rows of items.
    pub fn items(
        &self,
        cx: Context<'_>,
        items: &[ItemId],
        mut out: ArrayViewMut2<'_, f32>,
        work: &mut Work<U::Tape, I::Tape>,
    ) {
        self.item.infer(cx, &self.tables, items, out.view_mut(), &mut work.item);
        if self.similarity == Similarity::Cosine {
            normalize_rows(out, &mut work.item_lengths);
        }
    }

    /// Serving: rows of users, each with the history of its example.
    pub fn users(
        &self,
        cx: Context<'_>,
        examples: &[Example],
        mut out: ArrayViewMut2<'_, f32>,
        work: &mut Work<U::Tape, I::Tape>,
    ) {
        self.user.infer(cx, &self.tables, examples, out.view_mut(), &mut work.user);
        if self.similarity == Similarity::Cosine {
            normalize_rows(out, &mut work.user_lengths);
        }
    }
}

impl<U: Module, I: Module> Module for TwoTower<U, I> {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        for (number, table) in self.tables.iter().enumerate() {
            out.push(table.tensor(&format!("{path}table.{number}")));
        }
        self.user.tensors(&format!("{path}user"), out);
        self.item.tensors(&format!("{path}item"), out);
        out.push(Tensor { name: format!("{path}log_scale"), shape: (1, 1), values: self.log_scale.values() });
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        out.extend(self.tables.iter_mut().map(Slot::Table));
        self.user.slots(out);
        self.item.slots(out);
        out.push(Slot::Param(&mut self.log_scale));
    }
}
