//! The keys of an index.

use embed_core::{KeyTable, SearchError};

pub(crate) use embed_core::store::StoredKeys as Keys;

/// For `AnnIndex::keys`.
pub(crate) fn table(keys: &Keys) -> Result<Option<KeyTable>, SearchError> {
    match keys.get() {
        Ok(keys) => Ok(keys.map(|keys| KeyTable::from(std::sync::Arc::clone(keys)))),
        Err(e) => Err(SearchError::Implementation { source: Box::new(e) }),
    }
}
