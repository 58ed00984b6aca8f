use std::collections::VecDeque;

use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::ArrayView2;

use crate::{RefreshableSampler, StreamingFrequency};

/// How often an item is among the positives, as [`InBatch`] knows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Frequency {
    /// From counts known ahead: the natural logarithm of each item's share. 4 bytes an item.
    Counts(LogShares),
    /// From the batches seen so far.
    Streaming(Box<StreamingFrequency>),
}

/// Natural logarithms of the shares of items in all interactions.
#[derive(Debug, Clone, PartialEq)]
pub struct LogShares(Vec<f32>);

impl Frequency {
    /// Shares `counts / Σ counts` `[n_items]`. An item never seen has the share 0.
    ///
    /// # Errors
    /// [`SampleError::NoItems`] when no count is above 0.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a logarithm in f32")]
    pub fn from_counts(counts: &[u64]) -> Result<Self, SampleError> {
        let total: f64 = counts.iter().map(|&count| count as f64).sum();
        if total <= 0.0 {
            return Err(SampleError::NoItems { items: counts.len() });
        }
        let logs = counts.iter().map(|&count| (count as f64 / total).ln() as f32).collect();
        Ok(Self::Counts(LogShares(logs)))
    }

    /// Natural logarithm of how often the item is expected in a batch of `n` positives.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a logarithm in f32")]
    fn log_count(&self, item: ItemId, n: usize) -> f32 {
        match self {
            Self::Counts(LogShares(logs)) => {
                let share = logs.get(item as usize).copied().unwrap_or(f32::NEG_INFINITY);
                share + (n as f64).ln() as f32
            }
            // The streaming law is already one of batches.
            Self::Streaming(frequency) => frequency.probability(item).ln() as f32,
        }
    }
}

/// The other positives of the batch as negatives, and those of earlier batches from a queue.
///
/// What a context gets is all of the queue and the batch, or where it asks for fewer, that many of them, drawn
/// uniformly without repetition of a place. Accidental hits (the context's positives and its target) are masked: they
/// are left out and not replaced, so counts are short, in the batch and in the queue alike.
///
/// The law is the one of the data, so [`NegativeSampler::log_expected_count`] comes from [`Frequency`]: `n` times the
/// item's share of interactions, or the streaming estimate. Subtracted from every logit, it undoes that popular items
/// are in more batches ([`correct_logits`](crate::correct_logits)).
///
/// Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations"; Wang, Zhu & He 2021,
/// "Cross-batch negative sampling for training two-tower recommenders" (the queue).
#[derive(Debug, Clone, PartialEq)]
pub struct InBatch {
    n_items: usize,
    frequency: Frequency,
    queue: VecDeque<ItemId>,
    queue_capacity: usize,
}

impl InBatch {
    /// Over a catalogue of `n_items`.
    ///
    /// # Errors
    /// - [`SampleError::NoItems`], [`SampleError::TooManyItems`] for the catalogue.
    /// - [`SampleError::Catalogue`] when the counts are of another one.
    pub fn new(n_items: usize, frequency: Frequency) -> Result<Self, SampleError> {
        let limit = u32::MAX as usize;
        if n_items == 0 {
            return Err(SampleError::NoItems { items: 0 });
        }
        if n_items > limit {
            return Err(SampleError::TooManyItems { got: n_items, limit });
        }
        if let Frequency::Counts(LogShares(logs)) = &frequency
            && logs.len() != n_items
        {
            return Err(SampleError::Catalogue { expected: n_items, got: logs.len() });
        }
        Ok(Self { n_items, frequency, queue: VecDeque::new(), queue_capacity: 0 })
    }

    /// The same with a queue of the last `capacity` positives of earlier batches; 4 bytes each. The trainer keeps their
    /// vectors, see [`CrossBatchQueue`](crate::CrossBatchQueue).
    #[must_use]
    pub fn queued(self, capacity: usize) -> Self {
        Self { queue_capacity: capacity, ..self }
    }

