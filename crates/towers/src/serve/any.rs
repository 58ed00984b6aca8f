//! A served model of any two encoders.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use embed_core::formats::safetensors;
use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{
    EmbedError, Embedder, Embeddings, ItemId, Metric, Parallelism, RowMask, Sequences, Space, Vocab,
};
use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::UserInput;
use super::embedders::{HistoryEmbedder, UserEmbedder, describe};
use super::served::{Keys, Served, item_vectors};
use crate::FitError;
use crate::export::ExportError;
use crate::layers::Tensor;
use crate::matrix::Buffer;
use crate::models::{Context, Encoder, Example, Histories, Similarity, TwoTower, Work};
use crate::store::{field, read_tensors, write_tensors};
use crate::train::{FitRecord, FitReport, Trained};

/// Requests that are encoded together.
const AT_ONCE: usize = 512;

/// A trained model of any two [`Encoder`]s: `train → serve → save → open → export`.
///
/// Its user sides are [`TwoTowerModel::history_embedder`] and [`TwoTowerModel::user_embedder`]. Immutable; clones share the model and cost
/// O(1). [`IdTowers`](crate::IdTowers) and [`Dssm`](crate::Dssm) are such models with their settings beside them, and with a
/// faster way to serve one user.
///
/// An item is trained that was a positive, or that the encoder [knows by content](Encoder::knows_by_content).
pub struct TwoTowerModel<U, I>(Arc<Served<U, I>>);

impl<U, I> Clone for TwoTowerModel<U, I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U, I> fmt::Debug for TwoTowerModel<U, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwoTowerModel").field("items", &self.0.items.len()).finish_non_exhaustive()
    }
}

/// Header of kind `two-towers`, version 1. The sections are the keys `items` and `users`, one array of each tensor, by number, and
/// `items.trained` and `users.trained`, where not all were.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    fit: FitRecord,
    report: FitReport,
    similarity: Similarity,
    /// Fingerprint of the item vectors.
    space: Space,
    /// Name, rows and columns of each tensor.
    tensors: Vec<(String, u64, u64)>,
}

impl<U: Encoder<Example>, I: Encoder<ItemId>> TwoTowerModel<U, I> {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("two-towers", 1);

