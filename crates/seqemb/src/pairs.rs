use std::ops::Range;

use embed_core::{ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};

use crate::buckets::{Buckets, CentrePairs};
use crate::huffman::Huffman;
use crate::tables::Table;
use crate::{Exclude, Params, Window};

/// Prepared sequences back to back.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) items: Vec<ItemId>,
    /// Where each sequence ends in `items`.
    pub(crate) ends: Vec<usize>,
    /// Items that these came from, before subsampling.
    pub(crate) read: u64,
}

impl Corpus {
    pub(crate) fn push(&mut self, sequence: &[ItemId]) {
        self.items.extend_from_slice(sequence);
        self.ends.push(self.items.len());
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.ends.clear();
        self.read = 0;
    }

    /// The sequence that place `at` is in, found from the last one: its number, and where it starts.
    pub(crate) fn advance(&self, sequence: &mut usize, at: usize) -> usize {
        while self.ends[*sequence] <= at {
            *sequence += 1;
        }
        if *sequence == 0 { 0 } else { self.ends[*sequence - 1] }
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
    /// The tree of hierarchical softmax, which needs no sampler.
    pub(crate) tree: Option<&'a Huffman>,
    pub(crate) n_items: usize,
    pub(crate) seed: u64,
    pub(crate) epoch: u32,
    pub(crate) step: u64,
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
    scratch: Scratch,
}

/// Buffers for the negatives of a centre.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    negatives: Vec<ItemId>,
    /// Items that the sampler leaves out, and the sequence they are of.
    positives: Vec<ItemId>,
    pub(crate) sequence: usize,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self {
            range: 0..0,
            number: 0,
            rate: 0.0,
            buckets: Buckets::new(),
            contexts: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

impl PairSource<'_> {
    /// Fills the block's buckets with the pairs of its centres.
    pub(crate) fn draw(
        &self,
        corpus: &Corpus,
        block: &mut Block,
        input: &Table,
    ) -> Result<Counts, SampleError> {
        let mut rng = SeededRng::stream(self.seed, "skip-gram pairs", block.number);
        let mut counts = Counts::default();
        let Block { range, buckets, contexts, scratch, .. } = block;
        buckets.clear();
        scratch.sequence = usize::MAX;
        let batch = &corpus.items[range.clone()];
        let mut sequence = corpus.ends.partition_point(|&end| end <= range.start);
        for at in range.clone() {
            let start = corpus.advance(&mut sequence, at);
            let items = &corpus.items[start..corpus.ends[sequence]];
            self.exclude(scratch, sequence, items);
            let centre = corpus.items[at];
            contexts_of(self.params.window, items, at - start, &mut rng, contexts);
            let query = Some(input.vector(centre));
            let mut drawn = self.negatives(scratch, contexts.len(), query, batch, &mut rng)?;
            let mut pairs = buckets.of(centre);
            counts.positives += contexts.len() as u64;
            for &context in contexts.iter() {
                let (own, rest) = drawn.split_at(self.params.negatives.min(drawn.len()));
                drawn = rest;
                counts.negatives += self.predict(&mut pairs, context, own);
            }
            pairs.finish();
        }
        Ok(counts)
    }

    /// With [`Exclude::Sequence`]: the items of a sequence, once, for the sampler to leave out.
    pub(crate) fn exclude(&self, scratch: &mut Scratch, sequence: usize, items: &[ItemId]) {
        if self.params.exclude == Exclude::Sequence && scratch.sequence != sequence {
            scratch.sequence = sequence;
            scratch.positives.clear();
            scratch.positives.extend_from_slice(items);
            scratch.positives.sort_unstable();
            scratch.positives.dedup();
        }
    }

    /// Negatives for so many predictions of one query.
    pub(crate) fn negatives<'s>(
        &self,
        scratch: &'s mut Scratch,
        predictions: usize,
        query: Option<&[f32]>,
        batch: &[ItemId],
        rng: &mut SeededRng,
    ) -> Result<&'s [ItemId], SampleError> {
        let wanted = predictions * self.params.negatives;
        if wanted == 0 || self.tree.is_some() {
            return Ok(&[]);
        }
        let Scratch { negatives, positives, .. } = scratch;
        negatives.resize(wanted.max(negatives.len()), 0);
        let cx = NegativeContext {
            step: self.step,
            epoch: self.epoch,
            query,
            positives,
            batch,
            n: wanted,
            ..NegativeContext::default()
        };
        let n = self.sampler.sample_into(&cx, rng, &mut negatives[..wanted])?;
        let drawn = &negatives[..n.min(wanted)];
        self.check(drawn)?;
        Ok(drawn)
    }

    /// The pairs of one prediction: the item and its negatives, or the nodes on its path. Gives how many there are beside
    /// the first.
    #[inline]
    pub(crate) fn predict(&self, pairs: &mut CentrePairs<'_>, item: ItemId, negatives: &[ItemId]) -> u64 {
        let mut others = 0;
        if let Some(tree) = self.tree {
            for (node, branch) in tree.path(item) {
                pairs.push(node, branch);
                others += 1;
            }
            return others.max(1) - 1;
        }
        pairs.push(item, true);
        for &negative in negatives {
            if negative != item {
                pairs.push(negative, false);
                others += 1;
            }
        }
        others
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
pub(crate) fn contexts_of(
    window: Window,
    items: &[ItemId],
    at: usize,
    rng: &mut SeededRng,
    out: &mut Vec<ItemId>,
) {
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
    use negsample::{ExcludePositives, Popularity, Uniform};

    use super::*;
    use crate::tables::PART_BITS;

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

    /// The pairs of a block as (centre, output, positive), in the order of the buckets.
    fn drawn(block: &Block) -> Vec<(ItemId, ItemId, bool)> {
        let mut all = Vec::new();
        for i in 0..1 << PART_BITS {
            for j in 0..1 << PART_BITS {
                let (pairs, mut start) = (block.buckets.pairs(i as usize, j as usize), 0);
                for head in pairs.heads {
                    let item = |slot: u32, part: u32| slot * (1 << PART_BITS) + part;
                    for op in &pairs.ops[start..head.end as usize] {
                        all.push((item(head.row, i), item(op >> 1, j), op & 1 == 1));
                    }
                    start = head.end as usize;
                }
            }
        }
        all
    }

    fn corpus(n_items: u32, lengths: &[usize]) -> Corpus {
        let mut rng = SeededRng::new(8);
        let mut corpus = Corpus::default();
        for &n in lengths {
            corpus.push(&(0..n).map(|_| rng.below(n_items)).collect::<Vec<_>>());
        }
        corpus
    }

    #[test]
    fn blocks_cut_anywhere_give_every_pair_of_the_window_once() {
        let corpus = corpus(50, &[7, 2, 30, 3, 5]);
        let window = Window::Sliding { size: 2, dynamic: false };
        let params = Params { window, negatives: 3, ..Params::default() };
        let sampler = Uniform::new(50).unwrap();
        let source = PairSource {
            params: &params,
            sampler: &sampler,
            tree: None,
            n_items: 50,
            seed: 1,
            epoch: 0,
            step: 0,
        };
        let mut expected = Vec::new();
        for sequence in [0..7usize, 7..9, 9..39, 39..42, 42..47] {
            for i in sequence.clone() {
                for j in sequence.clone().filter(|j| *j != i && j.abs_diff(i) <= 2) {
                    let (a, b) = (corpus.items[i], corpus.items[j]);
                    expected.extend((a != b).then_some((a, b)));
                }
            }
        }
        let (mut got, mut counts) = (Vec::new(), Counts::default());
        let mut block = Block::new();
        for (number, range) in [0..5, 5..8, 8..8, 8..20, 20..47].into_iter().enumerate() {
            block.range = range;
            block.number = number as u64;
            let part = source.draw(&corpus, &mut block, &Table::zeros(50, 4).unwrap()).unwrap();
            counts.positives += part.positives;
            counts.negatives += part.negatives;
            got.extend(drawn(&block));
        }
        let negatives = got.iter().filter(|pair| !pair.2).count() as u64;
        assert_eq!((counts.positives, counts.negatives), (expected.len() as u64, negatives));
        assert!(negatives <= 3 * counts.positives && negatives > 27 * counts.positives / 10);
        let mut positives: Vec<_> = got.iter().filter(|pair| pair.2).map(|pair| (pair.0, pair.1)).collect();
        positives.sort_unstable();
        expected.sort_unstable();
        assert_eq!(positives, expected);
    }

    #[test]
    fn negatives_follow_the_law_of_the_sampler_and_avoid_what_is_excluded() {
        let corpus = corpus(20, &[6; 3000]);
        let counts: Vec<u64> = (0..20).map(|i| 1 + i * i).collect();
        let popularity = Popularity::new(&counts, 0.75).unwrap();
        let window = Window::Sliding { size: 1, dynamic: false };
        let params = Params { window, negatives: 8, ..Params::default() };
        let source = PairSource {
            params: &params,
            sampler: &popularity,
            tree: None,
            n_items: 20,
            seed: 1,
            epoch: 0,
            step: 0,
        };
        let mut block = Block::new();
        block.range = 0..corpus.items.len();
        let sum = source.draw(&corpus, &mut block, &Table::zeros(50, 4).unwrap()).unwrap();
        let mut seen = [0f64; 20];
        drawn(&block).iter().filter(|pair| !pair.2).for_each(|pair| seen[pair.1 as usize] += 1.0);
        // Contexts are uniform, and a negative that hits its context is left out: (1 − 1/20) of each remains.
        let weights: Vec<f64> = counts.iter().map(|&c| (c as f64).powf(0.75)).collect();
        let total: f64 = weights.iter().sum();
        let chi2: f64 = seen
            .iter()
            .zip(&weights)
            .map(|(n, w)| {
                let expected = sum.negatives as f64 * w / total;
                (n - expected).powi(2) / expected
            })
            .sum();
        assert!(chi2 < 60.0, "chi-square {chi2} with 19 degrees of freedom");

        let params = Params { exclude: Exclude::Sequence, ..params };
        let excluding = ExcludePositives::new(popularity);
        let source = PairSource {
            params: &params,
            sampler: &excluding,
            tree: None,
            n_items: 20,
            seed: 1,
            epoch: 0,
            step: 0,
        };
        block.range = 6..12;
        source.draw(&corpus, &mut block, &Table::zeros(50, 4).unwrap()).unwrap();
        let own = &corpus.items[6..12];
        assert!(drawn(&block).iter().all(|&(_, output, positive)| positive == own.contains(&output)));
    }
}
