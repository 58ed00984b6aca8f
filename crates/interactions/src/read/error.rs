use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use embed_core::FrameError;

use super::Format;
use super::row_error::{Field, Place, RowError, RowProblem};
use crate::error::LogError;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The gzip data is damaged, ends early, or is none.
    #[error("{}: after line {line}: the gzip data is damaged or ends early: {source}", file.display())]
    Gzip {
        /// The file.
        file: PathBuf,
        /// Lines read before.
        line: u64,
        /// What the decoder says.
        source: io::Error,
    },
    /// The file has no byte, or blank lines only.
    #[error("{}: the file is empty", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// The file has lines, but no interaction.
    #[error("{}: no interaction in the file ({bad_rows} malformed rows, {users_without_items} users without items)", file.display())]
    NoInteractions {
        /// The file.
        file: PathBuf,
        /// Rows that were skipped.
        bad_rows: u64,
        /// Users without items.
        users_without_items: u64,
    },
    /// The file's name does not say how it is laid out.
    #[error(
        "{}: the name does not tell the format (.csv, .tsv, .parquet, .txt for user-items); choose one of csv, \
         tsv, parquet, user-items, sessions",
        file.display()
    )]
    UnknownFormat {
        /// The file.
        file: PathBuf,
    },
    /// What is asked for cannot be had from a file of this format.
    #[error("{}: {wanted} cannot be read from the format {format}", file.display())]
    WrongFormat {
        /// The file.
        file: PathBuf,
        /// What is asked for.
        wanted: &'static str,
        /// The format of the file.
        format: Format,
    },
    /// A line, or a record with quoted line breaks, is longer than allowed.
    #[error("{}, line {line}: longer than {limit} bytes", file.display())]
    LineTooLong {
        /// The file.
        file: PathBuf,
        /// Where it starts.
        line: u64,
        /// The most bytes allowed.
        limit: usize,
    },
    /// A quoted field has no end.
    #[error("{}, line {line}: the quote that opens here is not closed before the file ends", file.display())]
    UnclosedQuote {
        /// The file.
        file: PathBuf,
        /// Where the record starts.
        line: u64,
    },
    /// There is no column for a field that is needed or was named.
    #[error(
        "{}: no column {wanted} for the {field}; the columns are {}{}",
        file.display(),
        Columns(present),
        names.hint()
    )]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The field.
        field: Field,
        /// The column looked for.
        wanted: String,
        /// The columns there are, by name or number.
        present: Vec<String>,
        /// Where the columns' names come from.
        names: ColumnNames,
    },
    /// Two columns have the name looked for.
    #[error("{}: columns {first} and {second} are both called {name:?}, so which one is the {field}?", file.display())]
    AmbiguousColumn {
        /// The file.
        file: PathBuf,
        /// The field.
        field: Field,
        /// The name.
        name: String,
        /// Number of the one, from 0.
        first: usize,
        /// Number of the other.
        second: usize,
    },
    /// A Parquet column of a type that cannot hold the field.
    #[error("{}: column {column:?} for the {field} has type {got}, expected {expected}", file.display())]
    ColumnType {
        /// The file.
        file: PathBuf,
        /// The field.
        field: Field,
        /// The column.
        column: String,
        /// Its type.
        got: String,
        /// Types that would do.
        expected: &'static str,
    },
    /// A malformed row, with [`BadRows::Refuse`](super::BadRows::Refuse).
    #[error(transparent)]
    Row(#[from] RowError),
    /// A feature that cannot be read.
    #[error("{}, {place}, column {column:?}: {problem}", file.display())]
    Feature {
        /// The file.
        file: PathBuf,
        /// Where in the file.
        place: Place,
        /// The column.
        column: String,
        /// What is wrong.
        problem: RowProblem,
    },
    /// A user or an item has two rows of features.
    #[error("{}, {place}: the key {key:?} comes a second time", file.display())]
    DuplicateKey {
        /// The file.
        file: PathBuf,
        /// The second place.
        place: Place,
        /// The key.
        key: String,
    },
    /// The columns of features do not go together.
    #[error("{}: {source}", file.display())]
    Frame {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: FrameError,
    },
    /// The interactions make no log: there are more users or items than ids.
    #[error("{}: {source}", file.display())]
    Log {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: LogError,
    },
    /// The options contradict themselves.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// This build has no Parquet reader: the feature `parquet` is off.
    #[error("{}: this build cannot read Parquet (feature \"parquet\" of the crate interactions)", file.display())]
    ParquetDisabled {
        /// The file.
        file: PathBuf,
    },
    /// The Parquet decoder failed.
    #[error("{}: after row {row}: {source}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// Rows read before.
        row: u64,
        /// What the decoder says.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Where the names of a file's columns come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnNames {
    /// The first row.
    Header,
    /// The schema of a Parquet file.
    Schema,
    /// Nowhere: columns go by number.
    Numbers,
}

impl ColumnNames {
    fn hint(self) -> &'static str {
        match self {
            Self::Header => "; if that is no header but data, read the file without a header",
            Self::Schema => "",
            Self::Numbers => " (without a header, columns go by number)",
        }
    }
}

/// Options that contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A delimiter that cannot part fields.
    #[error("the delimiter cannot be {:?}: it must be an ASCII character other than a quote or a line end", char::from(*got))]
    Delimiter {
        /// The byte given.
        got: u8,
    },
    /// A longest record of 0 bytes.
    #[error("max_record_bytes must be at least 1")]
    RecordBytes,
    /// The user or the item is said to be absent.
    #[error("the {field} column cannot be left out")]
    Needed {
        /// Which one.
        field: Field,
    },
    /// A column is called by name in a file without a header.
    #[error(
        "column {name:?} is called by name, but the file is said to have no header; columns go by number from 0"
    )]
    NameWithoutHeader {
        /// The name.
        name: String,
    },
    /// Columns or a delimiter are given for a format that has none.
    #[error("the format {format} has no {what} to choose")]
    Unused {
        /// The format.
        format: Format,
        /// What was given.
        what: &'static str,
    },
    /// A text that names no columns.
    #[error(
        "{got:?} does not name columns: write user=NAME,item=NAME,time=NAME,weight=NAME, each at most once"
    )]
    Columns {
        /// The part that was not understood.
        got: String,
    },
    /// A text that names no format.
    #[error("no format {got:?}: it is auto, csv, tsv, parquet, user-items or sessions")]
    Format {
        /// The text.
        got: String,
    },
}

/// Columns of a file for a message: the first ones, cut.
struct Columns<'a>(&'a [String]);

impl fmt::Display for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for (i, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{:?}", RowProblem::found(name.as_bytes()))?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
