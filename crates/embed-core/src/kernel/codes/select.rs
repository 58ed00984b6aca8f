use super::level::{Level, call};

/// Which values score at least `threshold`, where the score of value `i` is `scale · valueᵢ + offset + termᵢ`,
/// rounded after each step; `terms` is as long as `values`, or empty for none. Writes their places to `hits` and
/// their scores to `scores`, in order, and returns how many. A score that is no number is none of them. O(n).
///
/// # Panics
/// When `hits` or `scores` is shorter than `values`, or `terms` of another length.
#[must_use]
#[inline]
pub fn select(
    values: &[f32],
    line: (f32, f32),
    terms: &[f32],
    threshold: f32,
    hits: &mut [u32],
    scores: &mut [f32],
) -> usize {
    fits(values.len(), terms.len(), hits.len().min(scores.len()));
    call!(Level::best(), select(values, line, terms, threshold, hits, scores))
}

/// [`select`] of integers, which are rounded to f32 first.
///
/// # Panics
/// As [`select`].
#[must_use]
#[inline]
pub fn select_sums(
    sums: &[i32],
    line: (f32, f32),
    terms: &[f32],
    threshold: f32,
    hits: &mut [u32],
    scores: &mut [f32],
) -> usize {
    fits(sums.len(), terms.len(), hits.len().min(scores.len()));
    call!(Level::best(), select_sums(sums, line, terms, threshold, hits, scores))
}

#[track_caller]
#[inline]
fn fits(values: usize, terms: usize, room: usize) {
    assert!(
        room >= values && (terms == 0 || terms == values),
        "{values} values: got {terms} terms and room for {room}"
    );
}
