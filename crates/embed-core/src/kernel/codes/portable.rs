//! Any processor: the definitions, in loops that the compiler turns into vectors.

use super::BLOCK;

pub(super) fn dot_blocks(queries: &[i8], dim: usize, blocks: &[u8], out: &mut [i32]) {
    let rows = blocks.len() / dim;
    for (query, out) in queries.chunks_exact(dim).zip(out.chunks_exact_mut(rows)) {
        for (block, out) in blocks.chunks_exact(dim * BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
            let mut sums = [0i32; BLOCK];
            for (four, codes) in query.chunks_exact(4).zip(block.chunks_exact(4 * BLOCK)) {
                for (sum, code) in sums.iter_mut().zip(codes.chunks_exact(4)) {
                    *sum += four.iter().zip(code).map(|(&q, &c)| i32::from(q) * i32::from(c)).sum::<i32>();
                }
            }
            out.copy_from_slice(&sums);
        }
    }
}

pub(super) fn lookup_blocks(tables: &[u8], parts: usize, blocks: &[u8], out: &mut [i32]) {
    let rows = blocks.len() / (parts * 8) * BLOCK;
    for (table, out) in tables.chunks_exact(parts * 16).zip(out.chunks_exact_mut(rows)) {
        for (block, out) in blocks.chunks_exact(parts * 8).zip(out.chunks_exact_mut(BLOCK)) {
            let mut sums = [0i32; BLOCK];
            for (group, table) in block.chunks_exact(64).zip(table.chunks_exact(128)) {
                for (sum, four) in sums.iter_mut().zip(group.chunks_exact(4)) {
                    for (j, &byte) in four.iter().enumerate() {
                        let (low, high) = (usize::from(byte & 15), usize::from(byte >> 4));
                        *sum += i32::from(table[16 * j + low]) + i32::from(table[64 + 16 * j + high]);
                    }
                }
            }
            out.copy_from_slice(&sums);
        }
    }
}

/// Appends to `hits` and `scores` what `values` lets in; see [`super::select()`].
pub(super) fn select(
    values: &[f32],
    (scale, offset): (f32, f32),
    terms: &[f32],
    threshold: f32,
    hits: &mut [u32],
    scores: &mut [f32],
) -> usize {
    let mut n = 0;
    for (i, &value) in (0u32..).zip(values) {
        let score = scale * value + offset + terms.get(i as usize).copied().unwrap_or(0.0);
        if score >= threshold {
            (hits[n], scores[n]) = (i, score);
            n += 1;
        }
    }
    n
}

#[expect(clippy::cast_precision_loss, reason = "sums are rounded to f32 by every instruction set")]
pub(super) fn select_sums(
    sums: &[i32],
    (scale, offset): (f32, f32),
    terms: &[f32],
    threshold: f32,
    hits: &mut [u32],
    scores: &mut [f32],
) -> usize {
    let mut n = 0;
    for (i, &sum) in (0u32..).zip(sums) {
        let score = scale * sum as f32 + offset + terms.get(i as usize).copied().unwrap_or(0.0);
        if score >= threshold {
            (hits[n], scores[n]) = (i, score);
            n += 1;
        }
    }
    n
}
