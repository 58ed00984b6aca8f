use std::fmt;
use std::path::PathBuf;

/// A malformed row: where it is, which field, what was found and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, {place}, {field}: {problem}", file.display())]
pub struct RowError {
    /// The file.
    pub file: PathBuf,
    /// Where in the file.
    pub place: Place,
    /// Which field.
    pub field: Field,
    /// What is wrong.
    pub problem: RowProblem,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The line of a text file on which the row starts, from 1.
    Line(u64),
    /// The row of a Parquet file, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// A part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The user.
    User,
    /// The item.
    Item,
    /// The time.
    Time,
    /// The weight.
    Weight,
    /// The items before the target of a next-item task.
    Prefix,
    /// The target of a next-item task.
    Target,
    /// A column that is not read, from 0.
    Column(usize),
    /// A feature, or the key of features.
    Feature,
    /// The row as a whole.
    Row,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Item => "item",
            Self::Time => "time",
            Self::Weight => "weight",
            Self::Prefix => "prefix",
            Self::Target => "target",
            Self::Column(number) => return write!(f, "column {number}"),
            Self::Feature => "feature",
            Self::Row => "row",
        })
    }
}

/// What is wrong with a row. Texts are cut after [`RowProblem::FOUND_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// Not UTF-8.
    #[error("found {found:?}, expected UTF-8 text")]
    NotUtf8 {
        /// The text, with U+FFFD for what is not UTF-8.
        found: String,
    },
    /// Nothing where a key, a time or a weight is needed.
    #[error("found nothing, expected {expected}")]
    Empty {
        /// What is needed.
        expected: &'static str,
    },
    /// A time that is no time.
    #[error("found {found:?}, expected {expected}")]
    Time {
        /// The text.
        found: String,
        /// What is needed.
        expected: &'static str,
    },
    /// A weight that is no finite number.
    #[error("found {found:?}, expected a finite number")]
    Weight {
        /// The text.
        found: String,
    },
    /// A feature that is no finite number.
    #[error("found {found:?}, expected a finite number")]
    Number {
        /// The text.
        found: String,
    },
    /// A vector of another width than those before.
    #[error("found a vector of {got} numbers, expected {expected} as in the first row")]
    Width {
        /// Numbers of the first row.
        expected: usize,
        /// Numbers of this row.
        got: usize,
    },
    /// Another number of fields than the first row.
    #[error("found {got} fields, expected {expected} as in the first row")]
    FieldCount {
        /// Fields of the first row.
        expected: usize,
        /// Fields of this row.
        got: usize,
    },
    /// Text between a closing quote and the next delimiter.
    #[error("found {found:?} after the closing quote, expected a delimiter or the end of the line")]
    AfterQuote {
        /// The text.
        found: String,
    },
    /// Not the tab-separated parts that a next-item task has.
    #[error("found {got} tab-separated parts, expected 2: the items before and the target")]
    TaskParts {
        /// Parts of this row.
        got: usize,
    },
    /// Several words where one item is expected.
    #[error("found {found:?}, expected one item")]
    NotOneItem {
        /// The text.
        found: String,
    },
    /// An item that a fixed vocabulary does not have.
    #[error("found {found:?}, expected an item of the vocabulary")]
    UnknownItem {
        /// The item.
        found: String,
    },
}

impl RowProblem {
    /// Most characters of a text that a problem repeats.
    pub const FOUND_CHARS: usize = 60;

    /// The start of a text, for a message.
    pub(crate) fn found(bytes: &[u8]) -> String {
        // Four bytes are the most that a character has.
        let start = &bytes[..bytes.len().min(4 * Self::FOUND_CHARS)];
        let mut text: String = String::from_utf8_lossy(start).chars().take(Self::FOUND_CHARS).collect();
        if text.len() < bytes.len() && text.chars().count() == Self::FOUND_CHARS {
            text.push('…');
        }
        text
    }
}