    /// Model of a [finished training](crate::train::Training::finish), with the vectors of its items, which are computed in parallel.
    ///
    /// # Errors
    /// - [`FitError::Vectors`] when a vector is not finite.
    /// - [`FitError::Catalogue`] when there are not as many keys as users and items of the training.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn new(
        trained: Trained<U, I>,
        users: &Arc<Vocab>,
        items: &Arc<Vocab>,
        parallelism: Parallelism,
    ) -> Result<Self, FitError> {
        Ok(Self(Arc::new(Served::new(trained, Keys { users, items }, parallelism, |_| {})?)))
    }

    /// The item side: the vectors that users are scored against.
    #[must_use]
    pub fn items(&self) -> &Embeddings {
        &self.0.items
    }

    /// Keys of the users of the training, in the order of their rows.
    #[must_use]
    pub fn users(&self) -> &Arc<Vocab> {
        &self.0.users
    }

    /// The settings of its training, negatives included.
    #[must_use]
    pub fn fit_record(&self) -> &FitRecord {
        &self.0.record
    }

    /// Report of the training.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.0.report
    }

    /// Both encoders and their tables.
    #[must_use]
    pub fn towers(&self) -> &TwoTower<U, I> {
        &self.0.model
    }

    /// Similarity of users and items.
    #[must_use]
    pub fn metric(&self) -> Metric {
        match self.0.model.similarity {
            Similarity::Cosine => Metric::Cosine,
            Similarity::Dot => Metric::InnerProduct,
        }
    }

    /// Every array of the model, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        self.0.tensors()
    }

    /// The user side for histories alone: an [`Embedder`] of `[ItemId]`. An encoder that [looks users up](Encoder::n_known) refuses them.
    #[must_use]
    pub fn history_embedder(&self) -> HistoryEmbedder<Self> {
        HistoryEmbedder(self.clone())
    }

    /// The user side for users and what they did: an [`Embedder`] of [`UserInput`].
    #[must_use]
    pub fn user_embedder(&self) -> UserEmbedder<Self> {
        UserEmbedder(self.clone())
    }

    /// Writes every array as safetensors, under its name, in one step. An ONNX graph needs to know what the encoders compute, so there is one of
    /// [`IdTowers`](crate::IdTowers) and [`Dssm`](crate::Dssm) alone.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn export_safetensors(&self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        let tensors = self.tensors();
        let arrays: Vec<_> = tensors.iter().map(|t| (t.name.as_str(), t.shape, t.values)).collect();
        Ok(safetensors::write_arrays(path.as_ref(), &arrays)?)
    }

    /// Writes arrays, keys, settings and the report into one container, in one step. What the encoders are is not in it:
    /// [`TwoTowerModel::open`] takes them.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let Served { model, record, report, users, trained_users, items } = &*self.0;
        let tensors = self.tensors();
        let header = Header {
            fit: record.clone(),
            report: report.clone(),
            similarity: model.similarity,
            space: items.space(),
            tensors: tensors.iter().map(described).collect(),
        };
        let mut writer = Writer::create(path, Self::KIND, &header)?;
        writer.vocab("items", items.vocab())?;
        writer.vocab("users", users)?;
        writer.trained("items.trained", items)?;
        if !trained_users.is_full() {
            writer.section("users.trained", trained_users.words())?;
        }
        write_tensors(&mut writer, &tensors)?;
        writer.finish()
    }

    /// Reads what [`TwoTowerModel::save`] wrote into an untrained model of the same shape, verifies all of it and computes the items'
    /// vectors.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read, is of another kind, does not match its checksums, or does not hold finite numbers;
    /// [`StoreError::Malformed`] names the array, where the model has others by name or shape.
    pub fn open(path: impl AsRef<Path>, untrained: TwoTower<U, I>) -> Result<Self, StoreError> {
        let reader = Reader::open_verified(path, Self::KIND)?;
        let Header { fit, report, similarity, space, tensors } = reader.header()?;
        let mut model = TwoTower { similarity, ..untrained };
        let mut own = Vec::new();
        crate::layers::Module::tensors(&model, "", &mut own);
        let own: Vec<(String, u64, u64)> = own.iter().map(described).collect();
        if own.len() != tensors.len() {
            return Err(field(&reader, "tensors", own.len() as u64, tensors.len() as u64));
        }
        for ((name, rows, columns), (in_file, other_rows, other_columns)) in own.iter().zip(&tensors) {
            if name != in_file {
                return Err(field(&reader, format!("tensor {name}, where the file has {in_file}"), 1, 0));
            }
            for (what, expected, got) in [("rows", rows, other_rows), ("columns", columns, other_columns)] {
                if expected != got {
                    return Err(field(&reader, format!("{what} of tensor {name}"), *expected, *got));
                }
            }
        }
        read_tensors(&reader, &mut model)?;
        let (items, users) = (Arc::new(reader.vocab("items")?), Arc::new(reader.vocab("users")?));
        let known = model.item.n_known(&model.tables).unwrap_or(items.len());
        if items.len() > known {
            return Err(field(&reader, "items", known as u64, items.len() as u64));
        }
        let refused = |reason| reader.malformed(Fault::Embeddings { reason });
        let vectors = item_vectors(&model, items, Parallelism::All, |_| {})
            .map_err(|_| field(&reader, "threads", 1, 0))?
            .map_err(refused)?;
        // The space is that of the training, whatever instruction set computed the vectors anew.
        let (keys, vectors) = vectors.into_parts();
        let items = Embeddings::in_space(keys, vectors, space).map_err(refused)?;
        let items = reader.trained("items.trained", items)?;
        let trained_users = trained_users(&reader, users.len())?;
        let served = Served { model, record: fit, report, users, trained_users, items };
        Ok(Self(Arc::new(served)))
    }

    /// User of a request, as the user encoder numbers users.
    fn check(&self, input: UserInput<'_>) -> Result<u32, EmbedError> {
        let n_items = self.0.items.len();
        if let Some(&item) = input.history.iter().find(|item| **item as usize >= n_items) {
            return Err(EmbedError::UnknownItem { item, n_items });
        }
        let Some(n_users) = self.0.model.user.n_known(&self.0.model.tables) else {
            return if input.history.is_empty() { Err(EmbedError::Empty { what: "history" }) } else { Ok(0) };
        };
        let user = input.user.ok_or(EmbedError::Empty { what: "user's id, which the model needs" })?;
        if user as usize >= n_users {
            return Err(super::embedder::unknown_user(user, n_users));
        }
        if !self.0.trained_users.contains(user as usize) {
            return Err(EmbedError::Empty { what: "history of the user in the training" });
        }
        Ok(user)
    }

    fn embed_into(&self, input: UserInput<'_>, out: &mut [f32]) -> Result<(), EmbedError> {
        let (expected, got) = (self.0.items.dim(), out.len());
        if expected != got {
            return Err(EmbedError::Dimension { expected, got });
        }
        let user = self.check(input)?;
        let shape = EmbedError::Shape { expected: (1, expected), got: (1, got) };
        let out = ArrayViewMut2::from_shape((1, got), out).map_err(|_| shape)?;
        self.encode(user, &[input], out, &mut Work::default());
        Ok(())
    }

    /// Rows of requests of users with consecutive numbers.
    fn encode(
        &self,
        first: u32,
        inputs: &[UserInput<'_>],
        out: ArrayViewMut2<'_, f32>,
        work: &mut Work<U::Tape, I::Tape>,
    ) {
        let mut sequences = Sequences::new(self.0.items.len());
        for input in inputs {
            // The items were checked.
            let _ = sequences.push(input.history);
        }
        let histories = Histories::of_user(first, sequences);
        let examples = (first..).take(inputs.len()).map(|user| Example { user, at: u32::MAX });
        let examples: Vec<Example> = examples.collect();
        self.0.model.users(Context::new(&histories), &examples, out, work);
    }

    fn batch(
        &self,
        inputs: &[UserInput<'_>],
        parallelism: Parallelism,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let expected = (inputs.len(), self.0.items.dim());
        if out.dim() != expected {
            return Err(EmbedError::Shape { expected, got: out.dim() });
        }
        let users = inputs.iter().map(|input| self.check(*input)).collect::<Result<Vec<u32>, _>>()?;
        // Users that are looked up have the number that they have.
        let looked_up = self.0.model.user.n_known(&self.0.model.tables).is_some();
        let at_once = if looked_up { 1 } else { AT_ONCE };
        parallelism.install(|| {
            out.axis_chunks_iter_mut(Axis(0), at_once)
                .into_par_iter()
                .zip(inputs.par_chunks(at_once))
                .zip(users.par_chunks(at_once))
                .for_each_init(
                    <(Work<U::Tape, I::Tape>, Buffer)>::default,
                    |(work, rows), ((mut out, inputs), users)| {
                        // Encoders write rows that lie side by side, and those of the caller need not.
                        rows.zero(inputs.len(), expected.1);
                        let first = users.first().copied().unwrap_or_default();
                        self.encode(first, inputs, rows.view_mut(), work);
                        out.assign(&rows.view());
                    },
                );
        })?;
        Ok(())
    }
}

fn described(tensor: &Tensor<'_>) -> (String, u64, u64) {
    (tensor.name.clone(), tensor.shape.0 as u64, tensor.shape.1 as u64)
}

/// Users that had a positive: all, where the file does not say.
pub(super) fn trained_users(reader: &Reader, n_users: usize) -> Result<RowMask, StoreError> {
    if !reader.sections().any(|(name, ..)| name == "users.trained") {
        return Ok(RowMask::from_fn(n_users, |_| true));
    }
    let words = reader.section_of_len::<u64>("users.trained", n_users.div_ceil(64))?;
    Ok(RowMask::from_words(words.into_vec(), n_users))
}

impl<'a, U: Encoder<Example>, I: Encoder<ItemId>> Embedder<UserInput<'a>>
    for UserEmbedder<TwoTowerModel<U, I>>
{
    describe!();

    fn embed_into(&self, input: &UserInput<'a>, out: &mut [f32]) -> Result<(), EmbedError> {
        self.0.embed_into(*input, out)
    }

    fn embed_batch_into(
        &self,
        inputs: &[&UserInput<'a>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserInput<'a>> = inputs.iter().map(|input| **input).collect();
        self.0.batch(&inputs, parallelism, out)
    }
}

impl<U: Encoder<Example>, I: Encoder<ItemId>> Embedder<[ItemId]> for HistoryEmbedder<TwoTowerModel<U, I>> {
    describe!();

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        self.0.embed_into(UserInput { user: None, history }, out)
    }

    fn embed_batch_into(
        &self,
        inputs: &[&[ItemId]],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserInput<'_>> =
            inputs.iter().map(|history| UserInput { user: None, history }).collect();
        self.0.batch(&inputs, parallelism, out)
    }
}
