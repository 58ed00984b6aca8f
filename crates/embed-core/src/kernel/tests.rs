//! Every instruction set that the machine has, against the definitions.

use proptest::prelude::*;

use super::{Isa, Kernels, cosine, isa, norm, normalize, prefetch_row, scalar};
use crate::SeededRng;

/// The kernels of every instruction set that this machine has.
fn machine() -> Vec<Kernels> {
    let all: Vec<Kernels> = Isa::ALL.into_iter().filter_map(Kernels::on).collect();
    assert!(all.contains(&Kernels::best()) && Kernels::best().isa() == isa());
    all
}

fn random(rng: &mut SeededRng, n: usize) -> Vec<f32> {
    (0..n).map(|_| 4.0 * rng.unit_f32() - 2.0).collect()
}

/// A slice in the middle of a longer one, so that it has every alignment, and NaN on both sides.
struct Placed(Vec<f32>, usize);

impl Placed {
    fn new(values: &[f32], offset: usize) -> Self {
        let mut padded = vec![f32::NAN; offset];
        padded.extend_from_slice(values);
        padded.extend([f32::NAN; 20]);
        Self(padded, offset)
    }

    fn get(&self, n: usize) -> &[f32] {
        &self.0[self.1..self.1 + n]
    }
}

#[track_caller]
fn assert_near(got: f32, expected: f64, magnitude: f64, what: &str) {
    assert!((f64::from(got) - expected).abs() <= 2e-6 * magnitude, "{what}: {got}, by definition {expected}");
}

#[test]
fn reductions_agree_with_the_definition_at_every_length_and_alignment() {
    let mut rng = SeededRng::new(1);
    for kernels in machine() {
        for n in (0..=300).chain([511, 512, 784, 1000, 4099]) {
            let (a, b) = (random(&mut rng, n), random(&mut rng, n));
            let (dot, l2) = (kernels.dot(&a, &b), kernels.squared_l2(&a, &b));
            let what = format!("{} at {n}", kernels.isa());
            assert_near(dot, scalar::dot(&a, &b), scalar::magnitude(&a, &b), &what);
            assert_near(l2, scalar::squared_l2(&a, &b), scalar::squared_l2(&a, &b), &what);
            for (i, j) in [(0, 0), (1, 0), (3, 5), (8, 15), (7, 16)] {
                let (a, b) = (Placed::new(&a, i), Placed::new(&b, j));
                assert_eq!(kernels.dot(a.get(n), b.get(n)).to_bits(), dot.to_bits(), "{what}, moved");
                assert_eq!(kernels.squared_l2(a.get(n), b.get(n)).to_bits(), l2.to_bits(), "{what}, moved");
            }
        }
    }
}

#[test]
fn a_pair_scores_the_same_bits_alone_in_rows_and_gathered() {
    let mut rng = SeededRng::new(2);
    for kernels in machine() {
        for dim in (1..=70).chain([96, 100, 128, 200, 256, 300, 784]) {
            for n in [0, 1, 2, 3, 4, 5, 7, 8, 13] {
                let (query, table) = (random(&mut rng, dim), random(&mut rng, dim * n));
                let placed = Placed::new(&table, n % 5);
                let table = placed.get(dim * n);
                let what = format!("{} dim {dim} n {n}", kernels.isa());
                let (mut dots, mut l2s) = (vec![f32::NAN; n], vec![f32::NAN; n]);
                kernels.dot_rows(&query, table, &mut dots);
                kernels.squared_l2_rows(&query, table, &mut l2s);
                for (row, (dot, l2)) in table.chunks_exact(dim).zip(dots.iter().zip(&l2s)) {
                    assert_eq!(dot.to_bits(), kernels.dot(&query, row).to_bits(), "{what}");
                    assert_eq!(dot.to_bits(), kernels.dot(row, &query).to_bits(), "{what}, turned");
                    assert_eq!(l2.to_bits(), kernels.squared_l2(&query, row).to_bits(), "{what}");
                }
                let ids: Vec<u32> =
                    (0..11).filter(|_| n > 0).map(|_| rng.below(n.try_into().unwrap())).collect();
                let (mut some_dots, mut some_l2s) = (vec![f32::NAN; ids.len()], vec![f32::NAN; ids.len()]);
                kernels.dot_gather(&query, table, &ids, &mut some_dots);
                kernels.squared_l2_gather(&query, table, &ids, &mut some_l2s);
                for (at, &id) in ids.iter().enumerate() {
                    assert_eq!(some_dots[at].to_bits(), dots[id as usize].to_bits(), "{what}, gathered");
                    assert_eq!(some_l2s[at].to_bits(), l2s[id as usize].to_bits(), "{what}, gathered");
                }
            }
        }
    }
}

#[test]
fn axpy_writes_its_slice_and_nothing_else() {
    let mut rng = SeededRng::new(3);
    for kernels in machine() {
        for n in 0..=300 {
            let (alpha, x, y) = (rng.unit_f32() - 0.5, random(&mut rng, n), random(&mut rng, n));
            let (from, mut to) = (Placed::new(&x, n % 4), Placed::new(&y, n % 7));
            let start = to.1;
            kernels.axpy(alpha, from.get(n), &mut to.0[start..start + n]);
            for (got, expected) in to.get(n).iter().zip(scalar::axpy(alpha, &x, &y)) {
                assert_near(*got, expected, 4.0, kernels.isa().name());
            }
            let mut outside = to.0[..start].iter().chain(&to.0[start + n..]);
            assert!(outside.all(|x| x.is_nan()), "{} at {n} wrote outside", kernels.isa());
        }
    }
}

