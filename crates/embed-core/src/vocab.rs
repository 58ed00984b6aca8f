use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ItemId;
use crate::kernel::prefetch_element;

/// Keys whose memory is asked for at a time.
const FETCHED: usize = 32;

/// Two-way table between external keys and dense ids: the first key gets id 0, the next new one 1, and so on.
///
/// Memory: the keys' bytes, 8 bytes an item for offsets and about 5–10 bytes an item for the hash table.
#[derive(Clone, Default)]
pub struct Vocab {
    text: String,
    /// Invariant: `ends[i]` is the end of key `i` in `text`; non-decreasing, on character borders.
    ends: Vec<u64>,
    table: HashTable<ItemId>,
    hasher: DefaultHashBuilder,
}

/// Why a vocabulary could not be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum VocabError {
    /// The same key was given twice where keys must be distinct.
    #[error("duplicate key {key:?}: first as item {first}, again as item {second}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Its first position.
        first: usize,
        /// Its second position.
        second: usize,
    },
    /// More keys than ids (`u32::MAX` of them).
    #[error("more than {limit} keys")]
    TooManyKeys {
        /// The most a vocabulary holds.
        limit: usize,
    },
    /// Stored offsets do not describe the stored text.
    #[error(
        "key {index} ends at byte {end}, which is not a character border within {len} bytes of text in order"
    )]
    BadOffset {
        /// The key's position.
        index: usize,
        /// Where it is said to end.
        end: u64,
        /// Bytes of text.
        len: usize,
    },
}

impl Vocab {
    /// Most keys a vocabulary holds; `u32::MAX` itself stays free as "no item".
    pub const MAX_LEN: usize = u32::MAX as usize;

    /// An empty vocabulary.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A vocabulary of distinct keys, in the given order.
    ///
    /// # Errors
    /// - [`VocabError::DuplicateKey`] names a key that comes twice.
    /// - [`VocabError::TooManyKeys`] beyond [`Vocab::MAX_LEN`].
    pub fn from_keys<S: AsRef<str>>(keys: impl IntoIterator<Item = S>) -> Result<Self, VocabError> {
        let mut vocab = Self::new();
        for (position, key) in keys.into_iter().enumerate() {
            let key = key.as_ref();
            let id = vocab.intern(key)?;
            if (id as usize) < position {
                return Err(VocabError::DuplicateKey {
                    key: key.to_owned(),
                    first: id as usize,
                    second: position,
                });
            }
        }
        Ok(vocab)
    }

    /// A vocabulary from its stored form: all keys back to back, and where each one ends.
    ///
    /// # Errors
    /// - [`VocabError::BadOffset`] when the ends are out of order, out of bounds or inside a character.
    /// - [`VocabError::DuplicateKey`], [`VocabError::TooManyKeys`] as in [`Vocab::from_keys`].
    pub fn from_parts(text: &str, ends: &[u64]) -> Result<Self, VocabError> {
        let mut start = 0;
        let mut keys = Vec::with_capacity(ends.len());
        for (index, &end) in ends.iter().enumerate() {
            let bad = VocabError::BadOffset { index, end, len: text.len() };
            let Ok(stop) = usize::try_from(end) else { return Err(bad) };
            let Some(key) = text.get(start..stop) else { return Err(bad) };
            keys.push(key);
            start = stop;
        }
        if start != text.len() {
            return Err(VocabError::BadOffset { index: ends.len(), end: start as u64, len: text.len() });
        }
        Self::from_keys(keys)
    }

    /// The stored form read by [`Vocab::from_parts`].
    #[must_use]
    pub fn parts(&self) -> (&str, &[u64]) {
        (&self.text, &self.ends)
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The id of `key`, giving it the next free one when it is new.
    ///
    /// # Errors
    /// [`VocabError::TooManyKeys`] beyond [`Vocab::MAX_LEN`].
    pub fn intern(&mut self, key: &str) -> Result<ItemId, VocabError> {
        self.intern_hashed(key, self.hasher.hash_one(key))
    }

    /// The ids of many keys, appended to `ids` in their order: as [`Vocab::intern`] of one after the other, but faster
    /// where the vocabulary is larger than the processor's caches, since the memory of many keys is fetched at a time.
    ///
    /// # Errors
    /// [`VocabError::TooManyKeys`] beyond [`Vocab::MAX_LEN`]; `ids` then has those of the keys before.
    pub fn intern_all<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k str>,
        ids: &mut Vec<ItemId>,
    ) -> Result<(), VocabError> {
        let mut keys = keys.into_iter();
        let mut taken = Vec::with_capacity(FETCHED);
        loop {
            taken.clear();
            taken.extend(keys.by_ref().take(FETCHED).map(|key| (key, self.hasher.hash_one(key))));
            if taken.is_empty() {
                return Ok(());
            }
            self.fetch(&taken);
            for &(key, hash) in &taken {
                ids.push(self.intern_hashed(key, hash)?);
            }
        }
    }

