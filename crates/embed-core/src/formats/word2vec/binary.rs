use std::io::{BufRead, Read, Write};
use std::path::Path;

use super::{check_keys, parse_header};
use crate::Embeddings;
use crate::formats::error::{FormatError, ParseError};
use crate::formats::rows::{self, Rows};
use crate::store::atomic_write;

/// Reads a word2vec binary file. Memory: the result and one row.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_binary`].
pub fn read_binary(path: impl AsRef<Path>) -> Result<Embeddings, FormatError> {
    let path = path.as_ref();
    let (reader, _) = rows::open(path)?;
    parse_binary(reader).map_err(|reason| reason.at(path))
}

/// Reads word2vec binary from anywhere; a `&[u8]` will do. Rows with and without a newline after them are
/// read. Newlines before a key are dropped, as gensim does.
///
/// # Errors
/// [`ParseError`] names the row of a key that is not UTF-8 and of a vector that is cut off; both rows of a
/// repeated key; key and column of a NaN or infinity; both numbers when there are more or fewer rows than the
/// first line says.
pub fn parse_binary(mut reader: impl BufRead) -> Result<Embeddings, ParseError> {
    let (n_rows, dim) = parse_header(&mut reader)?;
    let mut rows = Rows::new(dim);
    let (mut key, mut vector) = (Vec::new(), Vec::new());
    let row_bytes = 4 * dim as u64;
    for row in 0..n_rows {
        key.clear();
        reader.read_until(b' ', &mut key)?;
        let newlines = key.iter().take_while(|&&b| b == b'\n').count();
        if key.len() == newlines {
            return Err(ParseError::RowCount { expected: n_rows, got: row, more: false });
        }
        let line = usize::try_from(row).unwrap_or(usize::MAX).saturating_add(1);
        let key = key[newlines..].strip_suffix(b" ").unwrap_or(&key[newlines..]);
        let key = std::str::from_utf8(key)
            .map_err(|error| ParseError::Utf8 { line, position: error.valid_up_to() })?;
        rows.push_key(key)?;
        vector.clear();
        reader.by_ref().take(row_bytes).read_to_end(&mut vector)?;
        if vector.len() as u64 != row_bytes {
            return Err(ParseError::Length {
                field: format!("the vector of row {row}"),
                expected: row_bytes,
                got: vector.len() as u64,
            });
        }
        rows.values.extend(rows::f32s(&vector));
    }
    key.clear();
    reader.take(2).read_to_end(&mut key)?;
    if !key.is_empty() && key != b"\n" {
        return Err(ParseError::RowCount { expected: n_rows, got: n_rows, more: true });
    }
    rows.finish()
}

/// Writes a word2vec binary file in one step.
///
/// # Errors
/// [`FormatError::Key`] names a key that is empty or has ASCII white space; [`FormatError::Store`] when
/// writing fails. An old file is then as it was.
pub fn write_binary(path: impl AsRef<Path>, items: &Embeddings) -> Result<(), FormatError> {
    let path = path.as_ref();
    check_keys(path, items)?;
    atomic_write(path, |file| {
        writeln!(file, "{} {}", items.len(), items.dim())?;
        for (key, vector) in items.vocab().keys().zip(items.vectors().rows()) {
            file.write_all(key.as_bytes())?;
            file.write_all(b" ")?;
            for value in vector {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(newline: &[u8]) -> Vec<u8> {
        let mut bytes = b"2 2\n".to_vec();
        for (key, vector) in [("a", [1.0f32, -2.5]), ("日", [0.0, 1e-30])] {
            bytes.extend_from_slice(key.as_bytes());
            bytes.push(b' ');
            bytes.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
            bytes.extend_from_slice(newline);
        }
        bytes
    }

    #[test]
    fn both_variants_are_read() {
        let plain = parse_binary(&sample(b"")[..]).unwrap();
        assert_eq!(plain, parse_binary(&sample(b"\n")[..]).unwrap());
        assert_eq!(plain.get("日"), Some(&[0.0, 1e-30][..]));
    }

    #[test]
    fn a_header_that_lies_is_an_error() {
        let message = |bytes: &[u8]| parse_binary(bytes).unwrap_err().to_string();
        let mut bytes = sample(b"");
        assert_eq!(message(&bytes[..bytes.len() - 1]), "the vector of row 1 has 7 bytes, expected 8");
        bytes[0] = b'3';
        assert_eq!(message(&bytes), "the header says 3 rows, the file has 2");
        bytes[0] = b'1';
        assert_eq!(message(&bytes), "the header says 1 rows, the file has more than 1");
        assert!(message(b"18446744073709551615 1048576\na ").contains("expected 4194304"));
        assert!(message(b"1 18446744073709551615\na ").contains("at most 1048576"));
    }
}
