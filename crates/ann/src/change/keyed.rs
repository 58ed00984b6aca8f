use embed_core::ItemId;

/// One answer of a search, with its key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KeyedNeighbor {
    /// The row.
    pub id: ItemId,
    /// Its key.
    pub key: String,
    /// Larger is nearer, as in [`Neighbor`](embed_core::Neighbor).
    pub score: f32,
}

/// Answers were to be named by key in an index whose rows have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the index has no keys: search it for ids, or build it from vectors with keys")]
pub struct NoKeys {
    /// The row; none where the whole index has no keys.
    pub id: Option<ItemId>,
}
