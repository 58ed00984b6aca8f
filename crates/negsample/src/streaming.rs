use embed_core::{Batch, ItemId};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// Settings of [`StreamingFrequency`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StreamingParams {
    /// Cells of each pair of arrays: about as many as there are items, or fewer with several hashes. 1 to 2³⁰. 2²⁰.
    pub cells: usize,
    /// Pairs of arrays, each with a hash function of its own. 1 to 16. 2.
    pub hashes: usize,
    /// Weight of the newest interval (α): smaller is steadier, larger follows faster. Above 0, to 1. 0.01.
    pub rate: f64,
    /// Steps between two occurrences that is assumed of an item before it was seen. At least 1. 1000.
    pub first_interval: f64,
    /// Seed of the hash functions.
    pub seed: u64,
}

impl Default for StreamingParams {
    fn default() -> Self {
        Self { cells: 1 << 20, hashes: 2, rate: 0.01, first_interval: 1000.0, seed: 0 }
    }
}

impl StreamingParams {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`SettingsError::Setting`] names the first that is out of its range.
    #[expect(clippy::cast_precision_loss, reason = "for a message")]
    pub fn validate(&self) -> Result<(), SettingsError> {
        let ranges = [
            ("cells", self.cells as f64, 1.0, f64::from(1 << 30)),
            ("hashes", self.hashes as f64, 1.0, 16.0),
            ("rate", self.rate, f64::MIN_POSITIVE, 1.0),
            ("first interval", self.first_interval, 1.0, 1e15),
        ];
        for (name, got, least, most) in ranges {
            if !(least..=most).contains(&got) {
                return Err(SettingsError::Setting { name, got, least, most });
            }
        }
        Ok(())
    }
}

/// How often items come, learned from the stream of batches: for catalogues whose counts are not known ahead.
///
/// For each distinct item `i` of the batch at step `t`, with `h` its cell: `B[h] ← (1 − α) B[h] + α (t − A[h])`,
/// `A[h] ← t`. `B` tends to the mean number of steps between two batches with the item, and `1 / B` is the probability
/// that a batch has it. Items that share a cell make it look more frequent, so of several hashes the least frequent
/// answer counts, as in a count-min sketch.
///
/// Memory: `12 · cells · hashes` bytes. A batch is O(items · hashes).
///
/// Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations", algorithm 2 and
/// section 4.3 (several hashes). Differs from the paper in this: an item's first interval moves `B` by the full weight
/// (there is no interval before it to average with), later ones by α.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamingFrequency {
    pub(crate) params: StreamingParams,
    /// `A`: the step of the last batch with the cell, plus 1; 0 for never. `[hashes · cells]`.
    pub(crate) last: Vec<u64>,
    /// `B`: mean steps between two. `[hashes · cells]`.
    pub(crate) interval: Vec<f32>,
    /// Distinct items of the batch at hand.
    batch: Vec<ItemId>,
}

impl StreamingFrequency {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// As [`StreamingParams::validate`].
    #[expect(clippy::cast_possible_truncation, reason = "a mean in f32")]
    pub fn new(params: StreamingParams) -> Result<Self, SettingsError> {
        params.validate()?;
        let n = params.cells * params.hashes;
        let interval = vec![params.first_interval as f32; n];
        Ok(Self { params, last: vec![0; n], interval, batch: Vec::new() })
    }

    /// The settings.
    #[must_use]
    pub fn params(&self) -> &StreamingParams {
        &self.params
    }

    /// Puts a state together that was taken apart for saving.
    pub(crate) fn from_parts(params: StreamingParams, last: Vec<u64>, interval: Vec<f32>) -> Self {
        Self { params, last, interval, batch: Vec::new() }
    }

