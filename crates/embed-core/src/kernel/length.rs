//! Lengths and angles, right for any finite vector: where f32 squares would overflow or vanish, f64 is used.

use super::dot;

/// Sums of squares in this range have lost nothing to underflow, and neither they nor the product of two of
/// their roots have overflowed.
fn is_safe(square: f32) -> bool {
    (1e-30..=1e38).contains(&square)
}

/// `|a|` of a vector `[dim]`: infinite only when it exceeds the largest f32. O(dim).
#[must_use]
#[inline]
pub fn norm(a: &[f32]) -> f32 {
    let square = dot(a, a);
    if is_safe(square) { square.sqrt() } else { to_f32(wide_norm(a)) }
}

/// Scales a vector `[dim]` to length 1 and gives its former length; a zero vector stays zero. O(dim).
#[inline]
pub fn normalize(a: &mut [f32]) -> f32 {
    let square = dot(a, a);
    if is_safe(square) {
        let length = square.sqrt();
        a.iter_mut().for_each(|x| *x /= length);
        return length;
    }
    let length = wide_norm(a);
    if length > 0.0 {
        a.iter_mut().for_each(|x| *x = to_f32(f64::from(*x) / length));
    }
    to_f32(length)
}

/// `a · b / (|a| |b|)` of two vectors `[dim]`; 0 when either is zero. O(dim).
///
/// # Panics
/// When the lengths differ.
#[must_use]
#[inline]
#[track_caller]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let (aa, bb) = (dot(a, a), dot(b, b));
    if is_safe(aa) && is_safe(bb) {
        return dot(a, b) / (aa.sqrt() * bb.sqrt());
    }
    let lengths = wide_norm(a) * wide_norm(b);
    if lengths > 0.0 { to_f32(wide_dot(a, b) / lengths) } else { 0.0 }
}

#[cold]
fn wide_norm(a: &[f32]) -> f64 {
    wide_dot(a, a).sqrt()
}

/// A dot product in f64, where no product of two f32 overflows or vanishes.
#[cold]
fn wide_dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
fn to_f32(x: f64) -> f32 {
    x as f32
}
