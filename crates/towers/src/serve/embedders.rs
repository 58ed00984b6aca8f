//! User sides of trained models, one for each kind of input.

/// The user side of a model for users: their id or features, and their history.
///
/// It shares the model, so it costs O(1) to make and to clone, and outlives whatever it was made from.
#[derive(Debug, Clone)]
pub struct UserEmbedder<M>(pub(super) M);

/// The user side of a model for histories alone, oldest item first: users of whom nothing else is known.
///
/// It shares the model, so it costs O(1) to make and to clone, and outlives whatever it was made from.
#[derive(Debug, Clone)]
pub struct HistoryEmbedder<M>(pub(super) M);

impl<M> UserEmbedder<M> {
    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.0
    }
}

impl<M> HistoryEmbedder<M> {
    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.0
    }
}

/// Description of an embedder of a model: dimension, space, metric and keys are the items'.
macro_rules! describe {
    () => {
        fn dim(&self) -> usize {
            self.0.items().dim()
        }

        fn space(&self) -> embed_core::Space {
            self.0.items().space()
        }

        fn metric(&self) -> Option<embed_core::Metric> {
            Some(self.0.metric())
        }

        fn keys(&self) -> Option<embed_core::KeyTable> {
            Some(embed_core::KeyTable::from(std::sync::Arc::clone(self.0.items().vocab())))
        }
    };
}
pub(super) use describe;
