use std::ops::Range;

use embed_core::SampleError;
use embed_core::kernel::logistic::{Lane, Step, logistic_pairs, logistic_pairs_within};
use rayon::prelude::*;

use crate::batch::Batch;
use crate::block::Block;
use crate::corpus::Corpus;
use crate::order::{Centre, in_step};
use crate::pairs::{Counts, PairSource};
use crate::side::Attention;
use crate::tables::{PARTS, Table};
use crate::threads::largest_first;
use crate::{Params, Tables, Window};

/// Bytes of the pairs of a chunk, about: what lies in buffers between drawing and training. They may grow to twice that.
/// The more pairs two parts have for each other, the more often a row is met while it is near.
const CHUNK_BYTES: usize = 24 << 20;
/// With one table, fewer where there are few items: while two parts meet, they drift from the others together.
const SHARED_PAIRS_PER_ITEM: usize = 64;
/// Centres of a block, which has its own random stream.
const BLOCK_ITEMS: usize = 1 << 10;

/// The state of a training: both tables, and how many blocks have been drawn.
pub(crate) struct Trainer {
    pub(crate) input: Table,
    /// Without rows when the tables are one.
    pub(crate) output: Table,
    /// With side information, what an item's vector is made of.
    pub(crate) attention: Option<Attention>,
    blocks: Vec<Block>,
    order: Vec<Centre>,
    pub(crate) batch: Batch,
    pub(crate) blocks_drawn: u64,
    chunks_done: u64,
    chunk_items: usize,
    shared: bool,
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("chunks_done", &self.chunks_done).finish_non_exhaustive()
    }
}

/// What a chunk gave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ChunkResult {
    pub(crate) counts: Counts,
    /// Sum over all pairs.
    pub(crate) loss: f64,
}

impl Trainer {
    /// `pairs_per_prediction` is about how many pairs there are for one context (or, in CBOW, for one centre).
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(crate) fn new(
        input: Table,
        output: Table,
        attention: Option<Attention>,
        params: &Params,
        pairs_per_prediction: usize,
        counts: &[u64],
    ) -> Self {
        let contexts = match params.window {
            Window::Sliding { size, dynamic: true } => size + 1,
            Window::Sliding { size, dynamic: false } => 2 * size,
            Window::Basket { samples } => samples,
        };
        let pairs_per_item = contexts.saturating_mul(pairs_per_prediction);
        let shared = params.tables == Tables::Shared;
        // 4 bytes a pair, and 8 for each part that it has pairs with.
        let bytes = pairs_per_item.saturating_mul(4).saturating_add(8 * PARTS.min(pairs_per_item));
        let mut chunk_items = CHUNK_BYTES / bytes.max(1);
        if shared {
            chunk_items = chunk_items.min(SHARED_PAIRS_PER_ITEM * counts.len() / pairs_per_item.max(1));
        }
        let total: f64 = counts.iter().map(|&n| n as f64).sum();
        let item = counts.iter().copied().max().unwrap_or(0) as f64 / total.max(1.0);
        let share = attention.as_ref().map_or(item, |attention| attention.share(counts).max(item));
        Self {
            input,
            output,
            attention,
            blocks: Vec::new(),
            order: Vec::new(),
            batch: Batch::new(params, share),
            blocks_drawn: 0,
            chunks_done: 0,
            chunk_items: chunk_items.max(1),
            shared,
        }
    }

    /// How many blocks have named a random stream, and how many chunks are done.
    pub(crate) fn blocks_drawn(&self) -> u64 {
        self.blocks_drawn
    }

    /// Chunks trained on, over all epochs.
    pub(crate) fn chunks_done(&self) -> u64 {
        self.chunks_done
    }

    /// Goes on from where another training was.
    pub(crate) fn restore(&mut self, blocks_drawn: u64, chunks_done: u64) {
        self.blocks_drawn = blocks_drawn;
        self.chunks_done = chunks_done;
    }

    /// Counts a chunk.
    pub(crate) fn end_chunk(&mut self) {
        self.chunks_done = self.chunks_done.wrapping_add(1);
    }

    /// Items of a chunk.
    pub(crate) fn chunk_items(&self) -> usize {
        self.chunk_items
    }

    /// Whether centres and outputs are rows of one table.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// The table of outputs.
    pub(crate) fn outputs(&self) -> &Table {
        if self.shared { &self.input } else { &self.output }
    }