    /// The frequencies as they are now.
    #[must_use]
    pub fn frequency(&self) -> &Frequency {
        &self.frequency
    }

    fn pool(&self, cx: &NegativeContext<'_>) -> usize {
        self.queue.len() + cx.batch.len()
    }

    fn masked(cx: &NegativeContext<'_>, item: ItemId) -> bool {
        cx.target == Some(item) || cx.positives.binary_search(&item).is_ok()
    }
}

impl NegativeSampler for InBatch {
    /// # Errors
    /// [`SampleError::Implementation`] when the batch names an item beyond the catalogue.
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        if let Some(&item) = cx.batch.iter().find(|&&item| item as usize >= self.n_items) {
            let source = Box::new(ForeignItem { item, n_items: self.n_items });
            return Err(SampleError::Implementation { source });
        }
        let pool = self.pool(cx);
        let mut left = out.len().min(pool);
        let mut written = 0;
        // Places in order, each kept with the chance that leaves the right number (Knuth's algorithm S).
        for (seen, item) in self.queue.iter().chain(cx.batch).copied().enumerate() {
            if left == 0 {
                break;
            }
            #[expect(clippy::cast_precision_loss, reason = "a chance")]
            let taken = left == pool - seen || rng.unit_f64() * ((pool - seen) as f64) < left as f64;
            if taken {
                left -= 1;
                if !Self::masked(cx, item) {
                    out[written] = item;
                    written += 1;
                }
            }
        }
        Ok(written)
    }

    /// Of `cx.n` candidates, or of all there are. The context's batch is one of many: the value is the mean over
    /// batches, not over the draws from this one.
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        if item as usize >= self.n_items || Self::masked(cx, item) {
            return f32::NEG_INFINITY;
        }
        self.frequency.log_count(item, cx.n.min(self.pool(cx)))
    }

    fn n_items(&self) -> usize {
        self.n_items
    }
}

impl RefreshableSampler for InBatch {
    fn observe(&mut self, batch: &Batch<'_>) {
        if let Frequency::Streaming(frequency) = &mut self.frequency {
            frequency.observe(batch);
        }
        let newest = &batch.positives[batch.positives.len().saturating_sub(self.queue_capacity)..];
        let excess = (self.queue.len() + newest.len()).saturating_sub(self.queue_capacity);
        self.queue.drain(..excess.min(self.queue.len()));
        self.queue.extend(newest.iter().filter(|&&item| (item as usize) < self.n_items));
    }
    fn is_stale(&self, _cx: &NegativeContext<'_>) -> bool {
        false
    }

    fn refresh(&mut self, _cx: &NegativeContext<'_>, _items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        Ok(())
    }
}

/// A batch named an item that the catalogue does not have.
#[derive(Debug, thiserror::Error)]
#[error("the batch has item {item} of a catalogue of {n_items} items")]
struct ForeignItem {
    item: ItemId,
    n_items: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::chi_square_holds;
    use crate::{Popularity, StreamingParams};

    const COUNTS: [u64; 6] = [50, 20, 15, 10, 4, 1];

    fn batch(rng: &mut SeededRng, n: usize) -> Vec<ItemId> {
        let mut items = vec![0; n];
        let law = Popularity::new(&COUNTS, 1.0).unwrap();
        law.sample_into(&NegativeContext::default(), rng, &mut items).unwrap();
        items
    }

    fn draw(sampler: &InBatch, cx: &NegativeContext<'_>, rng: &mut SeededRng) -> Vec<ItemId> {
        let mut out = vec![0; cx.n];
        let n = sampler.sample_into(cx, rng, &mut out).unwrap();
        out.truncate(n);
        out
    }

