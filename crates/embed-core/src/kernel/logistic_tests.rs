//! Every instruction set against the naive update, and the update against finite differences.

use super::logistic::{Head, Lane, Pairs, Step, TILE, logistic_pairs, logistic_pairs_within, op};
#[cfg(target_arch = "x86_64")]
use super::logistic::{on_avx2, on_avx512};
use super::logistic_simd::{Portable, update};
use crate::SeededRng;

type Kernel = fn(&mut [Lane], &mut [Lane], usize, &Pairs<'_>, Step) -> f64;

fn kernels() -> Vec<(&'static str, Kernel)> {
    fn raw(table: &mut [Lane]) -> *mut f32 {
        table.as_mut_ptr().cast()
    }
    // SAFETY: the pairs that the tests make are within their tables.
    let portable: Kernel = |c, o, l, p, s| unsafe { update::<Portable>(raw(c), raw(o), l, p, s) };
    let mut all: Vec<(&'static str, Kernel)> = vec![("dispatched", logistic_pairs), ("portable", portable)];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: as above, and the processor has the instruction set.
            all.push(("avx512", |c, o, l, p, s| unsafe { on_avx512(raw(c), raw(o), l, p, s) }));
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            all.push(("avx2", |c, o, l, p, s| unsafe { on_avx2(raw(c), raw(o), l, p, s) }));
        }
    }
    all
}

/// What word2vec does, a pair at a time in f64; scores frozen within a tile, a centre while its pairs last.
fn naive(centres: &mut [Vec<f64>], outputs: &mut [Vec<f64>], pairs: &Pairs<'_>, step: Step) -> f64 {
    let centre_of =
        |k: usize| pairs.heads.iter().position(|head| k < head.end as usize).expect("every pair has a head");
    let flat: Vec<(usize, u32)> = pairs.ops.iter().enumerate().map(|(k, &op)| (centre_of(k), op)).collect();
    let (clamp, rate) = (f64::from(step.clamp), f64::from(step.rate));
    let mut loss = 0.0;
    for tile in flat.chunks(TILE) {
        let score = |(head, op): &(usize, u32)| {
            let v = &centres[pairs.heads[*head].row as usize];
            v.iter().zip(&outputs[(op >> 1) as usize]).map(|(a, b)| a * b).sum::<f64>().clamp(-clamp, clamp)
        };
        let scores: Vec<f64> = tile.iter().map(score).collect();
        for (run, scores) in tile.chunk_by(|a, b| a.0 == b.0).scan(0, |at, run| {
            *at += run.len();
            Some((run, &scores[*at - run.len()..*at]))
        }) {
            let centre = &mut centres[pairs.heads[run[0].0].row as usize];
            let v = centre.clone();
            for (s, (_, op)) in scores.iter().zip(run) {
                let y = f64::from(op & 1);
                loss += (1.0 + (if y > 0.0 { -s } else { *s }).exp()).ln();
                let g = rate * (y - 1.0 / (1.0 + (-s).exp()));
                for (c, u) in outputs[(op >> 1) as usize].iter_mut().enumerate() {
                    centre[c] += g * *u;
                    *u += g * v[c];
                }
            }
        }
    }
    loss
}

fn random_rows(rng: &mut SeededRng, rows: usize, dim: usize, scale: f32) -> Vec<Vec<f64>> {
    (0..rows).map(|_| (0..dim).map(|_| f64::from((rng.unit_f32() - 0.5) * scale)).collect()).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the values were f32")]
fn packed(rows: &[Vec<f64>]) -> Vec<Lane> {
    let pack = |chunk: &[f64]| {
        let mut lane = Lane::default();
        lane.0.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from as f32);
        lane
    };
    rows.iter().flat_map(|row| row.chunks(Lane::WIDTH).map(pack)).collect()
}

