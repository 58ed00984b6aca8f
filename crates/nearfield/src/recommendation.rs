use embed_core::{Effort, Filter, ItemId};
use serde::Serialize;

/// An item that is recommended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Recommendation {
    /// The item.
    pub id: ItemId,
    /// Its key.
    pub key: String,
    /// Larger is better: the index's score, or that of the scorer.
    pub score: f32,
}

/// How recommendations are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// How hard the index looks; [`Effort::Recall`] after [`Recommender::tune`](crate::Recommender::tune).
    pub effort: Effort,
    /// Whether what is in the history may be recommended again. Off by default.
    pub keep_seen: bool,
    /// Which items may be recommended, apart from that: what is out of stock, what is of one category.
    pub filter: Filter<'a>,
}