    /// Skip-gram on the centres `range` of the corpus, whose sequences go in step. `rate` gives the learning rate of the item at a
    /// place.
    ///
    /// First all pairs are drawn, in blocks of fixed size, and sorted by the parts of their rows. Then come the diagonals: in diagonal
    /// `s`, part `i` of the centres meets part `i + s` of the outputs, so that no two tasks share a row. Each task takes its pairs in
    /// the order of the blocks, so the result does not depend on the threads.
    pub(crate) fn train(
        &mut self,
        source: &PairSource<'_>,
        corpus: &Corpus,
        range: Range<usize>,
        rate: &(dyn Fn(usize) -> f32 + Sync),
    ) -> Result<ChunkResult, SampleError> {
        in_step(corpus, range.clone(), &mut self.order);
        self.blocks.resize_with(range.len().div_ceil(BLOCK_ITEMS), Block::new);
        for (i, block) in self.blocks.iter_mut().enumerate() {
            block.number = self.blocks_drawn.wrapping_add(i as u64);
            block.rate = rate(range.start + i * BLOCK_ITEMS);
        }
        self.blocks_drawn = self.blocks_drawn.wrapping_add(self.blocks.len() as u64);
        let input = &self.input;
        let blocks = self.blocks.par_iter_mut().zip(self.order.par_chunks(BLOCK_ITEMS));
        let drawn: Vec<_> =
            blocks.map(|(block, centres)| block.draw(source, corpus, centres, input)).collect();
        let mut result = ChunkResult::default();
        for counts in drawn {
            result.counts.add(counts?);
        }
        result.loss = if self.shared {
            self.train_shared(source.params.clamp)
        } else {
            self.train_separate(source.params.clamp)
        };
        self.end_chunk();
        Ok(result)
    }

    fn train_separate(&mut self, clamp: f32) -> f64 {
        let (lanes, blocks) = (self.input.lanes(), &self.blocks);
        let mut loss = 0.0;
        for diagonal in 0..PARTS {
            let mut outputs: Vec<_> = self.output.parts.iter_mut().enumerate().collect();
            outputs.rotate_left(diagonal);
            let tasks = self.input.parts.iter_mut().enumerate().zip(outputs);
            let losses = largest_first(
                tasks.collect(),
                |((i, _), (j, _))| blocks.iter().map(|block| block.buckets.len(*i, *j)).sum(),
                |((i, centres), (j, outputs))| {
                    let train = |block: &Block| {
                        let step = Step { rate: block.rate, clamp };
                        logistic_pairs(centres, outputs, lanes, &block.buckets.pairs(i, j), step)
                    };
                    blocks.iter().map(train).sum::<f64>()
                },
            );
            loss += losses.iter().sum::<f64>();
        }
        loss
    }

    /// With one table the parts meet as in a tournament: each pair of parts once, both ways, so many pairs at a time that no
    /// two share a part; and first each part itself.
    fn train_shared(&mut self, clamp: f32) -> f64 {
        let (lanes, blocks) = (self.input.lanes(), &self.blocks);
        let step = |block: &Block| Step { rate: block.rate, clamp };
        let alone = self.input.parts.par_iter_mut().enumerate().with_max_len(1).map(|(i, rows)| {
            let train =
                |block: &Block| logistic_pairs_within(rows, lanes, &block.buckets.pairs(i, i), step(block));
            blocks.iter().map(train).sum::<f64>()
        });
        let mut loss = alone.collect::<Vec<_>>().iter().sum::<f64>();
        for round in 0..PARTS - 1 {
            let mut parts: Vec<Option<&mut Vec<Lane>>> = self.input.parts.iter_mut().map(Some).collect();
            let meeting = |pair: (usize, usize)| Some((pair, parts[pair.0].take()?, parts[pair.1].take()?));
            let tasks: Vec<_> = pairings(round).filter_map(meeting).collect();
            let losses = largest_first(
                tasks,
                |((i, j), ..)| {
                    blocks.iter().map(|block| block.buckets.len(*i, *j) + block.buckets.len(*j, *i)).sum()
                },
                |((i, j), one, other)| {
                    let train = |block: &Block| {
                        let there =
                            logistic_pairs(one, other, lanes, &block.buckets.pairs(i, j), step(block));
                        let back = logistic_pairs(other, one, lanes, &block.buckets.pairs(j, i), step(block));
                        there + back
                    };
                    blocks.iter().map(train).sum::<f64>()
                },
            );
            loss += losses.iter().sum::<f64>();
        }
        loss
    }
}

