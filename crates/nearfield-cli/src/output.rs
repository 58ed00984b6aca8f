//! What is printed: results on stdout, remarks on stderr. Nothing else in the program prints.

use std::io::{self, ErrorKind, Write};

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};
use serde::Serialize;

use crate::error::CliError;

/// Prints a result: for programs the object, for people the text.
///
/// # Errors
/// [`CliError::Stdout`]; a reader that has gone away is no error.
pub(crate) fn result(
    json: bool,
    object: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), CliError> {
    let line = if json { to_line(object)? } else { text() };
    ignore_closed_pipe(write_line(line.trim_end()))
}

/// An error: one line on stderr, and the object on stdout for programs.
pub(crate) fn failure(json: bool, line: &str) {
    if json && let Ok(object) = to_line(&serde_json::json!({ "error": line })) {
        // What cannot be said on stdout is still said on stderr.
        let _ = write_line(&object);
    }
    to_stderr(&format!("error: {line}"));
}

/// A fact that the user should know though the work goes on.
pub(crate) fn warning(line: &str) {
    to_stderr(&format!("warning: {line}"));
}

/// A remark.
pub(crate) fn note(line: &str) {
    to_stderr(&format!("note: {line}"));
}

fn to_line(object: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(object).map_err(|source| CliError::Json { source })
}

fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// `nearfield … | head` closes the pipe when it has enough.
pub(crate) fn ignore_closed_pipe(written: io::Result<()>) -> Result<(), CliError> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Stdout { source: error }),
        _ => Ok(()),
    }
}

/// A line on stderr as it is.
pub(crate) fn remark(line: &str) {
    to_stderr(line);
}

fn to_stderr(line: &str) {
    // There is nowhere left to say that stderr is gone.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A table with a heading; columns after the first `text_columns` are figures and stand to the right.
pub(crate) fn table(
    heading: &[&str],
    text_columns: usize,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(heading.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(text_columns) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(9)));
    }
    table.to_string()
}

/// A whole number with its thousands apart: 1,234,567.
pub(crate) fn grouped(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 item", "2 items".
pub(crate) fn counted(n: impl TryInto<u64>, singular: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", grouped(n))
}

/// A rate in words: 1.23 M, 456 k, 789.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 1e6 => format!("{:.2} M", r / 1e6),
        r if r >= 1e3 => format!("{:.0} k", r / 1e3),
        r => format!("{r:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let words: Vec<String> = [0u64, 999, 1000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(words, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            (counted(1u8, "item"), counted(2000usize, "item")),
            ("1 item".into(), "2,000 items".into())
        );
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        assert!(ignore_closed_pipe(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(ignore_closed_pipe(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
