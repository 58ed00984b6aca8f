//! The one place that knows how a header becomes bytes.
//!
//! bincode 2 with fixed-width little-endian integers and a limit. Only whole slices are decoded, so that a
//! claimed length can never reserve more than [`MAX_HEADER`]. A header must not hold sequences of zero-sized
//! values: they would cost no bytes and so pass any limit.

use serde::{Serialize, de::DeserializeOwned};

/// Most bytes of an encoded header. What is larger belongs into a section.
pub(super) const MAX_HEADER: usize = 1 << 20;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<MAX_HEADER>,
> = bincode::config::standard().with_fixed_int_encoding().with_limit::<MAX_HEADER>();

/// Why a header could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The value cannot be encoded.
    #[error("the header cannot be encoded")]
    Encode {
        /// The encoder's reason.
        source: Box<bincode::error::EncodeError>,
    },
    /// The bytes are not such a value.
    #[error("the header cannot be decoded ({reason})")]
    Decode {
        /// The decoder's reason.
        reason: Box<bincode::error::DecodeError>,
    },
    /// The value ends before its bytes do.
    #[error("the header ends after {expected} of its {got} bytes")]
    TrailingBytes {
        /// Bytes that the value takes.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// More bytes than a header may have.
    #[error("a header of {got} bytes is above the limit of {limit}")]
    TooLarge {
        /// The most that is allowed.
        limit: usize,
        /// Bytes needed.
        got: usize,
    },
}

pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    let bytes = bincode::serde::encode_to_vec(value, CONFIG)
        .map_err(|source| CodecError::Encode { source: Box::new(source) })?;
    if bytes.len() > MAX_HEADER {
        return Err(CodecError::TooLarge { limit: MAX_HEADER, got: bytes.len() });
    }
    Ok(bytes)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    if bytes.len() > MAX_HEADER {
        return Err(CodecError::TooLarge { limit: MAX_HEADER, got: bytes.len() });
    }
    let (value, used) = bincode::serde::decode_from_slice(bytes, CONFIG)
        .map_err(|reason| CodecError::Decode { reason: Box::new(reason) })?;
    if used != bytes.len() {
        return Err(CodecError::TrailingBytes { expected: used, got: bytes.len() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_length_reserves_nothing() {
        for claim in [u64::MAX, 1 << 40, 5] {
            assert!(decode::<Vec<f32>>(&claim.to_le_bytes()).is_err());
            assert!(decode::<String>(&claim.to_le_bytes()).is_err());
        }
    }

    #[test]
    fn every_byte_is_used() {
        let mut bytes = encode(&(7u32, "x".to_owned())).unwrap();
        assert_eq!(bytes, [7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'x']);
        assert_eq!(decode::<(u32, String)>(&bytes).unwrap(), (7, "x".to_owned()));
        bytes.push(0);
        assert!(matches!(
            decode::<(u32, String)>(&bytes),
            Err(CodecError::TrailingBytes { expected: 13, got: 14 })
        ));
    }

    #[test]
    fn a_header_that_is_too_large_is_refused_before_it_is_written() {
        assert!(matches!(encode(&vec![0u8; MAX_HEADER]), Err(CodecError::TooLarge { .. })));
    }
}
