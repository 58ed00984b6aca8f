//! The two formats of the word2vec tool, as gensim reads and writes them.
//!
//! Both start with a line `n dim`. In text, each further line is `key x₁ … x_dim`, separated by one space. In
//! binary, each row is the key, a space, and `dim` little-endian `f32`; the original tool adds a newline after
//! each row, gensim does not. Both are read; the newline is not written.
//!
//! A space ends a key, so keys with ASCII white space (and empty keys) are refused when writing; use the
//! container or safetensors for them. Text is written with the fewest digits that give back the same `f32`.

mod binary;
mod text;

pub use binary::{parse_binary, read_binary, write_binary};
pub use text::{parse_text, read_text, write_text};

use std::io::{BufRead, Read};
use std::path::Path;

use super::error::{FormatError, ParseError, excerpt};
use super::rows::checked_dim;
use crate::Embeddings;

/// The first line: number of rows, which is not believed before they have been read, and length of a row.
fn parse_header(reader: &mut impl BufRead) -> Result<(u64, usize), ParseError> {
    const LONGEST: u64 = 256;
    let mut line = Vec::new();
    reader.take(LONGEST).read_until(b'\n', &mut line)?;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut number = || std::str::from_utf8(words.next()?).ok()?.parse::<u64>().ok();
    match (number(), number(), words.next()) {
        (Some(n), Some(dim), None) if dim > 0 => Ok((n, checked_dim(dim)?)),
        _ => Err(ParseError::Header {
            expected: "a line with the number of rows and their length",
            got: excerpt(line.trim_ascii_end()),
        }),
    }
}

/// Refuses, before anything is written, a key that would not be read back.
fn check_keys(path: &Path, items: &Embeddings) -> Result<(), FormatError> {
    let bad = |key: &str| key.is_empty() || key.bytes().any(|b| b.is_ascii_whitespace() || b == b'\x0b');
    match items.vocab().keys().enumerate().find(|(_, key)| bad(key)) {
        None => Ok(()),
        Some((row, key)) => Err(FormatError::Key {
            path: path.to_owned(),
            row,
            key: key.to_owned(),
            reason: "is empty or has white space, which a word2vec file cannot hold",
        }),
    }
}
