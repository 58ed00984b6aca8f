use std::sync::{Arc, PoisonError, RwLock};

use crate::Recommender;

/// A recommender that is replaced as a whole while many threads ask it: a new model with its index and keys.
///
/// A thread asks a snapshot, so every answer is of one generation, model, index and keys; it waits for no training and no
/// build, only for the moment in which one pointer takes the place of another. The old generation is freed by whoever
/// lets go of it last.
///
/// ```
/// use embed_core::{Embeddings, Metric, Run, Vocab};
/// use nearfield::{ConcurrentRecommender, Recommender};
/// use nearfield::ann::Flat;
/// use nearfield::seqemb::{Pooled, Pooling};
/// use ndarray::array;
///
/// let recommender = |keys: [&str; 2]| -> Result<_, Box<dyn std::error::Error>> {
///     let items = Embeddings::new(Vocab::from_keys(keys)?, array![[1.0, 0.0], [0.9, 0.1]])?;
///     let index = Flat::build(&items, Metric::Cosine, &mut Run::default())?;
///     Ok(Recommender::new(Pooled::new(&items, items.space(), Pooling::default()), index)?)
/// };
/// let service = ConcurrentRecommender::new(recommender(["tent", "stove"])?);
/// let before = service.snapshot();
/// service.replace(recommender(["novel", "poems"])?);
/// assert_eq!(before.recommend_keys(&["tent"], 1)?[0].key, "stove");
/// assert_eq!(service.snapshot().recommend_keys(&["novel"], 1)?[0].key, "poems");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ConcurrentRecommender<R> {
    current: RwLock<Arc<Recommender<R>>>,
}

impl<R> ConcurrentRecommender<R> {
    /// Starts with a recommender.
    pub fn new(recommender: Recommender<R>) -> Self {
        Self { current: RwLock::new(Arc::new(recommender)) }
    }

    /// The present generation, which stays as it is. O(1).
    #[must_use]
    pub fn snapshot(&self) -> Arc<Recommender<R>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another recommender in place of the present one, which is given back. Whoever asks from now on asks the new
    /// one.
    pub fn replace(&self, recommender: Recommender<R>) -> Arc<Recommender<R>> {
        let next = Arc::new(recommender);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, next)
    }
}
