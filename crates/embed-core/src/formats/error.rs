use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::{EmbeddingsError, VocabError};

/// Why a file of another format could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file could not be written, or is a damaged container.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be opened.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The file does not follow its format.
    #[error("{}: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: ParseError,
    },
    /// The name of the file does not say which format it has.
    #[error("{}: unknown format: expected a name in {expected}", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// The endings that are known.
        expected: &'static str,
    },
    /// A key that the format cannot hold.
    #[error("{}: key {key:?} (row {row}) {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Row of the key.
        row: usize,
        /// The key.
        key: String,
        /// Why it cannot be written.
        reason: &'static str,
    },
    /// The tables of one file have different keys.
    #[error("{}: tensor {tensor:?} has other keys than the first", path.display())]
    DifferentKeys {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor name that is taken, empty or not of letters, digits, '.', '-', '_'.
    #[error("{}: {name:?} is no free tensor name", path.display())]
    TensorName {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The format is only read.
    #[error("{}: files of this format are only read, not written", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with bytes that should be in a format, and where. Lines are counted from 1, rows and columns
/// from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes could not be read to their end.
    #[error("cannot read on: {reason}")]
    Read {
        /// The system's, or the decompressor's, reason.
        reason: io::Error,
    },
    /// The start of the file is not that of its format.
    #[error("the file starts with {got:?}, expected {expected}")]
    Header {
        /// What a file of the format starts with.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// A number in the header is beyond what is supported.
    #[error("{field} is {got}, at most {limit} is supported")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// The most that is read.
        limit: u64,
        /// What the file says.
        got: u64,
    },
    /// The file ends too early, or goes on after its end.
    #[error("{field} has {got} bytes, expected {expected}")]
    Length {
        /// Which part of the file.
        field: String,
        /// Bytes that the header or the format demand.
        expected: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// Another number of rows than the header says.
    #[error("the header says {expected} rows, the file has {}{got}", if *more { "more than " } else { "" })]
    RowCount {
        /// Rows according to the header.
        expected: u64,
        /// Rows found.
        got: u64,
        /// Whether there is more after these.
        more: bool,
    },
    /// A row of another length than the first or the header says.
    #[error("line {line} has {got} values, expected {expected}")]
    Dimension {
        /// The line, from 1; in binary formats the row, from 1.
        line: usize,
        /// Values that a row must have.
        expected: usize,
        /// Values that it has.
        got: usize,
    },
    /// Something else where a number should be.
    #[error("line {line}, value {column}: {got:?} is not a number")]
    Number {
        /// The line, from 1.
        line: usize,
        /// The column of the vector, from 0.
        column: usize,
        /// What is there.
        got: String,
    },
    /// Text that is not UTF-8.
    #[error("line {line} is not UTF-8 at byte {position}")]
    Utf8 {
        /// The line, from 1; in binary formats the row, from 1.
        line: usize,
        /// The first bad byte, counted within the line or key.
        position: usize,
    },
    /// A backslash that starts no known escape.
    #[error("line {line}: unknown escape {got:?}, expected \\\\, \\n or \\r")]
    Escape {
        /// The line, from 1.
        line: usize,
        /// What is there.
        got: String,
    },
    /// Values of a type that is not read.
    #[error("{field} holds {got}, expected {expected}")]
    ElementType {
        /// What holds them.
        field: String,
        /// The types that are read.
        expected: &'static str,
        /// The type found.
        got: String,
    },
    /// An array of another number of axes.
    #[error("{field} has {got} axes, expected {expected}")]
    Rank {
        /// The array.
        field: String,
        /// Axes needed.
        expected: usize,
        /// Axes found.
        got: usize,
    },
    /// An array whose shape no file can fill.
    #[error("{field} has impossible shape {got:?}")]
    Shape {
        /// The array.
        field: String,
        /// Its shape.
        got: Vec<usize>,
    },
    /// No tensor of this name, or several and no name given.
    #[error("no tensor {name:?}; the file has {}", available.join(", "))]
    Tensor {
        /// The name asked for.
        name: String,
        /// The names that are there, in order.
        available: Vec<String>,
    },
    /// Keys and rows do not belong together.
    #[error("{keys} keys for {rows} rows")]
    KeyCount {
        /// Number of keys.
        keys: usize,
        /// Number of rows.
        rows: usize,
    },
    /// The keys beside the tensors are missing or not those they were written with.
    #[error("keys.txt {got}: the tensors were written with keys of fingerprint {expected:016x}")]
    KeyFile {
        /// Fingerprint recorded with the tensors.
        expected: u64,
        /// What is there instead.
        got: &'static str,
    },
    /// The header of a safetensors file is not valid.
    #[error("not a valid safetensors file: {reason}")]
    Safetensors {
        /// The reader's reason.
        reason: ::safetensors::SafeTensorError,
    },
    /// Our entry in the metadata of a safetensors file is not one.
    #[error("metadata entry \"nearfield\" is malformed at {got:?}")]
    Metadata {
        /// The part that is not understood.
        got: String,
    },
    /// The header of an NPY file is not valid.
    #[error("not a valid NPY header: {reason}")]
    Npy {
        /// The reader's reason.
        reason: ndarray_npy::npy::header::ReadHeaderError,
    },
    /// The keys are no vocabulary.
    #[error(transparent)]
    Vocab(#[from] VocabError),
    /// The vectors are no embeddings.
    #[error(transparent)]
    Embeddings(#[from] EmbeddingsError),
}

impl ParseError {
    pub(super) fn at(self, path: &Path) -> FormatError {
        FormatError::Parse { path: path.to_owned(), reason: self }
    }
}

impl From<io::Error> for ParseError {
    fn from(reason: io::Error) -> Self {
        Self::Read { reason }
    }
}

/// The beginning of something that is not what it should be, short enough for a message.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const MOST: usize = 40;
    let mut text: String = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MOST)]).into_owned();
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push('…');
    }
    text
}
