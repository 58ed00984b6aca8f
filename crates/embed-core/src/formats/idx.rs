//! IDX, the format of the MNIST images and labels: big-endian, plain or gzip.
//!
//! Bytes 0 and 1 are zero, byte 2 is the type of the values, byte 3 the number of axes, then follow the length
//! of each axis as `u32` and the values. Unsigned bytes and `f32` are read. The first axis is the rows; the
//! others are flattened, so that an image is a vector of its pixels. The format is only read.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ndarray::Array2;

use super::error::{FormatError, ParseError, excerpt};
use super::rows;

const U8: u8 = 0x08;
const F32: u8 = 0x0d;
/// Deflate cannot do better than one byte for so many, so a header that claims more is a lie.
const BEST_RATIO: u64 = 1032;

/// Reads an array of any number of axes as a matrix `[n, product of the others]`; gzip is recognised by its
/// first bytes. Bytes become 0 to 255.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_f32`].
pub fn read_f32(path: impl AsRef<Path>) -> Result<Array2<f32>, FormatError> {
    let path = path.as_ref();
    let (reader, len) = rows::open(path)?;
    parse_f32(reader, len).map_err(|reason| reason.at(path))
}

/// Reads labels: one axis of unsigned bytes, plain or gzip.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_labels`].
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u8>, FormatError> {
    let path = path.as_ref();
    let (reader, len) = rows::open(path)?;
    parse_labels(reader, len).map_err(|reason| reason.at(path))
}

/// Reads a matrix from `len` bytes of IDX or gzip.
///
/// # Errors
/// [`ParseError::Header`] for another format, [`ParseError::ElementType`] for other values,
/// [`ParseError::TooLarge`], [`ParseError::Shape`] and [`ParseError::Length`] when the bytes do not hold what
/// the header says, [`ParseError::Read`] for damaged gzip.
pub fn parse_f32(reader: impl BufRead, len: u64) -> Result<Array2<f32>, ParseError> {
    let array = parse(reader, len)?;
    let dim = array.shape[1..].iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
    let dim = rows::checked_dim(dim.unwrap_or(usize::MAX) as u64)?;
    let values = match array.element {
        F32 => array.data.as_chunks().0.iter().map(|&chunk| f32::from_be_bytes(chunk)).collect(),
        _ => array.data.iter().map(|&byte| f32::from(byte)).collect(),
    };
    rows::matrix("the array", (array.shape[0], dim), values)
}

/// Reads labels from `len` bytes of IDX or gzip.
///
/// # Errors
/// As [`parse_f32`], and [`ParseError::Rank`] for more than one axis.
pub fn parse_labels(reader: impl BufRead, len: u64) -> Result<Vec<u8>, ParseError> {
    let array = parse(reader, len)?;
    let field = || "the array".to_owned();
    if array.element != U8 {
        return Err(ParseError::ElementType { field: field(), expected: "u8", got: "f32".to_owned() });
    }
    if array.shape.len() != 1 {
        return Err(ParseError::Rank { field: field(), expected: 1, got: array.shape.len() });
    }
    Ok(array.data)
}

struct Array {
    element: u8,
    /// Invariant: not empty.
    shape: Vec<usize>,
    data: Vec<u8>,
}

fn parse(mut reader: impl BufRead, len: u64) -> Result<Array, ParseError> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        parse_plain(BufReader::new(MultiGzDecoder::new(reader)), len.saturating_mul(BEST_RATIO))
    } else {
        parse_plain(reader, len)
    }
}

/// `limit` is the most bytes that can come.
fn parse_plain(mut reader: impl BufRead, limit: u64) -> Result<Array, ParseError> {
    let mut magic = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let &[0, 0, element, n_axes @ 1..=255] = &magic[..] else {
        return Err(ParseError::Header {
            expected: "two zeros, a type and a number of axes",
            got: excerpt(&magic),
        });
    };
    let field = || "the array".to_owned();
    let size: u64 = match element {
        U8 => 1,
        F32 => 4,
        _ => {
            let got = format!("type {element:#04x}");
            return Err(ParseError::ElementType { field: field(), expected: "u8 (0x08) or f32 (0x0d)", got });
        }
    };
    let mut axes = Vec::new();
    reader.by_ref().take(4 * u64::from(n_axes)).read_to_end(&mut axes)?;
    if axes.len() != 4 * usize::from(n_axes) {
        let expected = 4 * u64::from(n_axes);
        return Err(ParseError::Length { field: "the shape".to_owned(), expected, got: axes.len() as u64 });
    }
    let shape: Vec<usize> =
        axes.as_chunks().0.iter().map(|&axis| u32::from_be_bytes(axis) as usize).collect();
    let expected = shape
        .iter()
        .try_fold(size, |product, &axis| product.checked_mul(axis as u64))
        .ok_or_else(|| ParseError::Shape { field: field(), got: shape.clone() })?;
    if expected > limit {
        return Err(ParseError::Length { field: field(), expected, got: limit });
    }
    let mut data = Vec::new();
    reader.take(expected.saturating_add(1)).read_to_end(&mut data)?;
    if data.len() as u64 != expected {
        return Err(ParseError::Length { field: field(), expected, got: data.len() as u64 });
    }
    Ok(Array { element, shape, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use ndarray::array;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    fn images() -> Vec<u8> {
        vec![0, 0, U8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]
    }

    fn read(bytes: &[u8]) -> Result<Array2<f32>, ParseError> {
        parse_f32(bytes, bytes.len() as u64)
    }

    #[test]
    fn images_are_flattened_plain_or_gzip() {
        let expected = array![[1.0f32, 2.0, 3.0], [4.0, 5.0, 255.0]];
        assert_eq!(read(&images()).unwrap(), expected);
        assert_eq!(read(&gzip(&images())).unwrap(), expected);
        let mut floats = vec![0, 0, F32, 2, 0, 0, 0, 1, 0, 0, 0, 1];
        floats.extend(1.5f32.to_be_bytes());
        assert_eq!(read(&floats).unwrap(), array![[1.5]]);
        let labels = [0, 0, U8, 1, 0, 0, 0, 2, 7, 9];
        assert_eq!(parse_labels(&labels[..], 10).unwrap(), [7, 9]);
        assert!(parse_labels(&images()[..], 22).is_err());
    }

    #[test]
    fn what_the_bytes_do_not_hold_is_an_error() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        let bytes = images();
        assert_eq!(message(&bytes[..21]), "the array has 5 bytes, expected 6");
        assert_eq!(message(&[&bytes[..], &[0]].concat()), "the array has 7 bytes, expected 6");
        assert_eq!(
            message(&[0, 0, U8, 2, 255, 255, 255, 255, 0, 0, 0, 9]),
            "the array has 12 bytes, expected 38654705655"
        );
        assert_eq!(message(&[0, 0, 0x0e, 1]), "the array holds type 0x0e, expected u8 (0x08) or f32 (0x0d)");
        let bomb = gzip(&[0, 0, U8, 2, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert!(message(&bomb).starts_with("the array has"), "{}", message(&bomb));
        let whole = gzip(&bytes);
        assert!(message(&whole[..whole.len() - 9]).starts_with("cannot read on"));
    }
}
