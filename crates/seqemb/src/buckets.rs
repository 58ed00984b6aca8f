use embed_core::ItemId;
use embed_core::kernel::logistic::{Head, Pairs, op};

use crate::tables::{PARTS, part, slot};

/// The pairs of one block, sorted by (part of centre, part of output) as they are appended; 4 bytes a pair and
/// 8 a centre and part. Reused from chunk to chunk.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// `[PARTS · PARTS]`, by part of centre, then by part of output.
    heads: Vec<Vec<Head>>,
    ops: Vec<[Vec<u32>; PARTS]>,
}

impl Buckets {
    pub(crate) fn new() -> Self {
        Self {
            heads: vec![Vec::new(); PARTS * PARTS],
            ops: std::iter::repeat_with(|| std::array::from_fn(|_| Vec::new())).take(PARTS).collect(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.heads.iter_mut().for_each(Vec::clear);
        self.ops.iter_mut().flatten().for_each(Vec::clear);
    }

    /// The buckets for one centre's pairs.
    #[inline]
    pub(crate) fn of(&mut self, centre: ItemId) -> CentrePairs<'_> {
        let at = part(centre);
        CentrePairs {
            slot: slot(centre),
            heads: &mut self.heads[at * PARTS..(at + 1) * PARTS],
            ops: &mut self.ops[at],
        }
    }

    /// The buckets for the pairs of a row that is in no part: all lie in centre part 0.
    #[inline]
    pub(crate) fn of_row(&mut self, row: u32) -> CentrePairs<'_> {
        CentrePairs { slot: row, heads: &mut self.heads[..PARTS], ops: &mut self.ops[0] }
    }

    /// How many pairs are in a bucket.
    pub(crate) fn len(&self, centre_part: usize, output_part: usize) -> usize {
        self.ops[centre_part][output_part].len()
    }

    /// The pairs of a bucket, in the order they were appended.
    pub(crate) fn pairs(&self, centre_part: usize, output_part: usize) -> Pairs<'_> {
        Pairs {
            heads: &self.heads[centre_part * PARTS + output_part],
            ops: &self.ops[centre_part][output_part],
        }
    }
}

/// Takes the pairs of one centre.
pub(crate) struct CentrePairs<'b> {
    slot: u32,
    heads: &'b mut [Vec<Head>],
    ops: &'b mut [Vec<u32>; PARTS],
}

impl CentrePairs<'_> {
    #[inline]
    pub(crate) fn push(&mut self, output: ItemId, positive: bool) {
        self.ops[part(output)].push(op(slot(output), positive));
    }

    /// Closes the centre: writes a head wherever it got pairs.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a block holds far fewer than 2³² pairs")]
    pub(crate) fn finish(self) {
        for (heads, ops) in self.heads.iter_mut().zip(self.ops.iter()) {
            let end = ops.len() as u32;
            if end > heads.last().map_or(0, |head| head.end) {
                heads.push(Head { row: self.slot, end });
            }
        }
    }
}
