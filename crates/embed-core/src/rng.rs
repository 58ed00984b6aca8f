use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The one random generator: xoshiro256++ (Blackman & Vigna 2019), the same numbers from the same seed on
/// every machine and in every release.
///
/// It implements [`rand::RngCore`], so distributions of `rand_distr` draw from it. The draws that results
/// rest on are its own methods, which no dependency's update can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeededRng(Xoshiro256PlusPlus);

impl SeededRng {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// An independent generator for one piece of work: `purpose` names the work, `index` counts its blocks.
    ///
    /// Parallel code takes one stream a block of fixed size, so that the draws of a block do not depend on
    /// which thread runs it.
    #[must_use]
    pub fn stream(seed: u64, purpose: &str, index: u64) -> Self {
        let named = xxh3_64_with_seed(purpose.as_bytes(), seed);
        let mut block = Xoshiro256PlusPlus::seed_from_u64(named ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // A second pass through the seeding function parts streams whose inputs differ in few bits.
        Self(Xoshiro256PlusPlus::seed_from_u64(block.next_u64()))
    }

    /// A uniform integer in `0..n`; 0 when `n` is 0. Unbiased (Lemire 2019), one multiplication in the common case.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        let mut product = u64::from(self.0.next_u32()) * u64::from(n);
        let mut low = low_half(product);
        if low < n {
            let floor = n.wrapping_neg() % n;
            while low < floor {
                product = u64::from(self.0.next_u32()) * u64::from(n);
                low = low_half(product);
            }
        }
        high_half(product)
    }

    /// A uniform f32 in `[0, 1)`, a multiple of 2⁻²⁴.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32 exactly")]
    pub fn unit_f32(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A uniform f64 in `[0, 1)`, a multiple of 2⁻⁵³.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    pub fn unit_f64(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Puts `items` into a uniformly random order (Fisher–Yates). O(n).
    ///
    /// # Panics
    /// With more than `u32::MAX` items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        assert!(u32::try_from(items.len()).is_ok(), "a shuffle takes at most u32::MAX items");
        for last in (1..items.len()).rev() {
            #[expect(clippy::cast_possible_truncation, reason = "checked above")]
            let other = self.below(last as u32 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn low_half(x: u64) -> u32 {
    x as u32
}

#[inline]
fn high_half(x: u64) -> u32 {
    (x >> 32) as u32
}

impl RngCore for SeededRng {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    #[inline]
    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected numbers come from a second implementation of xoshiro256++, SplitMix64, XXH3 and Lemire's draw.
    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut rng = SeededRng::new(42);
        assert_eq!([rng.next_u64(), rng.next_u64()], [15_021_278_609_987_233_951, 5_881_210_131_331_364_753]);
        assert_eq!(u64::from(rng.next_u32()), 18_149_643_915_985_481_100 >> 32);
        let mut rng = SeededRng::stream(42, "walks", 3);
        assert_eq!([rng.next_u64(), rng.next_u64()], [12_367_973_953_904_337_116, 6_894_926_936_080_291_231]);
        assert_eq!([rng.below(1000), rng.below(7), rng.below(u32::MAX)], [937, 3, 3_234_198_166]);
        assert_eq!((rng.unit_f32(), rng.unit_f64()), (0.626_508_7, 0.533_325_269_737_513_9));
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        rng.shuffle(&mut items);
        assert_eq!(items, [4, 2, 0, 7, 3, 6, 5, 1]);
        let mut rng = SeededRng::stream(42, "walks", 3);
        let draws: Vec<u32> = (0..6).map(|_| rng.below(1000)).collect();
        assert_eq!(draws, SeededRng::stream(42, "walks", 3).take_below(6, 1000));
        assert_ne!(draws, SeededRng::stream(42, "walks", 4).take_below(6, 1000));
        assert_ne!(draws, SeededRng::stream(42, "other", 3).take_below(6, 1000));
        assert_ne!(draws, SeededRng::stream(43, "walks", 3).take_below(6, 1000));
    }

    /// The first draws of neighbouring streams are as good as the draws of one generator.
    #[test]
    fn neighbouring_streams_are_independent() {
        const STREAMS: u64 = 1 << 16;
        let first = |seed, index| SeededRng::stream(seed, "blocks", index).next_u64();
        let draws: Vec<u64> = (0..STREAMS).map(|index| first(5, index)).collect();
        // Cells of the draw's upper and lower bits; of two neighbours; of the same index under two seeds.
        let tests: [&dyn Fn(usize) -> u64; 4] = [
            &|i| draws[i] >> 56,
            &|i| draws[i] & 0xFF,
            &|i| (draws[i] >> 60) << 4 | draws[(i + 1) % draws.len()] >> 60,
            &|i| (draws[i] >> 60) << 4 | first(6, i as u64) >> 60,
        ];
        for (number, cell) in tests.into_iter().enumerate() {
            let mut counts = [0u64; 256];
            (0..draws.len()).for_each(|i| counts[usize::try_from(cell(i)).unwrap()] += 1);
            let test = crate::testkit::chi_square(&counts, &[STREAMS as f64 / 256.0; 256]);
            assert!(!test.rejects(1e-4), "test {number}: {test:?}");
        }
        let bits: u32 = draws.windows(2).map(|pair| (pair[0] ^ pair[1]).count_ones()).sum();
        let mean = f64::from(bits) / (STREAMS - 1) as f64;
        assert!((mean - 32.0).abs() < 0.1, "{mean} bits of 64 differ between neighbours");
        let mut sorted = draws.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), draws.len());
    }

    impl SeededRng {
        fn take_below(mut self, n: usize, bound: u32) -> Vec<u32> {
            (0..n).map(|_| self.below(bound)).collect()
        }
    }

    #[test]
    fn integers_below_are_uniform() {
        let mut rng = SeededRng::new(7);
        let mut counts = [0f64; 10];
        for _ in 0..100_000 {
            counts[rng.below(10) as usize] += 1.0;
        }
        let chi2: f64 = counts.iter().map(|c| (c - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi2 < 27.9, "chi-square {chi2} with 9 degrees of freedom is beyond the 0.1 % point");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..100).collect();
        SeededRng::new(1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn unit_draws_stay_below_one() {
        let mut rng = SeededRng::new(3);
        let mean: f64 =
            (0..10_000).map(|_| f64::from(rng.unit_f32()) + rng.unit_f64()).sum::<f64>() / 10_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((0..10_000).all(|_| rng.unit_f32() < 1.0 && rng.unit_f64() < 1.0));
    }
}
