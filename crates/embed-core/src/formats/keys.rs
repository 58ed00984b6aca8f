//! Keys as text, one a line: what stands beside a safetensors file as `keys.txt`.
//!
//! UTF-8; line `i`, from 0, is the key of row `i`; each line ends with a newline. Within a key, a backslash is
//! written `\\`, a newline `\n` and a carriage return `\r`, so that any key can be stored. An empty line is the
//! empty key; a carriage return at the end of a line is not part of the key.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use super::error::{FormatError, ParseError, excerpt};
use super::rows;
use crate::store::atomic_write;
use crate::{Vocab, VocabError};

/// Reads a file of keys.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse`].
pub fn read(path: impl AsRef<Path>) -> Result<Vocab, FormatError> {
    let path = path.as_ref();
    parse(&rows::read_all(path)?).map_err(|reason| reason.at(path))
}

/// Reads keys from bytes.
///
/// # Errors
/// [`ParseError::Utf8`] and [`ParseError::Escape`] name the line; [`ParseError::Vocab`] names a repeated key
/// with both rows.
pub fn parse(bytes: &[u8]) -> Result<Vocab, ParseError> {
    let mut vocab = Vocab::new();
    if bytes.is_empty() {
        return Ok(vocab);
    }
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (row, line) in body.split(|&b| b == b'\n').enumerate() {
        let text = std::str::from_utf8(line)
            .map_err(|error| ParseError::Utf8 { line: row + 1, position: error.valid_up_to() })?;
        let key = unescape(text.strip_suffix('\r').unwrap_or(text), row + 1)?;
        let first = vocab.intern(&key)? as usize;
        if first < row {
            let key = excerpt(key.as_bytes());
            return Err(VocabError::DuplicateKey { key, first, second: row }.into());
        }
    }
    Ok(vocab)
}

/// Writes a file of keys in one step.
///
/// # Errors
/// [`FormatError::Store`]; an old file is then as it was.
pub fn write(path: impl AsRef<Path>, vocab: &Vocab) -> Result<(), FormatError> {
    atomic_write(path, |file| {
        vocab.keys().try_for_each(|key| {
            file.write_all(escape(key).as_bytes())?;
            file.write_all(b"\n")
        })
    })?;
    Ok(())
}

fn escape(key: &str) -> Cow<'_, str> {
    if key.contains(['\\', '\n', '\r']) {
        key.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").into()
    } else {
        key.into()
    }
}

fn unescape(line: &str, number: usize) -> Result<Cow<'_, str>, ParseError> {
    if !line.contains('\\') {
        return Ok(line.into());
    }
    let mut key = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        key.push_str(plain);
        key.push(match escaped.as_bytes().first() {
            Some(b'\\') => '\\',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            _ => {
                let got = excerpt(format!("\\{}", escaped.chars().next().unwrap_or(' ')).as_bytes());
                return Err(ParseError::Escape { line: number, got });
            }
        });
        rest = &escaped[1..];
    }
    key.push_str(rest);
    Ok(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_name_the_line() {
        let message = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        assert_eq!(message(b"a\nb\\x\n"), r#"line 2: unknown escape "\\x", expected \\, \n or \r"#);
        assert_eq!(message(b"a\\"), r#"line 1: unknown escape "\\ ", expected \\, \n or \r"#);
        assert_eq!(message(b"a\n\xff\n"), "line 2 is not UTF-8 at byte 0");
        assert_eq!(message(b"a\nb\na\n"), "duplicate key \"a\": first as item 0, again as item 2");
    }

    #[test]
    fn line_ends_of_all_kinds_are_read() {
        for text in ["a\nb\n", "a\nb", "a\r\nb\r\n"] {
            assert_eq!(parse(text.as_bytes()).unwrap().keys().collect::<Vec<_>>(), ["a", "b"]);
        }
        assert_eq!(parse(b"").unwrap().len(), 0);
        assert_eq!(parse(b"\n").unwrap().keys().collect::<Vec<_>>(), [""]);
    }

    proptest! {
        #[test]
        fn any_keys_survive(keys in proptest::collection::hash_set("[a\\\\\n\r é]{0,6}", 0..20)) {
            let vocab = Vocab::from_keys(&keys).unwrap();
            let folder = tempfile::tempdir().unwrap();
            write(folder.path().join("keys.txt"), &vocab).unwrap();
            prop_assert_eq!(read(folder.path().join("keys.txt")).unwrap(), vocab);
        }
    }
}
