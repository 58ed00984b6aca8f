use std::ops::Range;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use embed_core::kernel::logistic::{Lane, Step, logistic_pairs};
use embed_core::{ItemId, SampleError, SeededRng};

use crate::Params;
use crate::buckets::Buckets;
use crate::corpus::Corpus;
use crate::hidden::Hidden;
use crate::pairs::{Counts, PairSource, Setting};
use crate::side::Attention;
use crate::tables::PARTS;
use crate::threads::{in_phases, read, write};
use crate::trainer::{ChunkResult, Trainer};

/// Components of the hidden rows of a batch, about: what a processor keeps near while the batch meets one part of the
/// outputs after the other.
const COMPONENTS: usize = 1 << 18;
/// Centres of a batch, at least and at most.
const CENTRES: (usize, usize) = (64, 8192);

/// A batch of predictions from rows that are no rows of a table but sums of some, cut into as many groups as the tables
/// have parts.
#[derive(Debug)]
pub(crate) struct Batch {
    groups: Vec<Group>,
    /// Centres of a batch.
    size: usize,
}

/// The predictions of some centres.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) range: Range<usize>,
    number: u64,
    rate: f32,
    pub(crate) hidden: Hidden,
    /// What each hidden row predicts, and the place that it is at.
    pub(crate) predicted: Vec<ItemId>,
    pub(crate) ends: Vec<(usize, usize)>,
    /// Contexts of the centre under way.
    pub(crate) window: Vec<ItemId>,
    /// The items whose hidden rows these are, with side information.
    pub(crate) centres: Vec<ItemId>,
    buckets: Buckets,
    negatives: Vec<ItemId>,
    /// What the attention of items learns, [`Attention::grade`].
    pub(crate) grades: Vec<f32>,
    /// What the chunk gave so far.
    counts: Counts,
    loss: f64,
    error: Option<SampleError>,
}

impl Batch {
    /// Within a batch input vectors stand still, so a batch must be so small that the steps that its most frequent row
    /// gathers amount to about one: `size · share · rate ≤ 1`. `share` is that of the row among all centres.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number not above 10⁹")]
    pub(crate) fn new(params: &Params, share: f64) -> Self {
        let steady = 1.0 / (share * f64::from(params.rate)).max(1e-9);
        let group = || Group {
            range: 0..0,
            number: 0,
            rate: 0.0,
            hidden: Hidden::new(),
            predicted: Vec::new(),
            ends: Vec::new(),
            window: Vec::new(),
            centres: Vec::new(),
            buckets: Buckets::new(),
            negatives: Vec::new(),
            grades: Vec::new(),
            counts: Counts::default(),
            loss: 0.0,
            error: None,
        };
        Self {
            groups: std::iter::repeat_with(group).take(PARTS).collect(),
            size: (steady as usize).min(COMPONENTS / params.dim).clamp(CENTRES.0, CENTRES.1),
        }
    }
}

