use std::sync::Arc;

use embed_core::{Csr, Embeddings, FeatureFrame, ItemId, Metric, Parallelism, RowMask, Run, Vocab};
use ndarray::{Array2, ArrayViewMut2, Axis};

use crate::FitError;
use crate::features::{Coder, Records, Schema, SchemaOptions, Seen, Side};
use crate::layers::{Table, Tensor, normalize_rows};
use crate::models::{DssmItem, DssmParams, DssmUser, Histories, SideTape, Similarity, TwoTower};
use crate::serve::embedders::{HistoryEmbedder, UserEmbedder};
use crate::serve::served::{Keys, Served};
use crate::train::{FitParams, FitRecord, FitReport, NegativeSampling, Standard, Training, TrainingData};

/// What a model over features is trained on.
#[derive(Debug, Clone, Copy)]
pub struct DssmData<'a> {
    /// What users did. Items that nobody has are of the catalogue all the same: their vectors come from their features.
    pub histories: &'a Histories,
    /// Keys of the users, in the order of the histories.
    pub users: &'a Arc<Vocab>,
    /// Keys of the items.
    pub items: &'a Arc<Vocab>,
    /// What is known of users. Rows of other keys do not count; keys without a row are unknown.
    pub user_features: Option<&'a FeatureFrame>,
    /// What is known of items.
    pub item_features: Option<&'a FeatureFrame>,
    /// Items that validation ranks, a row a user, which are not in the histories.
    pub held_out: Option<&'a Csr>,
}

impl<'a> DssmData<'a> {
    /// Data of histories alone, without features and with nothing held out.
    #[must_use]
    pub fn new(histories: &'a Histories, users: &'a Arc<Vocab>, items: &'a Arc<Vocab>) -> Self {
        Self { histories, users, items, user_features: None, item_features: None, held_out: None }
    }

    /// The same with features of users.
    #[must_use]
    pub fn user_features(self, features: &'a FeatureFrame) -> Self {
        Self { user_features: Some(features), ..self }
    }

    /// The same with features of items.
    #[must_use]
    pub fn item_features(self, features: &'a FeatureFrame) -> Self {
        Self { item_features: Some(features), ..self }
    }

    /// The same with items for validation to rank, a row a user.
    #[must_use]
    pub fn held_out(self, held_out: &'a Csr) -> Self {
        Self { held_out: Some(held_out), ..self }
    }

    /// Every column of its features, the id of items and the history: [`Schema::of_frames`] by default options.
    #[must_use]
    pub fn schema(&self) -> Schema {
        Schema::of_frames(self.user_features, self.item_features, &SchemaOptions::default())
    }

    fn keys(&self) -> Keys<'a> {
        Keys { users: self.users, items: self.items }
    }
}

/// A trained model over features: `train → save → open → embed`.
///
/// Its user sides are [`Dssm::user_embedder`] and [`Dssm::history_embedder`]. Immutable; clones share the model and cost O(1). Memory: its
/// tables, the coded features of users and items, and the vectors of the items.
#[derive(Debug, Clone)]
pub struct Dssm(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) params: DssmParams,
    pub(super) coder: Coder,
    /// Both sides with their normalisations folded.
    pub(super) folded: (DssmUser, DssmItem),
    /// A user of whom nothing is known.
    pub(super) nobody: Records,
    pub(super) served: Served<DssmUser, DssmItem>,
}

