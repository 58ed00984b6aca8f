//! What a softmax over many scores is made of.

use super::compiled::for_each_isa;

/// Lanes that sums and maxima are kept in, whatever the instruction set.
const WIDTH: usize = 16;

for_each_isa! {
    /// The largest of some scores, `-inf` of none; NaN is passed over. O(n).
    #[must_use]
    max = any_max(x: &[f32]) -> f32
}

for_each_isa! {
    /// `x ← exp(x − shift)`; gives the sum. Relative error below 3·10⁻⁷ where `x − shift` is in −87 … 88; 0 below
    /// that, `exp(88)` above it, NaN of NaN. O(n).
    exp_sum = any_exp_sum(x: &mut [f32], shift: f32) -> f32
}

for_each_isa! {
    /// `x ← factor · x`. O(n).
    scale = any_scale(x: &mut [f32], factor: f32)
}

#[inline(always)]
fn any_scale(x: &mut [f32], factor: f32) {
    x.iter_mut().for_each(|x| *x *= factor);
}

#[inline(always)]
fn any_max(x: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; WIDTH];
    let (chunks, rest) = x.as_chunks::<WIDTH>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| larger(a, b))
}

#[inline(always)]
fn any_exp_sum(x: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0f32; WIDTH];
    let (chunks, rest) = x.as_chunks_mut::<WIDTH>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *x = exp(*x - shift);
            *lane += *x;
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *x = exp(*x - shift);
        *lane += *x;
    }
    let mut half = WIDTH / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// `exp(x)` without a branch, so that it vectorises.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer in the low bits.
    let capped = if x > 88.0 { 88.0 } else { x };
    let shifted = capped * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = (capped - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    let y = y * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn exponentials_and_their_sum_agree_with_the_definition() {
        let mut rng = SeededRng::new(1);
        for n in (0..70).chain([1000]) {
            let scores: Vec<f32> = (0..n).map(|_| 60.0 * rng.unit_f32() - 40.0).collect();
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(max(&scores), largest);
            let mut got = scores.clone();
            let sum = f64::from(exp_sum(&mut got, 3.0));
            let expected: Vec<f64> = scores.iter().map(|&x| f64::from(x - 3.0).exp()).collect();
            for (got, expected) in got.iter().zip(&expected) {
                assert!((f64::from(*got) - expected).abs() <= 3e-7 * expected, "{got} for {expected}");
            }
            let total: f64 = expected.iter().sum();
            assert!((sum - total).abs() <= 1e-5 * total, "{sum} for {total}");
        }
    }

    #[test]
    fn extremes_are_as_stated() {
        let mut x = [f32::NEG_INFINITY, -87.5, 0.0, 88.0, 300.0, f32::NAN];
        let _ = exp_sum(&mut x, 0.0);
        assert_eq!(x[..3], [0.0, 0.0, 1.0]);
        assert!(x[3] == x[4] && x[3].is_finite() && x[5].is_nan());
        assert_eq!(max(&[f32::NAN, 1.0, f32::NAN]), 1.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
    }
}
