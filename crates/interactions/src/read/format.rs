use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::error::{OptionsError, ReadError};
use super::options::ReadOptions;

/// How a file of interactions is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Format {
    /// By the file's name, an ending `.gz` aside and in any case: `.csv`; `.tsv`, `.tab`, `.inter`; `.parquet`,
    /// `.pq`; `.txt` for [`Format::UserItems`]. Another name is an error that lists the formats.
    #[default]
    Auto,
    /// An interaction a line, fields parted by commas.
    Csv,
    /// An interaction a line, fields parted by tabs.
    Tsv,
    /// Apache Parquet; needs the feature `parquet` and a file on disk.
    Parquet,
    /// `user item item …`: a user and its items a line, parted by spaces or tabs. A user may come on several
    /// lines. A user without items keeps its key and is counted. Blank lines are skipped and counted.
    UserItems,
    /// `item item …`: a session a line. Its user is called by the line's number, from 1.
    Sessions,
}

impl Format {
    /// All formats with their words, [`Format::Auto`] first.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Auto, "auto"),
        (Self::Csv, "csv"),
        (Self::Tsv, "tsv"),
        (Self::Parquet, "parquet"),
        (Self::UserItems, "user-items"),
        (Self::Sessions, "sessions"),
    ];

    /// The format that options and name give, checked against the other options.
    pub(crate) fn resolve(options: &ReadOptions, file: &Path) -> Result<Self, ReadError> {
        options.validate()?;
        let named = match options.format {
            Self::Auto => Self::of(file),
            format => Some(format),
        };
        let format = match (named, options.format, options.delimiter) {
            (None | Some(Self::UserItems), Self::Auto, Some(_)) => Self::Csv,
            (Some(format), ..) => format,
            (None, ..) => return Err(ReadError::UnknownFormat { file: file.to_owned() }),
        };
        let line_format = matches!(format, Self::UserItems | Self::Sessions);
        if options.delimiter.is_some() && (line_format || format == Self::Parquet) {
            return Err(OptionsError::Unused { format, what: "delimiter" }.into());
        }
        if line_format && !options.columns.is_default() {
            return Err(OptionsError::Unused { format, what: "columns" }.into());
        }
        if matches!(format, Self::Csv | Self::Tsv) && !options.header {
            options.columns.validate_without_header()?;
        }
        Ok(format)
    }

    /// The format that a file's name tells, an ending `.gz` aside; none where it tells none.
    #[must_use]
    pub fn of(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, extension) = name.rsplit_once('.')?;
        match extension {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" | "inter" => Some(Self::Tsv),
            "parquet" | "pq" => Some(Self::Parquet),
            "txt" => Some(Self::UserItems),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(format, _)| format == self).map_or("", |(_, word)| word);
        f.write_str(word)
    }
}

impl FromStr for Format {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|(_, word)| *word == text);
        known.map(|(format, _)| *format).ok_or_else(|| OptionsError::Format { got: text.to_owned() })
    }
}
