//! Vector kernels: dot products, squared distances and updates of f32 vectors, one row or many.
//!
//! Each call uses the best instruction set of the processor: AVX-512F, AVX2 with FMA, NEON, or portable code
//! ([`isa`] tells which). All lengths and alignments are served, zero included.
//!
//! **Determinism.** On one instruction set a result is a function of the values alone: [`dot`],
//! [`dot_rows`] and [`dot_gather`] give the same bits for the same two vectors, wherever they lie and whatever
//! is beside them; so do the squared distances. Between instruction sets results agree to rounding.
//!
//! | for | use |
//! |---|---|
//! | two vectors | [`dot`], [`squared_l2`], [`cosine`] |
//! | one query and rows back to back | [`dot_rows`], [`squared_l2_rows`] |
//! | one query and rows by id | [`dot_gather`], [`squared_l2_gather`], [`prefetch_row`] |
//! | a query of bytes and rows of bytes by id | [`dot_codes_gather`], [`code_costs_gather`] |
//! | elements of any table, soon | [`prefetch_element`] |
//! | an update | [`axpy`], [`logistic`], [`adagrad`], [`adam`] |
//! | a sum of rows by id | [`sum_gathered`], [`sum_terms`] |
//! | all rows, column by column | [`offset_rows`], [`scale_rows`], [`sum_rows`], [`sum_squares`], [`sum_products`], [`combine_rows`], [`gate`] |
//! | a softmax | [`max`], [`exp_sum`], [`scale`] |
//! | weighted sums over lists of rows | [`lists`] |
//! | a length | [`norm`], [`normalize`] |
//! | codes of bytes and half bytes | [`codes`] |
//! | a given instruction set | [`Kernels`] |

pub(crate) mod argmax;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bytes;
#[cfg(target_arch = "x86_64")]
mod bytes_avx2;
#[cfg(target_arch = "x86_64")]
mod bytes_avx512;
#[cfg(target_arch = "aarch64")]
mod bytes_neon;
pub mod codes;
mod columns;
mod compiled;
mod dispatch;
mod gathered;
mod generic;
mod length;
pub mod lists;
pub mod logistic;
mod logistic_simd;
#[cfg(test)]
mod logistic_tests;
pub(crate) mod matmul;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod prefetch;
#[cfg(test)]
mod scalar;
mod softmax;
mod steps;
#[cfg(test)]
mod tests;

pub use bytes::{CodedQuery, MAX_CODES, code_costs_gather, dot_codes_gather};
pub use columns::{combine_rows, gate, offset_rows, scale_rows, sum_products, sum_rows, sum_squares};
pub use dispatch::{Isa, Kernels};
pub use gathered::{Term, sum_gathered, sum_terms};
pub use length::{cosine, norm, normalize};
pub use prefetch::{prefetch_element, prefetch_row};
pub use softmax::{exp_sum, max, scale};
pub use steps::{AdamStep, adagrad, adam};

/// The instruction set in use.
#[must_use]
pub fn isa() -> Isa {
    Kernels::best().isa()
}

/// `Σ aᵢ bᵢ` of two vectors `[dim]`. O(dim).
///
/// # Panics
/// When the lengths differ.
#[must_use]
#[inline]
#[track_caller]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    Kernels::best().dot(a, b)
}

/// `Σ (aᵢ − bᵢ)²` of two vectors `[dim]`. O(dim).
///
/// # Panics
/// When the lengths differ.
#[must_use]
#[inline]
#[track_caller]
pub fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    Kernels::best().squared_l2(a, b)
}

/// `y += alpha · x` for vectors `[dim]`. O(dim).
///
/// # Panics
/// When the lengths differ.
#[inline]
#[track_caller]
pub fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
    Kernels::best().axpy(alpha, x, y);
}

/// The dot products of a query `[dim]` with `rows` `[n, dim]`, which lie back to back, into `out` `[n]`.
/// O(n · dim).
///
/// # Panics
/// When `rows` is not `out.len()` rows of `query.len()`.
#[inline]
#[track_caller]
pub fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    Kernels::best().dot_rows(query, rows, out);
}

/// The squared distances of a query `[dim]` from `rows` `[n, dim]`, which lie back to back, into `out` `[n]`.
/// O(n · dim).
///
/// # Panics
/// When `rows` is not `out.len()` rows of `query.len()`.
#[inline]
#[track_caller]
pub fn squared_l2_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    Kernels::best().squared_l2_rows(query, rows, out);
}

/// The dot products of a query `[dim]` with the rows `ids` `[n]` of a table `[rows, dim]`, into `out` `[n]`.
/// O(n · dim), four rows at a time.
///
/// # Panics
/// When `ids` and `out` differ in length, or an id's row is beyond the table.
#[inline]
#[track_caller]
pub fn dot_gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    Kernels::best().dot_gather(query, table, ids, out);
}

/// The squared distances of a query `[dim]` from the rows `ids` `[n]` of a table `[rows, dim]`, into `out`
/// `[n]`. O(n · dim), four rows at a time.
///
/// # Panics
/// When `ids` and `out` differ in length, or an id's row is beyond the table.
#[inline]
#[track_caller]
pub fn squared_l2_gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    Kernels::best().squared_l2_gather(query, table, ids, out);
}

/// A row of a table.
#[inline(always)]
fn row<T>(table: &[T], dim: usize, id: u32) -> &[T] {
    match (id as usize).checked_mul(dim).and_then(|start| table.get(start..)?.get(..dim)) {
        Some(row) => row,
        None => no_row(table.len(), dim, id),
    }
}

#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "the documented panic of the gather kernels")]
fn no_row(len: usize, dim: usize, id: u32) -> ! {
    panic!("row {id} of {dim} components is beyond a table of {len}");
}
