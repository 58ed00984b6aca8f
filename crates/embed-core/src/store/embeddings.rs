use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::error::{Fault, StoreError};
use super::layout::Kind;
use super::reader::Reader;
use super::writer::Writer;
use crate::formats::MAX_DIM;
use crate::{Embeddings, RowMask, Space, Vocab};

/// Header of kind `embeddings`. The sections are `keys.text`, `keys.ends` and `vectors`; in version 2 also `trained`.
#[derive(Serialize, Deserialize)]
struct Header {
    n_items: u64,
    dim: u32,
    space: Space,
}

impl Embeddings {
    /// Writes keys, vectors, space and which rows were trained into one container of kind `embeddings`, in one step
    /// ([`AtomicFile`](super::AtomicFile)). Version 1 where all were, which older readers open.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::NotAFile`]; [`StoreError::Unwritable`] beyond [`MAX_DIM`]
    /// components. An old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let path = path.as_ref();
        let header = Header {
            n_items: self.len() as u64,
            dim: checked_dim(self.dim() as u64)
                .map_err(|fault| StoreError::Unwritable { path: path.to_owned(), fault })?,
            space: self.space(),
        };
        let version = 1 + u32::from(self.trained_rows().is_some());
        let mut writer = Writer::create(path, Kind::EMBEDDINGS.at_version(version), &header)?;
        writer.vocab("keys", self.vocab())?.section("vectors", self.as_slice())?;
        writer.trained("trained", self)?;
        writer.finish()
    }

    /// Reads what [`Embeddings::save`] wrote, into memory, and verifies all of it. O(n · dim).
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Malformed`] when the file is of another kind, does not match its
    /// checksums, or does not hold distinct keys with finite vectors of one dimension.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_container(&Reader::open_verified(path, Kind::EMBEDDINGS)?)
    }

    /// The embeddings of an open container of kind `embeddings`; does not [`Reader::verify`] it.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] as for [`Embeddings::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let malformed = |fault| reader.malformed(fault);
        let header: Header = reader.header()?;
        let dim = checked_dim(u64::from(header.dim)).map_err(malformed)? as usize;
        let vocab = reader.vocab("keys")?;
        if vocab.len() as u64 != header.n_items {
            let got = vocab.len() as u64;
            let section = "keys.ends".to_owned();
            return Err(malformed(Fault::SectionLength { section, expected: header.n_items, got }));
        }
        let items = reader.embeddings("vectors", vocab, dim, header.space)?;
        reader.trained("trained", items)
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Adds the set of trained rows as a section of bits, where there is a row that was not trained.
    ///
    /// # Errors
    /// As [`Writer::section`].
    pub fn trained(&mut self, section: &str, items: &Embeddings) -> Result<&mut Self, StoreError> {
        match items.trained_rows() {
            Some(trained) => self.section(section, trained.words()),
            None => Ok(self),
        }
    }
}

impl Reader {
    /// The same vectors with the set of trained rows that [`Writer::trained`] wrote; all of them where it wrote none.
    ///
    /// # Errors
    /// As [`Reader::section_of_len`].
    pub fn trained(&self, section: &str, items: Embeddings) -> Result<Embeddings, StoreError> {
        if !self.sections().any(|(name, ..)| name == section) {
            return Ok(items);
        }
        let n = items.len();
        let words = self.section_of_len::<u64>(section, n.div_ceil(64))?;
        items
            .with_trained(RowMask::from_words(words.into_vec(), n))
            .map_err(|reason| self.malformed(Fault::Embeddings { reason }))
    }

    /// A section of vectors `[keys, dim]` under these keys, as a copy in memory. O(keys · dim).
    ///
    /// # Errors
    /// As [`Reader::section_of_len`]; [`StoreError::Malformed`] with [`Fault::Embeddings`] when a component is not finite.
    pub fn embeddings(
        &self,
        section: &str,
        keys: impl Into<Arc<Vocab>>,
        dim: usize,
        space: Space,
    ) -> Result<Embeddings, StoreError> {
        let keys = keys.into();
        let values = self.section_of_len::<f32>(section, keys.len().saturating_mul(dim))?.into_vec();
        let got = values.len() as u64;
        let vectors = Array2::from_shape_vec((keys.len(), dim), values).map_err(|_| {
            let section = section.to_owned();
            self.malformed(Fault::SectionLength { section, expected: got, got })
        })?;
        Embeddings::in_space(keys, vectors, space)
            .map_err(|reason| self.malformed(Fault::Embeddings { reason }))
    }
}

/// The length of a row, which is at least 1 and at most what any reader takes.
fn checked_dim(got: u64) -> Result<u32, Fault> {
    let most = MAX_DIM as u64;
    match u32::try_from(got) {
        Ok(dim) if (1..=most).contains(&got) => Ok(dim),
        _ => Err(Fault::Field { field: "dim".to_owned(), expected: got.clamp(1, most), got }),
    }
}
