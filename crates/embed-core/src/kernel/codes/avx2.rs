//! AVX2: eight lanes.

use std::arch::x86_64::*;

use super::BLOCK;

/// # Safety
/// The processor has AVX2; the lengths fit, as the public function has checked.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn dot_blocks(queries: &[i8], dim: usize, blocks: &[u8], out: &mut [i32]) {
    let rows = blocks.len() / dim;
    for (query, out) in queries.chunks_exact(dim).zip(out.chunks_exact_mut(rows)) {
        for (block, out) in blocks.chunks_exact(dim * BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
            // SAFETY: step `s` reads four bytes at `4 s` of the query and 64 at `64 s` of the block; the
            // output has sixteen values.
            unsafe {
                // Two sums a row: of components 0 and 1, and of 2 and 3.
                let mut sums = [_mm256_setzero_si256(); 4];
                for step in 0..dim / 4 {
                    let four = query.as_ptr().add(4 * step).cast::<i32>().read_unaligned();
                    let four = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
                    for (r, sum) in sums.iter_mut().enumerate() {
                        let codes = _mm_loadu_si128(block.as_ptr().add(64 * step + 16 * r).cast());
                        let products = _mm256_madd_epi16(_mm256_cvtepu8_epi16(codes), four);
                        *sum = _mm256_add_epi32(*sum, products);
                    }
                }
                for (r, sum) in sums.into_iter().enumerate() {
                    let mut lanes = [0i32; 8];
                    _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum);
                    for (out, pair) in out[4 * r..4 * r + 4].iter_mut().zip(lanes.chunks_exact(2)) {
                        *out = pair[0] + pair[1];
                    }
                }
            }
        }
    }
}

/// Groups after which sums of 16 bits could overflow: 4 bytes a group are added to each.
const GROUPS: usize = 64;

/// # Safety
/// The processor has AVX2; the lengths fit, as the public function has checked.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn lookup_blocks(tables: &[u8], parts: usize, blocks: &[u8], out: &mut [i32]) {
    let rows = blocks.len() / (parts * 8) * BLOCK;
    for (table, out) in tables.chunks_exact(parts * 16).zip(out.chunks_exact_mut(rows)) {
        for (block, out) in blocks.chunks_exact(parts * 8).zip(out.chunks_exact_mut(BLOCK)) {
            let mut sums = [0i32; BLOCK];
            for (block, table) in block.chunks(64 * GROUPS).zip(table.chunks(128 * GROUPS)) {
                // SAFETY: the table has 128 bytes for each 64 of the block.
                unsafe { lookup(table, block, &mut sums) };
            }
            out.copy_from_slice(&sums);
        }
    }
}

/// The order in which [`lookup`] has the rows of a block.
const ROWS: [usize; 16] = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15];

/// # Safety
/// The processor has AVX2; `block` is at most `GROUPS` groups of 64 bytes, `table` twice as long.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn lookup(table: &[u8], block: &[u8], sums: &mut [i32; BLOCK]) {
    // SAFETY: group `g` reads 64 bytes of the block and 128 of the table.
    unsafe {
        let low = _mm256_set1_epi8(15);
        let bytes = _mm256_set1_epi16(255);
        let turn = _mm256_setr_epi8(
            0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3,
            7, 11, 15,
        );
        // Of even and of odd rows; the halves of a register are different parts.
        let (mut even, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for group in 0..block.len() / 64 {
            let codes = block.as_ptr().add(64 * group);
            // Four rows of four parts in each half, turned to four parts of four rows.
            let a = _mm256_shuffle_epi8(_mm256_loadu_si256(codes.cast()), turn);
            let b = _mm256_shuffle_epi8(_mm256_loadu_si256(codes.add(32).cast()), turn);
            // Parts 0 and 1, then 2 and 3, each with its sixteen rows in one half.
            let pairs = [
                _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_unpacklo_epi32(a, b)),
                _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_unpackhi_epi32(a, b)),
            ];
            for (p, pair) in pairs.into_iter().enumerate() {
                let halves = [pair, _mm256_srli_epi16::<4>(pair)];
                for (h, half) in halves.into_iter().enumerate() {
                    let from = table.as_ptr().add(128 * group + 64 * h + 32 * p);
                    let found =
                        _mm256_shuffle_epi8(_mm256_loadu_si256(from.cast()), _mm256_and_si256(half, low));
                    even = _mm256_add_epi16(even, _mm256_and_si256(found, bytes));
                    odd = _mm256_add_epi16(odd, _mm256_srli_epi16::<8>(found));
                }
            }
        }
        let (mut evens, mut odds) = ([0u16; 16], [0u16; 16]);
        _mm256_storeu_si256(evens.as_mut_ptr().cast(), even);
        _mm256_storeu_si256(odds.as_mut_ptr().cast(), odd);
        for i in 0..8 {
            sums[ROWS[2 * i]] += i32::from(evens[i]) + i32::from(evens[i + 8]);
            sums[ROWS[2 * i + 1]] += i32::from(odds[i]) + i32::from(odds[i + 8]);
        }
    }
}

/// Looks at eight values at once, and one by one where some are let in.
macro_rules! select_by {
    ($name:ident, $value:ty, $load:expr) => {
        /// # Safety
        /// The processor has AVX2; `hits` and `scores` are as long as `values` at least, `terms` is as long or
        /// empty.
        #[target_feature(enable = "avx2")]
        pub(super) unsafe fn $name(
            values: &[$value],
            line: (f32, f32),
            terms: &[f32],
            threshold: f32,
            hits: &mut [u32],
            scores: &mut [f32],
        ) -> usize {
            let (scale, offset) = (_mm256_set1_ps(line.0), _mm256_set1_ps(line.1));
            let least = _mm256_set1_ps(threshold);
            let (eights, _) = values.as_chunks::<8>();
            let mut n = 0;
            for (block, eight) in eights.iter().enumerate() {
                let at = 8 * block;
                // SAFETY: eight values and terms are left from `at` on.
                let kept = unsafe {
                    let value = $load(eight.as_ptr());
                    let mut score = _mm256_add_ps(_mm256_mul_ps(value, scale), offset);
                    let term = if terms.is_empty() {
                        _mm256_setzero_ps()
                    } else {
                        _mm256_loadu_ps(terms.as_ptr().add(at))
                    };
                    score = _mm256_add_ps(score, term);
                    _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(score, least))
                };
                if kept != 0 {
                    let terms = terms.get(at..at + 8).unwrap_or_default();
                    n += moved(at, &mut hits[n..], |hits| {
                        super::portable::$name(eight, line, terms, threshold, hits, &mut scores[n..])
                    });
                }
            }
            let at = 8 * eights.len();
            let terms = terms.get(at..).unwrap_or_default();
            n + moved(at, &mut hits[n..], |hits| {
                super::portable::$name(&values[at..], line, terms, threshold, hits, &mut scores[n..])
            })
        }
    };
}
select_by!(select, f32, |from: *const f32| _mm256_loadu_ps(from));
select_by!(select_sums, i32, |from: *const i32| _mm256_cvtepi32_ps(_mm256_loadu_si256(from.cast())));

/// Hits among the values from `at` on, as places among all.
fn moved(at: usize, hits: &mut [u32], find: impl FnOnce(&mut [u32]) -> usize) -> usize {
    let n = find(hits);
    #[expect(clippy::cast_possible_truncation, reason = "places are u32")]
    hits[..n].iter_mut().for_each(|hit| *hit += at as u32);
    n
}