    /// Asks for the memory that looking for these keys will touch: place in the table, then place of the end, then text.
    /// The first entry that may be a key's mostly is.
    fn fetch(&self, keys: &[(&str, u64)]) {
        let mut rows = [usize::MAX; FETCHED];
        for (row, (_, hash)) in rows.iter_mut().zip(keys) {
            if let Some(&id) = self.table.find(*hash, |_| true) {
                *row = id as usize;
                prefetch_element(&self.ends, *row);
            }
        }
        for row in rows.into_iter().filter(|&row| row < self.ends.len()) {
            prefetch_element(self.text.as_bytes(), start_of(&self.ends, row));
        }
    }

    fn intern_hashed(&mut self, key: &str, hash: u64) -> Result<ItemId, VocabError> {
        if let Some(&id) = self.table.find(hash, |&id| key_at(&self.text, &self.ends, id) == key) {
            return Ok(id);
        }
        let id = ItemId::try_from(self.ends.len())
            .ok()
            .filter(|&id| id != u32::MAX)
            .ok_or(VocabError::TooManyKeys { limit: Self::MAX_LEN })?;
        self.text.push_str(key);
        self.ends.push(self.text.len() as u64);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.table.insert_unique(hash, id, |&other| hasher.hash_one(key_at(text, ends, other)));
        Ok(id)
    }

    /// The id of `key`, if it is known.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<ItemId> {
        let hash = self.hasher.hash_one(key);
        self.table.find(hash, |&id| key_at(&self.text, &self.ends, id) == key).copied()
    }

    /// The key of `id`, if there is such an item.
    #[must_use]
    pub fn key(&self, id: ItemId) -> Option<&str> {
        ((id as usize) < self.ends.len()).then(|| key_at(&self.text, &self.ends, id))
    }

    /// All keys in id order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|row| key_in(&self.text, &self.ends, row))
    }
}

fn key_at<'t>(text: &'t str, ends: &[u64], id: ItemId) -> &'t str {
    key_in(text, ends, id as usize)
}

#[expect(clippy::cast_possible_truncation, reason = "ends lie within `text`, whose length is a usize")]
fn key_in<'t>(text: &'t str, ends: &[u64], row: usize) -> &'t str {
    &text[start_of(ends, row)..ends[row] as usize]
}

#[expect(clippy::cast_possible_truncation, reason = "ends lie within the text, whose length is a usize")]
fn start_of(ends: &[u64], row: usize) -> usize {
    if row == 0 { 0 } else { ends[row - 1] as usize }
}

impl PartialEq for Vocab {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ends == other.ends
    }
}

impl Eq for Vocab {}

impl std::fmt::Debug for Vocab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocab")
            .field("len", &self.len())
            .field("first", &self.keys().take(3).collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_repeated_key_is_named_with_both_positions() {
        let error = Vocab::from_keys(["a", "b", "a"]).unwrap_err();
        assert_eq!(error, VocabError::DuplicateKey { key: "a".into(), first: 0, second: 2 });
    }

    #[test]
    fn bad_offsets_are_refused() {
        for ends in [&[2u64, 1][..], &[9], &[1], &[u64::MAX]] {
            assert!(matches!(Vocab::from_parts("né", ends), Err(VocabError::BadOffset { .. })), "{ends:?}");
        }
        assert!(
            Vocab::from_parts("né", &[2, 3]).is_err(),
            "the text has 3 bytes and 2 is inside a character"
        );
        assert_eq!(Vocab::from_parts("né", &[1, 3]).unwrap().key(1), Some("é"));
    }

    proptest! {
        #[test]
        fn interning_agrees_with_a_linear_search(keys in proptest::collection::vec("[a-c]{0,3}", 0..60)) {
            let mut vocab = Vocab::new();
            let mut seen: Vec<String> = Vec::new();
            for key in &keys {
                let expected = seen.iter().position(|s| s == key).unwrap_or_else(|| { seen.push(key.clone()); seen.len() - 1 });
                prop_assert_eq!(vocab.intern(key).unwrap() as usize, expected);
            }
            let (mut all, mut ids) = (Vocab::new(), Vec::new());
            let (some, rest) = keys.split_at(keys.len() / 3);
            for part in [some, rest] {
                all.intern_all(part.iter().map(String::as_str), &mut ids).unwrap();
            }
            prop_assert_eq!(&all, &vocab);
            prop_assert_eq!(ids, keys.iter().map(|key| vocab.get(key).unwrap()).collect::<Vec<_>>());
            prop_assert_eq!(vocab.keys().collect::<Vec<_>>(), seen.iter().map(String::as_str).collect::<Vec<_>>());
            let (text, ends) = vocab.parts();
            prop_assert_eq!(&Vocab::from_parts(text, ends).unwrap(), &vocab);
        }
    }
}
