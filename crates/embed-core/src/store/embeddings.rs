use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::error::{Fault, StoreError};
use super::layout::Kind;
use super::reader::Reader;
use super::writer::Writer;
use crate::{Embeddings, Space};

/// Header of kind `embeddings`, version 1. The sections are `keys.text`, `keys.ends` and `vectors`.
#[derive(Serialize, Deserialize)]
struct Header {
    n_items: u64,
    dim: u32,
    space: Space,
}

impl Embeddings {
    /// Writes keys, vectors and space into one container of kind `embeddings`, in one step
    /// ([`AtomicFile`](super::AtomicFile)).
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::NotAFile`]; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let path = path.as_ref();
        let dim = u32::try_from(self.dim()).map_err(|_| StoreError::Unwritable {
            path: path.to_owned(),
            fault: Fault::Field {
                field: "dim".to_owned(),
                expected: u64::from(u32::MAX),
                got: self.dim() as u64,
            },
        })?;
        let header = Header { n_items: self.len() as u64, dim, space: self.space() };
        let mut writer = Writer::create(path, Kind::EMBEDDINGS, &header)?;
        writer.vocab("keys", self.vocab())?.section("vectors", self.as_slice())?;
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
        let header: Header = reader.header()?;
        let vocab = reader.vocab("keys")?;
        let vectors = reader.section::<f32>("vectors")?;
        let shape = usize::try_from(header.n_items)
            .ok()
            .zip(usize::try_from(header.dim).ok())
            .filter(|&(n_items, dim)| n_items.checked_mul(dim) == Some(vectors.len()))
            .ok_or_else(|| {
                reader.malformed(Fault::SectionLength {
                    section: "vectors".to_owned(),
                    expected: header.n_items.saturating_mul(u64::from(header.dim)),
                    got: vectors.len() as u64,
                })
            })?;
        let length = |_| {
            reader.malformed(Fault::SectionLength {
                section: "vectors".to_owned(),
                expected: header.n_items.saturating_mul(u64::from(header.dim)),
                got: 0,
            })
        };
        let vectors = Array2::from_shape_vec(shape, vectors.into_vec()).map_err(length)?;
        Self::in_space(vocab, vectors, header.space)
            .map_err(|reason| reader.malformed(Fault::Embeddings { reason }))
    }
}
