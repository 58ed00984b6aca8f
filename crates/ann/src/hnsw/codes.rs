//! Vectors in a byte a component, for the walk: a quarter of the memory to read, and products of integers. What
//! the walk finds is then scored by the exact vectors.

use embed_core::kernel;
use rayon::prelude::*;

use super::beam::Costs;
use crate::aligned::Aligned;
use crate::scoring::Scoring;

/// The code of a vector's centre.
const ZERO: i32 = 128;
/// Largest distance of a code from [`ZERO`].
const REACH: f32 = 127.0;

/// Every vector as `centre + scale · (code − 128)`, with a scale of its own, so that long vectors do not cost
/// short ones their precision.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    pub(crate) scoring: Scoring,
    /// `[n, stride]`, the ends of rows filled with the code of zero.
    pub(crate) rows: Aligned<u8>,
    /// `[n, 2]`: what does not depend on the query, and the scale.
    pub(crate) scales: Aligned<f32>,
    /// `[dim]`; the middle of the table's box under L2, else the origin.
    pub(crate) centre: Aligned<f32>,
}

/// Bytes of a row of codes: such that rows never straddle more cache lines than they must.
pub(crate) fn stride(dim: usize) -> usize {
    if dim > 32 { dim.next_multiple_of(64) } else { dim.next_power_of_two() }
}

/// A query in signed bytes against codes. The cost is an estimate of the squared distance, or of minus the
/// product.
#[derive(Debug)]
pub(crate) struct Coded<'a> {
    codes: &'a Codes,
    query: &'a [i8],
    /// [`ZERO`] times the sum of the query's bytes.
    offset: i32,
    /// What a code times a byte is worth, but for the row's scale.
    unit: f32,
    base: f32,
}

/// A vector's bytes around the centre; the scale.
fn encode(scoring: Scoring, vector: &[f32], centre: &[f32], bytes: &mut [i8]) -> f32 {
    let from_centre = |i: usize| match scoring {
        Scoring::L2 => vector[i] - centre[i],
        Scoring::Dot => vector[i],
    };
    let reach = (0..vector.len()).fold(0.0f32, |most, i| most.max(from_centre(i).abs()));
    let scale = reach / REACH;
    let inverse = if scale > 0.0 && scale.is_finite() { 1.0 / scale } else { 0.0 };
    for (i, byte) in bytes.iter_mut().enumerate() {
        let steps = if i < vector.len() { (from_centre(i) * inverse).round_ties_even() } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, reason = "cut to ±127; what is no number becomes 0")]
        let clamped = steps.clamp(-REACH, REACH) as i8;
        *byte = clamped;
    }
    if inverse == 0.0 { 0.0 } else { scale }
}

/// The squared length of what bytes stand for.
#[expect(clippy::cast_precision_loss, reason = "to 24 bits is enough for an estimate")]
fn square(bytes: &[i8], scale: f32) -> f32 {
    let sum: i64 = bytes.iter().map(|&b| i64::from(i32::from(b) * i32::from(b))).sum();
    scale * scale * sum as f32
}

impl Codes {
    /// Codes of the rows of a table. O(n · dim).
    pub(crate) fn of(scoring: Scoring, table: &[f32], dim: usize) -> Self {
        let stride = stride(dim);
        let n = table.len() / dim;
        let centre = match scoring {
            Scoring::L2 => middle(table, dim),
            Scoring::Dot => vec![0.0; dim],
        };
        let mut scales = vec![0.0; 2 * n];
        let rows = Aligned::new(n * stride, |rows| {
            rows.par_chunks_mut(stride).zip(scales.par_chunks_mut(2)).zip(table.par_chunks(dim)).for_each_init(
                || vec![0i8; stride],
                |bytes, ((row, scales), vector)| {
                    let scale = encode(scoring, vector, &centre, bytes);
                    for (code, &byte) in row.iter_mut().zip(&*bytes) {
                        *code = byte.wrapping_add(i8::MIN).cast_unsigned();
                    }
                    let fixed = if scoring == Scoring::L2 { square(bytes, scale) } else { 0.0 };
                    scales.copy_from_slice(&[fixed, scale]);
                },
            );
        });
        Self { scoring, rows, scales: Aligned::copy(&scales), centre: Aligned::copy(&centre) }
    }

    pub(crate) fn stride(&self) -> usize {
        stride(self.centre.len())
    }

    /// A query `[dim]` against the codes; its bytes are written into `bytes`.
    pub(crate) fn query<'a>(&'a self, query: &[f32], bytes: &'a mut Vec<i8>) -> Coded<'a> {
        bytes.resize(self.stride(), 0);
        let scale = encode(self.scoring, query, &self.centre, bytes);
        let base = if self.scoring == Scoring::L2 { square(bytes, scale) } else { 0.0 };
        self.coded(bytes, scale, base)
    }

    /// A row as the query.
    pub(crate) fn from_row<'a>(&'a self, row: u32, bytes: &'a mut Vec<i8>) -> Coded<'a> {
        let (row, stride) = (row as usize, self.stride());
        bytes.clear();
        let codes = &self.rows[row * stride..(row + 1) * stride];
        bytes.extend(codes.iter().map(|&code| code.cast_signed().wrapping_add(i8::MIN)));
        self.coded(bytes, self.scales[2 * row + 1], self.scales[2 * row])
    }

    fn coded<'a>(&'a self, query: &'a [i8], scale: f32, base: f32) -> Coded<'a> {
        let offset = ZERO * query.iter().map(|&b| i32::from(b)).sum::<i32>();
        let unit = if self.scoring == Scoring::L2 { 2.0 * scale } else { scale };
        Coded { codes: self, query, offset, unit, base }
    }
}

/// The middle of the smallest box around all rows.
fn middle(table: &[f32], dim: usize) -> Vec<f32> {
    let Some(first) = table.get(..dim) else { return vec![0.0; dim] };
    let (mut least, mut most) = (first.to_vec(), first.to_vec());
    for row in table.chunks_exact(dim) {
        for ((least, most), &x) in least.iter_mut().zip(&mut most).zip(row) {
            *least = least.min(x);
            *most = most.max(x);
        }
    }
    least.iter().zip(&most).map(|(&a, &b)| 0.5 * a + 0.5 * b).collect()
}

/// Products computed in one go.
const BLOCK: usize = 64;

impl Costs for Coded<'_> {
    #[inline]
    fn prefetch(&self, node: u32) {
        kernel::prefetch_row(&self.codes.rows, self.query.len(), node);
        kernel::prefetch_row(&self.codes.scales, 2, node);
    }

    #[inline]
    fn costs(&self, nodes: &[u32], costs: &mut [f32]) {
        let mut products = [0; BLOCK];
        for (nodes, costs) in nodes.chunks(BLOCK).zip(costs.chunks_mut(BLOCK)) {
            let products = &mut products[..nodes.len()];
            kernel::dot_codes_gather(self.query, &self.codes.rows, nodes, products);
            let (scales, _) = self.codes.scales.as_chunks::<2>();
            for ((cost, &product), &node) in costs.iter_mut().zip(&*products).zip(nodes) {
                let [fixed, scale] = scales[node as usize];
                #[expect(clippy::cast_precision_loss, reason = "to 24 bits is enough for an estimate")]
                let product = (product - self.offset) as f32;
                *cost = (self.base + fixed) - self.unit * scale * product;
            }
        }
    }
}
