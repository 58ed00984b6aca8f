use std::error::Error;
use std::ops::Range;

use crate::{EmbedError, ItemId, KeyTable};

/// Scores every item of a catalogue for an input: a user by id (`u32`), or a history that is new (`[ItemId]`).
///
/// Scores are asked for in tiles, some inputs by some items, so that no matrix of all users and items exists.
/// A larger score ranks higher; -inf says that the item is never recommended for the input.
/// `embed_core::testkit` holds the conformance suite.
///
/// ```
/// use std::ops::Range;
/// use embed_core::{ItemId, ScoreError, Scorer};
///
/// /// What came right after the last item, by a table of counts `[n_items, n_items]`.
/// struct NextItem(Vec<Vec<f32>>);
///
/// impl Scorer<[ItemId]> for NextItem {
///     fn n_items(&self) -> usize {
///         self.0.len()
///     }
///     fn scores_into(&self, histories: &[&[ItemId]], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError> {
///         ScoreError::check(histories.len(), &items, self.n_items(), out.len())?;
///         for (history, row) in histories.iter().zip(out.chunks_exact_mut(items.len().max(1))) {
///             let last = *history.last().ok_or(ScoreError::Empty { what: "history" })?;
///             let next = self.0.get(last as usize);
///             row.copy_from_slice(&next.ok_or(ScoreError::UnknownItem { item: last, n_items: self.n_items() })?[items.clone()]);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Scorer<In: ?Sized>: Send + Sync {
    /// Number of items of the catalogue: every id is below it.
    fn n_items(&self) -> usize;

    /// Writes the scores of `inputs` for the ids `items` into `out` `[inputs.len(), items.len()]`, row-major.
    /// The same input and item have the same score in whatever tile they come.
    ///
    /// # Errors
    /// [`ScoreError`] when an input has no scores, or the tile does not lie in the catalogue or fit `out`.
    fn scores_into(&self, inputs: &[&In], items: Range<usize>, out: &mut [f32]) -> Result<(), ScoreError>;

    /// Number of items that are best scored at once. A scorer that can only do the whole catalogue says
    /// `self.n_items()`.
    fn items_at_once(&self) -> usize {
        2048
    }

    /// Keys of the items by id, where the scorer has them.
    fn keys(&self) -> Option<KeyTable> {
        None
    }
}

/// Reason why an input got no scores.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// A user that the scorer does not know.
    #[error("user {user} is not among the {n_users} users of the scorer")]
    UnknownUser {
        /// The user.
        user: u32,
        /// Number of users known.
        n_users: usize,
    },
    /// An item of an input that the scorer does not know.
    #[error("item {item} is not among the {n_items} items of the scorer")]
    UnknownItem {
        /// The item.
        item: ItemId,
        /// Number of items known.
        n_items: usize,
    },
    /// An input that says nothing.
    #[error("the {what} is empty")]
    Empty {
        /// Name of what is empty.
        what: &'static str,
    },
    /// A tile that does not lie in the catalogue.
    #[error("items {start}..{end} do not lie within the catalogue of {n_items}")]
    Items {
        /// First item of the tile.
        start: usize,
        /// End of the tile.
        end: usize,
        /// Number of items.
        n_items: usize,
    },
    /// A buffer of the wrong length.
    #[error("expected a buffer of {expected} scores, got {got}")]
    Buffer {
        /// Inputs times items.
        expected: usize,
        /// Length of the buffer.
        got: usize,
    },
    /// The input has no vector.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A scorer of another crate failed.
    #[error("the scorer failed")]
    Implementation {
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ScoreError {
    /// Checks a tile of `inputs` rows over `items` against a catalogue and a buffer. Every scorer calls this first.
    ///
    /// # Errors
    /// [`ScoreError::Items`], [`ScoreError::Buffer`].
    pub fn check(inputs: usize, items: &Range<usize>, n_items: usize, out: usize) -> Result<(), Self> {
        if items.start > items.end || items.end > n_items {
            return Err(Self::Items { start: items.start, end: items.end, n_items });
        }
        let expected = inputs.saturating_mul(items.len());
        if out == expected { Ok(()) } else { Err(Self::Buffer { expected, got: out }) }
    }
}