    #[test]
    fn over_many_batches_the_law_is_the_stated_one() {
        let mut sampler = InBatch::new(6, Frequency::from_counts(&COUNTS).unwrap()).unwrap().queued(30);
        let mut rng = SeededRng::new(5);
        let (mut counts, mut expected) = ([0u64; 6], [0f64; 6]);
        for step in 0..20_000 {
            let positives = batch(&mut rng, 8);
            let cx = NegativeContext::draws(11).batch(&positives[1..]).positives(&[2]).target(positives[0]);
            draw(&sampler, &cx, &mut rng).into_iter().for_each(|item| counts[item as usize] += 1);
            for (item, expected) in (0..).zip(&mut expected) {
                *expected += f64::from(sampler.log_expected_count(&cx, item)).exp();
            }
            sampler.observe(&Batch::new(step, &positives));
        }
        assert_eq!((counts[2], expected[2]), (0, 0.0), "masked");
        let total: f64 = expected.iter().sum();
        let drawn: u64 = counts.iter().sum();
        assert!((drawn as f64 / total - 1.0).abs() < 0.01, "{drawn} instead of {total}");
        // Draws of one batch are not independent of those of the next, through the queue: shares, not chi-square.
        for (count, expected) in counts.iter().zip(expected) {
            assert!((*count as f64 - expected).abs() < 0.02 * expected + 60.0, "{count} for {expected}");
        }
    }

    #[test]
    fn without_a_queue_the_draws_pass_chi_square() {
        let sampler = InBatch::new(6, Frequency::from_counts(&COUNTS).unwrap()).unwrap();
        let mut rng = SeededRng::new(6);
        let mut counts = [0u64; 6];
        for _ in 0..20_000 {
            let positives = batch(&mut rng, 8);
            let cx = NegativeContext::draws(3).batch(&positives);
            draw(&sampler, &cx, &mut rng).into_iter().for_each(|item| counts[item as usize] += 1);
        }
        chi_square_holds(&counts, &COUNTS.map(|count| count as f64));
    }

    #[test]
    fn all_of_batch_and_queue_when_enough_is_asked_for() {
        let mut sampler = InBatch::new(9, Frequency::from_counts(&[1; 9]).unwrap()).unwrap().queued(3);
        sampler.observe(&Batch::new(0, &[0, 1, 2, 3, 4]));
        sampler.observe(&Batch::new(1, &[5]));
        let cx = NegativeContext::draws(99).batch(&[6, 7, 6, 4]).positives(&[4]);
        assert_eq!(draw(&sampler, &cx, &mut SeededRng::new(1)), [3, 5, 6, 7, 6]);
        let expected = sampler.log_expected_count(&cx, 8).exp();
        assert!((expected - 7.0 / 9.0).abs() < 1e-5, "seven candidates before masks: {expected}");
        let foreign = NegativeContext::draws(1).batch(&[9]);
        assert!(sampler.sample_into(&foreign, &mut SeededRng::new(1), &mut [0]).is_err());
    }

    #[test]
    fn streaming_frequencies_learn_from_the_batches() {
        let streaming = StreamingFrequency::new(StreamingParams { cells: 1 << 12, ..Default::default() });
        let frequency = Frequency::Streaming(Box::new(streaming.unwrap()));
        let mut sampler = InBatch::new(6, frequency).unwrap();
        let mut rng = SeededRng::new(7);
        for step in 0..20_000 {
            sampler.observe(&Batch::new(step, &batch(&mut rng, 4)));
        }
        let cx = NegativeContext::draws(4).batch(&[0; 4]);
        for (item, count) in (0..).zip(COUNTS) {
            let in_batch = 1.0 - (1.0 - count as f64 / 100.0).powi(4);
            let stated = f64::from(sampler.log_expected_count(&cx, item));
            assert!((stated - in_batch.ln()).abs() < 0.35, "item {item}: {stated}");
        }
    }

    #[test]
    fn bad_catalogues_are_refused() {
        let frequency = || Frequency::from_counts(&[1, 2]).unwrap();
        assert!(matches!(InBatch::new(0, frequency()), Err(SampleError::NoItems { .. })));
        assert!(matches!(InBatch::new(3, frequency()), Err(SampleError::Catalogue { .. })));
        assert!(matches!(Frequency::from_counts(&[0]), Err(SampleError::NoItems { .. })));
    }
}
