use std::path::Path;

use nearfield::interactions::ReadReport;

use crate::output;

/// What the user should know of a run though it goes on: said at once, and kept for run.json.
#[derive(Debug, Default)]
pub(super) struct Remarks(Vec<String>);

impl Remarks {
    /// Something that changes what figures mean.
    pub(super) fn warn(&mut self, line: impl Into<String>) {
        let line = line.into();
        output::warning(&line);
        self.0.push(line);
    }

    /// How something was understood.
    pub(super) fn note(&mut self, line: impl Into<String>) {
        let line = line.into();
        output::note(&line);
        self.0.push(line);
    }

    /// What was left out while reading a file.
    pub(super) fn read(&mut self, path: &Path, report: &ReadReport) {
        if report.bad_rows > 0 {
            let first = report.first_bad.first().map(ToString::to_string).unwrap_or_default();
            let rows = output::counted(usize::try_from(report.bad_rows).unwrap_or(usize::MAX), "bad row");
            self.warn(format!("{}: {rows} skipped; the first: {first}", path.display()));
        }
        if report.users_without_items > 0 {
            self.note(format!("{}: {} users without items", path.display(), report.users_without_items));
        }
    }

    /// All that was said.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.0
    }
}
