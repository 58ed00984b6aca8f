use ann::TuneError;
use embed_core::{EmbedError, ItemId, KeyTable, Metric, ParallelismError, ScoreError, SearchError, Space};

/// Why parts do not make a [`crate::Recommender`], or why it has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecommendError {
    /// User vectors and item vectors of different length.
    #[error("the embedder gives {embedder} components, the index holds {index}")]
    Dimension {
        /// Components the embedder gives.
        embedder: usize,
        /// Components of the index's vectors.
        index: usize,
    },
    /// User vectors that are not meant to be scored against these item vectors.
    #[error(
        "the embedder's vectors are to be scored in space {:016x}, the index holds space {:016x}",
        .embedder.id(), .index.id()
    )]
    Space {
        /// The space the embedder's vectors are to be scored in.
        embedder: Space,
        /// The space of the index.
        index: Space,
    },
    /// An index that measures nearness in another way than the vectors are meant for.
    #[error("the vectors are scored by {expected}, the index by {got}")]
    Metric {
        /// The metric that was asked for.
        expected: Metric,
        /// The index's.
        got: Metric,
    },
    /// Another number of keys than ids in the index, or items of the scorer.
    #[error("{keys} keys for an index of {index} items")]
    Items {
        /// Number of keys.
        keys: usize,
        /// Ids of the index.
        index: usize,
    },
    /// Neither the index nor what is joined with it has keys.
    #[error(
        "neither side has keys for the items: build the index from vectors with keys, or give the keys (with_keys)"
    )]
    NoKeys,
    /// Two parts that number the items differently.
    #[error(
        "item {id} is {left:?} in the {what}, {right:?} on the other side: both must number the items alike"
    )]
    Keys {
        /// One side: embedder, scorer.
        what: &'static str,
        /// The first id of two names.
        id: ItemId,
        /// Its key there.
        left: String,
        /// Its key on the other side.
        right: String,
    },
    /// An answer that has no key.
    #[error("item {item} was found, but there are keys for {keys} items only: add rows to the index by key")]
    NoKey {
        /// The item.
        item: ItemId,
        /// Number of keys.
        keys: usize,
    },
    /// A score that has no place in an order.
    #[error("the score of item {item} is {score}: scores are finite, or -inf for never")]
    BadScore {
        /// The item.
        item: ItemId,
        /// NaN or +inf.
        score: f32,
    },
    /// The scorer gave no scores.
    #[error(transparent)]
    Score(ScoreError),
    /// A key that is not in the catalogue.
    #[error("no item has the key {key:?}")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// An item that is not in the catalogue.
    #[error("item {item} is not among the {n_items} items of the catalogue")]
    UnknownItem {
        /// The item.
        item: ItemId,
        /// Items of the catalogue.
        n_items: usize,
    },
    /// Nothing to recommend from.
    #[error("the history is empty: there is nothing to recommend from")]
    EmptyHistory,
    /// A history of a batch has no answer.
    #[error("history {position} of the batch")]
    InBatch {
        /// Which history, from 0.
        position: usize,
        /// Why.
        source: Box<RecommendError>,
    },
    /// The embedder gave no vector.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The index gave no answer.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The index was not tuned.
    #[error(transparent)]
    Tune(#[from] TuneError),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}

impl RecommendError {
    /// Refuses two numberings of the items that differ in what both have.
    pub(crate) fn check_keys(what: &'static str, left: &KeyTable, right: &KeyTable) -> Result<(), Self> {
        let Some(id) = left.first_difference(right) else { return Ok(()) };
        let key = |table: &KeyTable| table.key(id).unwrap_or_default().to_owned();
        Err(Self::Keys { what, id, left: key(left), right: key(right) })
    }
}
