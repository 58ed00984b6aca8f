use std::sync::Arc;

use embed_core::{Csr, ItemId, Vocab};

use crate::error::LogError;
use crate::group::{Groups, counts};

/// Interactions in columns, in file order, with the keys of users and items.
///
/// A key may have no interaction: a vocabulary is shared by the parts of a split, so `n_users` and `n_items`
/// count train ∪ test.
///
/// Memory: 8 bytes an interaction, 8 more with times, 4 more with weights, and the two vocabularies once
/// however many logs share them.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Invariant: below `user_keys.len()`.
    users: Vec<u32>,
    /// Invariant: as long as `users`, below `item_keys.len()`.
    items: Vec<ItemId>,
    /// Invariant: as long as `users`.
    times: Option<Vec<i64>>,
    /// Invariant: as long as `users`, finite.
    weights: Option<Vec<f32>>,
    user_keys: Arc<Vocab>,
    item_keys: Arc<Vocab>,
}

/// One interaction with its keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction<'a> {
    /// Key of the user.
    pub user: &'a str,
    /// Key of the item.
    pub item: &'a str,
    /// Seconds since 1970-01-01 UTC, where the log has times.
    pub time: Option<i64>,
    /// Weight (rating, count, dwell time …), where the log has weights.
    pub weight: Option<f32>,
}

impl Log {
    /// A log from its columns; `times` in seconds.
    ///
    /// # Errors
    /// - [`LogError::Length`] when a column is not as long as `users`.
    /// - [`LogError::UnknownId`] when an id has no key.
    /// - [`LogError::Weight`] when a weight is NaN or infinite.
    pub fn new(
        users: Vec<u32>,
        items: Vec<ItemId>,
        times: Option<Vec<i64>>,
        weights: Option<Vec<f32>>,
        user_keys: Arc<Vocab>,
        item_keys: Arc<Vocab>,
    ) -> Result<Self, LogError> {
        let expected = users.len();
        let lengths = [
            ("item", items.len()),
            ("time", times.as_ref().map_or(expected, Vec::len)),
            ("weight", weights.as_ref().map_or(expected, Vec::len)),
        ];
        if let Some(&(column, got)) = lengths.iter().find(|(_, len)| *len != expected) {
            return Err(LogError::Length { column, expected, got });
        }
        for (column, ids, n) in [("user", &users, user_keys.len()), ("item", &items, item_keys.len())] {
            if let Some(row) = ids.iter().position(|&id| id as usize >= n) {
                return Err(LogError::UnknownId { column, row, id: ids[row], n });
            }
        }
        for (row, &got) in weights.iter().flatten().enumerate() {
            if !got.is_finite() {
                return Err(LogError::Weight { row, got });
            }
        }
        Ok(Self { users, items, times, weights, user_keys, item_keys })
    }

    /// Number of interactions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is no interaction.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Number of user keys, with or without interactions here.
    #[must_use]
    pub fn n_users(&self) -> usize {
        self.user_keys.len()
    }

