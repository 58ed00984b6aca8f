//! Vector kernels with run-time dispatch: AVX-512, AVX2 with FMA, NEON, or portable code.
//!
//! The score of two vectors is the same bits from every function here ([`dot`], [`dot_rows`],
//! [`dot_gather`]) on one instruction set, wherever the vectors lie; instruction sets agree to rounding.

mod isa;
pub mod logistic;
mod logistic_simd;
#[cfg(test)]
mod logistic_tests;
mod rows;
mod simd;
#[cfg(test)]
mod tests;

pub use isa::{Isa, isa};

/// `x · y`. O(dim).
///
/// # Panics
/// When the lengths differ.
#[inline]
#[must_use]
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut out = [0.0];
    rows::back_to_back::<false>(isa(), x, y, &mut out);
    out[0]
}

/// `|x − y|²`. O(dim).
///
/// # Panics
/// When the lengths differ.
#[inline]
#[must_use]
pub fn squared_l2(x: &[f32], y: &[f32]) -> f32 {
    let mut out = [0.0];
    rows::back_to_back::<true>(isa(), x, y, &mut out);
    out[0]
}

/// `y += alpha · x`. O(dim).
///
/// # Panics
/// When the lengths differ.
#[inline]
pub fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    rows::axpy(isa(), alpha, x, y);
}

/// `|x|`. O(dim).
#[inline]
#[must_use]
pub fn norm(x: &[f32]) -> f32 {
    dot(x, x).sqrt()
}

/// Scales `x` to length 1 and returns its former length; a zero vector stays zero. A vector whose square is
/// too small or too large for an f32 is scaled by its largest component first. O(dim).
#[inline]
pub fn normalize(x: &mut [f32]) -> f32 {
    let length = norm(x);
    if length.is_normal() && length > 1e-15 && length < 1e15 {
        x.iter_mut().for_each(|x| *x /= length);
        return length;
    }
    let largest = x.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return length;
    }
    x.iter_mut().for_each(|x| *x /= largest);
    let scaled = norm(x);
    x.iter_mut().for_each(|x| *x /= scaled);
    scaled * largest
}

/// Dot products of a query `[dim]` with rows that lie back to back, one an entry of `out`. O(dim · rows).
///
/// # Panics
/// When `rows` does not hold `out.len()` rows.
#[inline]
pub fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    rows::back_to_back::<false>(isa(), query, rows, out);
}

/// Squared distances of a query `[dim]` to rows that lie back to back. O(dim · rows).
///
/// # Panics
/// When `rows` does not hold `out.len()` rows.
#[inline]
pub fn squared_l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    rows::back_to_back::<true>(isa(), query, rows, out);
}

/// Dot products of a query `[dim]` with rows `ids` of a table `[n, dim]`. O(dim · ids).
///
/// # Panics
/// When `out` is not as long as `ids`, or a row is beyond the table.
#[inline]
pub fn dot_gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    rows::gathered::<false>(isa(), query, table, ids, out);
}

/// Squared distances of a query `[dim]` to rows `ids` of a table `[n, dim]`. O(dim · ids).
///
/// # Panics
/// When `out` is not as long as `ids`, or a row is beyond the table.
#[inline]
pub fn squared_l2_gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    rows::gathered::<true>(isa(), query, table, ids, out);
}

/// Asks the processor to load the start of row `id` of a table of `dim` columns; a row beyond it is ignored.
/// What follows the first lines of a row is left to the processor's own prefetching.
#[inline]
pub fn prefetch_row(table: &[f32], dim: usize, id: u32) {
    let start = (id as usize).saturating_mul(dim);
    if let Some(row) = table.get(start..).filter(|row| row.len() >= dim) {
        for line in row[..dim].chunks(16).take(8) {
            prefetch(line.as_ptr());
        }
    }
}

#[inline]
fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing, whatever the address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
