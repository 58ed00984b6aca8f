//! The keys of an index.

pub(crate) use embed_core::store::StoredKeys as Keys;