impl Group {
    /// Takes the sums, and draws what their predictions are contrasted with.
    fn draw(
        &mut self,
        source: &PairSource<'_>,
        corpus: &Corpus,
        inputs: &[RwLock<&mut Vec<Lane>>],
        lanes: usize,
        side: Option<&Attention>,
    ) {
        let mut rng = SeededRng::stream(source.seed, "cbow", self.number);
        self.hidden.clear();
        self.predicted.clear();
        self.ends.clear();
        self.centres.clear();
        match side {
            None => self.contexts_predict_centres(source.params, corpus, &mut rng),
            Some(attention) => self.items_predict_contexts(source.params, corpus, attention, &mut rng),
        }
        self.hidden.sum(inputs, lanes);
        self.buckets.clear();
        let batch = &corpus.items[self.range.clone()];
        let dim = source.params.dim;
        let mut sequence = corpus.sequence_at(self.range.start);
        let mut first = 0;
        for (row, &(end, at)) in (0u32..).zip(&self.ends) {
            corpus.advance(&mut sequence, at);
            let query = &Lane::components(&self.hidden.rows[row as usize * lanes..][..lanes])[..dim];
            let pairs = self.buckets.of_row(row);
            let predicted = &self.predicted[first..end];
            let setting = Setting { query, positives: corpus.distinct(sequence), batch };
            match source.pairs_of(pairs, &mut self.negatives, predicted, None, setting, &mut rng) {
                Ok(counts) => self.counts.add(counts),
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
            first = end;
        }
    }

    /// Closes a hidden row at place `at`, with what it predicts.
    pub(crate) fn close(&mut self, at: usize) {
        self.ends.push((self.predicted.len(), at));
    }
}

impl Trainer {
    /// Trains on the centres `range` of the corpus in batches: hidden rows are taken, then the diagonals train them against
    /// outputs as in [`Trainer::train`], then each part of the input table gets what its rows have earned, in the order of
    /// the predictions. The result does not depend on the threads.
    pub(crate) fn train_batches(
        &mut self,
        source: &PairSource<'_>,
        corpus: &Corpus,
        range: Range<usize>,
        rate: &(dyn Fn(usize) -> f32 + Sync),
    ) -> Result<ChunkResult, SampleError> {
        let (lanes, size, drawn) = (self.input.lanes(), self.batch.size, self.blocks_drawn);
        let batches = range.len().div_ceil(size);
        let shared = self.is_shared();
        let inputs = self.input.locked();
        let own_outputs = self.output.locked();
        let outputs = if shared { &inputs } else { &own_outputs };
        let attention = RwLock::new(self.attention.as_mut());
        let groups: Vec<_> = self.batch.groups.iter_mut().map(RwLock::new).collect();
        let failed = AtomicBool::new(false);
        // A batch: drawing, a phase for each diagonal, and handing out.
        in_phases(batches * (PARTS + 2), PARTS, |phase, task| {
            if failed.load(Ordering::Relaxed) {
                return;
            }
            let (batch, phase) = (phase / (PARTS + 2), phase % (PARTS + 2));
            if phase == 0 {
                let first = range.start + batch * size;
                let end = (first + size).min(range.end);
                let each = (end - first).div_ceil(PARTS);
                let start = (first + task * each).min(end);
                let group = &mut **write(&groups[task]);
                group.range = start..(start + each).min(end);
                group.number = drawn.wrapping_add((batch * PARTS + task) as u64);
                group.rate = rate(start);
                group.draw(source, corpus, &inputs, lanes, read(&attention).as_deref());
                failed.fetch_or(group.error.is_some(), Ordering::Relaxed);
            } else if phase <= PARTS {
                let group = &mut **write(&groups[task]);
                let part = (task + phase - 1) % PARTS;
                let step = Step { rate: group.rate, clamp: source.params.clamp };
                let pairs = group.buckets.pairs(0, part);
                group.loss +=
                    logistic_pairs(&mut group.hidden.rows, &mut write(&outputs[part]), lanes, &pairs, step);
                if phase == PARTS {
                    if let Some(attention) = read(&attention).as_deref() {
                        attention.grade(&group.centres, &group.hidden, lanes, &mut group.grades);
                    }
                    group.hidden.settle(lanes);
                }
            } else {
                let rows = &mut write(&inputs[task]);
                groups.iter().for_each(|group| read(group).hidden.hand_out(task, rows, lanes));
                if let Some(attention) = write(&attention).as_deref_mut().filter(|_| task == 0) {
                    groups.iter().for_each(|group| {
                        let group = read(group);
                        attention.learn(&group.centres, &group.grades);
                    });
                }
            }
        });
        drop(groups);
        self.blocks_drawn = drawn.wrapping_add((batches * PARTS) as u64);
        self.end_chunk();
        let (mut result, mut error) = (ChunkResult::default(), None);
        for group in &mut self.batch.groups {
            result.counts.add(std::mem::take(&mut group.counts));
            result.loss += std::mem::take(&mut group.loss);
            error = error.or(group.error.take());
        }
        error.map_or(Ok(result), Err)
    }
}

#[cfg(test)]
mod tests {
    use embed_core::kernel::logistic::TILE;
    use negsample::Uniform;

    use super::*;
    use crate::tables::Table;
    use crate::{Architecture, Tables, Window};

    type Row = Vec<f64>;

