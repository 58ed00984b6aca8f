use embed_core::{ItemId, SampleError, SeededRng};

use crate::buckets::Buckets;
use crate::corpus::Corpus;
use crate::order::Centre;
use crate::pairs::{Counts, PairSource, Setting};
use crate::places::contexts_of;
use crate::tables::Table;

/// One block of a chunk, and its buffers.
#[derive(Debug)]
pub(crate) struct Block {
    /// Number of the block over the whole training; names its random stream.
    pub(crate) number: u64,
    /// Learning rate of its pairs.
    pub(crate) rate: f32,
    pub(crate) buckets: Buckets,
    centres: Vec<ItemId>,
    contexts: Vec<ItemId>,
    negatives: Vec<ItemId>,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self {
            number: 0,
            rate: 0.0,
            buckets: Buckets::new(),
            centres: Vec::new(),
            contexts: Vec::new(),
            negatives: Vec::new(),
        }
    }
}

impl Block {
    /// Fills the buckets with the pairs of the centres: contexts by the window, negatives by the sampler.
    pub(crate) fn draw(
        &mut self,
        source: &PairSource<'_>,
        corpus: &Corpus,
        centres: &[Centre],
        input: &Table,
    ) -> Result<Counts, SampleError> {
        let mut rng = SeededRng::stream(source.seed, "skip-gram pairs", self.number);
        let mut counts = Counts::default();
        self.buckets.clear();
        self.centres.clear();
        self.centres.extend(centres.iter().map(|centre| corpus.items[centre.at]));
        for (&Centre { at, sequence }, &centre) in centres.iter().zip(&self.centres) {
            let places = corpus.places(sequence);
            let at = at - places.start;
            contexts_of(source.params.window, &corpus.items[places], at, &mut rng, &mut self.contexts);
            let (query, positives) = (input.vector(centre), corpus.distinct(sequence));
            counts.add(source.pairs_of(
                self.buckets.of(centre),
                &mut self.negatives,
                &self.contexts,
                Some(centre),
                Setting { query, positives, batch: &self.centres },
                &mut rng,
            )?);
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use negsample::{ExcludePositives, Popularity, Uniform};

    use super::*;
    use crate::order::in_step;
    use crate::tables::PART_BITS;
    use crate::{Exclude, Params, Window};

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
        let source = PairSource::first(&params, &sampler, 1);
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
        let (mut block, mut order) = (Block::new(), Vec::new());
        for (number, range) in [0..5, 5..8, 8..8, 8..20, 20..47].into_iter().enumerate() {
            block.number = number as u64;
            in_step(&corpus, range, &mut order);
            let part = block.draw(&source, &corpus, &order, &Table::zeros(50, 4).unwrap()).unwrap();
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
        let mut corpus = corpus(20, &[6; 3000]);
        let counts: Vec<u64> = (0..20).map(|i| 1 + i * i).collect();
        let popularity = Popularity::new(&counts, 0.75).unwrap();
        let window = Window::Sliding { size: 1, dynamic: false };
        let params = Params { window, negatives: 8, ..Params::default() };
        let source = PairSource::first(&params, &popularity, 1);
        let (mut block, mut order) = (Block::new(), Vec::new());
        in_step(&corpus, 0..corpus.items.len(), &mut order);
        let sum = block.draw(&source, &corpus, &order, &Table::zeros(50, 4).unwrap()).unwrap();
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
        let source = PairSource::first(&params, &excluding, 1);
        corpus.find_distinct();
        in_step(&corpus, 6..12, &mut order);
        block.draw(&source, &corpus, &order, &Table::zeros(50, 4).unwrap()).unwrap();
        let own = &corpus.items[6..12];
        assert!(drawn(&block).iter().all(|&(_, output, positive)| positive == own.contains(&output)));
    }
}
