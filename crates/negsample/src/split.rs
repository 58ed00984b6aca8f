//! How draws are divided between sources so that every expected count is exact.

use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

/// Divides `n` draws by cumulative shares with one random offset `u` in `[0, 1)`: a source with share `w` gets
/// `⌊n·w⌋` or `⌈n·w⌉` draws, and `n·w` on average (systematic sampling).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a value between 0 and n, and n is the length of a slice"
)]
pub(crate) fn boundary(n: usize, cumulative: f64, u: f64) -> usize {
    ((n as f64 * cumulative + u) as usize).min(n)
}

/// Adds `exp(log_expected_count)` of a source that gets the draws between two boundaries to the sum of each item: both numbers of draws it can
/// get, by their probability.
pub(crate) fn add_expected_counts(
    source: &dyn NegativeSampler,
    cx: &NegativeContext<'_>,
    items: &[ItemId],
    (from, to): (f64, f64),
    sums: &mut [f64],
) -> Result<(), SampleError> {
    let mut logs = vec![0.0; items.len()];
    for (n, chance) in chances(cx.n, from, to).into_iter().filter(|(n, chance)| *n > 0 && *chance > 0.0) {
        source.log_expected_counts_into(&cx.with_draws(n), items, &mut logs)?;
        sums.iter_mut().zip(&logs).for_each(|(sum, log)| *sum += chance * f64::from(*log).exp());
    }
    Ok(())
}

/// Logarithms in f32.
#[expect(clippy::cast_possible_truncation, reason = "a logarithm in f32")]
pub(crate) fn logarithms(sums: &[f64], out: &mut [f32]) {
    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum.ln() as f32);
}

/// The numbers of draws that fall between two boundaries, each with its probability.
#[expect(clippy::cast_precision_loss, reason = "a number of draws")]
fn chances(n: usize, from: f64, to: f64) -> [(usize, f64); 3] {
    // The boundaries step where u passes 1 − frac: between two steps the number is constant.
    let step = |c: f64| 1.0 - (n as f64 * c).fract();
    let (a, b) = (step(from).min(step(to)), step(from).max(step(to)));
    [(0.0, a), (a, b), (b, 1.0)].map(|(low, high)| {
        let u = f64::midpoint(low, high);
        (boundary(n, to, u).saturating_sub(boundary(n, from, u)), high - low)
    })
}

/// Draws from each source its part of `out`, in the order of the sources; a source that falls short leaves no gap.
pub(crate) fn draw<'s>(
    sources: impl Iterator<Item = (&'s dyn NegativeSampler, f64)>,
    cx: &NegativeContext<'_>,
    rng: &mut SeededRng,
    out: &mut [ItemId],
) -> Result<usize, SampleError> {
    let (u, n) = (rng.unit_f64(), out.len());
    let (mut written, mut start) = (0, 0);
    for (source, cumulative) in sources {
        let end = boundary(n, cumulative, u);
        let want = end.saturating_sub(start);
        start = end.max(start);
        if want > 0 {
            let part = &mut out[written..written + want];
            written += source.sample_into(&cx.with_draws(want), rng, part)?.min(want);
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chances_are_a_law_with_the_right_mean(n in 0usize..50, a in 0.0f64..1.0, b in 0.0f64..1.0) {
            let (from, to) = (a.min(b), a.max(b));
            let all = chances(n, from, to);
            let (total, mean) = all.iter().fold((0.0, 0.0), |(t, m), (n, p)| (t + p, m + p * *n as f64));
            prop_assert!((total - 1.0).abs() < 1e-9);
            prop_assert!((mean - n as f64 * (to - from)).abs() < 1e-9, "{mean}");
        }
    }

    #[test]
    fn the_last_boundary_takes_all() {
        for n in 0..20 {
            for u in [0.0, 0.3, 0.999_999] {
                assert_eq!(boundary(n, 1.0, u), n);
            }
        }
    }
}
