use proptest::prelude::*;

use super::{Isa, Kernels, scalar};
use crate::SeededRng;

fn vector(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = SeededRng::new(seed);
    (0..len).map(|_| rng.unit_f32() * 4.0 - 2.0).collect()
}

/// The kernels of every instruction set that this machine has.
fn machine() -> impl Iterator<Item = Kernels> {
    Isa::ALL.into_iter().filter_map(Kernels::on)
}

/// Scores of rows back to back and by id equal the scores of each pair alone, bit for bit, and the oracle's
/// within rounding.
fn agrees(kernels: Kernels, dim: usize, n: usize, shift: usize, seed: u64) {
    let isa = kernels.isa();
    let (table, query) = (vector(shift + dim * n, seed), vector(shift + dim, seed + 1));
    let (table, query) = (&table[shift..], &query[shift..]);
    let ids: Vec<u32> = (0..).take(n).collect::<Vec<u32>>().into_iter().rev().collect();
    let (mut rows, mut by_id) = (vec![[0.0f32; 2]; n], vec![[0.0f32; 2]; n]);
    let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
    kernels.dot_rows(query, table, &mut a);
    kernels.squared_l2_rows(query, table, &mut b);
    rows.iter_mut().zip(a.iter().zip(&b)).for_each(|(pair, (&a, &b))| *pair = [a, b]);
    kernels.dot_gather(query, table, &ids, &mut a);
    kernels.squared_l2_gather(query, table, &ids, &mut b);
    by_id.iter_mut().rev().zip(a.iter().zip(&b)).for_each(|(pair, (&a, &b))| *pair = [a, b]);
    for (i, row) in table.chunks_exact(dim.max(1)).take(n).enumerate() {
        // A copy lies elsewhere in memory: alignment must not matter.
        let copy = row.to_vec();
        let alone = [kernels.dot(query, &copy), kernels.squared_l2(query, &copy)];
        assert_eq!(rows[i].map(f32::to_bits), alone.map(f32::to_bits), "{isa:?} d={dim}: among {n} rows");
        assert_eq!(by_id[i].map(f32::to_bits), alone.map(f32::to_bits), "{isa:?} d={dim}: by id");
        let exact = [scalar::dot(query, row), scalar::squared_l2(query, row)];
        let slack =
            f64::from(f32::EPSILON) * (scalar::magnitude(query, row) + exact[1]) * (8.0 + dim as f64).sqrt();
        for (got, exact) in alone.into_iter().zip(exact) {
            assert!((f64::from(got) - exact).abs() <= slack + 1e-12, "{isa:?} d={dim}: {got} for {exact}");
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_the_oracle_at_every_length() {
    for kernels in machine() {
        for dim in 1..=300 {
            agrees(kernels, dim, 5, dim % 3, dim as u64);
        }
    }
}

proptest! {
    #[test]
    fn any_number_of_rows_is_scored(dim in 1usize..70, n in 0usize..20, shift in 0usize..17, seed in 0u64..1000) {
        for kernels in machine() {
            agrees(kernels, dim, n, shift, seed);
        }
    }

    #[test]
    fn axpy_agrees_with_the_oracle(dim in 0usize..140, alpha in -3.0f32..3.0, seed in 0u64..1000) {
        let (x, y) = (vector(dim, seed), vector(dim, seed + 7));
        for kernels in machine() {
            let mut sum = y.clone();
            kernels.axpy(alpha, &x, &mut sum);
            for (got, exact) in sum.iter().zip(scalar::axpy(alpha, &x, &y)) {
                prop_assert!((f64::from(*got) - exact).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn empty_vectors_score_zero() {
    for kernels in machine() {
        assert_eq!((kernels.dot(&[], &[]), kernels.squared_l2(&[], &[])), (0.0, 0.0));
    }
}

#[test]
fn lengths_that_differ_and_rows_that_are_not_there_panic() {
    let panics = |work: fn()| std::panic::catch_unwind(work).is_err();
    assert!(panics(|| _ = super::dot(&[1.0], &[1.0, 2.0])));
    assert!(panics(|| _ = super::squared_l2(&[1.0], &[])));
    assert!(panics(|| super::dot_rows(&[1.0, 2.0], &[1.0; 5], &mut [0.0; 2])));
    assert!(panics(|| super::dot_gather(&[1.0, 2.0], &[1.0; 4], &[2], &mut [0.0])));
    assert!(panics(|| super::squared_l2_gather(&[1.0, 2.0], &[1.0; 4], &[u32::MAX], &mut [0.0])));
    assert!(panics(|| super::axpy(1.0, &[1.0], &mut [])));
    super::prefetch_row(&[1.0; 4], 2, 9);
}