proptest! {
    #[test]
    fn sums_of_small_integers_are_exact(
        pairs in proptest::collection::vec((-40i8..40, -40i8..40), 0..300),
        alpha in -9i8..9,
    ) {
        let (a, b): (Vec<f32>, Vec<f32>) = pairs.iter().map(|&(x, y)| (f32::from(x), f32::from(y))).unzip();
        for kernels in machine() {
            prop_assert_eq!(f64::from(kernels.dot(&a, &b)), scalar::dot(&a, &b));
            prop_assert_eq!(f64::from(kernels.squared_l2(&a, &b)), scalar::squared_l2(&a, &b));
            let mut y = b.clone();
            kernels.axpy(f32::from(alpha), &a, &mut y);
            let y: Vec<f64> = y.into_iter().map(f64::from).collect();
            prop_assert_eq!(y, scalar::axpy(f32::from(alpha), &a, &b));
        }
    }

    #[test]
    fn values_of_every_magnitude_agree_with_the_definition(
        pairs in proptest::collection::vec((-1e9f32..1e9, -1e-9f32..1e-9), 0..200),
    ) {
        let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        for kernels in machine() {
            assert_near(kernels.dot(&a, &b), scalar::dot(&a, &b), scalar::magnitude(&a, &b), "dot");
        }
    }
}

#[test]
fn nan_and_infinity_are_not_lost() {
    for kernels in machine() {
        for at in 0..70 {
            let (mut a, b) = (vec![1.0; 70], vec![2.0; 70]);
            a[at] = f32::NAN;
            assert!(kernels.dot(&a, &b).is_nan() && kernels.squared_l2(&a, &b).is_nan());
            a[at] = f32::INFINITY;
            assert_eq!(kernels.dot(&a, &b), f32::INFINITY);
            assert_eq!(kernels.squared_l2(&a, &b), f32::INFINITY);
        }
    }
}

#[test]
fn vectors_of_no_component() {
    for kernels in machine() {
        let mut out = [f32::NAN; 6];
        kernels.dot_rows(&[], &[], &mut out);
        assert_eq!(out, [0.0; 6]);
        kernels.squared_l2_gather(&[], &[], &[0, 9, u32::MAX, 3, 4, 5], &mut out);
        assert_eq!(out, [0.0; 6]);
        assert_eq!((kernels.dot(&[], &[]), kernels.squared_l2(&[], &[])), (0.0, 0.0));
    }
}

#[test]
fn lengths_that_do_not_fit_and_rows_that_are_not_there_panic() {
    let panics = |work: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err();
    for k in machine() {
        let (v, table) = ([1.0f32; 8], [1.0f32; 24]);
        assert!(panics(&|| _ = k.dot(&v, &v[1..])));
        assert!(panics(&|| _ = k.squared_l2(&v[1..], &v)));
        assert!(panics(&|| k.axpy(1.0, &v, &mut [0.0; 9])));
        assert!(panics(&|| k.dot_rows(&v, &table, &mut [0.0; 2])));
        assert!(panics(&|| k.dot_rows(&v, &table, &mut [0.0; 4])));
        assert!(panics(&|| k.squared_l2_rows(&[], &table, &mut [0.0; 3])));
        assert!(panics(&|| k.dot_gather(&v, &table, &[0, 1], &mut [0.0; 3])));
        for bad in [3, 4, u32::MAX] {
            for at in 0..5 {
                let mut ids = [0; 5];
                ids[at] = bad;
                assert!(panics(&|| k.dot_gather(&v, &table, &ids, &mut [0.0; 5])), "id {bad} at {at}");
                assert!(panics(&|| k.squared_l2_gather(&v, &table, &ids, &mut [0.0; 5])), "id {bad} at {at}");
            }
        }
        k.dot_gather(&v, &table, &[2, 0, 1, 2, 2], &mut [0.0; 5]);
    }
}

#[test]
fn lengths_and_angles_of_vectors_whose_squares_are_no_f32() {
    for scale in [1e-40f32, 1e-25, 1e-15, 1.0, 1e15, 1e19, 1e25, 1e37] {
        let a = [3.0 * scale, -4.0 * scale, 0.0];
        let precision = if scale < 1e-37 { 1e-4 } else { 1e-6 };
        assert!((norm(&a) / scale / 5.0 - 1.0).abs() < precision, "{scale}: {}", norm(&a));
        let mut unit = a;
        assert_eq!(normalize(&mut unit), norm(&a));
        for (got, expected) in unit.into_iter().zip([0.6, -0.8, 0.0]) {
            assert!((got - expected).abs() < precision, "{scale}: {unit:?}");
        }
        assert!((cosine(&a, &[0.0, -2.0, 0.0]) - 0.8).abs() < precision, "{scale}");
        assert!((cosine(&[0.0, -1e-25, 0.0], &a) - 0.8).abs() < precision, "{scale}");
        assert_eq!(cosine(&a, &[1.0, 0.5, 2.0]).to_bits(), cosine(&[1.0, 0.5, 2.0], &a).to_bits());
    }
    assert_eq!(norm(&[f32::MAX, f32::MAX]), f32::INFINITY, "longer than the largest f32");
    let mut huge = [f32::MAX, f32::MAX];
    normalize(&mut huge);
    assert!((huge[0] - 0.5f32.sqrt()).abs() < 1e-6);
    let mut zero = [0.0f32; 7];
    assert_eq!((normalize(&mut zero), zero, norm(&[])), (0.0, [0.0; 7], 0.0));
    assert_eq!(cosine(&zero, &[1.0; 7]), 0.0);
}

#[test]
fn a_prefetch_beyond_the_table_does_nothing() {
    for (dim, id) in [(4, 0), (4, 2), (4, 3), (100, 0), (usize::MAX, 2), (0, 5), (4, u32::MAX)] {
        prefetch_row(&[0.5; 10], dim, id);
    }
    prefetch_row::<f32>(&[], 4, 0);
}
