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

/// Request for recommendations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Effort of the index; [`Effort::Recall`] after [`Recommender::tune`](crate::Recommender::tune).
    pub effort: Effort,
    /// Leave to recommend again what is in the history. Off by default.
    pub keep_seen: bool,
    /// Filter of the items that may be recommended, apart from that: what is out of stock, what is of one category.
    pub filter: Filter<'a>,
}
