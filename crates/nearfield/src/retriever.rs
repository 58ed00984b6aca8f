use std::sync::Arc;

use embed_core::{
    AnnIndex, Embedder, ItemId, KeyTable, Neighbor, Parallelism, ScoreError, Scorer, SearchRequest, Stop,
    TopK,
};
use ndarray::Array2;
use rayon::prelude::*;

use crate::RecommendError;

/// Finds the best items of a catalogue for an input: a history, a user, a record of features.
///
/// Base of a [`Recommender`](crate::Recommender). The two that there are: [`VectorRetriever`], an embedder and an
/// index, and [`ScoringRetriever`], a scorer whose best k are taken. Object-safe; references, boxes and `Arc`s of one
/// are one.
pub trait Retriever<In: ?Sized>: Send + Sync {
    /// Keys of the items by id, as they are now. An id never gets another key.
    ///
    /// # Errors
    /// [`RecommendError::Search`] when they cannot be read.
    fn keys(&self) -> Result<KeyTable, RecommendError>;

    /// The best items for `input` that the request allows, best first, ties by ascending id.
    ///
    /// # Errors
    /// [`RecommendError`] when the input has no vector or no scores, or the request cannot be served.
    fn retrieve(&self, input: &In, request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, RecommendError>;

    /// The best items for each of `inputs`, in parallel; one request an input.
    ///
    /// # Errors
    /// As [`Retriever::retrieve`], for the first input in order that fails.
    fn retrieve_batch(
        &self,
        inputs: &[&In],
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, RecommendError>
    where
        In: Sync,
    {
        let all: Vec<Result<Vec<Neighbor>, RecommendError>> = parallelism.install(|| {
            inputs.par_iter().zip(requests).map(|(input, request)| self.retrieve(input, request)).collect()
        })?;
        all.into_iter().collect()
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<In: ?Sized, T: Retriever<In> + ?Sized> Retriever<In> for $pointer {
            fn keys(&self) -> Result<KeyTable, RecommendError> {
                (**self).keys()
            }

            fn retrieve(&self, input: &In, request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, RecommendError> {
                (**self).retrieve(input, request)
            }

            fn retrieve_batch(
                &self,
                inputs: &[&In],
                requests: &[SearchRequest<'_>],
                parallelism: Parallelism,
            ) -> Result<Vec<Vec<Neighbor>>, RecommendError>
            where
                In: Sync,
            {
                (**self).retrieve_batch(inputs, requests, parallelism)
            }
        }
    )*};
}

forward!(&T, Box<T>, Arc<T>);

/// An embedder of inputs and an index over the items: the items whose vectors are nearest to the input's.
#[derive(Debug, Clone)]
pub struct VectorRetriever<E, I> {
    pub(crate) embedder: E,
    pub(crate) index: I,
    /// Keys of the items where the index has none.
    keys: Option<KeyTable>,
}

impl<E, I: AnnIndex> VectorRetriever<E, I> {
    /// Puts two parts together that are meant for each other. The keys are those of the index, or else of the embedder.
    ///
    /// # Errors
    /// - [`RecommendError::Dimension`] when the embedder's vectors and those of the index differ in length.
    /// - [`RecommendError::Space`] when the embedder's vectors are meant for other item vectors than the index has.
    /// - [`RecommendError::Metric`] when they are meant for another metric.
    /// - [`RecommendError::Keys`] when embedder and index number the items differently.
    /// - [`RecommendError::NoKeys`] when neither has keys; [`RecommendError::Items`] when those of the embedder are not as
    ///   many as the ids of the index.
    pub fn new<In: ?Sized>(embedder: E, index: I) -> Result<Self, RecommendError>
    where
        E: Embedder<In>,
    {
        let keys = embedder.keys().map(|keys| ("embedder", keys));
        Self::joined(embedder, index, keys)
    }

    /// The same for an index without keys, which `keys` names by id. An index that has keys must have these.
    ///
    /// # Errors
    /// As [`VectorRetriever::new`].
    pub fn with_keys<In: ?Sized>(
        embedder: E,
        index: I,
        keys: impl Into<KeyTable>,
    ) -> Result<Self, RecommendError>
    where
        E: Embedder<In>,
    {
        let keys = keys.into();
        if let Some(of_embedder) = embedder.keys() {
            RecommendError::check_keys("embedder", &of_embedder, &keys)?;
        }
        Self::joined(embedder, index, Some(("keys that were given", keys)))
    }

    /// `keys` come with the name of where they are from.
    fn joined<In: ?Sized>(
        embedder: E,
        index: I,
        keys: Option<(&'static str, KeyTable)>,
    ) -> Result<Self, RecommendError>
    where
        E: Embedder<In>,
    {
        if embedder.dim() != index.dim() {
            return Err(RecommendError::Dimension { embedder: embedder.dim(), index: index.dim() });
        }
        if !embedder.space().accepts(index.space()) {
            return Err(RecommendError::Space { embedder: embedder.space(), index: index.space() });
        }
        if let Some(expected) = embedder.metric().filter(|&metric| metric != index.metric()) {
            return Err(RecommendError::Metric { expected, got: index.metric() });
        }
        let keys = match (index.keys()?, keys) {
            (Some(of_index), given) => {
                if let Some((what, given)) = given {
                    RecommendError::check_keys(what, &given, &of_index)?;
                }
                None
            }
            (None, Some((_, keys))) if keys.len() == index.id_bound() => Some(keys),
            (None, Some((_, keys))) => {
                return Err(RecommendError::Items { keys: keys.len(), index: index.id_bound() });
            }
            (None, None) => return Err(RecommendError::NoKeys),
        };
        Ok(Self { embedder, index, keys })
    }

    /// Keys of the items by id, as they are now.
    ///
    /// # Errors
    /// [`RecommendError::Search`] when they cannot be read.
    pub fn item_keys(&self) -> Result<KeyTable, RecommendError> {
        match &self.keys {
            Some(keys) => Ok(keys.clone()),
            None => self.index.keys()?.ok_or(RecommendError::NoKeys),
        }
    }
}

impl<In: ?Sized, E: Embedder<In>, I: AnnIndex> Retriever<In> for VectorRetriever<E, I> {
    fn keys(&self) -> Result<KeyTable, RecommendError> {
        self.item_keys()
    }

    fn retrieve(&self, input: &In, request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, RecommendError> {
        let query = self.embedder.embed(input)?;
        Ok(self.index.search(&query, request)?)
    }

    fn retrieve_batch(
        &self,
        inputs: &[&In],
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, RecommendError>
    where
        In: Sync,
    {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let mut queries = Array2::zeros((inputs.len(), self.embedder.dim()));
        self.embedder.embed_batch_into(inputs, parallelism, queries.view_mut())?;
        Ok(self.index.search_batch(queries.view(), requests, parallelism)?)
    }
}

/// A scorer of inputs: the items that score best. Every item is scored: O(n_items) an input. The effort of a request
/// changes nothing; a radius is a least score.
#[derive(Debug, Clone)]
pub struct ScoringRetriever<S> {
    pub(crate) scorer: S,
    keys: KeyTable,
}

impl<S> ScoringRetriever<S> {
    /// Takes the keys from the scorer.
    ///
    /// # Errors
    /// [`RecommendError::NoKeys`] when it has none; [`RecommendError::Items`] when they are not as many as its items.
    pub fn new<In: ?Sized>(scorer: S) -> Result<Self, RecommendError>
    where
        S: Scorer<In>,
    {
        let keys = scorer.keys().ok_or(RecommendError::NoKeys)?;
        Self::with_keys(scorer, keys)
    }

    /// The same for a scorer without keys. A scorer that has keys must have these.
    ///
    /// # Errors
    /// [`RecommendError::Keys`], [`RecommendError::Items`] when they are not those of the scorer's items.
    pub fn with_keys<In: ?Sized>(scorer: S, keys: impl Into<KeyTable>) -> Result<Self, RecommendError>
    where
        S: Scorer<In>,
    {
        let keys = keys.into();
        if let Some(of_scorer) = scorer.keys() {
            RecommendError::check_keys("scorer", &of_scorer, &keys)?;
        }
        if keys.len() != scorer.n_items() {
            return Err(RecommendError::Items { keys: keys.len(), index: scorer.n_items() });
        }
        Ok(Self { scorer, keys })
    }
}

/// Inputs that are scored together.
const AT_ONCE: usize = 64;

impl<In: ?Sized, S: Scorer<In>> Retriever<In> for ScoringRetriever<S> {
    fn keys(&self) -> Result<KeyTable, RecommendError> {
        Ok(self.keys.clone())
    }

    fn retrieve(&self, input: &In, request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, RecommendError> {
        Ok(best(&self.scorer, &[input], &[*request])?.pop().unwrap_or_default())
    }

    fn retrieve_batch(
        &self,
        inputs: &[&In],
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, RecommendError>
    where
        In: Sync,
    {
        let blocks: Vec<Result<Vec<Vec<Neighbor>>, RecommendError>> = parallelism.install(|| {
            let blocks = inputs.par_chunks(AT_ONCE).zip(requests.par_chunks(AT_ONCE));
            blocks.map(|(inputs, requests)| best(&self.scorer, inputs, requests)).collect()
        })?;
        Ok(blocks.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

/// The best items of each input, tile by tile.
fn best<In: ?Sized>(
    scorer: &impl Scorer<In>,
    inputs: &[&In],
    requests: &[SearchRequest<'_>],
) -> Result<Vec<Vec<Neighbor>>, RecommendError> {
    let n_items = scorer.n_items();
    let mut best = Vec::with_capacity(inputs.len());
    for request in requests {
        // There is no query; what is left to check is the request.
        request.check(&[], 0)?;
        best.push(match request.stop {
            Stop::K(k) => (TopK::new(k), f32::MIN),
            Stop::Radius(least) => (TopK::new(n_items), least),
            _ => return Err(embed_core::SearchError::Unsupported { what: "stop rule" }.into()),
        });
    }
    let tile = scorer.items_at_once().clamp(1, n_items.max(1));
    let mut scores = Vec::new();
    for first in (0..n_items).step_by(tile) {
        let items = first..n_items.min(first + tile);
        scores.clear();
        scores.resize(inputs.len() * items.len(), 0.0);
        scorer.scores_into(inputs, items.clone(), &mut scores)?;
        let rows = scores.chunks_exact(items.len());
        for ((row, (top, least)), request) in rows.zip(&mut best).zip(requests) {
            for (&score, item) in row.iter().zip(items.clone()) {
                let id = ItemId::try_from(item).unwrap_or(ItemId::MAX);
                if score.is_nan() || score == f32::INFINITY {
                    return Err(RecommendError::BadScore { item: id, score });
                }
                if score >= *least && request.filter.allows(id) {
                    top.push(id, score);
                }
            }
        }
    }
    Ok(best
        .into_iter()
        .map(|(mut top, _)| {
            let mut out = Vec::new();
            top.drain_into(&mut out);
            out
        })
        .collect())
}

impl From<ScoreError> for RecommendError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Embed(error) => Self::Embed(error),
            other => Self::Score(other),
        }
    }
}
