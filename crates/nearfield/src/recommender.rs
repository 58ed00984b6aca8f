use std::sync::Arc;

use ann::{EffortPoint, Index, TuneParams};
use embed_core::{
    AnnIndex, Effort, Embedder, Filter, ItemId, Metric, Neighbor, Parallelism, Run, SearchRequest, Vocab,
};
use ndarray::Array2;

use crate::RecommendError;
use crate::seen::Denying;

/// From what a user did to what they might like next: an [`Embedder`] for the user side, an [`AnnIndex`] over
/// the items, the items' keys, and a filter for what the user has already.
///
/// The parts are the caller's; a `Recommender` adds 3 words of memory to them. It only reads, and can be shared between threads.
/// Answers are deterministic if the parts are.
///
/// ```
/// use embed_core::{EmbedError, Embedder, Embeddings, ItemId, Metric, Run, Vocab};
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
/// let recommender = Recommender::new(Last(items.clone()), index, items.vocab().clone())?;
/// assert_eq!(recommender.recommend_keys(&["tent"], 1)?[0].key, "stove");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recommender<E, I> {
    embedder: E,
    index: I,
    items: Arc<Vocab>,
}

/// An item that is recommended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation<'r> {
    /// The item.
    pub id: ItemId,
    /// Its key.
    pub key: &'r str,
    /// The index's score: larger is better.
    pub score: f32,
}

/// How recommendations are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// How hard the index looks; [`Effort::Recall`] after [`Recommender::tune`].
    pub effort: Effort,
    /// Whether what is in the history may be recommended again. Off by default.
    pub keep_seen: bool,
    /// Which items may be recommended, apart from that: what is out of stock, what is of one category.
    pub filter: Filter<'a>,
}

impl<E, I: AnnIndex> Recommender<E, I> {
    /// Puts the parts together; `items` names the rows of the index.
    ///
    /// # Errors
    /// - [`RecommendError::Dimension`] when user and item vectors differ in length.
    /// - [`RecommendError::Space`] when the embedder's vectors are meant for other item vectors than the index has.
    /// - [`RecommendError::Items`] when there are not as many keys as items in the index.
    pub fn new<In: ?Sized>(
        embedder: E,
        index: I,
        items: impl Into<Arc<Vocab>>,
    ) -> Result<Self, RecommendError>
    where
        E: Embedder<In>,
    {
        let items = items.into();
        if embedder.dim() != index.dim() {
            return Err(RecommendError::Dimension { embedder: embedder.dim(), index: index.dim() });
        }
        if !embedder.space().accepts(index.space()) {
            return Err(RecommendError::Space { embedder: embedder.space(), index: index.space() });
        }
        if items.len() != index.len() {
            return Err(RecommendError::Items { keys: items.len(), index: index.len() });
        }
        Ok(Self { embedder, index, items })
    }

    /// The same, if the index scores by `metric`: for vectors that were trained for one.
    ///
    /// # Errors
    /// [`RecommendError::Metric`] when the index scores by another.
    pub fn scored_by(self, metric: Metric) -> Result<Self, RecommendError> {
        let got = self.index.metric();
        if got == metric { Ok(self) } else { Err(RecommendError::Metric { expected: metric, got }) }
    }

    /// The user side.
    pub fn embedder(&self) -> &E {
        &self.embedder
    }

    /// The item side.
    pub fn index(&self) -> &I {
        &self.index
    }

    /// The keys of the items.
    pub fn items(&self) -> &Arc<Vocab> {
        &self.items
    }

    /// The `k` items that lie nearest to an item in the index, which is not among them. Fewer when there are not so many.
    ///
    /// The index's own vectors and metric decide; under an inner product longer vectors come first.
    ///
    /// # Errors
    /// [`RecommendError::UnknownKey`], [`RecommendError::Search`].
    pub fn similar(&self, key: &str, k: usize) -> Result<Vec<Recommendation<'_>>, RecommendError> {
        let item = self.id(key)?;
        let request = SearchRequest::k(k).filter(Filter::Deny(std::slice::from_ref(&item)));
        Ok(self.named(&self.index.search_by_id(item, &request)?))
    }

    /// The ids of some keys.
    ///
    /// # Errors
    /// [`RecommendError::UnknownKey`] names the first that no item has.
    pub fn ids<S: AsRef<str>>(&self, keys: &[S]) -> Result<Vec<ItemId>, RecommendError> {
        keys.iter().map(|key| self.id(key.as_ref())).collect()
    }

    /// The `k` best items for any input the embedder takes, `seen` among them only where `options` say so.
    /// Fewer when there are not so many.
    ///
    /// # Errors
    /// [`RecommendError::Embed`], [`RecommendError::Search`].
    pub fn recommend_for<In: ?Sized>(
        &self,
        input: &In,
        seen: &[ItemId],
        k: usize,
        options: &Options<'_>,
    ) -> Result<Vec<Recommendation<'_>>, RecommendError>
    where
        E: Embedder<In>,
    {
        let user = self.embedder.embed(input)?;
        let request = SearchRequest::k(k).effort(options.effort).filter(options.filter);
        // Before lists are merged: merging would put a list that is out of order in order.
        request.check(&user, self.index.dim())?;
        let allowed = Denying::new(options.filter, if options.keep_seen { &[] } else { seen });
        Ok(self.named(&self.index.search(&user, &request.filter(allowed.filter()))?))
    }

    fn id(&self, key: &str) -> Result<ItemId, RecommendError> {
        self.items.get(key).ok_or_else(|| RecommendError::UnknownKey { key: key.to_owned() })
    }

    fn named(&self, neighbors: &[Neighbor]) -> Vec<Recommendation<'_>> {
        let named = |n: &Neighbor| {
            let key = self.items.key(n.id)?;
            Some(Recommendation { id: n.id, key, score: n.score })
        };
        neighbors.iter().filter_map(named).collect()
    }
}

