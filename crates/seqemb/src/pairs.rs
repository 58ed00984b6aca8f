use std::ops::Range;

use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

use crate::buckets::Buckets;
use crate::{Exclude, Params, Window};

/// Prepared sequences back to back.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) items: Vec<ItemId>,
    /// Where each sequence ends in `items`.
    pub(crate) ends: Vec<usize>,
}

impl Corpus {
    pub(crate) fn push(&mut self, sequence: &[ItemId]) {
        self.items.extend_from_slice(sequence);
        self.ends.push(self.items.len());
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.ends.clear();
    }
}

/// A sampler drew an item that the catalogue does not have.
#[derive(Debug, thiserror::Error)]
#[error("it drew item {item} of a catalogue of {n_items} items")]
struct ForeignItem {
    item: ItemId,
    n_items: usize,
}

/// What a block gave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) positives: u64,
    pub(crate) negatives: u64,
}

/// Draws the pairs of blocks: contexts by the window, negatives by the sampler.
pub(crate) struct PairSource<'a> {
    pub(crate) params: &'a Params,
    pub(crate) sampler: &'a dyn NegativeSampler,
    pub(crate) n_items: usize,
    pub(crate) seed: u64,
    pub(crate) epoch: u32,
}

/// One block of a chunk, and its buffers.
#[derive(Debug)]
pub(crate) struct Block {
    /// The items of the corpus whose pairs these are, as centres.
    pub(crate) range: Range<usize>,
    /// Number of the block over the whole training; names its random stream.
    pub(crate) number: u64,
    /// Learning rate of its pairs.
    pub(crate) rate: f32,
    pub(crate) buckets: Buckets,
    contexts: Vec<ItemId>,
    negatives: Vec<ItemId>,
    positives: Vec<ItemId>,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self {
            range: 0..0,
            number: 0,
            rate: 0.0,
            buckets: Buckets::new(),
            contexts: Vec::new(),
            negatives: Vec::new(),
            positives: Vec::new(),
        }
    }
}

impl PairSource<'_> {
    /// Fills the block's buckets with the pairs of its centres.
    pub(crate) fn draw(&self, corpus: &Corpus, block: &mut Block) -> Result<Counts, SampleError> {
        let mut rng = SeededRng::stream(self.seed, "skip-gram pairs", block.number);
        let mut counts = Counts::default();
        let Block { range, buckets, contexts, negatives, positives, .. } = block;
        buckets.clear();
        let mut sequence = corpus.ends.partition_point(|&end| end <= range.start);
        let mut fresh = true;
        for at in range.clone() {
            while corpus.ends[sequence] <= at {
                sequence += 1;
                fresh = true;
            }
            let start = if sequence == 0 { 0 } else { corpus.ends[sequence - 1] };
            let items = &corpus.items[start..corpus.ends[sequence]];
            if fresh && self.params.exclude == Exclude::Sequence {
                positives.clear();
                positives.extend_from_slice(items);
                positives.sort_unstable();
                positives.dedup();
            }
            fresh = false;
            let centre = corpus.items[at];
            contexts_of(self.params.window, items, at - start, &mut rng, contexts);
            let wanted = contexts.len() * self.params.negatives;
            negatives.resize(wanted.max(negatives.len()), 0);
            let mut drawn = &negatives[..0];
            if wanted > 0 {
                let cx = NegativeContext {
                    step: block.number,
                    epoch: self.epoch,
                    positives,
                    n: wanted,
                    ..NegativeContext::default()
                };
                let n = self.sampler.sample_into(&cx, &mut rng, &mut negatives[..wanted])?;
                drawn = &negatives[..n.min(wanted)];
                self.check(drawn)?;
            }
            let mut pairs = buckets.of(centre);
            counts.positives += contexts.len() as u64;
            for &context in contexts.iter() {
                pairs.push(context, true);
                let (own, rest) = drawn.split_at(self.params.negatives.min(drawn.len()));
                drawn = rest;
                for &negative in own {
                    if negative != context {
                        pairs.push(negative, false);
                        counts.negatives += 1;
                    }
                }
            }
            pairs.finish();
        }
        Ok(counts)
    }

    /// A sampler of another crate may break its promise.
    fn check(&self, drawn: &[ItemId]) -> Result<(), SampleError> {
        match drawn.iter().max() {
            Some(&item) if item as usize >= self.n_items => {
                let source = Box::new(ForeignItem { item, n_items: self.n_items });
                Err(SampleError::Implementation { source })
            }
            _ => Ok(()),
        }
    }
}

/// The contexts of place `at` of a sequence; for [`Window::Basket`] the sequence has been shuffled.
#[inline]
fn contexts_of(window: Window, items: &[ItemId], at: usize, rng: &mut SeededRng, out: &mut Vec<ItemId>) {
    out.clear();
    match window {
        Window::Sliding { size, dynamic } => {
            let reach = match u32::try_from(size) {
                Ok(size) if dynamic => 1 + rng.below(size) as usize,
                _ => size,
            };
            out.extend_from_slice(&items[at.saturating_sub(reach)..at]);
            out.extend_from_slice(&items[at + 1..items.len().min(at + 1 + reach)]);
        }
        Window::Basket { samples } => {
            // The next places of a shuffled circle are a uniform sample without repetition.
            let n = samples.min(items.len() - 1);
            let after = &items[at + 1..items.len().min(at + 1 + n)];
            out.extend_from_slice(after);
            out.extend_from_slice(&items[..n - after.len()]);
        }
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
