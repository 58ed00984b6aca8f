use std::io::{BufRead, Write};
use std::path::Path;

use super::{check_keys, parse_header};
use crate::Embeddings;
use crate::formats::error::{FormatError, ParseError, excerpt};
use crate::formats::rows::{self, Rows};
use crate::store::atomic_write;

/// Reads a word2vec text file. Memory: the result and one line.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_text`].
pub fn read_text(path: impl AsRef<Path>) -> Result<Embeddings, FormatError> {
    let path = path.as_ref();
    let (reader, _) = rows::open(path)?;
    parse_text(reader).map_err(|reason| reason.at(path))
}

/// Reads word2vec text from anywhere; a `&[u8]` will do.
///
/// # Errors
/// [`ParseError`] names the line of a missing or superfluous value, of a word that is no number or of text
/// that is not UTF-8; both rows of a repeated key; key and column of a NaN or infinity; both numbers when
/// there are more or fewer rows than the first line says.
pub fn parse_text(mut reader: impl BufRead) -> Result<Embeddings, ParseError> {
    let (n_rows, dim) = parse_header(&mut reader)?;
    let mut rows = Rows::new(dim);
    let mut line = Vec::new();
    for row in 0..n_rows {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(ParseError::RowCount { expected: n_rows, got: row, more: false });
        }
        let number = usize::try_from(row).unwrap_or(usize::MAX).saturating_add(2);
        push_line(&mut rows, dim, number, &line)?;
    }
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return rows.finish();
        }
        if !line.trim_ascii().is_empty() {
            return Err(ParseError::RowCount { expected: n_rows, got: n_rows, more: true });
        }
    }
}

fn push_line(rows: &mut Rows, dim: usize, number: usize, line: &[u8]) -> Result<(), ParseError> {
    let text = std::str::from_utf8(line)
        .map_err(|error| ParseError::Utf8 { line: number, position: error.valid_up_to() })?
        .trim_end_matches(|c: char| c.is_ascii_whitespace());
    let (key, values) = text.split_once(' ').unwrap_or((text, ""));
    rows.push_key(key)?;
    let start = rows.values.len();
    for (column, word) in values.split(' ').filter(|word| !word.is_empty()).enumerate() {
        let Ok(value) = word.parse() else {
            return Err(ParseError::Number { line: number, column, got: excerpt(word.as_bytes()) });
        };
        rows.values.push(value);
    }
    let got = rows.values.len() - start;
    if got != dim {
        return Err(ParseError::Dimension { line: number, expected: dim, got });
    }
    Ok(())
}

/// Writes a word2vec text file in one step.
///
/// # Errors
/// [`FormatError::Key`] names a key that is empty or has ASCII white space; [`FormatError::Store`] when
/// writing fails. An old file is then as it was.
pub fn write_text(path: impl AsRef<Path>, items: &Embeddings) -> Result<(), FormatError> {
    let path = path.as_ref();
    check_keys(path, items)?;
    atomic_write(path, |file| {
        writeln!(file, "{} {}", items.len(), items.dim())?;
        for (key, vector) in items.vocab().keys().zip(items.vectors().rows()) {
            file.write_all(key.as_bytes())?;
            for value in vector {
                write!(file, " {value:?}")?;
            }
            file.write_all(b"\n")?;
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse_text(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_gensim_and_the_tool_write_is_read() {
        let items = parse_text("2 2\na 1.0 -2e-05\nü\u{a0}b 3 4 \r\n\n".as_bytes()).unwrap();
        assert_eq!(items.vocab().keys().collect::<Vec<_>>(), ["a", "ü\u{a0}b"]);
        assert_eq!(items.as_slice(), [1.0, -2e-5, 3.0, 4.0]);
        assert!(parse_text("0 3\n".as_bytes()).unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(
            message("a 1 2\n"),
            "the file starts with \"a 1 2\", expected a line with the number of rows and their length"
        );
        assert_eq!(message("9999999 2\na 1 2\n"), "the header says 9999999 rows, the file has 1");
        assert_eq!(message("1 2\na 1 2\nb 1 2\n"), "the header says 1 rows, the file has more than 1");
        assert_eq!(message("2 2\na 1 2\nb 1\n"), "line 3 has 1 values, expected 2");
        assert_eq!(message("1 2\nNew York 1 2\n"), "line 2, value 0: \"York\" is not a number");
        assert_eq!(message("2 1\na 1\na 2\n"), "duplicate key \"a\": first as item 0, again as item 1");
        assert_eq!(message("1 2\na 1 nan\n"), "vector of \"a\" (row 0) has NaN in column 1");
        assert_eq!(message("1 2\na 1e99 1\n"), "vector of \"a\" (row 0) has inf in column 0");
        assert!(message("1 9999999999\na 1\n").starts_with("the length of a row is 9999999999, at most"));
        let bad = parse_text(&b"2 1\na 1\nb\xff 1\n"[..]).unwrap_err();
        assert_eq!(bad.to_string(), "line 3 is not UTF-8 at byte 1");
    }
}
