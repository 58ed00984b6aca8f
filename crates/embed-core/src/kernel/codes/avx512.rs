//! AVX-512 with BW, VBMI and VNNI: sixteen rows of a block in one register.
#![allow(clippy::needless_range_loop, reason = "accumulators are walked beside offsets")]

use std::arch::x86_64::*;

use super::BLOCK;

/// `Q` queries with `R` blocks.
///
/// # Safety
/// The processor has the instruction set; `queries` is valid for `Q · dim`, `blocks` for `R · 16 · dim` bytes,
/// `out` for `Q` times 16 `R` values at a distance of `stride`; `dim` is a multiple of 4.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vnni")]
unsafe fn dot_tile<const Q: usize, const R: usize>(
    queries: *const i8,
    dim: usize,
    blocks: *const u8,
    out: *mut i32,
    stride: usize,
) {
    // SAFETY: step `s` reads four bytes at `4 s` below `dim` of a query, and 64 at `64 s` below `16 dim` of a
    // block.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); R]; Q];
        for step in 0..dim / 4 {
            let mut codes = [_mm512_setzero_si512(); R];
            for r in 0..R {
                codes[r] = _mm512_loadu_si512(blocks.add(r * BLOCK * dim + 64 * step).cast());
            }
            for q in 0..Q {
                let four = queries.add(q * dim + 4 * step).cast::<i32>().read_unaligned();
                let four = _mm512_set1_epi32(four);
                for r in 0..R {
                    sums[q][r] = _mm512_dpbusd_epi32(sums[q][r], codes[r], four);
                }
            }
        }
        for q in 0..Q {
            for r in 0..R {
                _mm512_storeu_si512(out.add(q * stride + BLOCK * r).cast(), sums[q][r]);
            }
        }
    }
}

/// `Q` tables with `R` blocks.
///
/// # Safety
/// The processor has the instruction set; `tables` is valid for `Q · 16 · parts`, `blocks` for `R · 8 · parts`
/// bytes, `out` for `Q` times 16 `R` values at a distance of `stride`; `parts` is a multiple of 8.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vnni")]
unsafe fn lookup_tile<const Q: usize, const R: usize>(
    tables: *const u8,
    parts: usize,
    blocks: *const u8,
    out: *mut i32,
    stride: usize,
) {
    // SAFETY: group `g` reads 64 bytes at `64 g` below `8 parts` of a block, and 128 at `128 g` below
    // `16 parts` of a table.
    unsafe {
        let (low, ones) = (_mm512_set1_epi8(15), _mm512_set1_epi8(1));
        // Part j of four has the j-th quarter of a table register.
        let quarter = _mm512_set1_epi32(0x3020_1000);
        // (a & b) | c
        const AND_OR: i32 = 0xEA;
        let mut sums = [[_mm512_setzero_si512(); R]; Q];
        for group in 0..parts / 8 {
            let mut codes = [_mm512_setzero_si512(); R];
            let mut places = [_mm512_setzero_si512(); R];
            for r in 0..R {
                codes[r] = _mm512_loadu_si512(blocks.add(r * 8 * parts + 64 * group).cast());
                places[r] = _mm512_ternarylogic_epi32::<AND_OR>(codes[r], low, quarter);
            }
            for q in 0..Q {
                let table = _mm512_loadu_si512(tables.add(q * 16 * parts + 128 * group).cast());
                for r in 0..R {
                    let found = _mm512_permutexvar_epi8(places[r], table);
                    sums[q][r] = _mm512_dpbusd_epi32(sums[q][r], found, ones);
                }
            }
            for r in 0..R {
                let high = _mm512_srli_epi16::<4>(codes[r]);
                places[r] = _mm512_ternarylogic_epi32::<AND_OR>(high, low, quarter);
            }
            for q in 0..Q {
                let table = _mm512_loadu_si512(tables.add(q * 16 * parts + 128 * group + 64).cast());
                for r in 0..R {
                    let found = _mm512_permutexvar_epi8(places[r], table);
                    sums[q][r] = _mm512_dpbusd_epi32(sums[q][r], found, ones);
                }
            }
        }
        for q in 0..Q {
            for r in 0..R {
                _mm512_storeu_si512(out.add(q * stride + BLOCK * r).cast(), sums[q][r]);
            }
        }
    }
}

