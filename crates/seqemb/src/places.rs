use std::ops::Range;

use embed_core::{ItemId, SeededRng};

use crate::Window;

/// The places of a sequence of `len` items that are contexts of place `at`, before and after it; for
/// [`Window::Basket`] the sequence has been shuffled, and they are after it and at the start.
#[inline]
pub(crate) fn places(window: Window, len: usize, at: usize, rng: &mut SeededRng) -> [Range<usize>; 2] {
    match window {
        Window::Sliding { size, dynamic } => {
            let reach = match u32::try_from(size) {
                Ok(size) if dynamic => 1 + rng.below(size) as usize,
                _ => size,
            };
            [at.saturating_sub(reach)..at, at + 1..len.min(at + 1 + reach)]
        }
        Window::Basket { samples } => {
            // The next places of a shuffled circle are a uniform sample without repetition.
            let n = samples.min(len - 1);
            let after = at + 1..len.min(at + 1 + n);
            let rest = n - after.len();
            [after, 0..rest]
        }
    }
}

/// The contexts of place `at` of a sequence: the items of its places, but for the centre itself.
#[inline]
pub(crate) fn contexts_of(
    window: Window,
    items: &[ItemId],
    at: usize,
    rng: &mut SeededRng,
    out: &mut Vec<ItemId>,
) {
    out.clear();
    for range in places(window, items.len(), at, rng) {
        out.extend_from_slice(&items[range]);
    }
    let centre = items[at];
    out.retain(|&item| item != centre);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(window: Window, items: &[ItemId], at: usize) -> Vec<ItemId> {
        let mut out = Vec::new();
        contexts_of(window, items, at, &mut SeededRng::new(1), &mut out);
        out
    }

    #[test]
    fn windows_are_what_they_say() {
        let items = [10, 11, 12, 13, 14, 12];
        let sliding = Window::Sliding { size: 2, dynamic: false };
        assert_eq!(contexts(sliding, &items, 0), [11, 12]);
        assert_eq!(contexts(sliding, &items, 3), [11, 12, 14, 12]);
        assert_eq!(contexts(sliding, &items, 5), [13, 14]);
        assert_eq!(contexts(Window::Basket { samples: 2 }, &items, 4), [12, 10]);
        assert_eq!(contexts(Window::Basket { samples: 9 }, &items, 1), [12, 13, 14, 12, 10]);
        assert_eq!(contexts(Window::Basket { samples: 9 }, &items, 2), [13, 14, 10, 11], "not the centre");
        assert_eq!(contexts(Window::Sliding { size: usize::MAX / 4, dynamic: false }, &items, 1).len(), 5);
    }

    #[test]
    fn a_dynamic_window_draws_every_reach_alike() {
        let items: Vec<ItemId> = (0..21).collect();
        let mut rng = SeededRng::new(4);
        let (mut seen, mut out) = ([0f64; 5], Vec::new());
        for _ in 0..10_000 {
            contexts_of(Window::Sliding { size: 5, dynamic: true }, &items, 10, &mut rng, &mut out);
            seen[out.len() / 2 - 1] += 1.0;
        }
        let chi2: f64 = seen.iter().map(|n| (n - 2000.0).powi(2) / 2000.0).sum();
        assert!(chi2 < 18.5, "chi-square {chi2} with 4 degrees of freedom is beyond the 0.1 % point");
    }
}