fn distance(rows: &[Vec<f64>], table: &[Lane], lanes: usize) -> f64 {
    let mut worst = 0.0f64;
    for (row, packed) in rows.iter().zip(table.chunks(lanes)) {
        let padded = row.iter().copied().chain(std::iter::repeat(0.0));
        for (x, y) in padded.zip(packed.iter().flat_map(|lane| lane.0)) {
            worst = worst.max((x - f64::from(y)).abs());
        }
    }
    worst
}

/// Runs of every length around the tile, with outputs that come twice in a tile.
fn random_pairs(rng: &mut SeededRng, runs: u32, centres: u32, outputs: u32) -> (Vec<Head>, Vec<u32>) {
    let (mut heads, mut ops) = (Vec::new(), Vec::new());
    for run in 0..runs {
        for _ in 0..run % 37 {
            ops.push(op(rng.below(outputs), rng.below(3) == 0));
        }
        heads.push(Head { row: rng.below(centres), end: u32::try_from(ops.len()).unwrap() });
    }
    (heads, ops)
}

#[test]
fn every_instruction_set_does_what_the_naive_update_does() {
    for dim in [1, 7, 16, 33, 48, 64, 80, 96, 100, 128, 129, 300] {
        let lanes = Lane::per_row(dim);
        let mut rng = SeededRng::new(dim as u64);
        let (heads, ops) = random_pairs(&mut rng, 90, 12, 23);
        let pairs = Pairs { heads: &heads, ops: &ops };
        let step = Step { rate: 0.05, clamp: 2.0 };
        let centres = random_rows(&mut rng, 12, dim, 1.5);
        let outputs = random_rows(&mut rng, 23, dim, 1.5);
        let (mut slow_c, mut slow_o) = (centres.clone(), outputs.clone());
        let expected = naive(&mut slow_c, &mut slow_o, &pairs, step);
        for (name, kernel) in kernels() {
            let (mut c, mut o) = (packed(&centres), packed(&outputs));
            let loss = kernel(&mut c, &mut o, lanes, &pairs, step);
            assert!(
                (loss - expected).abs() < 1e-4 * expected,
                "{name}, dim {dim}: loss {loss} for {expected}"
            );
            let worst = distance(&slow_c, &c, lanes).max(distance(&slow_o, &o, lanes));
            assert!(worst < 1e-4, "{name}, dim {dim}: off by {worst}");
        }
    }
}

#[test]
fn a_step_goes_down_the_gradient() {
    // One pair a run: the step divided by the rate is the negative gradient of the loss.
    for (dim, positive) in [(5, true), (5, false), (40, true), (200, false)] {
        let mut rng = SeededRng::new(9);
        let (v, u) = (random_rows(&mut rng, 1, dim, 1.0), random_rows(&mut rng, 1, dim, 1.0));
        let loss = |v: &[f64], u: &[f64]| {
            let s: f64 = v.iter().zip(u).map(|(a, b)| a * b).sum();
            (1.0 + (if positive { -s } else { s }).exp()).ln()
        };
        let ops = [op(0, positive)];
        let pairs = Pairs { heads: &[Head { row: 0, end: 1 }], ops: &ops };
        for (name, kernel) in kernels() {
            let (mut c, mut o) = (packed(&v), packed(&u));
            kernel(&mut c, &mut o, Lane::per_row(dim), &pairs, Step { rate: 1.0, clamp: 10.0 });
            for k in 0..dim {
                let h = 1e-5;
                let slope = |change_v: bool| {
                    let at = |delta: f64| {
                        let (mut v, mut u) = (v[0].clone(), u[0].clone());
                        if change_v {
                            v[k] += delta;
                        } else {
                            u[k] += delta;
                        }
                        loss(&v, &u)
                    };
                    (at(h) - at(-h)) / (2.0 * h)
                };
                let moved_v = f64::from(c[k / 16].0[k % 16]) - v[0][k];
                let moved_u = f64::from(o[k / 16].0[k % 16]) - u[0][k];
                assert!((moved_v + slope(true)).abs() < 1e-5, "{name}: centre {k} of {dim}");
                assert!((moved_u + slope(false)).abs() < 1e-5, "{name}: output {k} of {dim}");
            }
        }
    }
}

