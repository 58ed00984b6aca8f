use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use embed_core::store::StoreError;
use embed_core::{AnnIndex, Run, Vocab};

use crate::id_map::Names;
use crate::implement::answers_as;
use crate::{BuildError, Flat, Hnsw, IndexSpec, Ivf, Quantized, RpForest, Vectors, file};

/// An index of any family: what [`IndexSpec::build`] gives, and what a file holds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Index {
    /// Exact search.
    Flat(Flat),
    /// A navigable small world graph.
    Hnsw(Hnsw),
    /// Lists about the centres of clusters.
    Ivf(Ivf),
    /// Codes without lists.
    Quantized(Quantized),
    /// A forest of random-projection trees.
    RpForest(RpForest),
}

impl From<RpForest> for Index {
    fn from(index: RpForest) -> Self {
        Self::RpForest(index)
    }
}

impl From<Flat> for Index {
    fn from(index: Flat) -> Self {
        Self::Flat(index)
    }
}

impl From<Hnsw> for Index {
    fn from(index: Hnsw) -> Self {
        Self::Hnsw(index)
    }
}

impl From<Ivf> for Index {
    fn from(index: Ivf) -> Self {
        Self::Ivf(index)
    }
}

impl From<Quantized> for Index {
    fn from(index: Quantized) -> Self {
        Self::Quantized(index)
    }
}

impl Deref for Index {
    type Target = dyn AnnIndex;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Flat(index) => index,
            Self::Hnsw(index) => index,
            Self::Ivf(index) => index,
            Self::Quantized(index) => index,
            Self::RpForest(index) => index,
        }
    }
}

impl Index {
    /// The family.
    #[must_use]
    pub fn spec(&self) -> IndexSpec {
        match self {
            Self::Flat(_) => IndexSpec::Flat,
            Self::Hnsw(index) if index.codes.is_some() => IndexSpec::HnswSq8 { m: index.m },
            Self::Hnsw(index) => IndexSpec::Hnsw { m: index.m },
            Self::Ivf(index) => IndexSpec::Ivf { nlist: index.params.nlist, coding: index.params.coding },
            Self::Quantized(index) => IndexSpec::Quantized { coding: index.coding() },
            Self::RpForest(index) => IndexSpec::RpForest { trees: index.trees },
        }
    }

    /// An index of the same family and parameters over other vectors.
    pub(crate) fn rebuilt(&self, vectors: Vectors<'_>, run: &mut Run<'_>) -> Result<Self, BuildError> {
        let metric = self.metric();
        Ok(match self {
            Self::Flat(_) => Flat::build(vectors, metric, run)?.into(),
            Self::Hnsw(index) => Hnsw::build(vectors, metric, &index.params(), run)?.into(),
            Self::Ivf(index) => Ivf::build(vectors, metric, &index.params(), run)?.into(),
            Self::Quantized(index) => Quantized::build(vectors, metric, index.coding(), run)?.into(),
            Self::RpForest(index) => RpForest::build(vectors, metric, &index.params(), run)?.into(),
        })
    }

    /// The keys of the rows, if the index was built with some. Those of an opened index are read from its file
    /// when they are first asked for, O(bytes of text); after that O(1).
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when the file's keys are damaged.
    pub fn keys(&self) -> Result<Option<&Arc<Vocab>>, StoreError> {
        self.names().keys.get()
    }

    /// Names of the rows.
    pub(crate) fn names(&self) -> &Names {
        match self {
            Self::Flat(index) => &index.names,
            Self::Hnsw(index) => &index.names,
            Self::Ivf(index) => &index.names,
            Self::Quantized(index) => &index.0.names,
            Self::RpForest(index) => &index.names,
        }
    }

    /// Writes the index, with its keys and space, into one file, in one step: a crash leaves the old file or
    /// the new one.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::NotAFile`]; an old file is then as it was. [`StoreError::Malformed`]
    /// when the keys of an opened index are damaged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        file::save(self, path.as_ref())
    }

    /// Maps an index file. O(1): only the header and the lengths are checked, so that a file that was damaged
    /// since it was written gives wrong answers, but neither a panic nor an endless search. See
    /// [`Index::open_verified`].
    ///
    /// The file must stay as it is while it is open; replacing it by a rename, as [`Index::save`] does, is fine.
    ///
    /// # Errors
    /// - [`StoreError::Io`], [`StoreError::NotAFile`] when it cannot be opened.
    /// - [`StoreError::Malformed`] when it is no index, is of a newer version, has pending changes
    ///   ([`Changed::open`](crate::Changed::open) opens those), or its parts do not fit together.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        file::open(path.as_ref())
    }

    /// [`Index::open`], then [`Index::verify`]. Reads the whole file.
    ///
    /// # Errors
    /// As both.
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let index = Self::open(path)?;
        index.verify()?;
        Ok(index)
    }

    /// An index from the bytes of a file, which are copied.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] as for [`Index::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        file::from_bytes(bytes)
    }

    /// The bytes of the file that [`Index::save`] writes.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when the keys of an opened index are damaged.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        file::to_bytes(self)
    }

    /// Reads all of an opened file: checksums, finite vectors, every link to an existing row, readable keys.
    /// What was just built is right by construction and not looked at. O(bytes).
    ///
    /// # Errors
    /// [`StoreError::Malformed`] names the first thing that is wrong.
    pub fn verify(&self) -> Result<(), StoreError> {
        file::verify(self)
    }
}

answers_as!(Index, Self::deref);
