use std::ops::Range;

use super::error::ReadError;
use super::input::{Lines, without_line_end};
use super::row_error::{Field, RowProblem};

/// Cuts delimited text into records and fields as RFC 4180 says, with any delimiter and line end.
///
/// The `csv` crate reads leniently: text that ends within quotes is a value, text after a closing quote is
/// taken, a record may be of any size, and blank lines shift the line it names. Here each of these is told,
/// because a log cut short must not pass for a whole one. The tests hold both against each other.
pub(crate) struct Records<'a> {
    lines: Lines<'a>,
    delimiter: u8,
    quoting: bool,
    /// The record with its line ends; quotes within quotes are undone in place.
    text: Vec<u8>,
    fields: Vec<Range<usize>>,
    start: u64,
    pub(crate) blank_lines: u64,
}

/// A record as found.
pub(crate) struct Record<'r> {
    text: &'r [u8],
    fields: &'r [Range<usize>],
    /// The line on which it starts, from 1.
    pub(crate) line: u64,
}

impl<'a> Records<'a> {
    pub(crate) fn new(lines: Lines<'a>, delimiter: u8, quoting: bool) -> Self {
        Self { lines, delimiter, quoting, text: Vec::new(), fields: Vec::new(), start: 0, blank_lines: 0 }
    }

    /// The next record that is not a blank line, with its problem if it cannot be cut into fields.
    pub(crate) fn next(&mut self) -> Result<Option<(Record<'_>, Option<RowProblem>)>, ReadError> {
        loop {
            self.text.clear();
            self.start = self.lines.line() + 1;
            if !self.lines.append(&mut self.text, self.start)? {
                return Ok(None);
            }
            if !without_line_end(&self.text).is_empty() {
                break;
            }
            self.blank_lines += 1;
        }
        let problem = self.cut()?;
        Ok(Some((Record { text: &self.text, fields: &self.fields, line: self.start }, problem)))
    }

    fn cut(&mut self) -> Result<Option<RowProblem>, ReadError> {
        self.fields.clear();
        let mut at = 0;
        loop {
            let after = if self.quoting && self.text.get(at) == Some(&b'"') {
                let after = self.quoted_field(at + 1)?;
                let rest = &without_line_end(&self.text)[after..];
                if rest.first().is_some_and(|&byte| byte != self.delimiter) {
                    return Ok(Some(RowProblem::AfterQuote { found: RowProblem::found(rest) }));
                }
                after
            } else {
                let rest = &without_line_end(&self.text)[at..];
                let after = at + rest.iter().position(|&byte| byte == self.delimiter).unwrap_or(rest.len());
                self.fields.push(at..after);
                after
            };
            if after >= without_line_end(&self.text).len() {
                return Ok(None);
            }
            at = after + 1;
        }
    }

    /// Notes the field whose text starts at `start`, within quotes, and tells where what follows it starts.
    fn quoted_field(&mut self, start: usize) -> Result<usize, ReadError> {
        let (mut at, mut doubled) = (start, false);
        let close = loop {
            match self.text[at..].iter().position(|&byte| byte == b'"') {
                Some(found) if self.text.get(at + found + 1) == Some(&b'"') => {
                    doubled = true;
                    at += found + 2;
                }
                Some(found) => break at + found,
                None => {
                    at = self.text.len();
                    if !self.lines.append(&mut self.text, self.start)? {
                        let file = self.lines.file().to_owned();
                        return Err(ReadError::UnclosedQuote { file, line: self.start });
                    }
                }
            }
        };
        let end = if doubled { undouble(&mut self.text[start..close]) + start } else { close };
        self.fields.push(start..end);
        Ok(close + 1)
    }
}

/// Moves the text together so that each pair of quotes is one; gives its new length.
fn undouble(text: &mut [u8]) -> usize {
    let (mut read, mut write) = (0, 0);
    while read < text.len() {
        text[write] = text[read];
        // A quote within is always one of a pair.
        read += if text[read] == b'"' { 2 } else { 1 };
        write += 1;
    }
    write
}

impl<'r> Record<'r> {
    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The bytes of a field; there must be one of this number.
    fn bytes(&self, number: usize) -> &'r [u8] {
        &self.text[self.fields[number].clone()]
    }

    /// The text of a field; there must be one of this number.
    pub(crate) fn text(&self, number: usize) -> Result<&'r str, RowProblem> {
        let bytes = self.bytes(number);
        std::str::from_utf8(bytes).map_err(|_| RowProblem::NotUtf8 { found: RowProblem::found(bytes) })
    }

    /// Checks all fields, also those that are not read.
    pub(crate) fn check_utf8(&self) -> Result<(), (Field, RowProblem)> {
        if self.text.is_ascii() {
            return Ok(());
        }
        (0..self.len()).try_for_each(|number| {
            self.text(number).map(drop).map_err(|problem| (Field::Column(number), problem))
        })
    }
}
