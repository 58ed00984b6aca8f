use clap::Args;
use nearfield::interactions::{BadRows, Columns, Format, ReadOptions};

use super::method::Given;
use super::values::{columns, delimiter};
use crate::shell::CommandLine;

/// How files of interactions are laid out.
#[derive(Debug, Clone, Args)]
pub(crate) struct LayoutArgs {
    /// How the files are laid out; auto goes by the name: .csv, .tsv, .parquet, and .txt for user-items, all but
    /// Parquet also with .gz
    #[arg(long, value_name = "auto|csv|tsv|parquet|user-items|sessions", default_value = "auto")]
    pub(crate) format: Format,

    /// Columns by name, or by number from 0
    #[arg(long, value_name = "user=…,item=…,time=…", value_parser = columns)]
    pub(crate) columns: Option<Columns>,

    /// The first line is data, not names of columns
    #[arg(long)]
    pub(crate) no_header: bool,

    /// What separates the fields: one character, or "tab"
    #[arg(long, value_name = "C", value_parser = delimiter, allow_hyphen_values = true)]
    pub(crate) delimiter: Option<u8>,

    /// Count and report malformed rows instead of stopping at the first
    #[arg(long)]
    pub(crate) skip_bad_rows: bool,
}

impl LayoutArgs {
    /// All defaults, for one format.
    pub(crate) fn of(format: Format) -> Self {
        Self { format, columns: None, no_header: false, delimiter: None, skip_bad_rows: false }
    }

    /// How the reader is told.
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            format: self.format,
            columns: self.columns.clone().unwrap_or_default(),
            header: !self.no_header,
            delimiter: self.delimiter,
            bad_rows: if self.skip_bad_rows { BadRows::SkipAndCount } else { BadRows::Refuse },
            ..ReadOptions::default()
        }
    }
}

impl Given for LayoutArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        line.value("--format", self.format)
            .maybe("--columns", self.columns.as_ref())
            .flag("--no-header", self.no_header)
            .maybe("--delimiter", self.delimiter.map(delimiter_word))
            .flag("--skip-bad-rows", self.skip_bad_rows)
    }
}

fn delimiter_word(byte: u8) -> String {
    if byte == b'\t' { "tab".to_owned() } else { char::from(byte).to_string() }
}
