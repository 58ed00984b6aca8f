use std::sync::Arc;

use embed_core::{ItemId, Vocab};

use crate::error::LogError;
use crate::log::{Interaction, Log};

/// Builds a [`Log`] interaction by interaction: a new key gets the next free id.
///
/// The first interaction says whether the log has times and weights; all others must be like it.
///
/// ```
/// use interactions::{Interaction, LogBuilder};
///
/// let mut builder = LogBuilder::new();
/// for (user, item) in [("ann", "tent"), ("bob", "tent"), ("ann", "stove")] {
///     builder.push(&Interaction { user, item, time: None, weight: None })?;
/// }
/// assert_eq!(builder.build().users(), [0, 1, 0]);
/// # Ok::<(), interactions::LogError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct LogBuilder {
    users: Vec<u32>,
    items: Vec<ItemId>,
    times: Option<Vec<i64>>,
    weights: Option<Vec<f32>>,
    user_keys: Vocab,
    item_keys: Vocab,
}

impl LogBuilder {
    /// A builder of an empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder whose known keys keep their ids.
    #[must_use]
    pub fn with_vocabularies(user_keys: Vocab, item_keys: Vocab) -> Self {
        Self { user_keys, item_keys, ..Self::default() }
    }

    /// Adds an interaction.
    ///
    /// # Errors
    /// Nothing is added on an error.
    /// - [`LogError::Mixed`] when it has a time or a weight and those before have none, or the other way round.
    /// - [`LogError::Weight`] when its weight is NaN or infinite.
    /// - [`LogError::Vocab`] when there are more users or items than ids.
    pub fn push(&mut self, interaction: &Interaction<'_>) -> Result<(), LogError> {
        let row = self.users.len();
        let &Interaction { user, item, time, weight } = interaction;
        for (column, has, had) in [
            ("time", time.is_some(), self.times.is_some()),
            ("weight", weight.is_some(), self.weights.is_some()),
        ] {
            if row > 0 && has != had {
                return Err(LogError::Mixed { column, row, has });
            }
        }
        if let Some(got) = weight.filter(|weight| !weight.is_finite()) {
            return Err(LogError::Weight { row, got });
        }
        let (user, item) = (self.add_user(user)?, self.add_item(item)?);
        self.users.push(user);
        self.items.push(item);
        if let Some(time) = time {
            self.times.get_or_insert_default().push(time);
        }
        if let Some(weight) = weight {
            self.weights.get_or_insert_default().push(weight);
        }
        Ok(())
    }

    /// Makes a user known, with or without interactions, and gives its id.
    ///
    /// # Errors
    /// [`LogError::Vocab`] when there are more users than ids.
    pub fn add_user(&mut self, key: &str) -> Result<u32, LogError> {
        // Rows of one user often follow each other: comparing with the last one is cheaper than a look-up.
        if let Some(&last) = self.users.last()
            && self.user_keys.key(last) == Some(key)
        {
            return Ok(last);
        }
        Ok(self.user_keys.intern(key)?)
    }

    /// Makes an item known, with or without interactions, and gives its id.
    ///
    /// # Errors
    /// [`LogError::Vocab`] when there are more items than ids.
    pub fn add_item(&mut self, key: &str) -> Result<ItemId, LogError> {
        Ok(self.item_keys.intern(key)?)
    }

    /// Keys of the users so far.
    #[must_use]
    pub fn user_keys(&self) -> &Vocab {
        &self.user_keys
    }

    /// Keys of the items so far.
    #[must_use]
    pub fn item_keys(&self) -> &Vocab {
        &self.item_keys
    }

    /// Number of interactions so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is no interaction yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The log.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "push keeps what Log::new checks")]
    pub fn build(self) -> Log {
        let Self { users, items, times, weights, user_keys, item_keys } = self;
        let log = Log::new(users, items, times, weights, Arc::new(user_keys), Arc::new(item_keys));
        #[expect(clippy::expect_used, reason = "push keeps what Log::new checks")]
        log.expect("columns of equal length, known ids, finite weights")
    }
}
