//! Byte codes by AVX2: widened to sixteen bits, where no product of the two kinds of bytes overflows.

use std::arch::x86_64::*;

use super::bytes::product;

/// The products of the query with `R` rows, lane by lane, of the first multiple of sixteen bytes.
///
/// # Safety
/// The processor has AVX2; all pointers are valid for reading `dim` bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn accumulate<const R: usize>(query: *const u8, rows: [*const u8; R], dim: usize) -> [__m256i; R] {
    let mut sums = [_mm256_setzero_si256(); R];
    let zero = _mm256_set1_epi16(128);
    for at in (0..dim / 16 * 16).step_by(16) {
        // SAFETY: 16 bytes are left.
        let q = unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(query.add(at).cast())) };
        let q = _mm256_sub_epi16(q, zero);
        for r in 0..R {
            // SAFETY: as above.
            let c = unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(rows[r].add(at).cast())) };
            sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(c, q));
        }
    }
    sums
}

/// The sum of the lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn sum(x: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

/// The products beyond the last multiple of sixteen.
#[inline]
fn tail(query: &[u8], row: &[u8]) -> i32 {
    let from = query.len() / 16 * 16;
    query[from..].iter().zip(&row[from..]).map(|(&q, &c)| product(q, c)).sum()
}

/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn products(query: &[u8], table: &[u8], ids: &[u32], mut each: impl FnMut(usize, i32)) {
    let dim = query.len();
    let row = |id: u32| super::row(table, dim, id);
    let (fours, rest) = ids.as_chunks::<4>();
    for (block, ids) in fours.iter().enumerate() {
        let rows = ids.map(row);
        // SAFETY: `row` checked that the rows lie within the table.
        let sums = unsafe { accumulate(query.as_ptr(), rows.map(<[u8]>::as_ptr), dim) };
        for r in 0..4 {
            each(4 * block + r, sum(sums[r]) + tail(query, rows[r]));
        }
    }
    for (i, &id) in rest.iter().enumerate() {
        let row = row(id);
        // SAFETY: as above.
        let [lanes] = unsafe { accumulate(query.as_ptr(), [row.as_ptr()], dim) };
        each(4 * fours.len() + i, sum(lanes) + tail(query, row));
    }
}
