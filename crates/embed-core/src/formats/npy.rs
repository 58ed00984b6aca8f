//! NumPy's `.npy`: one array a file.
//!
//! Read are two-axis arrays of `f32` and `i64` in either byte order and either layout, versions 1 to 3. Other
//! types are an error: `float64`, NumPy's default, would lose digits (`a.astype("float32")` says that this is
//! meant). Written is version 1, little-endian, row-major.

use std::io::{self, Write};
use std::path::Path;

use ndarray::{Array2, ArrayView2, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};

use super::error::{FormatError, ParseError, excerpt};
use super::rows;
use crate::store::atomic_write;

const MAGIC: &[u8] = b"\x93NUMPY";
/// As NumPy's own limit, beyond which it reads only what the caller trusts.
const MAX_HEADER: usize = 10_000;
/// A plain array has two; the parser of the header recurses, so that a thousand could exhaust the stack.
const MAX_BRACKETS: usize = 16;

/// Reads a matrix of `f32` `[n, k]`. NaN and infinities are values here; [`read_vectors`](super::read_vectors)
/// refuses them.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_f32`].
pub fn read_f32(path: impl AsRef<Path>) -> Result<Array2<f32>, FormatError> {
    let path = path.as_ref();
    parse_f32(&rows::read_all(path)?).map_err(|reason| reason.at(path))
}

/// Reads a matrix of `i64` `[n, k]`.
///
/// # Errors
/// [`FormatError::Io`], or [`FormatError::Parse`] as for [`parse_i64`].
pub fn read_i64(path: impl AsRef<Path>) -> Result<Array2<i64>, FormatError> {
    let path = path.as_ref();
    parse_i64(&rows::read_all(path)?).map_err(|reason| reason.at(path))
}

/// Reads a matrix of `f32` from bytes.
///
/// # Errors
/// [`ParseError::Header`], [`ParseError::Npy`] for a header that is none; [`ParseError::ElementType`] and
/// [`ParseError::Rank`] for another array; [`ParseError::Shape`] and [`ParseError::Length`] when the bytes do
/// not hold what the header says.
pub fn parse_f32(bytes: &[u8]) -> Result<Array2<f32>, ParseError> {
    parse(bytes, "f4", "float32", f32::from_le_bytes, f32::from_be_bytes)
}

/// Reads a matrix of `i64` from bytes.
///
/// # Errors
/// As [`parse_f32`].
pub fn parse_i64(bytes: &[u8]) -> Result<Array2<i64>, ParseError> {
    parse(bytes, "i8", "int64", i64::from_le_bytes, i64::from_be_bytes)
}

/// Writes a matrix of `f32` in one step.
///
/// # Errors
/// [`FormatError::Store`]; an old file is then as it was.
#[expect(clippy::needless_pass_by_value, reason = "a view is passed by value, as everywhere in ndarray")]
pub fn write_f32(path: impl AsRef<Path>, array: ArrayView2<'_, f32>) -> Result<(), FormatError> {
    write(path.as_ref(), &array, "'<f4'", f32::to_le_bytes)
}

/// Writes a matrix of `i64` in one step.
///
/// # Errors
/// [`FormatError::Store`]; an old file is then as it was.
#[expect(clippy::needless_pass_by_value, reason = "a view is passed by value, as everywhere in ndarray")]
pub fn write_i64(path: impl AsRef<Path>, array: ArrayView2<'_, i64>) -> Result<(), FormatError> {
    write(path.as_ref(), &array, "'<i8'", i64::to_le_bytes)
}

fn parse<T, const N: usize>(
    bytes: &[u8],
    code: &str,
    expected: &'static str,
    from_le: fn([u8; N]) -> T,
    from_be: fn([u8; N]) -> T,
) -> Result<Array2<T>, ParseError> {
    let (header, data) = parse_header(bytes)?;
    let field = || "the array".to_owned();
    let descr = header.type_descriptor.as_string().map_or("a structure", String::as_str);
    let from = match descr.strip_suffix(code) {
        Some("<") => from_le,
        Some(">") => from_be,
        Some("=") if cfg!(target_endian = "little") => from_le,
        _ => {
            return Err(ParseError::ElementType { field: field(), expected, got: excerpt(descr.as_bytes()) });
        }
    };
    let &[n, k] = &header.shape[..] else {
        return Err(ParseError::Rank { field: field(), expected: 2, got: header.shape.len() });
    };
    rows::checked_dim(k as u64)?;
    let shape = || ParseError::Shape { field: field(), got: vec![n, k] };
    let size = n.checked_mul(k).and_then(|len| len.checked_mul(N)).ok_or_else(shape)?;
    if data.len() != size {
        return Err(ParseError::Length { field: field(), expected: size as u64, got: data.len() as u64 });
    }
    let values: Vec<T> = data.as_chunks::<N>().0.iter().map(|&chunk| from(chunk)).collect();
    let array = match header.layout {
        Layout::Standard => Array2::from_shape_vec((n, k), values),
        Layout::Fortran => Array2::from_shape_vec((n, k).f(), values),
    };
    array.map_err(|_| shape())
}

