//! Vectors in a byte a component, for the walk: a quarter of the memory to read, and products of integers. What
//! the walk finds is then scored by the exact vectors.

use embed_core::kernel::{self, CodedQuery};
use rayon::prelude::*;

use super::beam::Costs;
use crate::aligned::Aligned;
use crate::scoring::Scoring;

/// Most components.
pub(crate) const MAX_DIM: usize = kernel::MAX_CODES;
/// The code of a component that is the centre's.
const ZERO: u8 = 128;
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

/// A query in bytes against codes. The cost is an estimate of the squared distance, or of minus the product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coded<'a> {
    rows: &'a [u8],
    numbers: &'a [[f32; 2]],
    query: CodedQuery<'a>,
}

/// A vector's bytes about the centre, or the origin where there is none; the scale.
fn encode(vector: &[f32], centre: &[f32], bytes: &mut [u8]) -> f32 {
    let centre = || centre.iter().copied().chain(std::iter::repeat(0.0));
    let differences = || vector.iter().zip(centre()).map(|(x, c)| x - c);
    let reach = differences().fold(0.0f32, |most, x| most.max(x.abs()));
    let scale = reach / REACH;
    let finite = scale > f32::MIN_POSITIVE && scale.is_finite();
    let inverse = if finite { 1.0 / scale } else { 0.0 };
    bytes.fill(ZERO);
    for (byte, x) in bytes.iter_mut().zip(differences()) {
        let steps = (x * inverse).round_ties_even().clamp(-REACH, REACH);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 255; NaN becomes 0"
        )]
        let code = (steps + f32::from(ZERO)) as u8;
        *byte = code;
    }
    if finite { scale } else { 0.0 }
}

/// The squared length of what bytes stand for.
#[expect(clippy::cast_precision_loss, reason = "to 24 bits is enough for an estimate")]
fn square(bytes: &[u8], scale: f32) -> f32 {
    let step = |&b: &u8| (i32::from(b) - i32::from(ZERO)).pow(2);
    scale * scale * bytes.iter().map(step).sum::<i32>() as f32
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
            let rows = rows.par_chunks_mut(stride).zip(scales.par_chunks_mut(2));
            rows.zip(table.par_chunks(dim)).for_each(|((row, scales), vector)| {
                let scale = encode(vector, &centre, row);
                let fixed = if scoring == Scoring::L2 { square(row, scale) } else { 0.0 };
                scales.copy_from_slice(&[fixed, scale]);
            });
        });
        Self { scoring, rows, scales: Aligned::copy(&scales), centre: Aligned::copy(&centre) }
    }

    /// The same codes with their rows in another order.
    pub(crate) fn reordered(&self, order: &[u32]) -> Self {
        let stride = self.stride();
        let rows = Aligned::new(self.rows.len(), |rows| {
            for (row, &old) in rows.chunks_exact_mut(stride).zip(order) {
                row.copy_from_slice(&self.rows[old as usize * stride..(old as usize + 1) * stride]);
            }
        });
        let numbers = self.scales.as_chunks::<2>().0;
        let scales = order.iter().flat_map(|&old| numbers[old as usize]);
        Self { rows, scales: Aligned::collect(self.scales.len(), scales), ..self.clone() }
    }

    /// The same codes, where of each row its number of `fixed` `[n]` does not depend on the query.
    pub(crate) fn with_fixed(mut self, fixed: &[f32]) -> Self {
        let numbers = self.scales.make_mut().as_chunks_mut::<2>().0;
        numbers.iter_mut().zip(fixed).for_each(|(numbers, &fixed)| numbers[0] = fixed);
        self
    }

    fn stride(&self) -> usize {
        stride(self.centre.len())
    }

    /// A query `[dim]` against the codes; its bytes are written into `bytes`.
    pub(crate) fn query<'a>(&'a self, query: &[f32], bytes: &'a mut Vec<u8>) -> Coded<'a> {
        bytes.resize(self.stride(), ZERO);
        let scale = encode(query, &self.centre, bytes);
        match self.scoring {
            Scoring::L2 => {
                let base = square(bytes, scale);
                self.coded(bytes, scale, base, 1.0)
            }
            Scoring::Dot => self.coded(bytes, scale, 0.0, 0.0),
        }
    }

    /// The costs of which are the products of rows with a vector `[dim]`.
    pub(crate) fn products<'a>(&'a self, vector: &[f32], bytes: &'a mut Vec<u8>) -> Coded<'a> {
        bytes.resize(self.stride(), ZERO);
        let scale = encode(vector, &[], bytes);
        let mut coded = self.coded(bytes, scale, kernel::dot(vector, &self.centre), 0.0);
        coded.query.unit = -scale;
        coded
    }

    /// The costs of which are what rows' fixed parts exceed their products with a vector `[dim]` by.
    pub(crate) fn shortfalls<'a>(&'a self, vector: &[f32], bytes: &'a mut Vec<u8>) -> Coded<'a> {
        let mut coded = self.query(vector, bytes);
        coded.query.weight = 1.0;
        coded
    }

    /// A row as the query.
    #[inline]
    pub(crate) fn between(&self, row: u32) -> Coded<'_> {
        let (row, stride) = (row as usize, self.stride());
        let bytes = &self.rows[row * stride..(row + 1) * stride];
        self.coded(bytes, self.scales[2 * row + 1], self.scales[2 * row], 1.0)
    }

    #[inline]
    fn coded<'a>(&'a self, bytes: &'a [u8], scale: f32, base: f32, weight: f32) -> Coded<'a> {
        let sum: i32 = bytes.iter().map(|&b| i32::from(b)).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "at most 65,536 bytes"
        )]
        let sum = sum - (bytes.len() as i32) * i32::from(ZERO);
        let unit = if self.scoring == Scoring::L2 { 2.0 * scale } else { scale };
        let query = CodedQuery { bytes, base, weight, unit, offset: i32::from(ZERO) * sum };
        Coded { rows: &self.rows, numbers: self.scales.as_chunks().0, query }
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

impl Costs for Coded<'_> {
    #[inline]
    fn prefetch(&self, node: u32) {
        kernel::prefetch_row(self.rows, self.query.bytes.len(), node);
        kernel::prefetch_row(self.numbers, 1, node);
    }

    #[inline]
    fn costs(&self, nodes: &[u32], costs: &mut [f32]) {
        kernel::code_costs_gather(&self.query, self.rows, self.numbers, nodes, costs);
    }
}
