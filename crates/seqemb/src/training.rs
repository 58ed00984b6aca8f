use std::sync::Arc;

use embed_core::{
    Embeddings, NegativeContext, NegativeSampler, Progress, Run, SeededRng, SequenceSource, Vocab,
};
use negsample::{ExcludePositives, Popularity};

use crate::huffman::Huffman;
use crate::pairs::{Corpus, PairSource};
use crate::source::{Break, read};
use crate::survey::Survey;
use crate::tables::Table;
use crate::trainer::{Threads, Trainer};
use crate::{
    Architecture, EpochReport, Exclude, FitError, FitReport, ItemVectors, Objective, Params,
    PreparationReport, Window,
};

/// The observer is asked after about so many pairs.
const PAIRS_PER_REPORT: u64 = 1 << 23;

/// A training that goes on pass by pass: between two passes it can be looked at, saved and taken up again.
///
/// [`SkipGram::fit`](crate::SkipGram::fit) is this in one call. A training that is resumed from a file gives the same bits
/// as one that was never interrupted.
///
/// ```
/// use embed_core::{Run, Sequences, Vocab};
/// use seqemb::{Params, Training};
///
/// let keys = Vocab::from_keys(["tent", "stove", "novel", "poem"])?;
/// let sessions = Sequences::from_rows(4, [[0, 1], [1, 0], [2, 3], [3, 2]].repeat(50))?;
/// let params = Params { dim: 8, epochs: 3, ..Params::default() };
/// let mut training = Training::new(&params, &sessions, keys, 1)?;
/// let mut sampler = training.sampler()?;
/// while training.epoch(&sessions, sampler.as_mut(), &mut Run::seeded(1))? {
///     // training.save("checkpoint.nf")?;
/// }
/// assert_eq!(training.finish()?.report.epochs_done, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Training {
    pub(crate) params: Params,
    pub(crate) vocab: Arc<Vocab>,
    pub(crate) seed: u64,
    pub(crate) survey: Survey,
    pub(crate) tree: Option<Huffman>,
    pub(crate) trainer: Trainer,
    pub(crate) report: FitReport,
    /// What the observer has not been told yet.
    pub(crate) untold: EpochReport,
}

impl Training {
    /// Reads the source once (twice with a minimum count) and makes the tables: input vectors uniform in ±0.5 / dim,
    /// output vectors 0.
    ///
    /// # Errors
    /// - [`FitError::Params`] for a setting out of its range.
    /// - [`FitError::Catalogue`] when source and vocabulary differ in their number of items.
    /// - [`FitError::Source`] when the source cannot be read.
    /// - [`FitError::Empty`] when no sequence with two items is left.
    /// - [`FitError::TooLarge`] when the tables do not fit into the address space.
    pub fn new(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        seed: u64,
    ) -> Result<Self, FitError> {
        let vocab = vocab.into();
        let survey = Survey::take(params, source, &vocab)?;
        let n_items = vocab.len();
        let too_large = || FitError::TooLarge { n_items, dim: params.dim };
        let tree = match params.objective {
            Objective::NegativeSampling => None,
            Objective::HierarchicalSoftmax => Some(Huffman::new(&survey.counts).ok_or_else(too_large)?),
        };
        let n_outputs = tree.as_ref().map_or(n_items, Huffman::n_nodes);
        let mut input = Table::zeros(n_items, params.dim).ok_or_else(too_large)?;
        let output = Table::zeros(n_outputs, params.dim).ok_or_else(too_large)?;
        input.randomize(seed);
        let pairs_per_prediction = match &tree {
            Some(tree) => tree.mean_length(&survey.counts),
            None => 1 + params.negatives,
        };
        let trainer = Trainer::new(input, output, params, pairs_per_prediction, &survey.counts);
        let report = FitReport { preparation: survey.report, ..FitReport::default() };
        Ok(Self {
            params: params.clone(),
            vocab,
            seed,
            survey,
            tree,
            trainer,
            report,
            untold: EpochReport::default(),
        })
    }

    /// Goes on from vectors learned before, with new sequences and perhaps new items: `vocab` holds the old keys in their
    /// order, and new ones after them. Old items start from their vectors, new ones as untrained; nothing is lost of an
    /// old item that the new sequences do not hold, but as a negative. A rate below that of the first training keeps
    /// more of what was learned.
    ///
    /// # Errors
    /// As [`Training::new`], and
    /// - [`FitError::Keys`] names the first old key that is not at its place in `vocab`.
    /// - [`FitError::Dimension`] when `params.dim` is not the old one.
    /// - [`FitError::Tree`] under hierarchical softmax: another tree has other nodes.
    pub fn from_vectors(
        old: &ItemVectors,
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        seed: u64,
    ) -> Result<Self, FitError> {
        let vocab = vocab.into();
        if params.objective == Objective::HierarchicalSoftmax {
            return Err(FitError::Tree);
        }
        if old.input.dim() != params.dim {
            return Err(FitError::Dimension { expected: old.input.dim(), got: params.dim });
        }
        for (row, key) in old.input.vocab().keys().enumerate() {
            if u32::try_from(row).ok().and_then(|row| vocab.key(row)) != Some(key) {
                return Err(FitError::Keys { row, key: key.to_owned() });
            }
        }
        let mut training = Self::new(params, source, vocab, seed)?;
        training.trainer.input.copy_rows(old.input.as_slice());
        training.trainer.output.copy_rows(old.output.as_slice());
        Ok(training)
    }

