//! Kernels over codes in blocks of rows: bytes against queries of bytes, and half bytes looked up in tables. Rows of
//! bytes by id are the work of [`code_costs_gather`](super::code_costs_gather).
//!
//! All sums are of integers and exact, so that every instruction set gives the same bits. AVX-512 needs BW, VBMI
//! and VNNI here; without them AVX2 is used.
//!
//! **Blocks.** Scans read codes in blocks of [`BLOCK`] rows, the last one filled with zeros:
//!
//! - bytes: four components of row 0, the same four of row 1, … of row 15; then the next four components;
//! - half bytes: byte `4 r + j` of the group `g` of 64 bytes holds part `8 g + j` of row `r` in its low half
//!   and part `8 g + 4 + j` in its high half, for `j` below 4.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
mod portable;
mod select;
mod table;
#[cfg(test)]
mod tests;

pub use self::select::{select, select_sums};
pub use self::table::lookup_table;
use level::{Level, call};

/// Rows of a block.
pub const BLOCK: usize = 16;
/// Most components: sums of more could overflow.
pub const MAX_DIM: usize = 1 << 16;

/// Bytes of a block of vectors of `dim` bytes.
#[must_use]
pub const fn block_bytes(dim: usize) -> usize {
    dim.div_ceil(4) * 4 * BLOCK
}

/// Bytes of a block of `m` half bytes a row; tables are filled up to `8 ⌈m / 8⌉` parts.
#[must_use]
pub const fn half_block_bytes(m: usize) -> usize {
    m.div_ceil(8) * 64
}

/// `Σ queryᵢ · codeᵢ` of `n` queries of signed bytes with rows of unsigned ones, into `out` `[n, rows]`, where rows
/// are those of whole blocks. O(n · rows · dim). `queries` is `[n, dim]` with `dim` a multiple of 4, filled up with zeros.
///
/// # Panics
/// When the lengths do not fit; above [`MAX_DIM`].
pub fn dot_blocks(queries: &[i8], dim: usize, blocks: &[u8], out: &mut [i32]) {
    let rows = blocks.len().checked_div(dim).unwrap_or(0);
    let whole = dim.is_multiple_of(4) && rows.is_multiple_of(BLOCK) && rows * dim == blocks.len();
    let n = queries.len().checked_div(dim).unwrap_or(0);
    fits(dim, whole && n * dim == queries.len() && n * rows == out.len());
    if rows > 0 && n > 0 {
        call!(Level::best(), dot_blocks(queries, dim, blocks, out));
    }
}

/// `Σ tableⱼ[codeⱼ]` of `n` tables with blocks of half bytes, into `out` `[n, rows]`, where rows are those of
/// whole blocks. `tables` is `[n, parts, 16]` with `parts` a multiple of 8, filled up with zeros.
///
/// # Panics
/// When the lengths do not fit; above [`MAX_DIM`].
pub fn lookup_blocks(tables: &[u8], parts: usize, blocks: &[u8], out: &mut [i32]) {
    let bytes = parts * 8;
    let rows = blocks.len().checked_div(bytes).unwrap_or(0) * BLOCK;
    let whole = parts.is_multiple_of(8) && rows / BLOCK * bytes == blocks.len();
    let n = tables.len().checked_div(parts * 16).unwrap_or(0);
    fits(parts, whole && n * parts * 16 == tables.len() && n * rows == out.len());
    if rows > 0 && n > 0 {
        call!(Level::best(), lookup_blocks(tables, parts, blocks, out));
    }
}

#[inline]
#[track_caller]
fn fits(dim: usize, lengths: bool) {
    assert!(lengths && dim <= MAX_DIM, "codes of {dim} components: the lengths do not fit");
}