    /// Number of item keys, with or without interactions here.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.item_keys.len()
    }

    /// User of each interaction, `[len]`.
    #[must_use]
    pub fn users(&self) -> &[u32] {
        &self.users
    }

    /// Item of each interaction, `[len]`.
    #[must_use]
    pub fn items(&self) -> &[ItemId] {
        &self.items
    }

    /// Time of each interaction in seconds, `[len]`, where there are times.
    #[must_use]
    pub fn times(&self) -> Option<&[i64]> {
        self.times.as_deref()
    }

    /// Weight of each interaction, `[len]`, where there are weights.
    #[must_use]
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// Keys of the users.
    #[must_use]
    pub fn user_keys(&self) -> &Arc<Vocab> {
        &self.user_keys
    }

    /// Keys of the items.
    #[must_use]
    pub fn item_keys(&self) -> &Arc<Vocab> {
        &self.item_keys
    }

    /// Number of interactions of each item, repeats counted, `[n_items]`.
    #[must_use]
    pub fn item_counts(&self) -> Vec<u64> {
        counts(self.n_items(), &self.items)
    }

    /// Number of interactions of each user, repeats counted, `[n_users]`.
    #[must_use]
    pub fn user_counts(&self) -> Vec<u64> {
        counts(self.n_users(), &self.users)
    }

    /// All interactions in file order, with their keys.
    pub fn iter(&self) -> impl Iterator<Item = Interaction<'_>> {
        (0..self.len()).map(|row| Interaction {
            user: self.user_keys.key(self.users[row]).unwrap_or_default(),
            item: self.item_keys.key(self.items[row]).unwrap_or_default(),
            time: self.times.as_ref().map(|times| times[row]),
            weight: self.weights.as_ref().map(|weights| weights[row]),
        })
    }

    /// The items of each user, `[n_users]` rows, repeats kept; in time order where there are times (equal
    /// times in file order), else in file order.
    ///
    /// O(n log n) in the longest history, 8 bytes an interaction while it works.
    #[must_use]
    pub fn histories(&self) -> Csr {
        let groups = self.rows_by_user();
        let items: Vec<ItemId> = groups.rows().iter().map(|&row| self.items[row]).collect();
        Csr::from_rows(groups.spans().map(|span| &items[span]))
    }

    /// The same interactions over larger vocabularies, whose first keys are those of this log: what brings
    /// a train log up to the vocabularies of a test log that was read after it.
    ///
    /// # Errors
    /// [`LogError::NotAnExtension`] when an id of this log would mean another key.
    pub fn with_vocabularies(self, user_keys: Arc<Vocab>, item_keys: Arc<Vocab>) -> Result<Self, LogError> {
        for (column, old, new) in
            [("user", &self.user_keys, &user_keys), ("item", &self.item_keys, &item_keys)]
        {
            let ((old_text, old_ends), (new_text, new_ends)) = (old.parts(), new.parts());
            if !(new_text.starts_with(old_text) && new_ends.starts_with(old_ends)) {
                return Err(LogError::NotAnExtension { column, expected: old.len() });
            }
        }
        Ok(self.over((user_keys, item_keys)))
    }

    /// Invariant: `keys` start with those of this log.
    pub(crate) fn over(self, (user_keys, item_keys): (Arc<Vocab>, Arc<Vocab>)) -> Self {
        Self { user_keys, item_keys, ..self }
    }

    /// The interactions whose user and item both have a key in the given vocabularies, with the ids of those,
    /// and how many there are without: what brings a given test log down to a train log that was filtered.
    #[must_use]
    pub fn restricted_to(&self, user_keys: &Arc<Vocab>, item_keys: &Arc<Vocab>) -> (Self, usize) {
        let translate = |from: &Vocab, to: &Vocab| from.keys().map(|key| to.get(key)).collect::<Vec<_>>();
        let user_ids = translate(&self.user_keys, user_keys);
        let item_ids = translate(&self.item_keys, item_keys);
        let log = self.reindexed(&user_ids, &item_ids, Arc::clone(user_keys), Arc::clone(item_keys));
        let dropped = self.len() - log.len();
        (log, dropped)
    }

    /// Interactions of each user in the order that histories have.
    pub(crate) fn rows_by_user(&self) -> Groups {
        let mut groups = Groups::new(self.n_users(), &self.users);
        if let Some(times) = &self.times {
            groups.sort_each_by_key(|row| times[row]);
        }
        groups
    }

    /// The interactions for which `keep` says so, over the same vocabularies.
    pub(crate) fn select(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.len()).filter(|&row| keep(row)).collect();
        Self {
            users: rows.iter().map(|&row| self.users[row]).collect(),
            items: rows.iter().map(|&row| self.items[row]).collect(),
            times: self.times.as_ref().map(|times| rows.iter().map(|&row| times[row]).collect()),
            weights: self.weights.as_ref().map(|weights| rows.iter().map(|&row| weights[row]).collect()),
            user_keys: Arc::clone(&self.user_keys),
            item_keys: Arc::clone(&self.item_keys),
        }
    }

    /// The interactions whose user and item both get a new id, with those ids. Each new id must have a key.
    pub(crate) fn reindexed(
        &self,
        user_ids: &[Option<u32>],
        item_ids: &[Option<ItemId>],
        user_keys: Arc<Vocab>,
        item_keys: Arc<Vocab>,
    ) -> Self {
        let new_ids =
            |row: usize| Some((user_ids[self.users[row] as usize]?, item_ids[self.items[row] as usize]?));
        let mut log = self.select(|row| new_ids(row).is_some());
        (log.users, log.items) = (0..self.len()).filter_map(new_ids).unzip();
        Self { user_keys, item_keys, ..log }
    }
}
