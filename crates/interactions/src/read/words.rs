use std::ops::ControlFlow;

use super::error::ReadError;
use super::format::Format;
use super::input::Lines;
use super::report::Reporter;
use super::row_error::{Field, Place, RowProblem};
use super::sink::Sink;
use crate::log::Interaction;

/// Reads lines of words: `user item item …`, or `item item …` where the line is the user.
pub(crate) fn read(
    mut lines: Lines<'_>,
    format: Format,
    reporter: &mut Reporter<'_>,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, ReadError> {
    let mut buffer = Vec::new();
    let mut session = String::new();
    while let Some((line, mut items)) = next_line(&mut lines, &mut buffer, reporter)? {
        let user = if format == Format::Sessions {
            sink.name_session(line, &mut session);
            session.as_str()
        } else {
            items.next().unwrap_or_default()
        };
        let mut any = false;
        for item in items {
            any = true;
            reporter.report.rows += 1;
            if sink.interaction(&Interaction { user, item, time: None, weight: None }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if !any {
            reporter.report.users_without_items += 1;
            if sink.user_without_items(user).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The words of a text: what lies between spaces and tabs.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t']).filter(|word| !word.is_empty())
}

/// The number and the words, at least one, of the next line that is neither blank nor malformed.
pub(crate) fn next_line<'t>(
    lines: &mut Lines<'_>,
    buffer: &'t mut Vec<u8>,
    reporter: &mut Reporter<'_>,
) -> Result<Option<(u64, impl Iterator<Item = &'t str> + use<'t>)>, ReadError> {
    Ok(next_text(lines, buffer, reporter)?.map(|(line, text)| (line, words(text))))
}

/// The number and the text of the next line that is neither blank nor malformed.
pub(crate) fn next_text<'t>(
    lines: &mut Lines<'_>,
    buffer: &'t mut Vec<u8>,
    reporter: &mut Reporter<'_>,
) -> Result<Option<(u64, &'t str)>, ReadError> {
    loop {
        let Some(line) = lines.next(buffer)? else { return Ok(None) };
        let blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        let length = line.len();
        if blank {
            reporter.report.blank_lines += 1;
        } else if std::str::from_utf8(line).is_err() {
            let problem = RowProblem::NotUtf8 { found: around_damage(line) };
            reporter.bad(Place::Line(lines.line()), Field::Row, problem)?;
        } else {
            // Checked again for the borrow's sake: a line cannot leave the loop by another way.
            buffer.truncate(length);
            let text = std::str::from_utf8(buffer).unwrap_or_default();
            return Ok(Some((lines.line(), text)));
        }
    }
}

/// The text from shortly before the first bytes that are not UTF-8.
fn around_damage(line: &[u8]) -> String {
    let valid = std::str::from_utf8(line).map_or_else(|error| error.valid_up_to(), str::len);
    let valid_text = std::str::from_utf8(&line[..valid]).unwrap_or_default();
    let start = valid_text.char_indices().rev().nth(9).map_or(0, |(at, _)| at);
    RowProblem::found(&line[start..])
}
