//! Every level that the machine has against the portable one, and that against the definitions.

use rand::RngCore;

use super::level::{Level, call};
use super::*;
use crate::SeededRng;

fn machine() -> impl Iterator<Item = Level> {
    assert!(Level::best().is_available());
    Level::ALL.iter().copied().filter(|level| level.is_available())
}

fn bytes(rng: &mut SeededRng, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn signed(rng: &mut SeededRng, n: usize) -> Vec<i8> {
    bytes(rng, n).into_iter().map(u8::cast_signed).collect()
}

#[test]
fn blocks_of_bytes_have_the_products_of_their_rows() {
    let mut rng = SeededRng::new(2);
    for level in machine() {
        for dim in [4, 8, 60, 128, 200] {
            for (n, rows) in [(1, 16), (2, 48), (3, 64), (4, 80), (7, 144), (9, 16)] {
                let (queries, table) = (signed(&mut rng, n * dim), bytes(&mut rng, rows * dim));
                let mut blocks = vec![0; rows * dim];
                for (r, row) in table.chunks(dim).enumerate() {
                    for (i, &byte) in row.iter().enumerate() {
                        blocks[r / 16 * 16 * dim + i / 4 * 64 + r % 16 * 4 + i % 4] = byte;
                    }
                }
                let (mut expected, mut out) = (vec![0; n * rows], vec![7; n * rows]);
                for (query, out) in queries.chunks(dim).zip(expected.chunks_mut(rows)) {
                    for (row, out) in table.chunks(dim).zip(out) {
                        *out = query.iter().zip(row).map(|(&q, &c)| i32::from(q) * i32::from(c)).sum();
                    }
                }
                call!(level, dot_blocks(&queries, dim, &blocks, &mut out));
                assert_eq!(out, expected, "{level:?} dim {dim}, {n} queries, {rows} rows");
            }
        }
    }
}

#[test]
fn the_longest_query_does_not_overflow() {
    for level in machine() {
        let mut out = [0; 16];
        call!(level, dot_blocks(&vec![-128; MAX_DIM], MAX_DIM, &vec![255; 16 * MAX_DIM], &mut out));
        assert_eq!(out, [-128 * 255 * (1 << 16); 16], "{level:?}");
    }
}

#[test]
fn half_bytes_are_looked_up_in_their_tables() {
    let mut rng = SeededRng::new(3);
    for level in machine() {
        for parts in [8, 16, 64, 200, 1032] {
            for (n, rows) in [(1, 16), (2, 48), (3, 64), (5, 80), (4, 144)] {
                let codes: Vec<u8> = bytes(&mut rng, rows * parts).into_iter().map(|b| b & 15).collect();
                let mut tables = bytes(&mut rng, n * parts * 16);
                tables[..16 * parts].fill(255);
                let mut blocks = vec![0; rows * parts / 2];
                for (r, row) in codes.chunks(parts).enumerate() {
                    for (p, &code) in row.iter().enumerate() {
                        let byte = r / 16 * 8 * parts + p / 8 * 64 + r % 16 * 4 + p % 4;
                        blocks[byte] |= code << (p % 8 / 4 * 4);
                    }
                }
                let mut out = vec![7; n * rows];
                call!(level, lookup_blocks(&tables, parts, &blocks, &mut out));
                for (i, &got) in out.iter().enumerate() {
                    let (table, row) = (&tables[i / rows * 16 * parts..], &codes[i % rows * parts..]);
                    let sum: i32 = (0..parts).map(|p| i32::from(table[16 * p + usize::from(row[p])])).sum();
                    assert_eq!(got, sum, "{level:?} {parts} parts, {n} tables, {rows} rows, {i}");
                }
            }
        }
    }
}

#[test]
fn what_scores_enough_is_selected_in_order() {
    let mut rng = SeededRng::new(4);
    for level in machine() {
        for n in (0..70).chain([255, 256]) {
            let sums: Vec<i32> = (0..n).map(|_| rng.below(2000).cast_signed() - 1000).collect();
            let mut values: Vec<f32> = sums.iter().map(|&s| s as f32).collect();
            let terms: Vec<f32> = (0..n).map(|_| rng.unit_f32()).collect();
            for (threshold, terms) in
                [(f32::NEG_INFINITY, &terms[..]), (3.0, &terms), (90.0, &[]), (0.0, &[]), (1e9, &terms)]
            {
                let score = |i: usize| values[i] * 0.1 - 2.0 + terms.get(i).copied().unwrap_or(0.0);
                let expected: Vec<(u32, f32)> = (0u32..)
                    .zip(0..n)
                    .map(|(place, i)| (place, score(i)))
                    .filter(|&(_, score)| score >= threshold)
                    .collect();
                let (mut hits, mut scores) = (vec![0; n], vec![0.0; n]);
                let line = (0.1, -2.0);
                let got = call!(level, select(&values, line, terms, threshold, &mut hits, &mut scores));
                let pairs: Vec<(u32, f32)> =
                    hits[..got].iter().copied().zip(scores[..got].iter().copied()).collect();
                assert_eq!(pairs, expected, "{level:?} {n} values");
                let got = call!(level, select_sums(&sums, line, terms, threshold, &mut hits, &mut scores));
                let pairs: Vec<(u32, f32)> =
                    hits[..got].iter().copied().zip(scores[..got].iter().copied()).collect();
                assert_eq!(pairs, expected, "{level:?} {n} sums");
            }
            if n > 0 {
                values.fill(f32::NAN);
                let (mut hits, mut scores) = (vec![0; n], vec![0.0; n]);
                let least = f32::NEG_INFINITY;
                assert_eq!(call!(level, select(&values, (1.0, 0.0), &[], least, &mut hits, &mut scores)), 0);
            }
        }
    }
}

#[test]
fn lengths_are_checked() {
    for work in [
        || dot_blocks(&[1; 4], 4, &[1; 60], &mut [0; 15]),
        || dot_blocks(&[1; 6], 6, &[1; 96], &mut [0; 16]),
        || lookup_blocks(&[1; 128], 8, &[1; 32], &mut [0; 8]),
        || _ = select(&[1.0], (1.0, 0.0), &[1.0, 2.0], 0.0, &mut [0], &mut [0.0]),
        || _ = select_sums(&[1, 2], (1.0, 0.0), &[], 0.0, &mut [0], &mut [0.0]),
        || dot_blocks(&vec![1; MAX_DIM + 4], MAX_DIM + 4, &vec![1; 16 * (MAX_DIM + 4)], &mut [0; 16]),
    ] as [fn(); 6]
    {
        assert!(std::panic::catch_unwind(work).is_err());
    }
}
