use std::io;
use std::path::PathBuf;

use crate::GraphError;

/// Why a file of edges could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("{}: cannot read it", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The gzip stream is damaged or cut off.
    #[error("{}: the gzip stream is damaged or cut off after line {line}", file.display())]
    Gzip {
        /// The file.
        file: PathBuf,
        /// The last line that could be read.
        line: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// A line that is no edge.
    #[error("{}, line {line}: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// No line had an edge or a node.
    #[error("{}: no edge in {lines} lines", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
        /// Lines read.
        lines: u64,
    },
    /// The edges make no graph.
    #[error("{}: {source}", file.display())]
    Graph {
        /// The file.
        file: PathBuf,
        /// Why.
        source: GraphError,
    },
    /// Options that contradict each other.
    #[error("{problem}")]
    Options {
        /// The contradiction.
        problem: &'static str,
    },
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// Too few fields.
    #[error("{got} fields, expected at least {expected}: {found:?}")]
    FieldCount {
        /// The least number.
        expected: usize,
        /// The number found.
        got: usize,
        /// The start of the line.
        found: String,
    },
    /// An empty node name.
    #[error("the {what} is empty")]
    Empty {
        /// Which field.
        what: &'static str,
    },
    /// A weight that is no positive finite number.
    #[error("weight {found:?}, must be a finite number above 0")]
    Weight {
        /// The field.
        found: String,
    },
    /// A quoted field does not end, or goes on after its end.
    #[error("a quoted field does not end where it should: {found:?}")]
    Quote {
        /// The start of the line.
        found: String,
    },
    /// Bytes that are no UTF-8.
    #[error("not UTF-8 at byte {position}")]
    NotUtf8 {
        /// The first bad byte, from 0.
        position: usize,
    },
    /// The line is too long.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The edge is refused.
    #[error(transparent)]
    Edge(#[from] GraphError),
}
