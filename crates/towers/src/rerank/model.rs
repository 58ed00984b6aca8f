use std::sync::Arc;

use embed_core::{ItemId, Neighbor, Run, SeededRng, Vocab};

use super::net::{Net, NetTape};
use super::training::{Steps, train};
use super::{RerankParams, Retrieval};
use crate::layers::{Module, Table, Tensor};
use crate::models::Histories;
use crate::train::{FitParams, FitRecord, FitReport, NegativeSampling, NegativesError, Standard};
use crate::{FitError, LayerError};

/// A trained model that re-ranks candidates for a history: immutable, shared between threads.
#[derive(Debug, Clone)]
pub struct Reranker {
    pub(super) params: RerankParams,
    pub(super) record: FitRecord,
    pub(super) report: FitReport,
    pub(super) net: Net,
    pub(super) items: Arc<Vocab>,
}

/// Memory of a request, kept from request to request.
#[derive(Debug, Clone, Default)]
pub struct RerankScratch {
    tape: NetTape,
}

/// What cannot be ranked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RerankError {
    /// An item of the history or a candidate is not of the catalogue.
    #[error("item {item} is not among the {n_items} items of the model")]
    UnknownItem {
        /// The item.
        item: ItemId,
        /// Items there are.
        n_items: usize,
    },
    /// As many scores as candidates are needed.
    #[error("room for {got} scores, expected {expected}: one a candidate")]
    Length {
        /// Candidates.
        expected: usize,
        /// Room.
        got: usize,
    },
    /// Lists too long to be numbered.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl Reranker {
    /// Trains a model that begins with the order of retrieval and with its item vectors: cross-entropy with the positive at index 0 over
    /// candidates that the sampler draws [for it](NegativeSampling::per_example), which is told retrieval's vector of the user. A positive that
    /// retrieval puts below all of its candidates is left out: the model would not have met it. Retrieval should not have
    /// been trained on the positives, or its scores of them are better than they will be in serving. Of the training only what it names is used: passes, batch,
    /// temperature, optimisers and rates, schedule, clipping and decay.
    ///
    /// # Errors
    /// - [`FitError::Stopped`] when the observer stopped it: [`Reranker::fit_until_stopped`] gives what was learned.
    /// - [`FitError::Layer`] for a setting out of its range.
    /// - [`FitError::Negatives`] for candidates that are not drawn for each positive.
    /// - [`FitError::Catalogue`] when items, histories and sampler are not of one catalogue, or users and items not of one dimension.
    /// - [`FitError::Embed`] when retrieval makes no vector of a history.
    /// - [`FitError::Empty`] when there is no positive with something before it.
    /// - [`FitError::Sample`] when candidates cannot be drawn; [`FitError::Diverged`] as in [`Training`](crate::train::Training).
    ///
    /// # Determinism
    /// The same bits from the same seed on any number of threads.
    pub fn fit<'s>(
        params: &RerankParams,
        fit: &FitParams,
        retrieval: Retrieval<'_>,
        histories: &Histories,
        negatives: impl Into<NegativeSampling<'s>>,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        let (model, steps) = Self::trained(params, fit, (retrieval, histories), negatives.into(), run)?;
        let (epochs_done, step) = (model.report.epochs_done, steps.done);
        let stopped = FitError::Stopped { epochs_done, step, steps: steps.total };
        if model.report.stopped { Err(stopped) } else { Ok(model) }
    }

    /// [`Reranker::fit`], but when the observer stops it the model is what was learned so far, and its
    /// [report](FitReport::stopped) says so.
    ///
    /// # Errors
    /// As [`Reranker::fit`], but for [`FitError::Stopped`].
    pub fn fit_until_stopped<'s>(
        params: &RerankParams,
        fit: &FitParams,
        retrieval: Retrieval<'_>,
        histories: &Histories,
        negatives: impl Into<NegativeSampling<'s>>,
        run: &mut Run<'_>,
    ) -> Result<Self, FitError> {
        Ok(Self::trained(params, fit, (retrieval, histories), negatives.into(), run)?.0)
    }

    fn trained(
        params: &RerankParams,
        fit: &FitParams,
        (retrieval, histories): (Retrieval<'_>, &Histories),
        negatives: NegativeSampling<'_>,
        run: &mut Run<'_>,
    ) -> Result<(Self, Steps), FitError> {
        params.validate()?;
        fit.validate()?;
        negatives.validate()?;
        if negatives.counts().per_example == 0 {
            return Err(NegativesError::NotPerExample { what: "a re-ranker" }.into());
        }
        let items = retrieval.items;
        for (what, expected, got) in [
            ("items of the histories", items.len(), histories.n_items()),
            ("components of users", items.dim(), retrieval.users.dim()),
        ] {
            if expected != got {
                return Err(FitError::Catalogue { what, expected, got });
            }
        }
        let mut negatives = negatives.resolve(&histories.sequences().counts(), Standard::Ids)?;
        let table = Table::from_rows(items.vectors().to_owned());
        let mut net = Net::new(params, table, &mut SeededRng::stream(run.seed, "layers", 0))?;
        let (report, steps) = train(&mut net, (params, fit), (retrieval, histories), &mut negatives, run)?;
        let record = FitRecord { fit: fit.clone(), negatives: negatives.counts };
        Ok((Self { params: params.clone(), record, report, net, items: Arc::clone(items.vocab()) }, steps))
    }

    /// Scores what retrieval found for a history, oldest first, whose last items count: larger is better. Nothing is allocated once the
    /// scratch has grown, but for what matrix products need.
    ///
    /// # Errors
    /// [`RerankError`]
    pub fn score_into(
        &self,
        history: &[ItemId],
        found: &[Neighbor],
        scratch: &mut RerankScratch,
        out: &mut [f32],
    ) -> Result<(), RerankError> {
        let (expected, got) = (found.len(), out.len());
        if expected != got {
            return Err(RerankError::Length { expected, got });
        }
        let history = &history[history.len().saturating_sub(self.params.max_history)..];
        let n_items = self.net.items.len();
        let tape = &mut scratch.tape;
        tape.candidates.clear();
        tape.candidates.extend(found.iter().map(|near| near.id));
        tape.retrieved.clear();
        tape.retrieved.extend(found.iter().map(|near| near.score));
        for list in [history, &tape.candidates] {
            if let Some(item) = self.net.items.unknown(list) {
                return Err(RerankError::UnknownItem { item, n_items });
            }
        }
        tape.bag.clear();
        found.iter().for_each(|_| tape.bag.push(history));
        if found.is_empty() {
            return Ok(());
        }
        let logits = self.net.infer(tape)?;
        out.iter_mut().zip(logits).for_each(|(out, logit)| *out = *logit);
        Ok(())
    }

    /// Orders what retrieval found anew, by the model's score, which becomes theirs; ties by ascending id.
    ///
    /// # Errors
    /// [`RerankError`]
    pub fn rerank(
        &self,
        history: &[ItemId],
        found: &mut [Neighbor],
        scratch: &mut RerankScratch,
    ) -> Result<(), RerankError> {
        let mut scores = vec![0.0; found.len()];
        self.score_into(history, found, scratch, &mut scores)?;
        for (neighbor, score) in found.iter_mut().zip(&scores) {
            neighbor.score = *score;
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        Ok(())
    }

    /// The settings of the model.
    #[must_use]
    pub fn params(&self) -> &RerankParams {
        &self.params
    }

    /// The settings of its training, negatives included.
    #[must_use]
    pub fn fit_record(&self) -> &FitRecord {
        &self.record
    }

    /// What the training did.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// Keys of the items.
    #[must_use]
    pub fn items(&self) -> &Arc<Vocab> {
        &self.items
    }

    /// Every array of the model, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut tensors = Vec::new();
        self.net.tensors("", &mut tensors);
        tensors
    }
}
