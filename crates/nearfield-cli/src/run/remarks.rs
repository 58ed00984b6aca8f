use std::path::Path;

use nearfield::interactions::ReadReport;

use crate::output::{self, counted};

/// What the user should know of a run though it goes on: for stderr, and for run.json.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    lines: Vec<String>,
    /// How many of them have been said.
    said: usize,
}

impl Remarks {
    /// Something that changes what figures mean.
    pub(crate) fn warn(&mut self, line: impl AsRef<str>) {
        self.lines.push(format!("warning: {}", line.as_ref()));
    }

    /// How something was understood.
    pub(crate) fn note(&mut self, line: impl AsRef<str>) {
        self.lines.push(format!("note: {}", line.as_ref()));
    }

    /// What was left out while reading a file.
    pub(crate) fn read(&mut self, path: &Path, report: &ReadReport) {
        if report.bad_rows > 0 {
            let first = report.first_bad.first().map(ToString::to_string).unwrap_or_default();
            let rows = counted(report.bad_rows, "bad row");
            self.warn(format!("{}: {rows} skipped; the first: {first}", path.display()));
        }
        if report.users_without_items > 0 {
            let lines = counted(report.users_without_items, "line");
            self.note(format!("{}: {lines} with a user and no item", path.display()));
        }
    }

    /// Says on stderr what has not been said yet. Not while a progress bar is drawn.
    pub(crate) fn say(&mut self) {
        for line in &self.lines[self.said..] {
            output::remark(line);
        }
        self.said = self.lines.len();
    }

    /// All that was said.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
