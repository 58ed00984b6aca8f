//! What the readers share: opening files, collecting rows, decoding numbers.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use ndarray::Array2;

use super::error::{FormatError, ParseError, excerpt};
use crate::store::StoreError;
use crate::{Embeddings, Space, Vocab, VocabError};

/// Most components of a vector that is read from a file: no file may make a reader reserve a row that is
/// larger than any use.
pub const MAX_DIM: usize = 1 << 20;

/// Keys and vectors on their way from a file.
pub(super) struct Rows {
    vocab: Vocab,
    pub(super) values: Vec<f32>,
    dim: usize,
}

impl Rows {
    pub(super) fn new(dim: usize) -> Self {
        Self { vocab: Vocab::new(), values: Vec::new(), dim }
    }

    pub(super) fn push_key(&mut self, key: &str) -> Result<(), ParseError> {
        let row = self.vocab.len();
        let first = self.vocab.intern(key)? as usize;
        if first < row {
            let key = excerpt(key.as_bytes());
            return Err(VocabError::DuplicateKey { key, first, second: row }.into());
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Embeddings, ParseError> {
        let vectors = matrix("the vectors", (self.vocab.len(), self.dim), self.values)?;
        Ok(Embeddings::in_space(self.vocab, vectors, Space::ANY)?)
    }
}

/// A row length from a header, if it is one that can be.
pub(super) fn checked_dim(got: u64) -> Result<usize, ParseError> {
    let limit = MAX_DIM as u64;
    match usize::try_from(got) {
        Ok(dim) if dim <= MAX_DIM => Ok(dim),
        _ => Err(ParseError::TooLarge { field: "the length of a row", limit, got }),
    }
}

/// A matrix `[n, dim]` from values in row order.
pub(super) fn matrix<T>(field: &str, shape: (usize, usize), values: Vec<T>) -> Result<Array2<T>, ParseError> {
    Array2::from_shape_vec(shape, values)
        .map_err(|_| ParseError::Shape { field: field.to_owned(), got: vec![shape.0, shape.1] })
}

/// Vectors without keys, under their row numbers.
pub(super) fn numbered(vectors: Array2<f32>) -> Result<Embeddings, ParseError> {
    let vocab = Vocab::from_keys((0..vectors.nrows()).map(|row| row.to_string()))?;
    Ok(Embeddings::in_space(vocab, vectors, Space::ANY)?)
}

pub(super) fn f32s(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk))
}

/// Opens a regular file; its length.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, u64), FormatError> {
    let io = |source| FormatError::Io { path: path.to_owned(), action: "open", source };
    let meta = fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        return Err(StoreError::NotAFile { path: path.to_owned() }.into());
    }
    Ok((BufReader::with_capacity(1 << 18, File::open(path).map_err(io)?), meta.len()))
}

/// All bytes of a regular file.
pub(super) fn read_all(path: &Path) -> Result<Vec<u8>, FormatError> {
    open(path)?;
    fs::read(path).map_err(|source| FormatError::Io { path: path.to_owned(), action: "read", source })
}
