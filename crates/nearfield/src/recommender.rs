use ann::{EffortPoint, Index, TuneParams};
use embed_core::{
    AnnIndex, Embedder, Filter, ItemId, KeyTable, Neighbor, Parallelism, Run, Scorer, SearchRequest,
};
use ndarray::Array2;

use crate::seen::Denying;
use crate::{Options, RecommendError, Recommendation, Retriever, ScoringRetriever, VectorRetriever};

/// From what a user did to what they might like next: a [`Retriever`], which is an [`Embedder`] for the user side with
/// an [`AnnIndex`] over the items or a [`Scorer`], the items' keys, and a filter for what the user has already.
///
/// The parts are the caller's, and are compared where they meet: dimension, space, metric, keys. It only reads, and can be
/// shared between threads. Answers are deterministic if the parts are. Over an index that changes
/// ([`ann::Live`]), each answer is of one generation of the index, under the right keys.
///
/// ```
/// use embed_core::{EmbedError, Embedder, Embeddings, ItemId, Metric, Run, Space, Vocab};
/// use nearfield::Recommender;
/// use nearfield::ann::Flat;
/// use ndarray::array;
///
/// /// A user is the last thing they took.
/// struct Last(Embeddings);
///
/// impl Embedder<[ItemId]> for Last {
///     fn dim(&self) -> usize {
///         self.0.dim()
///     }
///     fn space(&self) -> Space {
///         self.0.space()
///     }
///     fn metric(&self) -> Option<Metric> {
///         Some(Metric::Cosine)
///     }
///     fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
///         let last = history.last().ok_or(EmbedError::Empty { what: "history" })?;
///         out.copy_from_slice(self.0.row(*last).unwrap_or_default());
///         Ok(())
///     }
/// }
///
/// let keys = Vocab::from_keys(["tent", "stove", "novel"])?;
/// let items = Embeddings::new(keys, array![[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])?;
/// let index = Flat::build(&items, Metric::Cosine, &mut Run::default())?;
/// let recommender = Recommender::new(Last(items), index)?;
/// assert_eq!(recommender.recommend_keys(&["tent"], 1)?[0].key, "stove");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recommender<R> {
    retriever: R,
}

impl<E, I: AnnIndex> Recommender<VectorRetriever<E, I>> {
    /// Puts an embedder and an index together that are meant for each other; the keys are those of the index.
    ///
    /// # Errors
    /// As [`VectorRetriever::new`].
    pub fn new<In: ?Sized>(embedder: E, index: I) -> Result<Self, RecommendError>
    where
        E: Embedder<In>,
    {
        Ok(Self::over(VectorRetriever::new(embedder, index)?))
    }

    /// The same for an index without keys, whose ids `keys` names.
    ///
    /// # Errors
    /// As [`VectorRetriever::with_keys`].
    pub fn with_keys<In: ?Sized>(
        embedder: E,
        index: I,
        keys: impl Into<KeyTable>,
    ) -> Result<Self, RecommendError>
    where
        E: Embedder<In>,
    {
        Ok(Self::over(VectorRetriever::with_keys(embedder, index, keys)?))
    }

    /// The user side.
    pub fn embedder(&self) -> &E {
        &self.retriever.embedder
    }

    /// The item side.
    pub fn index(&self) -> &I {
        &self.retriever.index
    }

    /// The `k` items that lie nearest to an item in the index, which is not among them. Fewer when there are not so many.
    ///
    /// The index's own vectors and metric decide; under an inner product longer vectors come first.
    ///
    /// # Errors
    /// [`RecommendError::UnknownKey`], [`RecommendError::Search`].
    pub fn similar(&self, key: &str, k: usize) -> Result<Vec<Recommendation>, RecommendError> {
        let item = id(&self.retriever.item_keys()?, key)?;
        let request = SearchRequest::k(k).filter(Filter::Deny(std::slice::from_ref(&item)));
        let found = self.index().search_by_id(item, &request)?;
        named(&self.retriever.item_keys()?, found)
    }
}

impl<S> Recommender<ScoringRetriever<S>> {
    /// Recommends what a scorer scores best; the keys are those of the scorer.
    ///
    /// # Errors
    /// As [`ScoringRetriever::new`].
    pub fn scoring<In: ?Sized>(scorer: S) -> Result<Self, RecommendError>
    where
        S: Scorer<In>,
    {
        Ok(Self::over(ScoringRetriever::new(scorer)?))
    }