impl Dssm {
    /// Trains a model.
    ///
    /// # Errors
    /// - [`FitError::Stopped`] when the observer stopped it: [`Dssm::fit_until_stopped`] gives what was learned.
    /// - [`FitError::Features`] when the features do not fit the schema; it names the column.
    /// - [`FitError::Layer`] for a setting out of its range.
    /// - [`FitError::Catalogue`] when keys, sampler or held-out items are of another number than the histories.
    /// - As [`Training::new`] and [`Training::epoch`].
    ///
    /// # Determinism
    /// The same bits from the same seed on any number of threads.
    pub fn fit<'a>(
        params: &DssmParams,
        fit: &FitParams,
        data: DssmData<'a>,
        negatives: impl Into<NegativeSampling<'a>>,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        let mut begun = Self::training(params, fit, data, negatives, run.seed)?;
        begun.training.run(run)?;
        Self::from_training(params, begun, data, run.parallelism)
    }

    /// [`Dssm::fit`], but when the observer stops it the model is what was learned so far, and its [report](FitReport::stopped)
    /// says so.
    ///
    /// # Errors
    /// As [`Dssm::fit`], but for [`FitError::Stopped`].
    pub fn fit_until_stopped<'a>(
        params: &DssmParams,
        fit: &FitParams,
        data: DssmData<'a>,
        negatives: impl Into<NegativeSampling<'a>>,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        let mut begun = Self::training(params, fit, data, negatives, run.seed)?;
        begun.training.run_until_stopped(run)?;
        Self::from_training(params, begun, data, run.parallelism)
    }

    /// A training that goes on pass by pass, for [`Dssm::from_training`] in the end.
    ///
    /// # Errors
    /// As [`Dssm::fit`].
    pub fn training<'a>(
        params: &DssmParams,
        fit: &FitParams,
        data: DssmData<'a>,
        negatives: impl Into<NegativeSampling<'a>>,
        seed: u64,
    ) -> Result<DssmTraining<'a>, FitError> {
        let DssmData { histories, users, items, user_features, item_features, held_out } = data;
        params.validate()?;
        fit.validate()?;
        data.keys().check(histories)?;
        let of_users: Vec<u64> = histories.sequences().iter().map(|row| row.len() as u64).collect();
        let of_items = histories.sequences().counts();
        let seen = (Seen { keys: users, counts: &of_users }, Seen { keys: items, counts: &of_items });
        let coder = Coder::fit(&params.schema, (user_features, item_features), seen)?;
        let (user_records, _) = coder.code_keys(Side::User, users, user_features)?;
        let (item_records, _) = coder.code_keys(Side::Item, items, item_features)?;
        let records = (Arc::new(user_records), Arc::new(item_records));
        let model = TwoTower::over_features(params, &coder, records, fit.temperature, seed)?;
        let user = &params.schema.user;
        let history_alone = user.id.is_none() && user.features.is_empty();
        let view = params.schema.history.as_ref().map(|history| history.view).unwrap_or_default();
        let examples = histories.examples(view, usize::from(history_alone));
        let positives = TrainingData { histories, examples, held_out };
        let negatives = (negatives.into(), Standard::Features);
        Ok(DssmTraining { training: Training::with_standard(model, fit, positives, negatives, seed)?, coder })
    }

    /// The model of a training as it stands, with the vectors of its items, which are computed in parallel. `params` and `data` are
    /// those of [`Dssm::training`].
    ///
    /// # Errors
    /// - [`FitError::Vectors`] when a vector is not finite.
    /// - [`FitError::Catalogue`] when there are not as many keys as users and items.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn from_training(
        params: &DssmParams,
        begun: DssmTraining<'_>,
        data: DssmData<'_>,
        parallelism: Parallelism,
    ) -> Result<Self, FitError> {
        let DssmTraining { training, coder } = begun;
        let mut trained = training.finish();
        // An item of which nothing is known has the vector of the unknown, whatever it was in the training; files say no more.
        trained.items = RowMask::from_fn(trained.items.len(), |_| false);
        let records = Arc::clone(&trained.model.item.records);
        let shrink = |vectors: ArrayViewMut2<'_, f32>| shrink_unseen(params.unseen, &records, vectors);
        let served = Served::new(trained, data.keys(), parallelism, shrink)?;
        Ok(Self::of(params.clone(), coder, served))
    }

    pub(super) fn of(params: DssmParams, coder: Coder, served: Served<DssmUser, DssmItem>) -> Self {
        let folded = (served.model.user.folded(), served.model.item.folded());
        let nobody = coder.unknown(Side::User, 1);
        Self(Arc::new(Inner { params, coder, folded, nobody, served }))
    }

    /// The user side for histories alone: an [`embed_core::Embedder`] of `[ItemId]`.
    #[must_use]
    pub fn history_embedder(&self) -> HistoryEmbedder<Self> {
        HistoryEmbedder(self.clone())
    }

    /// The user side for users, by row or by features, and what they did: an [`embed_core::Embedder`] of
    /// [`UserRecord`](crate::UserRecord).
    #[must_use]
    pub fn user_embedder(&self) -> UserEmbedder<Self> {
        UserEmbedder(self.clone())
    }

    /// The item side: the vectors that users are scored against. An item of which neither the id nor a feature is known is
    /// [untrained](Embeddings::untrained).
    #[must_use]
    pub fn items(&self) -> &Embeddings {
        &self.0.served.items
    }

    /// Keys of the users that were trained on, in the order of their rows.
    #[must_use]
    pub fn users(&self) -> &Arc<Vocab> {
        &self.0.served.users
    }

    /// The settings of the model.
    #[must_use]
    pub fn params(&self) -> &DssmParams {
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

    /// Coder of features.
    #[must_use]
    pub fn coder(&self) -> &Coder {
        &self.0.coder
    }

    /// How users are scored against items.
    #[must_use]
    pub fn metric(&self) -> Metric {
        match self.0.params.similarity {
            Similarity::Cosine if self.0.params.unseen >= 1.0 => Metric::Cosine,
            Similarity::Cosine | Similarity::Dot => Metric::InnerProduct,
        }
    }

    pub(crate) fn tables(&self) -> &[Table] {
        &self.0.served.model.tables
    }

    /// Both sides, folded.
    pub(crate) fn towers(&self) -> (&DssmUser, &DssmItem) {
        (&self.0.folded.0, &self.0.folded.1)
    }

    /// Every array of the model, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        self.0.served.tensors()
    }

    /// Vectors of items by their features, known or new: `[rows, dim]`. The keys are the item ids, so those that training has not
    /// seen are known by their other features alone.
    ///
    /// # Errors
    /// - [`FitError::Features`] when a column is missing or of another type, or a number is none.
    /// - [`FitError::Vectors`] when a vector is not finite.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn embed_items(
        &self,
        items: &FeatureFrame,
        parallelism: Parallelism,
    ) -> Result<Embeddings, FitError> {
        const AT_ONCE: usize = 4096;
        let records = self.0.coder.code(Side::Item, items)?;
        let rows: Vec<ItemId> = (0..u32::try_from(records.len()).unwrap_or(u32::MAX)).collect();
        let mut vectors = Array2::zeros((rows.len(), self.0.params.dim));
        parallelism.install(|| {
            let (mut tape, mut lengths) = (SideTape::default(), Vec::new());
            for (rows, mut out) in rows.chunks(AT_ONCE).zip(vectors.axis_chunks_iter_mut(Axis(0), AT_ONCE)) {
                let tables = self.tables();
                self.0.folded.1.infer_records(tables, &records, rows, out.view_mut(), &mut tape);
                if self.0.params.similarity == Similarity::Cosine {
                    normalize_rows(out, &mut lengths);
                }
            }
        })?;
        shrink_unseen(self.0.params.unseen, &records, vectors.view_mut());
        Ok(Embeddings::in_space(items.keys().clone(), vectors, self.items().space())?)
    }
}

/// A training of a model over features, and how its features are coded.
#[derive(Debug)]
pub struct DssmTraining<'d> {
    /// The training.
    pub training: Training<'d, DssmUser, DssmItem>,
    /// Coder of features.
    pub coder: Coder,
}

/// Multiplies the rows of items without a known id.
pub(super) fn shrink_unseen(factor: f32, records: &Records, mut vectors: ArrayViewMut2<'_, f32>) {
    let Some(ids) = records.ids().filter(|_| factor < 1.0) else { return };
    for (mut row, _) in vectors.rows_mut().into_iter().zip(ids).filter(|(_, id)| **id == 0) {
        row *= factor;
    }
}
