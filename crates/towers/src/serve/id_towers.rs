use std::sync::Arc;

use embed_core::{Csr, Embeddings, Metric, Parallelism, Run, Vocab};

use super::embedders::{HistoryEmbedder, UserEmbedder};
use super::served::{Keys, Served};
use crate::FitError;
use crate::layers::Tensor;
use crate::models::{Histories, ItemTower, Similarity, TowersParams, TwoTower, UserTower};
use crate::train::{
    FitParams, FitRecord, FitReport, NegativeSampling, Standard, Trained, Training, TrainingData,
};

/// Training data of a model over ids and histories.
#[derive(Debug, Clone, Copy)]
pub struct TwoTowerData<'a> {
    /// Histories of the users.
    pub histories: &'a Histories,
    /// Keys of the users, in the order of the histories.
    pub users: &'a Arc<Vocab>,
    /// Keys of the items.
    pub items: &'a Arc<Vocab>,
    /// Items that validation ranks, a row a user, which are not in the histories.
    pub held_out: Option<&'a Csr>,
}

impl<'a> TwoTowerData<'a> {
    /// Data of histories, with nothing held out.
    #[must_use]
    pub fn new(histories: &'a Histories, users: &'a Arc<Vocab>, items: &'a Arc<Vocab>) -> Self {
        Self { histories, users, items, held_out: None }
    }

    /// The same with items for validation to rank, a row a user.
    #[must_use]
    pub fn held_out(self, held_out: &'a Csr) -> Self {
        Self { held_out: Some(held_out), ..self }
    }

    fn keys(&self) -> Keys<'a> {
        Keys { users: self.users, items: self.items }
    }
}

/// A trained model over ids and histories: [`MatrixFactorization`](crate::models::MatrixFactorization),
/// [`YouTubeDnn`](crate::models::YouTubeDnn) and what lies between.
///
/// Its user sides are [`IdTowers::history_embedder`] and [`IdTowers::user_embedder`]. Immutable; clones share the model and cost O(1).
/// Memory: its tables, and once more the vectors of the items.
#[derive(Debug, Clone)]
pub struct IdTowers(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) params: TowersParams,
    /// The user side with its normalisations folded.
    pub(super) folded: UserTower,
    pub(super) served: Served<UserTower, ItemTower>,
}

impl IdTowers {
    /// Trains a model on what users did.
    ///
    /// # Errors
    /// - [`FitError::Stopped`] when the observer stopped it: [`IdTowers::fit_until_stopped`] gives what was learned.
    /// - [`FitError::Layer`] for a setting out of its range.
    /// - [`FitError::Catalogue`] when keys, sampler or held-out items are of another number than the histories.
    /// - As [`Training::new`] and [`Training::epoch`].
    ///
    /// # Determinism
    /// The same bits from the same seed on any number of threads.
    pub fn fit<'a>(
        params: &TowersParams,
        fit: &FitParams,
        data: TwoTowerData<'a>,
        negatives: impl Into<NegativeSampling<'a>>,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        let mut training = Self::training(params, fit, data, negatives, run.seed)?;
        training.run(run)?;
        Self::from_training(params, training, data, run.parallelism)
    }

    /// [`IdTowers::fit`], but when the observer stops it the model is what was learned so far, and its
    /// [report](FitReport::stopped) says so.
    ///
    /// # Errors
    /// As [`IdTowers::fit`], but for [`FitError::Stopped`].
    pub fn fit_until_stopped<'a>(
        params: &TowersParams,
        fit: &FitParams,
        data: TwoTowerData<'a>,
        negatives: impl Into<NegativeSampling<'a>>,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        let mut training = Self::training(params, fit, data, negatives, run.seed)?;
        training.run_until_stopped(run)?;
        Self::from_training(params, training, data, run.parallelism)
    }

    /// A training that goes on pass by pass, for [`IdTowers::from_training`] in the end.
    ///
    /// # Errors
    /// As [`IdTowers::fit`].
    pub fn training<'a>(
        params: &TowersParams,
        fit: &FitParams,
        data: TwoTowerData<'a>,
        negatives: impl Into<NegativeSampling<'a>>,
        seed: u64,
    ) -> Result<Training<'a, UserTower, ItemTower>, FitError> {
        params.validate()?;
        fit.validate()?;
        let histories = data.histories;
        data.keys().check(histories)?;
        let model = TwoTower::new(params, histories.n_users(), histories.n_items(), fit.temperature, seed)?;
        let least = usize::from(params.pooling.is_some() && !params.user_id);
        let examples = histories.examples(params.view, least);
        let positives = TrainingData { histories, examples, held_out: data.held_out };
        Training::with_standard(model, fit, positives, (negatives.into(), Standard::Ids), seed)
    }

    /// The model of a training as it stands, with the vectors of its items, which are computed in parallel. `params` and `data` are
    /// those of [`IdTowers::training`].
    ///
    /// # Errors
    /// - [`FitError::Vectors`] when a vector is not finite.
    /// - [`FitError::Catalogue`] when there are not as many keys as users and items.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn from_training(
        params: &TowersParams,
        training: Training<'_, UserTower, ItemTower>,
        data: TwoTowerData<'_>,
        parallelism: Parallelism,
    ) -> Result<Self, FitError> {
        let trained: Trained<UserTower, ItemTower> = training.finish();
        let served = Served::new(trained, data.keys(), parallelism, |_| {})?;
        Ok(Self::of(params.clone(), served))
    }

    pub(super) fn of(params: TowersParams, served: Served<UserTower, ItemTower>) -> Self {
        let folded = served.model.user.folded();
        Self(Arc::new(Inner { params, folded, served }))
    }

    /// The user side for histories alone: an [`embed_core::Embedder`] of `[ItemId]`. A model that knows users by id refuses them.
    #[must_use]
    pub fn history_embedder(&self) -> HistoryEmbedder<Self> {
        HistoryEmbedder(self.clone())
    }

    /// The user side for users and what they did: an [`embed_core::Embedder`] of [`UserInput`](crate::UserInput).
    #[must_use]
    pub fn user_embedder(&self) -> UserEmbedder<Self> {
        UserEmbedder(self.clone())
    }

    /// The item side: the vectors that users are scored against. An item that was never a positive is
    /// [untrained](Embeddings::untrained).
    #[must_use]
    pub fn items(&self) -> &Embeddings {
        &self.0.served.items
    }

    /// Keys of the users of the training, in the order of their rows.
    #[must_use]
    pub fn users(&self) -> &Arc<Vocab> {
        &self.0.served.users
    }

    /// The settings of the model.
    #[must_use]
    pub fn params(&self) -> &TowersParams {
        &self.0.params
    }

    /// The settings of its training, negatives included.
    #[must_use]
    pub fn fit_record(&self) -> &FitRecord {
        &self.0.served.record
    }

    /// What the training did.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.0.served.report
    }

    /// How users are scored against items: the product, which of vectors of length 1 is the cosine.
    #[must_use]
    pub fn metric(&self) -> Metric {
        match self.0.params.similarity {
            Similarity::Cosine => Metric::Cosine,
            Similarity::Dot => Metric::InnerProduct,
        }
    }

    pub(crate) fn tables(&self) -> &[crate::layers::Table] {
        &self.0.served.model.tables
    }

    /// The user side, folded.
    pub(crate) fn user_tower(&self) -> &UserTower {
        &self.0.folded
    }

    pub(crate) fn item_tower(&self) -> &ItemTower {
        &self.0.served.model.item
    }

    /// Every array of the model, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        self.0.served.tensors()
    }
}
