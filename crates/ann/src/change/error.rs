use embed_core::{Metric, SearchError, VocabError};

/// Reason why another index was not put in the place of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// Vectors of another number of components.
    #[error("the vectors have {got} components, those of the index in place {expected}")]
    Dimension {
        /// Components of the index in place.
        expected: usize,
        /// Components of the other.
        got: usize,
    },
    /// Another metric.
    #[error("the index searches by {got}, the one in place by {expected}")]
    Metric {
        /// The metric of the index in place.
        expected: Metric,
        /// That of the other.
        got: Metric,
    },
    /// Vectors of another space.
    #[error("the vectors live in space {got:016x}, those of the index in place in {expected:016x}")]
    Space {
        /// The space of the index in place.
        expected: u64,
        /// The space of the other.
        got: u64,
    },
    /// One has keys and the other has none.
    #[error("the index {}, the one in place {}", has_keys(*got), has_keys(*expected))]
    Keys {
        /// Presence of keys in the index in place.
        expected: bool,
        /// Presence of keys in the other.
        got: bool,
    },
    /// More keys than there are ids.
    #[error(transparent)]
    Vocab(#[from] VocabError),
    /// The keys of an opened index cannot be read.
    #[error(transparent)]
    Search(#[from] SearchError),
}

fn has_keys(keyed: bool) -> &'static str {
    if keyed { "has keys" } else { "has no keys" }
}
