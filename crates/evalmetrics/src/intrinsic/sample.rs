use embed_core::SeededRng;

/// `most` of `0..n` in ascending order, drawn without repeats; all of them where there are no more.
pub(super) fn sample(n: usize, most: usize, seed: u64, purpose: &str) -> Vec<usize> {
    if most >= n {
        return (0..n).collect();
    }
    let mut rng = SeededRng::stream(seed, purpose, 0);
    let mut chosen = Vec::with_capacity(most);
    // Selection sampling: Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S.
    for place in 0..n {
        let left = u32::try_from(n - place).unwrap_or(u32::MAX);
        if (rng.below(left) as usize) < most - chosen.len() {
            chosen.push(place);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_as_likely() {
        let mut counts = [0u64; 10];
        for seed in 0..4000 {
            let chosen = sample(10, 3, seed, "test");
            assert!(chosen.len() == 3 && chosen.is_sorted_by(|a, b| a < b));
            chosen.iter().for_each(|&place| counts[place] += 1);
        }
        let test = embed_core::testkit::chi_square(&counts, &[1200.0; 10]);
        assert!(!test.rejects(1e-4), "{counts:?}");
        assert_eq!(sample(3, 9, 1, "test"), [0, 1, 2]);
    }
}