    /// The same for a scorer without keys.
    ///
    /// # Errors
    /// As [`ScoringRetriever::with_keys`].
    pub fn scoring_with_keys<In: ?Sized>(scorer: S, keys: impl Into<KeyTable>) -> Result<Self, RecommendError>
    where
        S: Scorer<In>,
    {
        Ok(Self::over(ScoringRetriever::with_keys(scorer, keys)?))
    }

    /// The scorer.
    pub fn scorer(&self) -> &S {
        &self.retriever.scorer
    }
}

impl<R> Recommender<R> {
    /// Recommends what any retriever finds, such as a `Box<dyn Retriever<[ItemId]>>`.
    pub fn over(retriever: R) -> Self {
        Self { retriever }
    }

    /// Finder of the items.
    pub fn retriever(&self) -> &R {
        &self.retriever
    }

    /// The `k` best items for any input the retriever takes, `seen` among them only where `options` say so.
    /// Fewer when there are not so many.
    ///
    /// # Errors
    /// [`RecommendError::Embed`], [`RecommendError::Search`], [`RecommendError::Score`] as the parts fail.
    pub fn recommend_for<In: ?Sized>(
        &self,
        input: &In,
        seen: &[ItemId],
        k: usize,
        options: &Options<'_>,
    ) -> Result<Vec<Recommendation>, RecommendError>
    where
        R: Retriever<In>,
    {
        let request = request(k, options)?;
        let allowed = Denying::new(options.filter, if options.keep_seen { &[] } else { seen });
        let found = self.retriever.retrieve(input, &request.filter(allowed.filter()))?;
        // After the search: ids never get another key, and what was added meanwhile is known now.
        named(&self.retriever.keys()?, found)
    }
}

impl<R: Retriever<[ItemId]>> Recommender<R> {
    /// The keys of the items by id, as they are now.
    ///
    /// # Errors
    /// [`RecommendError::Search`] when they cannot be read.
    pub fn keys(&self) -> Result<KeyTable, RecommendError> {
        self.retriever.keys()
    }

    /// The ids of some keys.
    ///
    /// # Errors
    /// [`RecommendError::UnknownKey`] names the first that no item has.
    pub fn ids<S: AsRef<str>>(&self, keys: &[S]) -> Result<Vec<ItemId>, RecommendError> {
        let table = self.retriever.keys()?;
        keys.iter().map(|key| id(&table, key.as_ref())).collect()
    }

    /// The `k` best items for a history, oldest item first, without those in it. Fewer when there are not so many.
    ///
    /// # Errors
    /// - [`RecommendError::EmptyHistory`].
    /// - [`RecommendError::UnknownItem`] names the first item that is not in the catalogue.
    /// - As [`Recommender::recommend_for`].
    pub fn recommend(&self, history: &[ItemId], k: usize) -> Result<Vec<Recommendation>, RecommendError> {
        self.recommend_with(history, k, &Options::default())
    }

    /// Like [`Recommender::recommend`], with options.
    ///
    /// # Errors
    /// As [`Recommender::recommend`].
    pub fn recommend_with(
        &self,
        history: &[ItemId],
        k: usize,
        options: &Options<'_>,
    ) -> Result<Vec<Recommendation>, RecommendError> {
        check(history, self.retriever.keys()?.len())?;
        self.recommend_for(history, history, k, options)
    }

    /// Like [`Recommender::recommend`], for a history of keys.
    ///
    /// # Errors
    /// As [`Recommender::recommend`], and [`RecommendError::UnknownKey`] with the first key that no item has.
    pub fn recommend_keys<S: AsRef<str>>(
        &self,
        history: &[S],
        k: usize,
    ) -> Result<Vec<Recommendation>, RecommendError> {
        self.recommend_keys_with(history, k, &Options::default())
    }

    /// Like [`Recommender::recommend_with`], for a history of keys.
    ///
    /// # Errors
    /// As [`Recommender::recommend_keys`].
    pub fn recommend_keys_with<S: AsRef<str>>(
        &self,
        history: &[S],
        k: usize,
        options: &Options<'_>,
    ) -> Result<Vec<Recommendation>, RecommendError> {
        self.recommend_with(&self.ids(history)?, k, options)
    }