    /// What CBOW says, over the negatives that were drawn: the mean of the contexts predicts the centre; scores of a tile
    /// before its updates; each context gets what the mean got, by their number.
    fn naive(
        trainer: &Trainer,
        sequences: &[&[ItemId]],
        size: usize,
        rate: f64,
        tables: [&mut Vec<Row>; 2],
    ) -> f64 {
        let [input, output] = tables;
        let mut windows = Vec::new();
        for items in sequences {
            for at in 0..items.len() {
                let near = at.saturating_sub(size)..items.len().min(at + size + 1);
                let window: Vec<usize> =
                    near.filter(|&j| items[j] != items[at]).map(|j| items[j] as usize).collect();
                windows.extend((!window.is_empty()).then_some(window));
            }
        }
        let mean = |window: &Vec<usize>| -> Row {
            let sum = |c: usize| window.iter().map(|&j| input[j][c]).sum::<f64>();
            (0..input[0].len()).map(|c| sum(c) / window.len() as f64).collect()
        };
        let before: Vec<Row> = windows.iter().map(mean).collect();
        let mut hidden = before.clone();
        let firsts = trainer.batch.groups.iter().scan(0, |first, group| {
            *first += group.ends.len();
            Some(*first - group.ends.len())
        });
        let firsts: Vec<usize> = firsts.collect();
        let mut loss = 0.0;
        for diagonal in 0..PARTS {
            for (i, group) in trainer.batch.groups.iter().enumerate() {
                let j = (i + diagonal) % PARTS;
                let pairs = group.buckets.pairs(0, j);
                let row_of = |k: usize| {
                    firsts[i] + pairs.heads.iter().find(|head| k < head.end as usize).unwrap().row as usize
                };
                for start in (0..pairs.ops.len()).step_by(TILE) {
                    let tile = start..pairs.ops.len().min(start + TILE);
                    let score = |k: usize| -> f64 {
                        let u = (pairs.ops[k] >> 1) as usize * PARTS + j;
                        hidden[row_of(k)].iter().zip(&output[u]).map(|(a, b)| a * b).sum()
                    };
                    let scores: Vec<f64> = tile.clone().map(score).collect();
                    let frozen = hidden.clone();
                    for (k, s) in tile.zip(scores) {
                        let (h, u, y) =
                            (row_of(k), (pairs.ops[k] >> 1) as usize * PARTS + j, pairs.ops[k] & 1);
                        loss += (1.0 + (if y == 1 { -s } else { s }).exp()).ln();
                        let g = rate * (f64::from(y) - 1.0 / (1.0 + (-s).exp()));
                        for c in 0..frozen[h].len() {
                            hidden[h][c] += g * output[u][c];
                            output[u][c] += g * frozen[h][c];
                        }
                    }
                }
            }
        }
        for ((window, before), after) in windows.iter().zip(before).zip(hidden) {
            for &j in window {
                for c in 0..before.len() {
                    input[j][c] += (after[c] - before[c]) / window.len() as f64;
                }
            }
        }
        loss
    }

    #[test]
    fn a_batch_of_cbow_is_the_naive_update() {
        let (n_items, dim, size) = (67, 9, 3);
        let mut rng = SeededRng::new(2);
        let sequences: Vec<Vec<ItemId>> =
            [5, 40, 2, 17, 90, 3].map(|n| (0..n).map(|_| rng.below(67)).collect()).to_vec();
        let mut corpus = Corpus::default();
        sequences.iter().for_each(|sequence| corpus.push(sequence));
        let window = Window::Sliding { size, dynamic: false };
        let params = Params { dim, window, architecture: Architecture::Cbow, ..Params::default() };
        let (mut input, mut output) =
            (Table::zeros(n_items, dim).unwrap(), Table::zeros(n_items, dim).unwrap());
        input.randomize(5);
        output.randomize(6);
        let (mut slow_in, mut slow_out) = (input.to_f64(), output.to_f64());
        let mut trainer = Trainer::new(input, output, None, &params, 6, &[1; 67]);
        let sampler = Uniform::new(n_items).unwrap();
        let source = PairSource::first(&params, &sampler, 4);
        let fast = trainer.train_batches(&source, &corpus, 0..corpus.items.len(), &|_| 0.3).unwrap();
        let sequences: Vec<&[ItemId]> = sequences.iter().map(Vec::as_slice).collect();
        let rate = f64::from(0.3f32);
        let slow = naive(&trainer, &sequences, size, rate, [&mut slow_in, &mut slow_out]);
        assert!((fast.loss - slow).abs() < 1e-4 * slow, "{} instead of {slow}", fast.loss);
        for (fast, slow) in [(&trainer.input, &slow_in), (&trainer.output, &slow_out)] {
            for (a, b) in fast.to_f64().iter().flatten().zip(slow.iter().flatten()) {
                assert!((a - b).abs() < 1e-5, "{a} instead of {b}");
            }
        }
    }

    /// Baskets reach round to their start, beyond what a group takes up at first.
    #[test]
    fn every_basket_window_is_the_mean_of_its_places() {
        let mut corpus = Corpus::default();
        corpus.push(&(0..40).collect::<Vec<_>>());
        let window = Window::Basket { samples: 3 };
        for tables in [Tables::Separate, Tables::Shared] {
            let params = Params { dim: 4, window, tables, ..Params::default() };
            let mut table = Table::zeros(40, 4).unwrap();
            table.randomize(1);
            let mut group = Batch::new(&params, 0.0).groups.remove(0);
            group.range = 30..40;
            group.contexts_predict_centres(&params, &corpus, &mut SeededRng::new(1));
            let lanes = table.lanes();
            group.hidden.sum(&table.locked(), lanes);
            assert_eq!(group.predicted, (30..40).collect::<Vec<_>>());
            for (k, at) in (30..40u32).enumerate() {
                for c in 0..4 {
                    let mean = (1..4).map(|j| table.vector((at + j) % 40)[c]).sum::<f32>() / 3.0;
                    assert!((group.hidden.rows[k].0[c] - mean).abs() < 1e-6);
                }
            }
        }
    }
}