    /// Learns from a batch; an item that comes twice in it counts once. Steps must not fall; a batch of a step before
    /// the last one counts as if it came with the last.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a mean interval in f32; steps are below 2⁵³"
    )]
    pub fn observe(&mut self, batch: &Batch<'_>) {
        let mut items = std::mem::take(&mut self.batch);
        items.clear();
        items.extend_from_slice(batch.positives);
        items.sort_unstable();
        items.dedup();
        let now = batch.step.saturating_add(1);
        for &item in &items {
            for hash in 0..self.params.hashes {
                let at = self.cell(hash, item);
                let (last, mean) = (self.last[at], f64::from(self.interval[at]));
                // Two items of one batch in one cell: the second finds an interval of 0 and must not shrink the mean.
                if last >= now {
                    continue;
                }
                let gap = (now - last) as f64;
                let rate = self.params.rate;
                let mean = if last == 0 { gap } else { mean + rate * (gap - mean) };
                self.interval[at] = mean.max(1.0) as f32;
                self.last[at] = now;
            }
        }
        self.batch = items;
    }

    /// Probability that a batch has the item: `1 / B`, above 0 and at most 1. Of an item never seen it is the one of
    /// `first_interval`, or of what shares its cells.
    #[must_use]
    pub fn probability(&self, item: ItemId) -> f64 {
        let intervals = (0..self.params.hashes).map(|hash| f64::from(self.interval[self.cell(hash, item)]));
        1.0 / intervals.fold(1.0, f64::max)
    }

    /// The item's cell under a hash function: one of `cells`, in the part of that function.
    #[expect(clippy::cast_possible_truncation, reason = "the upper half of a product of u64 below `cells`")]
    fn cell(&self, hash: usize, item: ItemId) -> usize {
        let salt = self.params.seed.wrapping_add((hash as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mixed = mix(u64::from(item) ^ mix(salt));
        let cells = self.params.cells;
        hash * cells + ((u128::from(mixed) * cells as u128) >> 64) as usize
    }
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::SeededRng;

    fn params(cells: usize, hashes: usize) -> StreamingParams {
        StreamingParams { cells, hashes, ..Default::default() }
    }

    /// Batches in which item `i` comes with probability `p[i]`.
    fn stream(frequency: &mut StreamingFrequency, p: &[f64], steps: u64) {
        let mut rng = SeededRng::new(3);
        for step in 0..steps {
            let mut items: Vec<ItemId> =
                (0..).zip(p).filter(|(_, p)| rng.unit_f64() < **p).map(|(i, _)| i).collect();
            items.extend_from_within(..);
            frequency.observe(&Batch::new(step, &items));
        }
    }

    #[test]
    fn the_mean_interval_is_found() {
        let p: Vec<f64> = (0..200).map(|i| 0.5 / (1.0 + f64::from(i) / 4.0)).collect();
        let mut frequency = StreamingFrequency::new(params(1 << 16, 2)).unwrap();
        stream(&mut frequency, &p, 60_000);
        for (item, p) in (0..).zip(&p) {
            let got = frequency.probability(item);
            // The mean over the last 1/α or so intervals: a relative deviation of √(α/2) ≈ 7 %.
            assert!((got / p).ln().abs() < 0.35, "item {item}: {got} for {p}");
        }
        let mean: f64 = (0..).zip(&p).map(|(i, p)| frequency.probability(i) / p).sum::<f64>() / 200.0;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
        assert!((frequency.probability(9999) - 1e-3).abs() < 1e-9, "never seen");
    }

    #[test]
    fn more_hashes_err_less_where_cells_are_few() {
        let p = vec![0.02; 300];
        let error = |hashes| {
            let mut frequency = StreamingFrequency::new(params(300, hashes)).unwrap();
            stream(&mut frequency, &p, 20_000);
            (0..300).map(|i| (frequency.probability(i) / 0.02).ln().abs()).sum::<f64>() / 300.0
        };
        let (one, four) = (error(1), error(4));
        assert!(four < 0.6 * one, "{four} with four hashes, {one} with one");
    }

    #[test]
    fn a_change_is_followed() {
        let mut frequency =
            StreamingFrequency::new(StreamingParams { rate: 0.1, ..params(1 << 10, 2) }).unwrap();
        for step in 0..1000 {
            let every = if step < 500 { 2 } else { 20 };
            let items: &[ItemId] = if step % every == 0 { &[7] } else { &[] };
            frequency.observe(&Batch::new(step, items));
            if step == 499 {
                assert!((frequency.probability(7) - 0.5).abs() < 0.01);
            }
        }
        assert!((frequency.probability(7) - 0.05).abs() < 0.01);
    }

    #[test]
    fn steps_that_fall_or_reach_the_end_do_no_harm() {
        let mut frequency = StreamingFrequency::new(params(10, 1)).unwrap();
        for step in [5, 3, 3, u64::MAX, u64::MAX, 0] {
            frequency.observe(&Batch::new(step, &[1, 1, 2]));
            let p = frequency.probability(1);
            assert!(p > 0.0 && p <= 1.0);
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let base = StreamingParams::default();
        for bad in [
            StreamingParams { cells: 0, ..base },
            StreamingParams { cells: usize::MAX, ..base },
            StreamingParams { hashes: 17, ..base },
            StreamingParams { rate: 0.0, ..base },
            StreamingParams { rate: f64::NAN, ..base },
            StreamingParams { first_interval: 0.0, ..base },
        ] {
            assert!(matches!(StreamingFrequency::new(bad), Err(SettingsError::Setting { .. })));
        }
    }
}
