use embed_core::{Embedder, Embeddings, ItemId};

/// The first stage, as a re-ranker meets it.
#[derive(Clone, Copy)]
pub struct Retrieval<'a> {
    /// Vectors of users, by what they did.
    pub users: &'a dyn Embedder<[ItemId]>,
    /// Vectors of items. The product with that of a user is retrieval's score.
    pub items: &'a Embeddings,
}

impl std::fmt::Debug for Retrieval<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retrieval").field("items", &self.items.len()).finish_non_exhaustive()
    }
}
