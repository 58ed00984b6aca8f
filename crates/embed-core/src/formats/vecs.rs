//! `.fvecs`, `.bvecs` and `.ivecs`, the formats of the SIFT and GIST benchmarks: each row is its length as
//! little-endian `i32`, then that many `f32`, unsigned bytes, or `i32`. They are only read.

use std::io::{BufRead, Read};
use std::path::Path;

use ndarray::Array2;

use super::error::{FormatError, ParseError};
use super::rows;

/// Reads a `.fvecs` file `[n, dim]`.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_fvecs`].
pub fn read_fvecs(path: impl AsRef<Path>) -> Result<Array2<f32>, FormatError> {
    let path = path.as_ref();
    parse_fvecs(rows::open(path)?.0).map_err(|reason| reason.at(path))
}

/// Reads a `.bvecs` file `[n, dim]`; bytes become 0 to 255.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_bvecs`].
pub fn read_bvecs(path: impl AsRef<Path>) -> Result<Array2<f32>, FormatError> {
    let path = path.as_ref();
    parse_bvecs(rows::open(path)?.0).map_err(|reason| reason.at(path))
}

/// Reads a `.ivecs` file `[n, k]`: rows of true neighbours.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_ivecs`].
pub fn read_ivecs(path: impl AsRef<Path>) -> Result<Array2<i64>, FormatError> {
    let path = path.as_ref();
    parse_ivecs(rows::open(path)?.0).map_err(|reason| reason.at(path))
}

/// Reads `.fvecs` from anywhere. No bytes are no rows of no length.
///
/// # Errors
/// [`ParseError::TooLarge`] for a length that no vector has, [`ParseError::Dimension`] for a row of another
/// length than the first, [`ParseError::Length`] for a row that is cut off.
pub fn parse_fvecs(reader: impl BufRead) -> Result<Array2<f32>, ParseError> {
    parse(reader, 4, |bytes, values| values.extend(rows::f32s(bytes)))
}

/// Reads `.bvecs` from anywhere.
///
/// # Errors
/// As [`parse_fvecs`].
pub fn parse_bvecs(reader: impl BufRead) -> Result<Array2<f32>, ParseError> {
    parse(reader, 1, |bytes, values| values.extend(bytes.iter().map(|&byte| f32::from(byte))))
}

/// Reads `.ivecs` from anywhere.
///
/// # Errors
/// As [`parse_fvecs`].
pub fn parse_ivecs(reader: impl BufRead) -> Result<Array2<i64>, ParseError> {
    let value = |&bytes: &[u8; 4]| i64::from(i32::from_le_bytes(bytes));
    parse(reader, 4, |bytes, values| values.extend(bytes.as_chunks().0.iter().map(value)))
}

fn parse<T>(
    mut reader: impl BufRead,
    size: usize,
    decode: impl Fn(&[u8], &mut Vec<T>),
) -> Result<Array2<T>, ParseError> {
    let (mut values, mut row) = (Vec::new(), Vec::new());
    let (mut n_rows, mut dim) = (0, None);
    while !reader.fill_buf()?.is_empty() {
        fill(&mut reader, &mut row, 4, n_rows)?;
        let got = rows::checked_dim(u64::from(u32::from_le_bytes([row[0], row[1], row[2], row[3]])))?;
        let expected = *dim.get_or_insert(got);
        if got != expected {
            return Err(ParseError::Dimension { line: n_rows + 1, expected, got });
        }
        fill(&mut reader, &mut row, size * got, n_rows)?;
        decode(&row, &mut values);
        n_rows += 1;
    }
    rows::matrix("the array", (n_rows, dim.unwrap_or(0)), values)
}

fn fill(reader: &mut impl BufRead, out: &mut Vec<u8>, len: usize, row: usize) -> Result<(), ParseError> {
    out.clear();
    reader.take(len as u64).read_to_end(out)?;
    if out.len() != len {
        let field = format!("row {row}");
        return Err(ParseError::Length { field, expected: len as u64, got: out.len() as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_are_read_and_lies_are_named() {
        let bytes = [2, 0, 0, 0, 1, 255, 2, 0, 0, 0, 3, 4];
        assert_eq!(parse_bvecs(&bytes[..]).unwrap(), array![[1.0, 255.0], [3.0, 4.0]]);
        let mut floats = vec![1, 0, 0, 0];
        floats.extend(1.5f32.to_le_bytes());
        assert_eq!(parse_fvecs(&floats[..]).unwrap(), array![[1.5]]);
        let ids = [2, 0, 0, 0, 7, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(parse_ivecs(&ids[..]).unwrap(), array![[7, -1]]);
        assert_eq!(parse_fvecs(&b""[..]).unwrap().dim(), (0, 0));
        let message = |bytes: &[u8]| parse_bvecs(bytes).unwrap_err().to_string();
        assert_eq!(message(&bytes[..11]), "row 1 has 1 bytes, expected 2");
        assert_eq!(message(&[1, 0, 0, 0, 7, 2, 0, 0, 0, 1, 1]), "line 2 has 2 values, expected 1");
        assert_eq!(message(&[255; 4]), "the length of a row is 4294967295, at most 1048576 is supported");
    }
}