/// The header, once its length is known to be small and its nesting flat, and what follows it.
fn parse_header(bytes: &[u8]) -> Result<(Header, &[u8]), ParseError> {
    let not_npy =
        || ParseError::Header { expected: "\\x93NUMPY", got: excerpt(&bytes[..bytes.len().min(8)]) };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(not_npy)?;
    let (len, start) = match rest {
        [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, a, b, c, d, ..] => {
            (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX), 12)
        }
        _ => return Err(not_npy()),
    };
    if len > MAX_HEADER {
        return Err(ParseError::TooLarge {
            field: "the length of the header",
            limit: MAX_HEADER as u64,
            got: len as u64,
        });
    }
    let Some(dict) = bytes.get(start..start + len) else {
        let field = "the header".to_owned();
        let got = bytes.len().saturating_sub(start) as u64;
        return Err(ParseError::Length { field, expected: len as u64, got });
    };
    let brackets = dict.iter().filter(|b| b"([{".contains(b)).count();
    if brackets > MAX_BRACKETS {
        return Err(ParseError::TooLarge {
            field: "the number of brackets in the header",
            limit: MAX_BRACKETS as u64,
            got: brackets as u64,
        });
    }
    let header =
        Header::from_reader(&mut &bytes[..start + len]).map_err(|reason| ParseError::Npy { reason })?;
    Ok((header, &bytes[start + len..]))
}

fn write<T: Copy, const N: usize>(
    path: &Path,
    array: &ArrayView2<'_, T>,
    descr: &str,
    to_le: fn(T) -> [u8; N],
) -> Result<(), FormatError> {
    atomic_write(path, |file| {
        let header = Header {
            type_descriptor: descr.parse().map_err(io::Error::other)?,
            layout: Layout::Standard,
            shape: array.shape().to_vec(),
        };
        file.write_all(&header.to_bytes().map_err(io::Error::other)?)?;
        array.iter().try_for_each(|&value| file.write_all(&to_le(value)))
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn file(version: u8, dict: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([version, 0]);
        let len = u32::try_from(dict.len() + 1).unwrap().to_le_bytes();
        bytes.extend_from_slice(if version == 1 { &len[..2] } else { &len });
        bytes.extend_from_slice(dict.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(data);
        bytes
    }

    fn dict(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
    }

    #[test]
    fn arrays_survive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let ids = array![[1i64, -1], [i64::MAX, i64::MIN], [0, 2]];
        write_i64(&path, ids.view()).unwrap();
        assert_eq!(read_i64(&path).unwrap(), ids);
        assert!(read_f32(&path).unwrap_err().to_string().ends_with("the array holds <i8, expected float32"));
        let values = array![[1.5f32, -0.0, f32::MIN_POSITIVE]];
        write_f32(&path, values.view()).unwrap();
        assert_eq!(read_f32(&path).unwrap(), values);
        write_f32(&path, Array2::zeros((0, 3)).view()).unwrap();
        assert_eq!(read_f32(&path).unwrap().dim(), (0, 3));
    }

    #[test]
    fn byte_orders_layouts_and_versions_are_read() {
        let big: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        let standard = array![[1.0f32, 2.0], [3.0, 4.0]];
        for version in 1..=3 {
            let bytes = file(version, &dict(">f4", "False", "(2, 2)"), &big);
            assert_eq!(parse_f32(&bytes).unwrap(), standard);
            let bytes = file(version, &dict(">f4", "True", "(2, 2)"), &big);
            assert_eq!(parse_f32(&bytes).unwrap(), standard.t());
        }
    }

    #[test]
    fn a_header_that_lies_is_an_error() {
        let message = |bytes: &[u8]| parse_f32(bytes).unwrap_err().to_string();
        let lie = |shape: &str| message(&file(1, &dict("<f4", "False", shape), &[0; 8]));
        assert_eq!(lie("(3, 1)"), "the array has 8 bytes, expected 12");
        assert_eq!(lie("(1, 1)"), "the array has 8 bytes, expected 4");
        assert_eq!(lie("(2,)"), "the array has 1 axes, expected 2");
        assert_eq!(
            lie("(9223372036854775807, 4)"),
            "the array has impossible shape [9223372036854775807, 4]"
        );
        assert!(lie("(2, 99999999999999999999999)").starts_with("not a valid NPY header"));
        assert!(lie("(0, 4611686018427387904)").contains("at most 1048576"));
        let deep = format!("{{'shape': {}", "(".repeat(5000));
        assert!(message(&file(1, &deep, &[])).contains("brackets"));
        let claim = [MAGIC, &[2, 0, 0xff, 0xff, 0xff, 0xff]].concat();
        assert!(message(&claim).contains("at most 10000"));
        assert!(message(b"{}").contains("expected \\x93NUMPY"));
        let double = file(1, &dict("<f8", "False", "(1, 1)"), &[0; 8]);
        assert_eq!(message(&double), "the array holds <f8, expected float32");
    }
}
