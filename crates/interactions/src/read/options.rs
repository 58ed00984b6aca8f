use super::columns::Columns;
use super::error::OptionsError;
use super::format::Format;

/// How a file is laid out and what is done with malformed rows.
///
/// ```
/// use interactions::{BadRows, Format, ReadOptions};
///
/// let options = ReadOptions {
///     format: Format::Tsv,
///     header: false,
///     columns: "user=0,item=1,weight=2".parse()?,
///     bad_rows: BadRows::SkipAndCount,
///     ..ReadOptions::default()
/// };
/// # Ok::<(), interactions::OptionsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReadOptions {
    /// How a line is laid out; by default the file's name says it.
    pub format: Format,
    /// Whether the bytes are packed; by default the name and the first bytes say it.
    pub compression: Compression,
    /// Which column holds what (CSV, TSV, Parquet).
    pub columns: Columns,
    /// Whether the first row names the columns (CSV, TSV). Default true.
    pub header: bool,
    /// What parts fields (CSV, TSV): an ASCII character. By default a comma or a tab. With `Format::Auto`, a
    /// delimiter makes a `.txt` file, or one whose name says nothing, delimited text.
    pub delimiter: Option<u8>,
    /// Whether a field that starts with `"` ends at the next single `"`, and may hold delimiters and line
    /// breaks between (CSV, TSV). Default true.
    pub quoting: bool,
    /// What a number in the time column counts. Default seconds.
    pub time_unit: TimeUnit,
    /// What is done with a malformed row. By default it is an error.
    pub bad_rows: BadRows,
    /// The longest line, or record with quoted line breaks, in bytes: what reading may hold at once.
    /// Default 64 MiB.
    pub max_record_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            compression: Compression::Auto,
            columns: Columns::default(),
            header: true,
            delimiter: None,
            quoting: true,
            time_unit: TimeUnit::Seconds,
            bad_rows: BadRows::Refuse,
            max_record_bytes: 64 << 20,
        }
    }
}

impl ReadOptions {
    /// Checks what can be checked without a file.
    ///
    /// # Errors
    /// - [`OptionsError::Delimiter`] for a delimiter that is not ASCII, a quote or a line end.
    /// - [`OptionsError::RecordBytes`] for a longest record of 0 bytes.
    /// - [`OptionsError::Needed`] when the user or the item is said to be absent.
    /// - [`OptionsError::NameWithoutHeader`] when a delimited file without a header is asked for a name.
    pub fn validate(&self) -> Result<(), OptionsError> {
        if let Some(got) = self.delimiter
            && (!got.is_ascii() || matches!(got, b'"' | b'\n' | b'\r'))
        {
            return Err(OptionsError::Delimiter { got });
        }
        if self.max_record_bytes == 0 {
            return Err(OptionsError::RecordBytes);
        }
        self.columns.validate()
    }
}

/// What is done with a malformed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
pub enum BadRows {
    /// The first one is an error.
    #[default]
    Refuse,
    /// It is left out, counted, and the first few are kept in the [`ReadReport`](super::ReadReport). A damaged
    /// file (gzip, unclosed quote, endless line) is an error all the same.
    SkipAndCount,
}

/// Whether the bytes of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Compression {
    /// gzip when the name ends in `.gz` or the file starts with gzip's two bytes, which no text does.
    #[default]
    Auto,
    /// Plain.
    None,
    /// gzip, of one or more members.
    Gzip,
}

/// What a number in a time column counts since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
pub enum TimeUnit {
    /// Seconds.
    #[default]
    Seconds,
    /// Thousandths.
    Milliseconds,
    /// Millionths.
    Microseconds,
    /// Billionths.
    Nanoseconds,
}

impl TimeUnit {
    /// How many make a second.
    #[must_use]
    pub fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }
}
