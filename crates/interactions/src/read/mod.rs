//! Reading files: `input` gives bounded lines of unpacked text, `record` and `words` cut them, `delimited`,
//! `words` and `parquet` turn them into interactions for a `sink`, `report` counts.

#[cfg(feature = "parquet")]
mod cells;
mod columns;
mod delimited;
mod error;
mod features;
mod file_sequences;
mod format;
mod input;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod prefixes;
mod record;
mod report;
mod row_error;
mod runs;
mod sink;
mod value;
mod words;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use embed_core::Vocab;

pub use columns::{Column, Columns};
pub use error::{ColumnNames, OptionsError, ReadError};
pub use features::{FeatureOptions, read_features, read_features_from};
pub use file_sequences::FileSequences;
pub use format::Format;
pub use options::{BadRows, Compression, ReadOptions, TimeUnit};
pub use prefixes::{PrefixTasks, is_prefix_file, read_prefixes, read_prefixes_from};
pub use report::ReadReport;
pub use row_error::{Field, Place, RowError, RowProblem};

use crate::builder::LogBuilder;
use crate::log::{Interaction, Log};
use input::Lines;
use report::Reporter;
use sink::{Gather, Sink, Visit};

/// Shows every interaction of a file in order, until `visit` breaks: one pass, in memory bounded by
/// [`ReadOptions::max_record_bytes`] (of Parquet, by a row group's pages), whatever the size of the file.
///
/// Keys are borrowed from the buffer. A user without items is counted in the report, not shown. The report of a
/// pass that was broken off counts what was read until then.
///
/// # Errors
/// [`ReadError`]; what came before the error has been shown. Errors name the file, and the line and the field
/// where there is one.
pub fn for_each_interaction(
    path: impl AsRef<Path>,
    options: &ReadOptions,
    visit: impl FnMut(&Interaction<'_>) -> ControlFlow<()>,
) -> Result<ReadReport, ReadError> {
    read_path(path.as_ref(), options, &mut Visit(visit))
}

/// [`for_each_interaction`] from any reader; `name` stands for the file in errors, and its ending says the
/// format with [`Format::Auto`].
///
/// # Errors
/// As for [`for_each_interaction`]; [`ReadError::WrongFormat`] for Parquet, which is not read in one pass.
pub fn for_each_interaction_from(
    reader: impl Read,
    name: &str,
    options: &ReadOptions,
    visit: impl FnMut(&Interaction<'_>) -> ControlFlow<()>,
) -> Result<ReadReport, ReadError> {
    read_reader(reader, name, options, &mut Visit(visit))
}

impl Log {
    /// Reads a file.
    ///
    /// | in the file | becomes |
    /// |---|---|
    /// | key, of any text | its id, in the order of first appearance; spaces in CSV and TSV count |
    /// | the same pair of user and item again | another interaction: see [`Log::dedup`] |
    /// | a user without items | a user key without interactions, counted in the report |
    /// | a blank line | nothing; counted in the report |
    /// | an empty key, time or weight, another number of fields, no UTF-8, NaN | a malformed row: see [`BadRows`] |
    ///
    /// Memory: the log itself and one line; while vectors grow, up to twice the log.
    ///
    /// # Errors
    /// [`ReadError`]: each names the file, and the line and the field where there is one. A file without any
    /// interaction is an error.
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(Self, ReadReport), ReadError> {
        Self::read_into(path, options, Vocab::new(), Vocab::new())
    }

    /// Reads a file with known vocabularies: known keys keep their ids, new ones are appended. Sessions are
    /// nobody's, so they get numbers beyond the known users.
    ///
    /// # Errors
    /// As for [`Log::read`].
    pub fn read_into(
        path: impl AsRef<Path>,
        options: &ReadOptions,
        users: Vocab,
        items: Vocab,
    ) -> Result<(Self, ReadReport), ReadError> {
        let path = path.as_ref();
        gather(path, LogBuilder::with_vocabularies(users, items), |sink| read_path(path, options, sink))
    }

    /// Reads from any reader; `name` stands for the file in errors, and its ending says the format with
    /// [`Format::Auto`].
    ///
    /// # Errors
    /// As for [`Log::read`]; [`ReadError::WrongFormat`] for Parquet, which is not read in one pass.
    pub fn read_from(
        reader: impl Read,
        name: &str,
        options: &ReadOptions,
    ) -> Result<(Self, ReadReport), ReadError> {
        gather(Path::new(name), LogBuilder::new(), |sink| read_reader(reader, name, options, sink))
    }

    /// Reads a train and a test file over shared vocabularies: ids mean the same in both, and `n_users` and
    /// `n_items` of both count train ∪ test. Keys that come in test only have the last ids.
    ///
    /// # Errors
    /// As for [`Log::read`].
    pub fn read_train_test(
        train: impl AsRef<Path>,
        test: impl AsRef<Path>,
        options: &ReadOptions,
    ) -> Result<[(Self, ReadReport); 2], ReadError> {
        let (train_log, train_report) = Self::read(train, options)?;
        let (users, items) = (Vocab::clone(train_log.user_keys()), Vocab::clone(train_log.item_keys()));
        let (test_log, test_report) = Self::read_into(test, options, users, items)?;
        let shared = (Arc::clone(test_log.user_keys()), Arc::clone(test_log.item_keys()));
        let train_log = train_log.over(shared);
        Ok([(train_log, train_report), (test_log, test_report)])
    }
}

/// Makes a log of what `read` shows to a sink.
fn gather(
    file: &Path,
    builder: LogBuilder,
    read: impl FnOnce(&mut Gather) -> Result<ReadReport, ReadError>,
) -> Result<(Log, ReadReport), ReadError> {
    let mut sink = Gather::new(builder);
    let report = read(&mut sink)?;
    match sink.failed {
        None => Ok((sink.builder.build(), report)),
        Some(source) => Err(ReadError::Log { file: file.to_owned(), source }),
    }
}

fn read_path(path: &Path, options: &ReadOptions, sink: &mut impl Sink) -> Result<ReadReport, ReadError> {
    let format = Format::resolve(options, path)?;
    if format == Format::Parquet {
        return read_parquet(path, options, sink);
    }
    read_text(Lines::open(path, options)?, format, options, sink)
}

fn read_reader(
    reader: impl Read,
    name: &str,
    options: &ReadOptions,
    sink: &mut impl Sink,
) -> Result<ReadReport, ReadError> {
    let path = Path::new(name);
    let format = Format::resolve(options, path)?;
    if format == Format::Parquet {
        return Err(ReadError::WrongFormat { file: path.to_owned(), wanted: "a stream", format });
    }
    read_text(Lines::from_reader(reader, path, options)?, format, options, sink)
}

fn read_text(
    lines: Lines<'_>,
    format: Format,
    options: &ReadOptions,
    sink: &mut impl Sink,
) -> Result<ReadReport, ReadError> {
    let mut reporter = Reporter::new(lines.file(), options.bad_rows, format);
    reporter.report.gzip = lines.gzip();
    let flow = match format {
        Format::UserItems | Format::Sessions => words::read(lines, format, &mut reporter, sink)?,
        _ => delimited::read(lines, format, options, &mut reporter, sink)?,
    };
    if flow.is_break() { Ok(reporter.report) } else { reporter.finish() }
}

#[cfg(feature = "parquet")]
fn read_parquet(path: &Path, options: &ReadOptions, sink: &mut impl Sink) -> Result<ReadReport, ReadError> {
    let mut reporter = Reporter::new(path, options.bad_rows, Format::Parquet);
    let flow = parquet::read(path, options, &mut reporter, sink)?;
    if flow.is_break() { Ok(reporter.report) } else { reporter.finish() }
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(path: &Path, _: &ReadOptions, _: &mut impl Sink) -> Result<ReadReport, ReadError> {
    Err(ReadError::ParquetDisabled { file: path.to_owned() })
}
