use std::ops::Range;

use embed_core::{NegativeContext, NegativeSampler, Progress, Run, SeededRng, SequenceSource};
use negsample::RefreshableSampler;

use crate::corpus::Corpus;
use crate::huffman::Huffman;
use crate::pairs::PairSource;
use crate::source::{Break, read};
use crate::survey::Survey;
use crate::threads::Threads;
use crate::trainer::Trainer;
use crate::{Architecture, EpochReport, Exclude, FitError, Params, PreparationReport, Window};

/// The observer is asked after about so many pairs.
const PAIRS_PER_REPORT: u64 = 1 << 23;

/// A pass under way.
pub(crate) struct Pass<'a, 'run, 'o> {
    pub(crate) params: &'a Params,
    /// None where there is a tree.
    pub(crate) sampler: Option<&'a mut dyn RefreshableSampler>,
    pub(crate) tree: Option<&'a Huffman>,
    pub(crate) survey: &'a Survey,
    pub(crate) n_items: usize,
    pub(crate) seed: u64,
    pub(crate) epoch: u32,
    /// Items of all epochs, and how many are done, both before subsampling.
    pub(crate) total: u64,
    pub(crate) done: u64,
    pub(crate) threads: Threads,
    pub(crate) trainer: &'a mut Trainer,
    pub(crate) current: EpochReport,
    pub(crate) since_report: EpochReport,
    pub(crate) run: &'run mut Run<'o>,
}

impl Pass<'_, '_, '_> {
    /// Whether it went to its end.
    pub(crate) fn epoch(&mut self, source: &dyn SequenceSource) -> Result<bool, FitError> {
        let (mut corpus, mut scratch, mut sampled) = (Corpus::default(), Vec::new(), Vec::new());
        let mut unused = PreparationReport::default();
        let mut number = 0u64;
        let (params, survey, seed, epoch) = (self.params, self.survey, self.seed, self.epoch);
        let keep = survey.keep(params.subsample);
        let read_all = read(source, epoch, self.n_items, |sequence| {
            params.preparation.apply(sequence, &survey.rare, &mut scratch, &mut unused, |kept| {
                let stream = (u64::from(epoch) << 40) ^ number;
                number += 1;
                corpus.read += kept.len() as u64;
                let mut kept = kept;
                if !keep.is_empty() {
                    let mut rng = SeededRng::stream(seed, "skip-gram subsampling", stream);
                    sampled.clear();
                    sampled.extend(kept.iter().filter(|&&item| rng.unit_f32() < keep[item as usize]));
                    kept = &sampled;
                }
                if kept.len() < 2 {
                    return;
                }
                corpus.push(kept);
                if let Window::Basket { .. } = params.window {
                    let start = corpus.items.len() - kept.len();
                    SeededRng::stream(seed, "skip-gram baskets", stream).shuffle(&mut corpus.items[start..]);
                }
            });
            if corpus.items.len() < self.trainer.chunk_items() {
                return Ok(());
            }
            self.train(&mut corpus)
        })?;
        if !read_all || corpus.read == 0 {
            return Ok(read_all);
        }
        match self.train(&mut corpus) {
            Ok(()) => Ok(true),
            Err(Break::Stopped) => Ok(false),
            Err(Break::Error(error)) => Err(error),
        }
    }

    /// Trains on what lies in the corpus, in chunks of about equal size, and empties it.
    fn train(&mut self, corpus: &mut Corpus) -> Result<(), Break> {
        if self.params.exclude == Exclude::Sequence {
            corpus.find_distinct();
        }
        let len = corpus.items.len();
        let chunks = ((len + self.trainer.chunk_items() / 2) / self.trainer.chunk_items()).max(1);
        let per_chunk = len.div_ceil(chunks);
        let before = self.done;
        let mut start = 0;
        while start < len {
            let range = start..(start + per_chunk).min(len);
            self.chunk(corpus, range.clone()).map_err(Break::Error)?;
            start = range.end;
            self.done = before + scaled(corpus.read, start, len);
            // Always at the end, so that the observer sees the work complete.
            if self.since_report.pairs() >= PAIRS_PER_REPORT || self.done == self.total {
                let loss = std::mem::take(&mut self.since_report).loss;
                let progress = Progress::new("train", self.done, self.total).unit("items").loss(loss);
                if !self.run.report(&progress).goes_on() && self.done < self.total {
                    return Err(Break::Stopped);
                }
            }
        }
        self.done = before + corpus.read;
        corpus.clear();
        Ok(())
    }

    fn chunk(&mut self, corpus: &Corpus, range: Range<usize>) -> Result<(), FitError> {
        let step = self.trainer.chunks_done();
        let cx = NegativeContext::default().at(step, self.epoch);
        if let Some(sampler) = &mut self.sampler
            && sampler.is_stale(&cx)
        {
            let items = self.trainer.outputs().to_rows();
            sampler.refresh(&cx, items.view())?;
        }
        let Self { params, n_items, seed, total, done, trainer, epoch, tree, .. } = self;
        let source = PairSource {
            params,
            sampler: self.sampler.as_deref().map(|sampler| sampler as &dyn NegativeSampler),
            tree: *tree,
            n_items: *n_items,
            seed: *seed,
            epoch: *epoch,
            step,
        };
        let (first, len) = (range.start, corpus.items.len());
        let rate = |at: usize| {
            let passed = scaled(corpus.read, at, len) - scaled(corpus.read, first, len);
            rate_at(params, *done + passed, *total)
        };
        let batch = embed_core::Batch::new(step, &corpus.items[range.clone()]);
        let items = range.len() as u64;
        let result = match params.architecture {
            Architecture::SkipGram if trainer.attention.is_none() => {
                self.threads.run(|| trainer.train(&source, corpus, range, &rate))?
            }
            _ => self.threads.run(|| trainer.train_batches(&source, corpus, range, &rate))?,
        };
        if let Some(sampler) = &mut self.sampler {
            sampler.observe(&batch);
        }
        let chunk = EpochReport {
            items,
            positives: result.counts.positives,
            negatives: result.counts.negatives,
            loss: result.loss,
        };
        for report in [&mut self.current, &mut self.since_report] {
            report.add(&chunk);
        }
        Ok(())
    }
}

/// `read · at / len`: how many items had been read where `at` of `len` that were kept are done.
#[expect(clippy::cast_possible_truncation, reason = "not above `read`")]
fn scaled(read: u64, at: usize, len: usize) -> u64 {
    if read == len as u64 {
        return at as u64;
    }
    (u128::from(read) * at as u128 / (len as u128).max(1)) as u64
}

/// From `rate` to `floor_rate` in a line.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a learning rate in f32")]
fn rate_at(params: &Params, done: u64, total: u64) -> f32 {
    let left = 1.0 - done as f64 / total.max(1) as f64;
    let (rate, floor) = (f64::from(params.rate), f64::from(params.floor_rate));
    (floor + (rate - floor) * left) as f32
}
