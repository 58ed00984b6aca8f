use std::sync::Arc;

use embed_core::{
    Embeddings, EmbeddingsError, ItemId, Parallelism, ParallelismError, RowMask, Sequences, Vocab,
};
use ndarray::{Array2, ArrayViewMut2, Axis};

use crate::FitError;
use crate::layers::{Module, Tensor};
use crate::models::{Context, Encoder, Example, Histories, TwoTower, Work};
use crate::train::{FitRecord, FitReport, Trained};

/// Parts of every served model: both encoders, what its training was, and the vectors of its items.
#[derive(Debug)]
pub(crate) struct Served<U, I> {
    pub(crate) model: TwoTower<U, I>,
    pub(crate) record: FitRecord,
    pub(crate) report: FitReport,
    pub(crate) users: Arc<Vocab>,
    /// Users that had a positive.
    pub(crate) trained_users: RowMask,
    pub(crate) items: Embeddings,
}

/// Keys of the rows of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) users: &'a Arc<Vocab>,
    pub(crate) items: &'a Arc<Vocab>,
}

impl Keys<'_> {
    pub(crate) fn check(self, histories: &Histories) -> Result<(), FitError> {
        for (what, expected, got) in [
            ("keys of users", histories.n_users(), self.users.len()),
            ("keys of items", histories.n_items(), self.items.len()),
        ] {
            if expected != got {
                return Err(FitError::Catalogue { what, expected, got });
            }
        }
        Ok(())
    }
}

impl<U: Encoder<Example>, I: Encoder<ItemId>> Served<U, I> {
    /// Of a training, with the vectors of all items, which `then` may change before they are taken.
    pub(crate) fn new(
        trained: Trained<U, I>,
        keys: Keys<'_>,
        parallelism: Parallelism,
        then: impl FnOnce(ArrayViewMut2<'_, f32>) + Send,
    ) -> Result<Self, FitError> {
        let Trained { model, report, record, items: met, users: trained_users } = trained;
        for (what, expected, got) in [
            ("keys of users", trained_users.len(), keys.users.len()),
            ("keys of items", met.len(), keys.items.len()),
        ] {
            if expected != got {
                return Err(FitError::Catalogue { what, expected, got });
            }
        }
        let items = item_vectors(&model, Arc::clone(keys.items), parallelism, then)??;
        let known = RowMask::from_fn(met.len(), |row| {
            let by_content = ItemId::try_from(row).is_ok_and(|item| model.item.knows_by_content(&item));
            met.contains(row) || by_content
        });
        let items = items.with_trained(known)?;
        Ok(Self { model, record, report, users: Arc::clone(keys.users), trained_users, items })
    }
}

impl<U: Encoder<Example>, I: Encoder<ItemId>> Served<U, I> {
    pub(crate) fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut tensors = Vec::new();
        self.model.tensors("", &mut tensors);
        tensors
    }
}

/// The vectors of all items, in parallel.
pub(crate) fn item_vectors<U: Encoder<Example>, I: Encoder<ItemId>>(
    model: &TwoTower<U, I>,
    keys: Arc<Vocab>,
    parallelism: Parallelism,
    then: impl FnOnce(ArrayViewMut2<'_, f32>) + Send,
) -> Result<Result<Embeddings, EmbeddingsError>, ParallelismError> {
    const AT_ONCE: usize = 4096;
    let ids: Vec<ItemId> = (0..u32::try_from(keys.len()).unwrap_or(u32::MAX)).collect();
    let histories = Histories::new(Sequences::new(ids.len()));
    let mut vectors = Array2::zeros((ids.len(), model.item.dim()));
    parallelism.install(|| {
        let mut work = Work::default();
        let cx = Context::new(&histories);
        for (ids, out) in ids.chunks(AT_ONCE).zip(vectors.axis_chunks_iter_mut(Axis(0), AT_ONCE)) {
            model.items(cx, ids, out, &mut work);
        }
        then(vectors.view_mut());
        Embeddings::new(keys, vectors)
    })
}
