use std::sync::Arc;

use crate::{ItemId, Vocab, VocabError};

/// Keys of the rows of an index by id: those that it was built with, and those added since.
///
/// The id of a key never changes, so a table that was taken earlier names every row that it knows as a later one does.
/// Clones share the keys that were built in, and cost O(1).
///
/// ```
/// use embed_core::{KeyTable, Vocab};
///
/// let mut keys = KeyTable::from(Vocab::from_keys(["tent", "stove"])?);
/// let before = keys.clone();
/// assert_eq!((keys.intern("rope")?, keys.intern("tent")?), (2, 0));
/// assert_eq!((keys.key(2), before.key(2)), (Some("rope"), None));
/// # Ok::<(), embed_core::VocabError>(())
/// ```
#[derive(Clone, Default)]
pub struct KeyTable {
    base: Arc<Vocab>,
    /// Keys of the ids from `base.len()` on, each in one layer and none in `base`. A clone shares all layers; whoever
    /// then adds a key begins a layer of its own. Invariant: each has at most half as many keys as the one before it;
    /// it is joined to that one else, so that a key is copied O(log keys added) times.
    added: Vec<Layer>,
}

#[derive(Clone)]
struct Layer {
    /// Id of its first key.
    start: ItemId,
    keys: Arc<Vocab>,
}

impl From<Arc<Vocab>> for KeyTable {
    fn from(base: Arc<Vocab>) -> Self {
        Self { base, added: Vec::new() }
    }
}

impl From<Vocab> for KeyTable {
    fn from(base: Vocab) -> Self {
        Arc::new(base).into()
    }
}

impl KeyTable {
    /// Number of keys; every id is below it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.base.len() + self.n_added()
    }

    /// Absence of keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys added since the table was made or merged.
    #[must_use]
    pub fn n_added(&self) -> usize {
        self.added.iter().map(|layer| layer.keys.len()).sum()
    }

    /// Id of `key`, if it is known. O(1), and O(log keys added) where clones share them.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<ItemId> {
        self.base.get(key).or_else(|| {
            let mut found =
                self.added.iter().filter_map(|layer| layer.start.checked_add(layer.keys.get(key)?));
            found.next()
        })
    }

    /// Key of `id`, if there is such a row. O(1), as [`KeyTable::get`].
    #[must_use]
    pub fn key(&self, id: ItemId) -> Option<&str> {
        self.base.key(id).or_else(|| {
            let after = self.added.partition_point(|layer| layer.start <= id);
            let layer = self.added.get(after.checked_sub(1)?)?;
            layer.keys.key(id - layer.start)
        })
    }

    /// All keys in the order of their ids.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.base.keys().chain(self.added.iter().flat_map(|layer| layer.keys.keys()))
    }

    /// Keys added since the table was made or merged, in the order of their ids.
    pub fn added(&self) -> impl Iterator<Item = &str> {
        self.added.iter().flat_map(|layer| layer.keys.keys())
    }

    /// Id of `key`, the next free one where it is new. Amortised O(1), and O(log keys added) where clones share them.
    ///
    /// # Errors
    /// [`VocabError::TooManyKeys`] beyond [`Vocab::MAX_LEN`].
    pub fn intern(&mut self, key: &str) -> Result<ItemId, VocabError> {
        if let Some(id) = self.get(key) {
            return Ok(id);
        }
        let limit = Vocab::MAX_LEN;
        let id = ItemId::try_from(self.len()).ok().filter(|&id| (id as usize) < limit);
        let id = id.ok_or(VocabError::TooManyKeys { limit })?;
        match self.added.last_mut().and_then(|layer| Arc::get_mut(&mut layer.keys)) {
            Some(keys) => keys.intern(key).map(|_| ())?,
            None => {
                self.added.push(Layer { start: id, keys: Arc::new(Vocab::from_keys([key])?) });
            }
        }
        self.join_layers()?;
        Ok(id)
    }

    fn join_layers(&mut self) -> Result<(), VocabError> {
        while let [.., before, last] = &mut self.added[..]
            && before.keys.len() < 2 * last.keys.len()
        {
            let keys = Arc::make_mut(&mut before.keys);
            last.keys.keys().try_for_each(|key| keys.intern(key).map(|_| ()))?;
            self.added.pop();
        }
        Ok(())
    }

    /// One vocabulary of all keys under their ids: that of the build itself where none was added, else a copy in
    /// O(bytes of text).
    ///
    /// # Errors
    /// [`VocabError::TooManyKeys`] beyond [`Vocab::MAX_LEN`].
    pub fn to_vocab(&self) -> Result<Arc<Vocab>, VocabError> {
        if self.added.is_empty() {
            return Ok(Arc::clone(&self.base));
        }
        let mut all = Vocab::clone(&self.base);
        self.added().try_for_each(|key| all.intern(key).map(|_| ()))?;
        Ok(Arc::new(all))
    }

    /// First id that both tables have under different keys; `None` where they agree. O(1) where they share their keys,
    /// else O(bytes of text).
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<ItemId> {
        let common = self.n_added() == 0 || other.n_added() == 0;
        if Arc::ptr_eq(&self.base, &other.base) && common {
            return None;
        }
        (0..).zip(self.keys().zip(other.keys())).find(|(_, (one, two))| one != two).map(|(id, _)| id)
    }
}

impl std::fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTable")
            .field("len", &self.len())
            .field("first", &self.keys().take(3).collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(keys: &[&str]) -> KeyTable {
        Vocab::from_keys(keys).unwrap().into()
    }

    #[test]
    fn added_keys_go_on_where_the_base_ends() {
        let mut keys = table(&["a", "b"]);
        let before = keys.clone();
        assert_eq!(["c", "a", "d", "c"].map(|key| keys.intern(key).unwrap()), [2, 0, 3, 2]);
        assert_eq!((keys.len(), before.len(), keys.n_added()), (4, 2, 2));
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(
            (keys.get("d"), keys.key(3), keys.key(4), keys.get("e")),
            (Some(3), Some("d"), None, None)
        );
        let merged = keys.to_vocab().unwrap();
        assert!(merged.keys().eq(keys.keys()));
        assert!(Arc::ptr_eq(&before.to_vocab().unwrap(), &before.base));
    }

    /// As an index that is searched meanwhile does: every generation keeps its table.
    #[test]
    fn tables_that_are_kept_name_what_they_named() {
        let mut keys = table(&["a", "b"]);
        let mut kept = Vec::new();
        for id in 2..300u32 {
            if id % 7 > 2 {
                kept.push(keys.clone());
            }
            assert_eq!(keys.intern(&format!("key {id}")), Ok(id));
            assert!(keys.added.len() <= 9, "{} layers of {} keys", keys.added.len(), keys.n_added());
        }
        for table in kept.iter().chain([&keys]) {
            assert_eq!(table.keys().count(), table.len());
            for (id, key) in (0..).zip(table.keys()) {
                assert_eq!((table.get(key), table.key(id)), (Some(id), Some(key)));
            }
            assert_eq!(table.key(u32::try_from(table.len()).unwrap()), None);
            assert!(table.to_vocab().unwrap().keys().eq(table.keys()));
        }
    }

    #[test]
    fn the_first_difference_is_within_what_both_have() {
        let mut longer = table(&["a", "b"]);
        longer.intern("c").unwrap();
        assert_eq!(longer.first_difference(&table(&["a", "b"])), None);
        assert_eq!(longer.first_difference(&table(&["a", "b", "x", "y"])), Some(2));
        assert_eq!(table(&["b"]).first_difference(&longer), Some(0));
        assert_eq!(KeyTable::default().first_difference(&longer), None);
    }
}
