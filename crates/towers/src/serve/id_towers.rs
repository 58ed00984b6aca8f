use std::sync::Arc;

use embed_core::{
    Csr, Embeddings, EmbeddingsError, ItemId, Metric, Parallelism, ParallelismError, Run, Vocab,
};
use ndarray::{Array2, ArrayViewMut2, Axis};
use negsample::RefreshableSampler;

use crate::FitError;
use crate::layers::{Module, Tensor};
use crate::models::{
    Context, Encoder, Example, Histories, ItemTower, Similarity, TowersParams, TwoTower, UserTower, Work,
};
use crate::train::{FitParams, FitReport, Training};
use embed_core::Sequences;

/// A trained model over ids and histories: [`MatrixFactorization`](crate::models::MatrixFactorization),
/// [`YouTubeDnn`](crate::models::YouTubeDnn) and what lies between.
///
/// It is its own user side ([`embed_core::Embedder`] of histories, of users' rows and of [`UserInput`](crate::UserInput)),
/// immutable and shared between threads. Memory: its tables, and once more the vectors of the items.
#[derive(Debug, Clone)]
pub struct IdTowers {
    pub(super) params: TowersParams,
    pub(super) fit: FitParams,
    pub(super) report: FitReport,
    pub(super) model: TwoTower<UserTower, ItemTower>,
    /// The user side with its normalisations folded.
    pub(super) folded: UserTower,
    pub(super) users: Arc<Vocab>,
    pub(super) items: Embeddings,
}

impl IdTowers {
    /// Trains a model on what users did, with negatives from the sampler. `truth` holds the items that validation ranks, a row
    /// a user, which are not in the histories.
    ///
    /// # Errors
    /// - [`FitError::Layer`] for a setting out of its range.
    /// - [`FitError::Catalogue`] when keys, sampler or held-out items are of another number than the histories.
    /// - As [`Training::new`] and [`Training::epoch`].
    ///
    /// # Determinism
    /// The same bits from the same seed on any number of threads.
    pub fn fit(
        (params, fit): (&TowersParams, &FitParams),
        (histories, truth): (&Histories, Option<&Csr>),
        (users, items): (Arc<Vocab>, Arc<Vocab>),
        sampler: &mut dyn RefreshableSampler,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        for (what, expected, got) in [
            ("keys of users", histories.n_users(), users.len()),
            ("keys of items", histories.n_items(), items.len()),
        ] {
            if expected != got {
                return Err(FitError::Catalogue { what, expected, got });
            }
        }
        let mut training = Self::training((params, fit), (histories, truth), run.seed)?;
        while training.epoch(sampler, run)? {}
        let (model, report) = training.finish();
        Self::new((params, fit), model, report, (users, items), run.parallelism)
    }

    /// A training that goes on pass by pass, for [`IdTowers::new`] in the end.
    ///
    /// # Errors
    /// As [`IdTowers::fit`].
    pub fn training<'d>(
        (params, fit): (&TowersParams, &FitParams),
        (histories, truth): (&'d Histories, Option<&'d Csr>),
        seed: u64,
    ) -> Result<Training<'d, UserTower, ItemTower>, FitError> {
        params.validate()?;
        let model = TwoTower::new(params, histories.n_users(), histories.n_items(), fit.temperature, seed)?;
        let least = usize::from(params.pooling.is_some() && !params.user_id);
        let examples = histories.examples(params.view, least);
        Training::new(model, fit, histories, examples, truth, seed)
    }

    /// Puts a trained model and its keys together and computes the items' vectors, in parallel.
    ///
    /// # Errors
    /// - [`FitError::Vectors`] when a vector is not finite, or there are not as many keys as items.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn new(
        (params, fit): (&TowersParams, &FitParams),
        model: TwoTower<UserTower, ItemTower>,
        report: FitReport,
        (users, items): (Arc<Vocab>, Arc<Vocab>),
        parallelism: Parallelism,
    ) -> Result<Self, FitError> {
        let items = item_vectors(&model, model.tables[0].len(), items, parallelism, |_| {})?;
        let folded = model.user.folded();
        let (params, fit) = (params.clone(), fit.clone());
        Ok(Self { params, fit, report, model, folded, users, items: items? })
    }

    /// The item side: the vectors that users are scored against.
    #[must_use]
    pub fn items(&self) -> &Embeddings {
        &self.items
    }

    /// Keys of the users that were trained on, in the order of their rows.
    #[must_use]
    pub fn users(&self) -> &Arc<Vocab> {
        &self.users
    }

    /// The settings of the model.
    #[must_use]
    pub fn params(&self) -> &TowersParams {
        &self.params
    }

    /// The settings of its training.
    #[must_use]
    pub fn fit_params(&self) -> &FitParams {
        &self.fit
    }

    /// What the training did.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// How users are scored against items: the product, which of vectors of length 1 is the cosine.
    #[must_use]
    pub fn metric(&self) -> Metric {
        match self.params.similarity {
            Similarity::Cosine => Metric::Cosine,
            Similarity::Dot => Metric::InnerProduct,
        }
    }

    pub(crate) fn tables(&self) -> &[crate::layers::Table] {
        &self.model.tables
    }

    /// The user side, folded.
    pub(crate) fn user_tower(&self) -> &UserTower {
        &self.folded
    }

    pub(crate) fn item_tower(&self) -> &ItemTower {
        &self.model.item
    }

    /// Every array of the model, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut tensors = Vec::new();
        self.model.tensors("", &mut tensors);
        tensors
    }
}

pub(super) fn item_vectors<U: Encoder<Example>, I: Encoder<ItemId>>(
    model: &TwoTower<U, I>,
    n_items: usize,
    keys: Arc<Vocab>,
    parallelism: Parallelism,
    then: impl FnOnce(ArrayViewMut2<'_, f32>) + Send,
) -> Result<Result<Embeddings, EmbeddingsError>, ParallelismError> {
    const AT_ONCE: usize = 4096;
    let ids: Vec<ItemId> = (0..u32::try_from(n_items).unwrap_or(u32::MAX)).collect();
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
