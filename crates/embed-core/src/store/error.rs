use std::io;
use std::path::PathBuf;

use super::codec::CodecError;
use super::element::ElementType;
use crate::{EmbeddingsError, VocabError};

/// Why a file could not be written or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The path is a folder, a device or a pipe.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is not what it should be.
    #[error("{}: {fault}", path.display())]
    Malformed {
        /// The file, or `<memory>`.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// What was to be written has no place in a container.
    #[error("{}: cannot be written: {fault}", path.display())]
    Unwritable {
        /// The file, or `<memory>`.
        path: PathBuf,
        /// What is wrong with the value.
        fault: Fault,
    },
}

/// What is wrong with a container file, or with what was to become one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is shorter than the least container.
    #[error("{got} bytes are too few for a nearfield file, which has at least {expected}")]
    TooShort {
        /// The least length.
        expected: u64,
        /// The file's length.
        got: u64,
    },
    /// The file does not start as ours do.
    #[error("not a nearfield file: it starts with \"{}\", expected \"{}\"", got.escape_ascii(), expected.escape_ascii())]
    Magic {
        /// The first bytes of every container.
        expected: [u8; 8],
        /// The first bytes of the file.
        got: [u8; 8],
    },
    /// The container is of a version that this library does not know.
    #[error("container version {got}, expected {expected}")]
    ContainerVersion {
        /// The version known.
        expected: u32,
        /// The version of the file.
        got: u32,
    },
    /// The container holds something else.
    #[error("the file holds kind {got:?}, expected {expected:?}")]
    Kind {
        /// The kind asked for.
        expected: String,
        /// The kind found.
        got: String,
    },
    /// The kind is of a newer version than this library knows, or of version 0.
    #[error("kind {kind:?} has version {got}, expected 1 to {expected}")]
    KindVersion {
        /// The kind.
        kind: String,
        /// The newest version known.
        expected: u32,
        /// The version of the file.
        got: u32,
    },
    /// A name is empty, too long or not of printable ASCII characters.
    #[error("{field} {got:?} is not a name of 1 to {limit} characters a-z, 0-9, '.', '-', '_'")]
    Name {
        /// What is named.
        field: &'static str,
        /// Most characters.
        limit: usize,
        /// The name.
        got: String,
    },
    /// Two sections have one name.
    #[error("section {section:?} is there twice")]
    DuplicateSection {
        /// The name.
        section: String,
    },
    /// More sections than a container may have.
    #[error("{got} sections are above the limit of {limit}")]
    TooManySections {
        /// The most allowed.
        limit: usize,
        /// Sections claimed or given.
        got: usize,
    },
    /// The file is longer or shorter than it says.
    #[error("the file has {got} bytes, its start says {expected}")]
    FileLength {
        /// The length recorded.
        expected: u64,
        /// The length found.
        got: u64,
    },
    /// A field of the prelude or of the section table contradicts the file.
    #[error("{field} is {got}, expected {expected}")]
    Field {
        /// The field; for the table with the section's name.
        field: String,
        /// What it must be, or must at least or at most be.
        expected: u64,
        /// What it is.
        got: u64,
    },
    /// A part was changed after it was written.
    #[error("checksum of {field} is {got:016x}, expected {expected:016x}")]
    Checksum {
        /// The part.
        field: String,
        /// The checksum recorded.
        expected: u64,
        /// The checksum of what is there.
        got: u64,
    },
    /// A byte between parts is not zero.
    #[error("padding byte {position} is {got}, expected 0")]
    Padding {
        /// Its position in the file.
        position: u64,
        /// Its value.
        got: u8,
    },
    /// A section that the kind needs is not there.
    #[error("section {section:?} is missing")]
    MissingSection {
        /// The name.
        section: String,
    },
    /// A section holds other values.
    #[error("section {section:?} holds {got}, expected {expected}")]
    ElementType {
        /// The section.
        section: String,
        /// The type asked for.
        expected: ElementType,
        /// The type found.
        got: ElementType,
    },
    /// A section holds more or fewer values than it must.
    #[error("section {section:?} holds {got} values, expected {expected}")]
    SectionLength {
        /// The section.
        section: String,
        /// The number needed.
        expected: u64,
        /// The number found.
        got: u64,
    },
    /// A section that should be text is not UTF-8.
    #[error("section {section:?} is not UTF-8 at byte {position}")]
    Utf8 {
        /// The section.
        section: String,
        /// The first bad byte.
        position: usize,
    },
    /// The header cannot be read or written.
    #[error("{reason}")]
    Header {
        /// Why.
        reason: CodecError,
    },
    /// The keys are no vocabulary.
    #[error("{reason}")]
    Vocab {
        /// Why.
        reason: VocabError,
    },
    /// The vectors are no embeddings.
    #[error("{reason}")]
    Embeddings {
        /// Why.
        reason: EmbeddingsError,
    },
}