impl<E: Embedder<[ItemId]>, I: AnnIndex> Recommender<E, I> {
    /// The `k` best items for a history, oldest item first, without those in it. Fewer when there are not so many.
    ///
    /// # Errors
    /// - [`RecommendError::EmptyHistory`].
    /// - [`RecommendError::UnknownItem`] names the first item that is not in the catalogue.
    /// - [`RecommendError::Embed`], [`RecommendError::Search`].
    pub fn recommend(&self, history: &[ItemId], k: usize) -> Result<Vec<Recommendation<'_>>, RecommendError> {
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
    ) -> Result<Vec<Recommendation<'_>>, RecommendError> {
        self.check(history)?;
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
    ) -> Result<Vec<Recommendation<'_>>, RecommendError> {
        self.recommend(&self.ids(history)?, k)
    }

    /// Like [`Recommender::recommend_with`], for many histories at once, in parallel.
    /// Memory: `4 · dim` bytes a history beside the answers.
    ///
    /// # Errors
    /// [`RecommendError::InBatch`] with the first history that has no answer; [`RecommendError::Embed`] and
    /// [`RecommendError::Search`] where embedder or index refuse the batch.
    pub fn recommend_batch(
        &self,
        histories: &[&[ItemId]],
        k: usize,
        options: &Options<'_>,
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Recommendation<'_>>>, RecommendError> {
        let users = self.users(histories, parallelism)?;
        let request = SearchRequest::k(k).effort(options.effort).filter(options.filter);
        if let Some(first) = users.rows().into_iter().next() {
            request.check(first.as_slice().unwrap_or_default(), self.index.dim())?;
        }
        let denying =
            |history: &&[ItemId]| Denying::new(options.filter, if options.keep_seen { &[] } else { history });
        let allowed: Vec<Denying<'_>> = histories.iter().map(denying).collect();
        let requests: Vec<SearchRequest<'_>> =
            allowed.iter().map(|allowed| request.filter(allowed.filter())).collect();
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let lists = self.index.search_batch(users.view(), &requests, parallelism)?;
        Ok(lists.iter().map(|list| self.named(list)).collect())
    }

    /// The vectors of users `[histories, dim]`.
    fn users(
        &self,
        histories: &[&[ItemId]],
        parallelism: Parallelism,
    ) -> Result<Array2<f32>, RecommendError> {
        for (position, history) in histories.iter().enumerate() {
            self.check(history)
                .map_err(|source| RecommendError::InBatch { position, source: Box::new(source) })?;
        }
        let mut users = Array2::zeros((histories.len(), self.embedder.dim()));
        self.embedder.embed_batch_into(histories, parallelism, users.view_mut())?;
        Ok(users)
    }

    fn check(&self, history: &[ItemId]) -> Result<(), RecommendError> {
        if history.is_empty() {
            return Err(RecommendError::EmptyHistory);
        }
        let n_items = self.items.len();
        match history.iter().find(|&&item| item as usize >= n_items) {
            Some(&item) => Err(RecommendError::UnknownItem { item, n_items }),
            None => Ok(()),
        }
    }
}

impl<E: Embedder<[ItemId]>> Recommender<E, Index> {
    /// Measures, on the users that some histories give, which effort of the index gives which recall, so that
    /// [`Options::effort`] may be [`Effort::Recall`]. Some hundreds of histories will do; see [`Index::tune`], also for
    /// what it costs. The efforts are saved with the index.
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
        let users = self.users(histories, run.parallelism)?;
        Ok(self.index.tune(&users, params, run)?)
    }
}
