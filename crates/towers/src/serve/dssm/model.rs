use std::sync::Arc;

use embed_core::{
    Csr, Embeddings, EmbeddingsError, FeatureFrame, ItemId, Metric, Parallelism, ParallelismError, Run, Vocab,
};
use ndarray::{Array2, ArrayViewMut2, Axis};
use negsample::RefreshableSampler;

use crate::FitError;
use crate::features::{Coder, Records, Seen, Side};
use crate::layers::{Module, Table, Tensor, normalize_rows};
use crate::models::{DssmItem, DssmParams, DssmUser, Histories, SideTape, Similarity, TwoTower};
use crate::serve::id_towers::item_vectors;
use crate::train::{FitParams, FitReport, Training};

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
}

/// A trained model over features: `train → save → open → embed`.
///
/// It is its own user side: an [`embed_core::Embedder`] of [`UserRecord`](crate::UserRecord) and of histories, immutable and shared
/// between threads. Memory: its tables, the coded features of users and items, and the vectors of the items.
#[derive(Debug, Clone)]
pub struct Dssm {
    pub(super) params: DssmParams,
    pub(super) fit: FitParams,
    pub(super) report: FitReport,
    pub(super) coder: Coder,
    pub(super) model: TwoTower<DssmUser, DssmItem>,
    /// Both sides with their normalisations folded.
    pub(super) folded: (DssmUser, DssmItem),
    /// A user of whom nothing is known.
    pub(super) nobody: Records,
    pub(super) users: Arc<Vocab>,
    pub(super) items: Embeddings,
}

impl Dssm {
    /// Trains a model, with negatives from the sampler. `truth` holds the items that validation ranks, a row a user, which are not in
    /// the histories.
    ///
    /// # Errors
    /// - [`FitError::Features`] when the features do not fit the schema; it names the column.
    /// - [`FitError::Layer`] for a setting out of its range.
    /// - [`FitError::Catalogue`] when keys, sampler or held-out items are of another number than the histories.
    /// - As [`Training::new`] and [`Training::epoch`].
    ///
    /// # Determinism
    /// The same bits from the same seed on any number of threads.
    pub fn fit(
        (params, fit): (&DssmParams, &FitParams),
        (data, truth): (DssmData<'_>, Option<&Csr>),
        sampler: &mut dyn RefreshableSampler,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        let (coder, mut training) = Self::training((params, fit), (data, truth), run.seed)?;
        while training.epoch(sampler, run)? {}
        let (model, report) = training.finish();
        let keys = (Arc::clone(data.users), Arc::clone(data.items));
        Self::new((params, fit), coder, (model, report), keys, run.parallelism)
    }

    /// A training that goes on pass by pass, for [`Dssm::new`] in the end.
    ///
    /// # Errors
    /// As [`Dssm::fit`].
    pub fn training<'d>(
        (params, fit): (&DssmParams, &FitParams),
        (data, truth): (DssmData<'d>, Option<&'d Csr>),
        seed: u64,
    ) -> Result<(Coder, Training<'d, DssmUser, DssmItem>), FitError> {
        let DssmData { histories, users, items, user_features, item_features } = data;
        params.validate()?;
        for (what, expected, got) in [
            ("keys of users", histories.n_users(), users.len()),
            ("keys of items", histories.n_items(), items.len()),
        ] {
            if expected != got {
                return Err(FitError::Catalogue { what, expected, got });
            }
        }
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
        Ok((coder, Training::new(model, fit, histories, examples, truth, seed)?))
    }

    /// Puts a trained model and its keys together and computes the items' vectors, in parallel.
    ///
    /// # Errors
    /// - [`FitError::Vectors`] when a vector is not finite, or there are not as many keys as items.
    /// - [`FitError::Parallelism`] when the threads cannot be started.
    pub fn new(
        (params, fit): (&DssmParams, &FitParams),
        coder: Coder,
        (model, report): (TwoTower<DssmUser, DssmItem>, FitReport),
        (users, items): (Arc<Vocab>, Arc<Vocab>),
        parallelism: Parallelism,
    ) -> Result<Self, FitError> {
        let items = catalogue(params, &model, items, parallelism)?;
        let folded = (model.user.folded(), model.item.folded());
        let nobody = coder.unknown(Side::User, 1);
        let (params, fit) = (params.clone(), fit.clone());
        Ok(Self { params, fit, report, coder, model, folded, nobody, users, items: items? })
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
    pub fn params(&self) -> &DssmParams {
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

    /// How features become codes.
    #[must_use]
    pub fn coder(&self) -> &Coder {
        &self.coder
    }

    /// How users are scored against items.
    #[must_use]
    pub fn metric(&self) -> Metric {
        match self.params.similarity {
            Similarity::Cosine if self.params.unseen >= 1.0 => Metric::Cosine,
            Similarity::Cosine | Similarity::Dot => Metric::InnerProduct,
        }
    }

    pub(crate) fn tables(&self) -> &[Table] {
        &self.model.tables
    }

    /// Both sides, folded.
    pub(crate) fn towers(&self) -> (&DssmUser, &DssmItem) {
        (&self.folded.0, &self.folded.1)
    }

    /// Every array of the model, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut tensors = Vec::new();
        self.model.tensors("", &mut tensors);
        tensors
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
        let records = self.coder.code(Side::Item, items)?;
        let rows: Vec<ItemId> = (0..u32::try_from(records.len()).unwrap_or(u32::MAX)).collect();
        let mut vectors = Array2::zeros((rows.len(), self.params.dim));
        parallelism.install(|| {
            let (mut tape, mut lengths) = (SideTape::default(), Vec::new());
            for (rows, mut out) in rows.chunks(AT_ONCE).zip(vectors.axis_chunks_iter_mut(Axis(0), AT_ONCE)) {
                let tables = &self.model.tables;
                self.folded.1.infer_records(tables, &records, rows, out.view_mut(), &mut tape);
                if self.params.similarity == Similarity::Cosine {
                    normalize_rows(out, &mut lengths);
                }
            }
        })?;
        shrink_unseen(self.params.unseen, &records, vectors.view_mut());
        Ok(Embeddings::in_space(items.keys().clone(), vectors, self.items.space())?)
    }
}

/// The vectors of all items.
pub(super) fn catalogue(
    params: &DssmParams,
    model: &TwoTower<DssmUser, DssmItem>,
    keys: Arc<Vocab>,
    parallelism: Parallelism,
) -> Result<Result<Embeddings, EmbeddingsError>, ParallelismError> {
    let records = &model.item.records;
    item_vectors(model, records.len(), keys, parallelism, |vectors| {
        shrink_unseen(params.unseen, records, vectors);
    })
}

/// Multiplies the rows of items without a known id.
fn shrink_unseen(factor: f32, records: &Records, mut vectors: ArrayViewMut2<'_, f32>) {
    let Some(ids) = records.ids().filter(|_| factor < 1.0) else { return };
    for (mut row, _) in vectors.rows_mut().into_iter().zip(ids).filter(|(_, id)| **id == 0) {
        row *= factor;
    }
}