/// The pairs of parts of a round, by the circle method: the last part stays, the others go round.
fn pairings(round: usize) -> impl Iterator<Item = (usize, usize)> {
    let others = PARTS - 1;
    let at = move |k: usize| (round + k) % others;
    std::iter::once((others, at(0))).chain((1..PARTS / 2).map(move |k| (at(k), at(others - k))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use embed_core::SeededRng;
    use embed_core::kernel::logistic::TILE;
    use negsample::Uniform;

    use super::*;

    type Row = Vec<f64>;

    /// A pair at a time over the drawn pairs, diagonal after diagonal; scores of a tile before its updates.
    fn naive(trainer: &Trainer, input: &mut [Row], output: &mut [Row], clamp: f64) -> f64 {
        let mut loss = 0.0;
        for diagonal in 0..PARTS {
            for i in 0..PARTS {
                let j = (i + diagonal) % PARTS;
                for block in &trainer.blocks {
                    let pairs = block.buckets.pairs(i, j);
                    let centre = |k: usize| {
                        let head = pairs.heads.iter().find(|head| k < head.end as usize).unwrap();
                        (head.row as usize * PARTS + i, head.end)
                    };
                    for start in (0..pairs.ops.len()).step_by(TILE) {
                        let tile: Vec<_> = (start..pairs.ops.len().min(start + TILE))
                            .map(|k| (centre(k), (pairs.ops[k] >> 1) as usize * PARTS + j, pairs.ops[k] & 1))
                            .collect();
                        let gain = |((v, _), u, y): &((usize, u32), usize, u32)| {
                            let s: f64 = input[*v].iter().zip(&output[*u]).map(|(a, b)| a * b).sum();
                            let s = s.clamp(-clamp, clamp);
                            let t = if *y == 1 { s } else { -s };
                            (
                                (1.0 + (-t).exp()).ln(),
                                f64::from(block.rate) * (f64::from(*y) - 1.0 / (1.0 + (-s).exp())),
                            )
                        };
                        let gains: Vec<_> = tile.iter().map(gain).collect();
                        let mut frozen = BTreeMap::new();
                        for (((v, end), u, _), (l, g)) in tile.iter().zip(gains) {
                            loss += l;
                            // The centre stands still while the pairs of one occurrence last.
                            let before = frozen.entry((*end, *v)).or_insert_with(|| input[*v].clone());
                            for c in 0..before.len() {
                                input[*v][c] += g * output[*u][c];
                                output[*u][c] += g * before[c];
                            }
                        }
                    }
                }
            }
        }
        loss
    }

    #[test]
    fn a_chunk_is_the_naive_updates_in_the_order_of_the_diagonals() {
        let (n_items, dim) = (67, 9);
        let mut rng = SeededRng::new(2);
        let mut corpus = Corpus::default();
        for length in [5, 400, 2, 170, 900, 3, 1200] {
            corpus.push(&(0..length).map(|_| rng.below(67)).collect::<Vec<_>>());
        }
        for window in [Window::Sliding { size: 5, dynamic: true }, Window::Basket { samples: 6 }] {
            let params = Params { dim, window, ..Params::default() };
            let (mut input, mut output) =
                (Table::zeros(n_items, dim).unwrap(), Table::zeros(n_items, dim).unwrap());
            input.randomize(5);
            output.randomize(6);
            let (mut slow_in, mut slow_out) = (input.to_f64(), output.to_f64());
            let mut trainer = Trainer::new(input, output, None, &params, 6, &[1; 67]);
            let sampler = Uniform::new(n_items).unwrap();
            let source = PairSource::first(&params, &sampler, 4);
            let rate = |at: usize| 0.1 / (1.0 + at as f32 / 1000.0);
            let fast = trainer.train(&source, &corpus, 3..2650, &rate).unwrap();
            assert_eq!(trainer.blocks.len(), 3);
            let slow = naive(&trainer, &mut slow_in, &mut slow_out, f64::from(params.clamp));
            assert!((fast.loss - slow).abs() < 1e-4 * slow, "{} instead of {slow}", fast.loss);
            for (fast, slow) in [(&trainer.input, &slow_in), (&trainer.output, &slow_out)] {
                for (a, b) in fast.to_f64().iter().flatten().zip(slow.iter().flatten()) {
                    assert!((a - b).abs() < 1e-5, "{a} instead of {b}");
                }
            }
        }
    }
}