    /// Like [`Recommender::recommend_with`], for many histories at once, in parallel.
    /// Memory: `4 · dim` bytes a history beside the answers.
    ///
    /// # Errors
    /// [`RecommendError::InBatch`] with the first history that has no answer; [`RecommendError::Embed`],
    /// [`RecommendError::Search`] and [`RecommendError::Score`] where the parts refuse the batch.
    pub fn recommend_batch(
        &self,
        histories: &[&[ItemId]],
        k: usize,
        options: &Options<'_>,
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Recommendation>>, RecommendError> {
        check_all(histories, self.retriever.keys()?.len())?;
        let request = request(k, options)?;
        let denying =
            |history: &&[ItemId]| Denying::new(options.filter, if options.keep_seen { &[] } else { history });
        let allowed: Vec<Denying<'_>> = histories.iter().map(denying).collect();
        let requests: Vec<SearchRequest<'_>> =
            allowed.iter().map(|allowed| request.filter(allowed.filter())).collect();
        let lists = self.retriever.retrieve_batch(histories, &requests, parallelism)?;
        let keys = self.retriever.keys()?;
        lists.into_iter().map(|list| named(&keys, list)).collect()
    }
}

impl<E: Embedder<[ItemId]>> Recommender<VectorRetriever<E, Index>> {
    /// Measures, on the users that some histories give, which effort of the index gives which recall, so that
    /// [`Options::effort`] may be [`Effort::Recall`](embed_core::Effort::Recall). Some hundreds of histories will do; see
    /// [`Index::tune`], also for what it costs. The efforts are saved with the index.
    ///
    /// Recall is that of the index without a filter: what is seen by a user is found and left out of it.
    ///
    /// # Errors
    /// [`RecommendError::InBatch`], [`RecommendError::Embed`]; [`RecommendError::Tune`] with the recall that is out of
    /// reach, and where the index keeps codes only: such an index is tuned before it comes here.
    pub fn tune(
        &mut self,
        histories: &[&[ItemId]],
        params: &TuneParams,
        run: &mut Run<'_>,
    ) -> Result<EffortPoint, RecommendError> {
        check_all(histories, self.keys()?.len())?;
        let mut users = Array2::zeros((histories.len(), self.embedder().dim()));
        self.embedder().embed_batch_into(histories, run.parallelism, users.view_mut())?;
        Ok(self.retriever.index.tune(&users, params, run)?)
    }
}

/// Request to the retriever, but for what was seen. Lists of the filter are checked before they are merged with it:
/// merging would put a list that is out of order in order.
fn request<'a>(k: usize, options: &Options<'a>) -> Result<SearchRequest<'a>, RecommendError> {
    let request = SearchRequest::k(k).effort(options.effort).filter(options.filter);
    request.check(&[], 0)?;
    Ok(request)
}

fn id(keys: &KeyTable, key: &str) -> Result<ItemId, RecommendError> {
    keys.get(key).ok_or_else(|| RecommendError::UnknownKey { key: key.to_owned() })
}

/// The answers under their keys: all of them, or an error.
fn named(keys: &KeyTable, found: Vec<Neighbor>) -> Result<Vec<Recommendation>, RecommendError> {
    let named = |n: Neighbor| match keys.key(n.id) {
        Some(key) => Ok(Recommendation { id: n.id, key: key.to_owned(), score: n.score }),
        None => Err(RecommendError::NoKey { item: n.id, keys: keys.len() }),
    };
    found.into_iter().map(named).collect()
}

fn check(history: &[ItemId], n_items: usize) -> Result<(), RecommendError> {
    if history.is_empty() {
        return Err(RecommendError::EmptyHistory);
    }
    match history.iter().find(|&&item| item as usize >= n_items) {
        Some(&item) => Err(RecommendError::UnknownItem { item, n_items }),
        None => Ok(()),
    }
}

fn check_all(histories: &[&[ItemId]], n_items: usize) -> Result<(), RecommendError> {
    for (position, history) in histories.iter().enumerate() {
        check(history, n_items)
            .map_err(|source| RecommendError::InBatch { position, source: Box::new(source) })?;
    }
    Ok(())
}
