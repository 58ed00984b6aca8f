use embed_core::kernel;
use embed_core::kernel::logistic::{Lane, Step, logistic_pairs};
use embed_core::{ItemId, SampleError, SeededRng};
use rayon::prelude::*;

use crate::Params;
use crate::buckets::Buckets;
use crate::pairs::{Corpus, Counts, PairSource, Scratch, contexts_of};
use crate::tables::{PARTS, Table, part, slot};
use crate::trainer::{ChunkResult, Trainer};

/// Centres of a batch, at most.
const MOST: f64 = 8192.0;

/// A batch of CBOW, cut into as many groups as the tables have parts.
#[derive(Debug)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    /// Centres of a batch.
    batch: usize,
}

/// The predictions of some centres.
#[derive(Debug)]
struct Group {
    range: std::ops::Range<usize>,
    number: u64,
    rate: f32,
    /// One row a prediction: the mean of its contexts, which training moves.
    hidden: Vec<Lane>,
    /// The same before training; after it, what each context gets.
    change: Vec<Lane>,
    buckets: Buckets,
    /// By part of the input table: row of `hidden` and slot of each context.
    contexts: Vec<Vec<(u32, u32)>>,
    /// One over the number of contexts of each prediction.
    shares: Vec<f32>,
    window: Vec<ItemId>,
    scratch: Scratch,
}

impl Groups {
    /// Within a batch input vectors stand still, so a batch must be so small that the steps that its most frequent item
    /// gathers amount to about one: `batch · share · rate ≤ 1`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number between 64 and 8192"
    )]
    pub(crate) fn new(params: &Params, counts: &[u64]) -> Self {
        let total: f64 = counts.iter().map(|&n| n as f64).sum();
        let share = counts.iter().copied().max().unwrap_or(0) as f64 / total.max(1.0);
        let batch = 1.0 / (share * f64::from(params.rate)).max(1e-9);
        let group = || Group {
            range: 0..0,
            number: 0,
            rate: 0.0,
            hidden: Vec::new(),
            change: Vec::new(),
            buckets: Buckets::new(),
            contexts: vec![Vec::new(); PARTS],
            shares: Vec::new(),
            window: Vec::new(),
            scratch: Scratch::default(),
        };
        Self {
            groups: std::iter::repeat_with(group).take(PARTS).collect(),
            batch: batch.clamp(64.0, MOST) as usize,
        }
    }
}

impl Group {
    /// Draws contexts and negatives, and takes the means.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a batch is small")]
    fn draw(
        &mut self,
        source: &PairSource<'_>,
        corpus: &Corpus,
        input: &Table,
    ) -> Result<Counts, SampleError> {
        let mut rng = SeededRng::stream(source.seed, "cbow", self.number);
        let mut counts = Counts::default();
        let lanes = input.lanes();
        let Self { range, hidden, change, buckets, contexts, shares, window, scratch, .. } = self;
        buckets.clear();
        contexts.iter_mut().for_each(Vec::clear);
        hidden.clear();
        shares.clear();
        scratch.sequence = usize::MAX;
        let batch = &corpus.items[range.clone()];
        let mut sequence = corpus.ends.partition_point(|&end| end <= range.start);
        for at in range.clone() {
            let start = corpus.advance(&mut sequence, at);
            let items = &corpus.items[start..corpus.ends[sequence]];
            source.exclude(scratch, sequence, items);
            contexts_of(source.params.window, items, at - start, &mut rng, window);
            if window.is_empty() {
                continue;
            }
            let (row, share) = (shares.len() as u32, 1.0 / window.len() as f32);
            shares.push(share);
            let first = hidden.len();
            hidden.resize(first + lanes, Lane::default());
            let mean = Lane::components_mut(&mut hidden[first..]);
            for &context in window.iter() {
                let vector = input.vector(context);
                kernel::axpy(share, vector, &mut mean[..vector.len()]);
                contexts[part(context)].push((row, slot(context)));
            }
            let centre = corpus.items[at];
            let query = Some(&mean[..source.params.dim]);
            let negatives = source.negatives(scratch, 1, query, batch, &mut rng)?;
            let mut pairs = buckets.of_row(row);
            counts.positives += 1;
            counts.negatives += source.predict(&mut pairs, centre, negatives);
            pairs.finish();
        }
        change.clone_from(hidden);
        Ok(counts)
    }

    /// How far each row went, times the share of a context.
    fn settle(&mut self, lanes: usize) {
        let rows = self.change.chunks_exact_mut(lanes).zip(self.hidden.chunks_exact(lanes));
        for ((change, now), share) in rows.zip(&self.shares) {
            for (before, now) in change.iter_mut().zip(now) {
                before.0.iter_mut().zip(now.0).for_each(|(b, n)| *b = share * (n - *b));
            }
        }
    }
}

impl Trainer {
    /// CBOW on the centres `range` of the corpus, in batches: means of the contexts are taken, then the diagonals train
    /// means against outputs as in [`Trainer::train`], then each part of the input table gets what its rows have earned,
    /// in the order of the predictions. The result does not depend on the threads.
    ///
    /// İrsoy, Benton & Stratos 2021, "Corrected CBOW performs as well as skip-gram" (the gradient of the mean).
    pub(crate) fn train_cbow(
        &mut self,
        source: &PairSource<'_>,
        corpus: &Corpus,
        range: std::ops::Range<usize>,
        rate: &dyn Fn(usize) -> f32,
    ) -> Result<ChunkResult, SampleError> {
        let mut result = ChunkResult::default();
        let (lanes, clamp) = (self.input.lanes(), source.params.clamp);
        for first in range.clone().step_by(self.groups.batch) {
            let end = (first + self.groups.batch).min(range.end);
            let each = (end - first).div_ceil(PARTS);
            for (i, group) in self.groups.groups.iter_mut().enumerate() {
                let start = (first + i * each).min(end);
                group.range = start..(start + each).min(end);
                group.number = self.blocks_drawn.wrapping_add(i as u64);
                group.rate = rate(start);
            }
            self.blocks_drawn = self.blocks_drawn.wrapping_add(PARTS as u64);
            let (input, groups) = (&self.input, &mut self.groups.groups);
            let drawn: Vec<_> =
                groups.par_iter_mut().map(|group| group.draw(source, corpus, input)).collect();
            for counts in drawn {
                let counts = counts?;
                result.counts.positives += counts.positives;
                result.counts.negatives += counts.negatives;
            }
            for diagonal in 0..PARTS {
                let mut outputs: Vec<_> = self.output.parts.iter_mut().enumerate().collect();
                outputs.rotate_left(diagonal);
                let train = |(group, (j, outputs)): (&mut Group, (usize, &mut Vec<Lane>))| {
                    let step = Step { rate: group.rate, clamp };
                    logistic_pairs(&mut group.hidden, outputs, lanes, &group.buckets.pairs(0, j), step)
                };
                let losses: Vec<f64> =
                    groups.par_iter_mut().zip(outputs).with_max_len(1).map(train).collect();
                result.loss += losses.iter().sum::<f64>();
            }
            groups.par_iter_mut().for_each(|group| group.settle(lanes));
            let groups = &*groups;
            self.input.parts.par_iter_mut().enumerate().with_max_len(1).for_each(|(part, rows)| {
                for group in groups {
                    for &(row, slot) in &group.contexts[part] {
                        let change = &group.change[row as usize * lanes..][..lanes];
                        let vector = &mut rows[slot as usize * lanes..][..lanes];
                        kernel::axpy(1.0, Lane::components(change), Lane::components_mut(vector));
                    }
                }
            });
        }
        self.end_chunk();
        Ok(result)
    }
}
