use embed_core::kernel::codes::{self, BLOCK};

use crate::Codes;
use crate::aligned::Aligned;
use crate::pq::Codebook;
use crate::sq::Sq8;

/// What the slots of the lists hold. Slots of [`Payload::Sq8`] and [`Payload::Fast`] lie in blocks of 16, as
/// [`codes`] describes.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// Vectors.
    Flat {
        /// `[slots, dim]`
        table: Aligned<f32>,
        /// `−|x|²` under L2, else none.
        terms: Aligned<f32>,
    },
    /// Bytes of the vectors.
    Sq8 { codec: Sq8, blocks: Aligned<u8>, terms: Aligned<f32> },
    /// Product codes of differences from the centroids, `[slots, m]`.
    Pq {
        book: Codebook,
        codes: Aligned<u8>,
        /// `−|x|²` of the decoded vectors under L2, else none.
        terms: Aligned<f32>,
    },
    /// The same in half bytes.
    Fast { book: Codebook, blocks: Aligned<u8>, terms: Aligned<f32> },
}

/// How slots are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Slots of a list are a multiple of it.
    pub(crate) block: usize,
    /// Bytes of so many slots.
    pub(crate) bytes: usize,
}

impl Layout {
    pub(crate) fn of(codes: Codes, dim: usize) -> Self {
        match codes {
            Codes::Flat => Self { block: 1, bytes: 4 * dim },
            Codes::Sq8 => Self { block: BLOCK, bytes: codes::block_bytes(dim) },
            Codes::Pq { m } => Self { block: 1, bytes: m },
            Codes::PqFast { m } => Self { block: BLOCK, bytes: codes::half_block_bytes(m) },
        }
    }
}

/// Where in a block byte `i` of row `r` lies.
#[inline]
pub(super) fn byte_at(row: usize, i: usize) -> usize {
    i / 4 * 4 * BLOCK + row * 4 + i % 4
}

/// Where in a block part `i` of row `r` lies, and how far up in its byte.
#[inline]
pub(super) fn half_at(row: usize, part: usize) -> (usize, usize) {
    (part / 8 * 64 + row * 4 + part % 4, part % 8 / 4 * 4)
}

impl Payload {
    /// The code in a slot, part by part; nothing where a damaged file has none.
    pub(super) fn code(&self, slot: usize) -> Vec<u8> {
        let (block, row) = (slot / BLOCK, slot % BLOCK);
        match self {
            Self::Flat { .. } => Vec::new(),
            Self::Sq8 { codec, blocks, .. } => {
                let bytes = codes::block_bytes(codec.dim());
                let block = blocks.get(block * bytes..(block + 1) * bytes).unwrap_or_default();
                (0..codec.dim()).filter_map(|i| block.get(byte_at(row, i)).copied()).collect()
            }
            Self::Pq { book, codes, .. } => {
                codes.get(slot * book.m()..(slot + 1) * book.m()).unwrap_or_default().to_vec()
            }
            Self::Fast { book, blocks, .. } => {
                let bytes = codes::half_block_bytes(book.m());
                let block = blocks.get(block * bytes..(block + 1) * bytes).unwrap_or_default();
                let half = |part| {
                    let (byte, up) = half_at(row, part);
                    block.get(byte).map(|b| b >> up & 15)
                };
                (0..book.m()).filter_map(half).collect()
            }
        }
    }

    pub(super) fn terms(&self) -> &Aligned<f32> {
        match self {
            Self::Flat { terms, .. }
            | Self::Sq8 { terms, .. }
            | Self::Pq { terms, .. }
            | Self::Fast { terms, .. } => terms,
        }
    }
}