/// Walks queries and blocks in tiles of four by four.
macro_rules! tiles {
    ($name:ident, $tile:ident, $query_bytes:literal, $block_bytes:literal) => {
        /// # Safety
        /// The processor has the instruction set; the lengths fit, as the public function has checked.
        #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vnni")]
        pub(super) unsafe fn $name(queries: &[u8], dim: usize, blocks: &[u8], out: &mut [i32]) {
            let (query, block) = ($query_bytes * dim, $block_bytes * dim);
            let (n, n_blocks) = (queries.len() / query, blocks.len() / block);
            let stride = n_blocks * BLOCK;
            let mut b = 0;
            while b < n_blocks {
                let wide = n_blocks - b >= 4;
                // SAFETY: tile (q, b) has so many queries and blocks left.
                unsafe {
                    let from = blocks.as_ptr().add(b * block);
                    let mut q = 0;
                    while q < n {
                        let queries = queries.as_ptr().add(q * query).cast();
                        let out = out.as_mut_ptr().add(q * stride + b * BLOCK);
                        match (n - q, wide) {
                            (1, true) => $tile::<1, 4>(queries, dim, from, out, stride),
                            (2, true) => $tile::<2, 4>(queries, dim, from, out, stride),
                            (3, true) => $tile::<3, 4>(queries, dim, from, out, stride),
                            (_, true) => $tile::<4, 4>(queries, dim, from, out, stride),
                            (1, false) => $tile::<1, 1>(queries, dim, from, out, stride),
                            (2, false) => $tile::<2, 1>(queries, dim, from, out, stride),
                            (3, false) => $tile::<3, 1>(queries, dim, from, out, stride),
                            (_, false) => $tile::<4, 1>(queries, dim, from, out, stride),
                        }
                        q += 4;
                    }
                }
                b += if wide { 4 } else { 1 };
            }
        }
    };
}
tiles!(dot_blocks_bytes, dot_tile, 1, 16);
tiles!(lookup_blocks, lookup_tile, 16, 8);

/// # Safety
/// The processor has the instruction set; the lengths fit, as the public function has checked.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vnni")]
pub(super) unsafe fn dot_blocks(queries: &[i8], dim: usize, blocks: &[u8], out: &mut [i32]) {
    // SAFETY: bytes are bytes; the rest is handed on.
    unsafe {
        let queries = std::slice::from_raw_parts(queries.as_ptr().cast(), queries.len());
        dot_blocks_bytes(queries, dim, blocks, out);
    }
}

/// Scores sixteen values and keeps those that are let in.
macro_rules! select_by {
    ($name:ident, $value:ty, $load:expr) => {
        /// # Safety
        /// The processor has the instruction set; `hits` and `scores` are as long as `values` at least, `terms`
        /// is as long or empty.
        #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vnni")]
        pub(super) unsafe fn $name(
            values: &[$value],
            (scale, offset): (f32, f32),
            terms: &[f32],
            threshold: f32,
            hits: &mut [u32],
            scores: &mut [f32],
        ) -> usize {
            // SAFETY: lanes that are off are not read; at most as many are written as were read before.
            unsafe {
                let (scale, offset) = (_mm512_set1_ps(scale), _mm512_set1_ps(offset));
                let least = _mm512_set1_ps(threshold);
                let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let (mut n, mut at) = (0, 0);
                while at < values.len() {
                    let left = values.len() - at;
                    let on: __mmask16 = if left >= 16 { !0 } else { (1 << left) - 1 };
                    let value = $load(on, values.as_ptr().add(at));
                    let mut score = _mm512_add_ps(_mm512_mul_ps(value, scale), offset);
                    let term = if terms.is_empty() {
                        _mm512_setzero_ps()
                    } else {
                        _mm512_maskz_loadu_ps(on, terms.as_ptr().add(at))
                    };
                    score = _mm512_add_ps(score, term);
                    let kept = _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(on, score, least);
                    if kept != 0 {
                        #[expect(clippy::cast_possible_truncation, reason = "places are u32")]
                        #[expect(clippy::cast_possible_wrap, reason = "the same bits")]
                        let places = _mm512_add_epi32(lanes, _mm512_set1_epi32(at as u32 as i32));
                        let count = kept.count_ones() as usize;
                        let front = if count == 16 { !0 } else { (1 << count) - 1 };
                        let places = _mm512_maskz_compress_epi32(kept, places);
                        _mm512_mask_storeu_epi32(hits.as_mut_ptr().add(n).cast(), front, places);
                        let score = _mm512_maskz_compress_ps(kept, score);
                        _mm512_mask_storeu_ps(scores.as_mut_ptr().add(n), front, score);
                        n += count;
                    }
                    at += 16;
                }
                n
            }
        }
    };
}
select_by!(select, f32, |on, from: *const f32| _mm512_maskz_loadu_ps(on, from));
select_by!(select_sums, i32, |on, from: *const i32| _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(on, from)));