#[test]
fn saturated_pairs_still_move_and_nan_does_not_spread_through_the_sigmoid() {
    for (name, kernel) in kernels() {
        let (mut c, mut o) = (packed(&[vec![100.0; 4]]), packed(&[vec![100.0; 4], vec![0.0; 4]]));
        let ops = [op(0, false)];
        let pairs = Pairs { heads: &[Head { row: 0, end: 1 }], ops: &ops };
        let loss = kernel(&mut c, &mut o, 1, &pairs, Step { rate: 0.1, clamp: 10.0 });
        assert!((loss - 10.0).abs() < 1e-3, "{name}: {loss}");
        assert!(c[0].0[0] < 91.0 && o[0].0[0] < 91.0, "{name}: a clamped pair keeps its update");
        c[0].0[0] = f32::NAN;
        let ops = [op(1, true)];
        let pairs = Pairs { heads: &[Head { row: 0, end: 1 }], ops: &ops };
        assert!(kernel(&mut c, &mut o, 1, &pairs, Step { rate: 0.1, clamp: 10.0 }).is_finite(), "{name}");
    }
}

#[test]
fn pairs_outside_their_tables_are_refused() {
    let refused = |heads: &[Head], ops: &[u32]| {
        std::panic::catch_unwind(|| {
            let (mut c, mut o) = (vec![Lane::default(); 4], vec![Lane::default(); 6]);
            logistic_pairs(&mut c, &mut o, 2, &Pairs { heads, ops }, Step { rate: 0.1, clamp: 1.0 })
        })
        .is_err()
    };
    assert!(!refused(&[Head { row: 1, end: 1 }], &[op(2, true)]));
    assert!(!refused(&[], &[]));
    assert!(refused(&[Head { row: 2, end: 1 }], &[op(2, true)]));
    assert!(refused(&[Head { row: 1, end: 1 }], &[op(3, true)]));
    assert!(refused(&[Head { row: 1, end: 2 }], &[op(2, true)]));
    assert!(refused(&[], &[op(2, true)]));
    assert!(refused(&[Head { row: 1, end: 2 }, Head { row: 1, end: 1 }], &[op(2, true)]));
}

/// One table: with each centre and its outputs far apart in the order of the pairs, the update is that of two tables.
#[test]
fn within_one_table_every_row_takes_part_on_both_sides() {
    let mut rng = SeededRng::new(11);
    let (n, dim) = (24u32, 20);
    let rows = random_rows(&mut rng, n as usize, dim, 1.0);
    // Tiles of one pair: scores are taken right before their updates, so a pair at a time is the oracle.
    let mut expected = rows.clone();
    let (mut table, mut loss, mut naive_loss) = (packed(&rows), 0.0, 0.0);
    let step = Step { rate: 0.3, clamp: 10.0 };
    for _ in 0..200 {
        let (a, b) = (rng.below(n), rng.below(n));
        if a == b {
            continue;
        }
        let (heads, ops) = ([Head { row: a, end: 1 }], [op(b, rng.below(2) == 1)]);
        let pairs = Pairs { heads: &heads, ops: &ops };
        loss += logistic_pairs_within(&mut table, Lane::per_row(dim), &pairs, step);
        let mut outputs = expected.clone();
        naive_loss += naive(&mut expected, &mut outputs, &pairs, step);
        expected[b as usize] = outputs[b as usize].clone();
    }
    assert!((loss - naive_loss).abs() < 1e-3 * naive_loss, "{loss} instead of {naive_loss}");
    assert!(distance(&expected, &table, Lane::per_row(dim)) < 1e-4);
}
