//! Files with what changed since the index was built: the container of the index, and sections beside it.

use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Reader, StoreError, Writer};
use embed_core::{AnnIndex, ItemId, KeyTable, Vocab, VocabError};
use serde::{Deserialize, Serialize};

use super::{Changed, Live};
use crate::Index;
use crate::file::{self, CHANGED};

/// The end of the header of version 3.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Header {
    /// Ids given so far.
    given: u64,
    /// Vectors beside the index.
    n_beside: u64,
    /// Rows of the index that are removed.
    n_removed: u64,
}

const IDS: &str = "changed.ids";
const ROWS: &str = "changed.vectors";
const REMOVED: &str = "changed.removed";
const KEYS: &str = "changed.keys";

impl Changed {
    /// Writes the index with its changes, keys and space into one file, in one step: a crash leaves the old file or
    /// the new one. Where nothing is pending, it is a plain index file, which [`Index::open`] opens too.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::NotAFile`]; an old file is then as it was. [`StoreError::Malformed`]
    /// when the keys of an opened index are damaged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        if !self.is_changed() {
            return self.base.save(path);
        }
        let header = (file::headers(&self.base)?, self.header());
        let mut writer = Writer::create(path, CHANGED, &header)?;
        self.write(&mut writer)?;
        writer.finish()
    }

    /// The bytes of the file that [`Changed::save`] writes.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when the keys of an opened index are damaged.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        if !self.is_changed() {
            return self.base.to_bytes();
        }
        let mut writer = Writer::in_memory(CHANGED, &(file::headers(&self.base)?, self.header()))?;
        self.write(&mut writer)?;
        writer.into_bytes()
    }

    /// Opens a file of [`Changed::save`], or a plain index file. The index is mapped as by [`Index::open`]; changes are
    /// read into memory and checked: O(changes · dim), and O(bytes of all keys) where keys were added.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_reader(&Reader::open(path, CHANGED)?)
    }

    /// [`Changed::open`], then [`Changed::verify`]. Reads the whole file.
    ///
    /// # Errors
    /// As both.
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let index = Self::open(path)?;
        index.verify()?;
        Ok(index)
    }

    /// An index with changes from the bytes of a file, which are copied.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] as for [`Changed::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::from_reader(&Reader::from_bytes(bytes, CHANGED)?)
    }

    /// Reads all of an opened file, as [`Index::verify`] does; changes were checked when it was opened.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] names the first thing that is wrong.
    pub fn verify(&self) -> Result<(), StoreError> {
        self.base.verify()
    }

    fn header(&self) -> Header {
        Header {
            given: self.given.into(),
            n_beside: self.pending.len() as u64,
            n_removed: self.states.removed().count() as u64,
        }
    }

    fn write<W: Write + Seek>(&self, writer: &mut Writer<W>) -> Result<(), StoreError> {
        file::write(&self.base, writer)?;
        let mut beside: Vec<(ItemId, &[f32])> = self.pending.iter().collect();
        beside.sort_unstable_by_key(|&(id, _)| id);
        let ids: Vec<ItemId> = beside.iter().map(|&(id, _)| id).collect();
        let rows: Vec<f32> = beside.iter().flat_map(|(_, row)| *row).copied().collect();
        let removed: Vec<ItemId> = self.states.removed().collect();
        writer.section(IDS, &ids)?.section(ROWS, &rows)?.section(REMOVED, &removed)?;
        // Where they were not read, none was added.
        if let Some(Some(keys)) = self.keys.get()
            && keys.len() > self.base.id_bound()
        {
            let added = Vocab::from_keys(keys.keys().skip(self.base.id_bound()));
            // They are distinct, as they were in the table.
            writer.vocab(KEYS, &added.unwrap_or_default())?;
        }
        Ok(())
    }

    fn from_reader(reader: &Reader) -> Result<Self, StoreError> {
        if reader.kind_version() < CHANGED.version {
            return Ok(file::from_reader(reader)?.into());
        }
        let field = |field: &str, expected: u64, got: u64| {
            reader.malformed(Fault::Field { field: field.to_owned(), expected, got })
        };
        let (headers, header): (file::Headers, Header) = reader.header()?;
        let mut changed = Self::from(file::with_headers(reader, headers)?);
        let bound = changed.given;
        let given = u32::try_from(header.given).ok().filter(|&given| given >= bound);
        changed.given = given.ok_or_else(|| field("ids given", bound.into(), header.given))?;
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let (n, dim) = (size(header.n_beside), changed.dim());
        let ids = reader.section_of_len::<u32>(IDS, n)?;
        let rows = reader.section_of_len::<f32>(ROWS, n.saturating_mul(dim))?;
        let removed = reader.section_of_len::<u32>(REMOVED, size(header.n_removed))?;
        for list in [&ids, &removed] {
            if let Some(pair) = list.windows(2).find(|pair| pair[0] >= pair[1]) {
                return Err(field("changed id after another", u64::from(pair[0]) + 1, pair[1].into()));
            }
            if let Some(&id) = list.last().filter(|&&id| id >= changed.given) {
                return Err(field("changed id", changed.given.into(), id.into()));
            }
        }
        if let Some(at) = rows.iter().position(|x| !x.is_finite()) {
            return Err(field("finite value of section changed.vectors", 0, at as u64));
        }
        for (&id, row) in ids.iter().zip(rows.chunks_exact(dim)) {
            changed.set(id, row);
        }
        for &id in removed.iter() {
            if changed.beside(id).is_some() || !changed.take(id) {
                return Err(field("removed id that is a row of the index", 0, id.into()));
            }
        }
        if changed.given > bound
            && let Some(keys) = Index::keys(&changed.base)?
        {
            let added = reader.vocab(KEYS)?;
            let (expected, got) = (u64::from(changed.given - bound), added.len() as u64);
            if got != expected {
                let section = format!("{KEYS}.ends");
                return Err(reader.malformed(Fault::SectionLength { section, expected, got }));
            }
            let mut table = KeyTable::from(Arc::clone(keys));
            add_keys(&mut table, &added).map_err(|reason| reader.malformed(Fault::Vocab { reason }))?;
            changed.keys = Some(table).into();
        }
        Ok(changed)
    }
}

/// Adds keys that are all new.
fn add_keys(table: &mut KeyTable, added: &Vocab) -> Result<(), VocabError> {
    for key in added.keys() {
        let second = table.len();
        let first = table.intern(key)? as usize;
        if first != second {
            return Err(VocabError::DuplicateKey { key: key.to_owned(), first, second });
        }
    }
    Ok(())
}

impl Live {
    /// [`Changed::save`] of the present generation; changes and searches go on meanwhile.
    ///
    /// # Errors
    /// As there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        self.snapshot().save(path)
    }

    /// [`Changed::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Changed::open(path).map(Into::into)
    }

    /// [`Changed::open_verified`].
    ///
    /// # Errors
    /// As there.
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Changed::open_verified(path).map(Into::into)
    }
}
