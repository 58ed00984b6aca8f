use embed_core::{EmbedError, Embedder, Embeddings, ItemId, Space, kernel};
use serde::{Deserialize, Serialize};

/// Which table a user's vector is scored against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Scoring {
    /// Output vectors, by inner product: what the training maximised, "which items come with these".
    #[default]
    InOut,
    /// Input vectors, usually by cosine: "which items are like these".
    InIn,
}

/// How a history becomes one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pooling {
    /// Each item's vector is brought to length 1 before the mean, so that no item outweighs the others.
    pub normalize: bool,
}

/// The user side of item vectors: a history becomes the mean of its items' input vectors. An item that comes
/// twice counts twice.
///
/// `4 · dim` bytes an item. O(history · dim).
///
/// ```
/// use embed_core::{Embedder, Embeddings, Vocab};
/// use ndarray::array;
/// use seqemb::{Pooled, Pooling};
///
/// let items = Embeddings::new(Vocab::from_keys(["tent", "stove"])?, array![[1.0, 3.0], [3.0, 1.0]])?;
/// let user = Pooled::new(&items, items.space(), Pooling::default());
/// assert_eq!(user.embed(&[0, 1][..])?, [2.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pooled {
    vectors: Embeddings,
    space: Space,
}

impl Pooled {
    /// Pools rows of `items`; the result is to be scored against vectors of `space`.
    #[must_use]
    pub fn new(items: &Embeddings, space: Space, pooling: Pooling) -> Self {
        let vectors = if pooling.normalize { items.normalized() } else { items.clone() };
        Self { vectors, space }
    }
}

impl Embedder<[ItemId]> for Pooled {
    fn dim(&self) -> usize {
        self.vectors.dim()
    }

    fn space(&self) -> Space {
        self.space
    }

    /// # Errors
    /// - [`EmbedError::Empty`] for an empty history.
    /// - [`EmbedError::UnknownItem`] names the first item that is not in the table.
    /// - [`EmbedError::Dimension`] when `out` has another length than `dim`.
    #[expect(clippy::cast_precision_loss, reason = "a history is shorter than 2²⁴")]
    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        if out.len() != self.dim() {
            return Err(EmbedError::Dimension { expected: self.dim(), got: out.len() });
        }
        if history.is_empty() {
            return Err(EmbedError::Empty { what: "history" });
        }
        out.fill(0.0);
        let share = 1.0 / history.len() as f32;
        for &item in history {
            let unknown = EmbedError::UnknownItem { item, n_items: self.vectors.len() };
            kernel::axpy(share, self.vectors.row(item).ok_or(unknown)?, out);
        }
        Ok(())
    }
}
