use proptest::prelude::*;

use super::{Isa, rows};
use crate::SeededRng;

/// The oracle: one line, in f64.
fn exact<const L2: bool>(x: &[f32], y: &[f32]) -> f64 {
    let term = |(&x, &y): (&f32, &f32)| {
        if L2 { (f64::from(x) - f64::from(y)).powi(2) } else { f64::from(x) * f64::from(y) }
    };
    x.iter().zip(y).map(term).sum()
}

fn vector(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = SeededRng::new(seed);
    (0..len).map(|_| rng.unit_f32() * 4.0 - 2.0).collect()
}

fn machine() -> impl Iterator<Item = Isa> {
    Isa::ALL.iter().copied().filter(|isa| isa.is_available())
}

fn agrees<const L2: bool>(isa: Isa, dim: usize, n: usize, shift: usize, seed: u64) {
    let table = vector(shift + dim * n, seed);
    let query = vector(shift + dim, seed + 1);
    let (table, query) = (&table[shift..], &query[shift..]);
    let mut all = vec![0.0; n];
    rows::back_to_back::<L2>(isa, query, table, &mut all);
    let ids: Vec<u32> = (0..).take(n).collect::<Vec<u32>>().into_iter().rev().collect();
    let mut gathered = vec![0.0; n];
    rows::gathered::<L2>(isa, query, table, &ids, &mut gathered);
    for i in 0..n {
        let row = &table[i * dim..(i + 1) * dim];
        let mut alone = [0.0];
        // A copy lies elsewhere in memory: alignment must not matter.
        let copy = row.to_vec();
        rows::back_to_back::<L2>(isa, query, &copy, &mut alone);
        let expected = exact::<L2>(query, row);
        let slack = 1e-6 * (dim as f64 + 8.0) * 16.0;
        assert!((f64::from(all[i]) - expected).abs() <= slack, "{isa:?} d={dim}: {} for {expected}", all[i]);
        assert_eq!(all[i].to_bits(), alone[0].to_bits(), "{isa:?} d={dim}: alone and among {n} rows");
        assert_eq!(all[i].to_bits(), gathered[n - 1 - i].to_bits(), "{isa:?} d={dim}: by id");
    }
}

#[test]
fn every_instruction_set_agrees_with_the_oracle_at_every_length() {
    for isa in machine() {
        for dim in 1..=300 {
            agrees::<false>(isa, dim, 5, dim % 3, dim as u64);
            agrees::<true>(isa, dim, 5, dim % 3, dim as u64);
        }
    }
}

proptest! {
    #[test]
    fn any_number_of_rows_is_scored(dim in 1usize..70, n in 0usize..20, shift in 0usize..17, seed in 0u64..1000) {
        for isa in machine() {
            agrees::<false>(isa, dim, n, shift, seed);
            agrees::<true>(isa, dim, n, shift, seed);
        }
    }

    #[test]
    fn axpy_agrees_with_the_oracle(dim in 0usize..140, alpha in -3.0f32..3.0, seed in 0u64..1000) {
        let (x, y) = (vector(dim, seed), vector(dim, seed + 7));
        for isa in machine() {
            let mut sum = y.clone();
            rows::axpy(isa, alpha, &x, &mut sum);
            for i in 0..dim {
                prop_assert!((sum[i] - (alpha * x[i] + y[i])).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn lengths_that_differ_and_rows_that_are_not_there_panic() {
    let panics = |work: fn()| std::panic::catch_unwind(work).is_err();
    assert!(panics(|| _ = super::dot(&[1.0], &[1.0, 2.0])));
    assert!(panics(|| super::dot_rows(&[1.0, 2.0], &[1.0; 5], &mut [0.0; 2])));
    assert!(panics(|| super::dot_gather(&[1.0, 2.0], &[1.0; 4], &[2], &mut [0.0])));
    assert!(panics(|| super::dot_gather(&[1.0, 2.0], &[1.0; 4], &[1], &mut [0.0; 2])));
    assert!(panics(|| super::axpy(1.0, &[1.0], &mut [])));
    super::prefetch_row(&[1.0; 4], 2, 9);
}

#[test]
fn lengths_beyond_the_range_of_a_square_are_normalised() {
    for scale in [1e-30f32, 1.0, 1e30] {
        let mut x = [3.0 * scale, 4.0 * scale];
        let length = super::normalize(&mut x);
        assert!((length / scale - 5.0).abs() < 1e-4, "{length} at {scale}");
        assert!((x[0] - 0.6).abs() < 1e-6 && (x[1] - 0.8).abs() < 1e-6);
    }
    let mut zero = [0.0; 3];
    assert_eq!(super::normalize(&mut zero), 0.0);
    assert_eq!(zero, [0.0; 3]);
}
