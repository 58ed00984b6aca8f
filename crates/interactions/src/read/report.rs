use std::path::Path;

use super::error::ReadError;
use super::format::Format;
use super::options::BadRows;
use super::row_error::{Field, Place, RowError, RowProblem};

/// What was read from a file, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReadReport {
    /// The format read; [`Format::Auto`] never.
    pub format: Format,
    /// Whether the file was unpacked.
    pub gzip: bool,
    /// The columns that were read, `user` and `item` first, as (field, column's name or number); empty for
    /// formats without columns.
    pub columns: Vec<(Field, String)>,
    /// Interactions (of a file of next-item tasks: tasks).
    pub rows: u64,
    /// Malformed rows that were left out.
    pub bad_rows: u64,
    /// The first [`ReadReport::MAX_KEPT`] of them.
    pub first_bad: Vec<RowError>,
    /// Lines that held a user and no item ([`Format::UserItems`]).
    pub users_without_items: u64,
    /// Blank lines that were skipped.
    pub blank_lines: u64,
}

impl ReadReport {
    /// Most malformed rows that are kept.
    pub const MAX_KEPT: usize = 8;
}

/// Counts what is read of one file and says what is done with a malformed row.
pub(crate) struct Reporter<'a> {
    file: &'a Path,
    policy: BadRows,
    pub(crate) report: ReadReport,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(file: &'a Path, policy: BadRows, format: Format) -> Self {
        Self { file, policy, report: ReadReport { format, ..ReadReport::default() } }
    }

    /// A malformed row that cannot be skipped.
    pub(crate) fn error(file: &Path, place: Place, field: Field, problem: RowProblem) -> RowError {
        RowError { file: file.to_owned(), place, field, problem }
    }

    /// Refuses or counts a malformed row.
    #[cold]
    pub(crate) fn bad(&mut self, place: Place, field: Field, problem: RowProblem) -> Result<(), ReadError> {
        let error = Self::error(self.file, place, field, problem);
        if self.policy == BadRows::Refuse {
            return Err(error.into());
        }
        if self.report.first_bad.len() < ReadReport::MAX_KEPT {
            self.report.first_bad.push(error);
        }
        self.report.bad_rows += 1;
        Ok(())
    }

    /// The report of a file that was read to its end, which must have held something.
    pub(crate) fn finish(self) -> Result<ReadReport, ReadError> {
        let ReadReport { rows, bad_rows, users_without_items, .. } = self.report;
        let file = || self.file.to_owned();
        match (rows, bad_rows + users_without_items) {
            (0, 0) if self.report.columns.is_empty() => Err(ReadError::Empty { file: file() }),
            (0, _) => Err(ReadError::NoInteractions { file: file(), bad_rows, users_without_items }),
            _ => Ok(self.report),
        }
    }
}