    /// The sampler that [`SkipGram::fit`](crate::SkipGram::fit) uses: counts of the prepared sequences to the power of
    /// `params.exponent`, with [`Exclude::Sequence`] without the sequence's items.
    ///
    /// # Errors
    /// [`FitError::Sample`] when it cannot be made.
    pub fn sampler(&self) -> Result<Box<dyn NegativeSampler>, FitError> {
        let popularity = Popularity::new(&self.survey.counts, self.params.exponent)?;
        Ok(match self.params.exclude {
            Exclude::Context => Box::new(popularity),
            Exclude::Sequence => Box::new(ExcludePositives::new(popularity)),
        })
    }

    /// Whether all epochs are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.report.epochs_done >= self.params.epochs
    }

    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// How often each item occurs after preparation, `[n_items]`.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.survey.counts
    }

    /// One pass over the source, which must give what it gave before. Whether another one is to come: false when all are
    /// done, or the observer said stop; the vectors are then as they were when it did. The seed of `run` is not used.
    ///
    /// # Errors
    /// - [`FitError::Catalogue`] when the sampler has another number of items.
    /// - [`FitError::Source`], [`FitError::Sample`], [`FitError::Parallelism`] as these fail.
    /// - [`FitError::Diverged`] when a vector is no longer finite.
    pub fn epoch(
        &mut self,
        source: &dyn SequenceSource,
        sampler: &mut dyn NegativeSampler,
        run: &mut Run<'_>,
    ) -> Result<bool, FitError> {
        if self.is_done() || self.report.stopped {
            return Ok(false);
        }
        let expected = self.vocab.len();
        for (what, got) in [("sampler", sampler.n_items()), ("source", source.n_items())] {
            if got != expected {
                return Err(FitError::Catalogue { what, expected, got });
            }
        }
        let epoch = self.report.epochs_done;
        let per_epoch = self.survey.report.items_kept;
        let threads = Threads::start(run.parallelism)?;
        let mut pass = Pass {
            params: &self.params,
            sampler,
            tree: self.tree.as_ref(),
            survey: &self.survey,
            n_items: expected,
            seed: self.seed,
            epoch,
            total: per_epoch * u64::from(self.params.epochs),
            done: per_epoch * u64::from(epoch),
            threads,
            trainer: &mut self.trainer,
            current: EpochReport::default(),
            since_report: std::mem::take(&mut self.untold),
            run,
        };
        let finished = pass.epoch(source)?;
        let (current, untold) = (pass.current, pass.since_report);
        self.untold = untold;
        if !self.trainer.input.is_finite() || !self.trainer.output.is_finite() {
            return Err(FitError::Diverged { epoch, rate: self.params.rate });
        }
        if current.items > 0 {
            self.report.epochs.push(current);
        }
        if finished {
            self.report.epochs_done += 1;
        } else {
            self.report.stopped = true;
        }
        Ok(finished && !self.is_done())
    }

    /// The vectors as they are.
    ///
    /// # Errors
    /// [`FitError::Vectors`] when they are refused.
    pub fn finish(self) -> Result<ItemVectors, FitError> {
        let Self { params, vocab, trainer, tree, report, .. } = self;
        let Trainer { input, output, .. } = trainer;
        let output = match tree {
            Some(tree) => output.sum_paths(&tree, vocab.len()),
            None => output.into_rows(),
        };
        Ok(ItemVectors {
            input: Embeddings::new(vocab.clone(), input.into_rows())?,
            output: Embeddings::new(vocab, output)?,
            params,
            report,
        })
    }
}

/// A pass under way.
struct Pass<'a, 'run, 'o> {
    params: &'a Params,
    sampler: &'a mut dyn NegativeSampler,
    tree: Option<&'a Huffman>,
    survey: &'a Survey,
    n_items: usize,
    seed: u64,
    epoch: u32,
    /// Items of all epochs, and how many are done, both before subsampling.
    total: u64,
    done: u64,
    threads: Threads,
    trainer: &'a mut Trainer,
    current: EpochReport,
    since_report: EpochReport,
    run: &'run mut Run<'o>,
}

impl Pass<'_, '_, '_> {
    /// Whether it went to its end.
    fn epoch(&mut self, source: &dyn SequenceSource) -> Result<bool, FitError> {
        let (mut corpus, mut scratch, mut sampled) = (Corpus::default(), Vec::new(), Vec::new());
        let mut unused = PreparationReport::default();
        let mut number = 0u64;
        let (params, survey, seed, epoch) = (self.params, self.survey, self.seed, self.epoch);
        let keep = survey.keep(params.subsample);
        let read_all = read(source, self.n_items, |sequence| {
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

    fn chunk(&mut self, corpus: &Corpus, range: std::ops::Range<usize>) -> Result<(), FitError> {
        let step = self.trainer.chunks_done();
        let cx = NegativeContext { step, epoch: self.epoch, ..NegativeContext::default() };
        if self.tree.is_none() && self.sampler.is_stale(&cx) {
            let items = self.trainer.output.clone().into_rows();
            self.sampler.refresh(&cx, items.view())?;
        }
        let Self { params, n_items, seed, total, done, trainer, epoch, tree, .. } = self;
        let source = PairSource {
            params,
            sampler: &*self.sampler,
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
        let batch = embed_core::Batch { step, positives: &corpus.items[range.clone()] };
        let items = range.len() as u64;
        let result = match params.architecture {
            Architecture::SkipGram => self.threads.run(|| trainer.train(&source, corpus, range, &rate))?,
            Architecture::Cbow => self.threads.run(|| trainer.train_cbow(&source, corpus, range, &rate))?,
        };
        self.sampler.observe(&batch);
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

/// The linear schedule with its floor.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a learning rate in f32")]
fn rate_at(params: &Params, done: u64, total: u64) -> f32 {
    let left = 1.0 - done as f64 / total.max(1) as f64;
    ((f64::from(params.rate) * left) as f32).max(params.floor_rate)
}
