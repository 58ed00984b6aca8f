use std::sync::Arc;

use embed_core::{Embeddings, NegativeSampler, Progress, Run, SeededRng, SequenceSource, Vocab};
use negsample::{ExcludePositives, Popularity};

use crate::pairs::{Corpus, PairSource};
use crate::preparation::Prepared;
use crate::source::{Break, read};
use crate::tables::Table;
use crate::trainer::{Threads, Trainer};
use crate::{EpochReport, Exclude, FitError, FitReport, ItemVectors, Params, PreparationReport, Window};

/// The observer is asked after about so many pairs.
const PAIRS_PER_REPORT: u64 = 1 << 23;

/// Skip-gram with negative sampling over sequences of items: Item2Vec.
///
/// For a centre `i` and a context `c` from its window, with K negatives `n` drawn from `Pₙ ∝ countᵅ`, it
/// minimises `−ln σ(eᵢ · e'_c) − Σ ln σ(−eᵢ · e'_n)` by stochastic gradient descent, a rate that falls
/// linearly, and two tables: input `e` (centres) and output `e'` (contexts).
///
/// Updates run without races and without stale values in parallel, by the orthogonal blocks of GraphVite:
/// both tables are cut into parts, the pairs of a chunk are sorted by the parts of their rows, and tasks that
/// share no part run at the same time. The order of updates depends on the seed alone.
///
/// - Memory: `8 · dim` bytes an item for both tables, at most some 64 MB of buffers, and one chunk of sequences
///   (at least the longest one). The source is read anew in each epoch and never held.
/// - Complexity: O(epochs · items · contexts · (1 + K) · dim).
/// - Determinism: the same seed gives the same bits on any number of threads; across instruction sets results
///   agree to rounding.
///
/// Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed representations of words and phrases and their
/// compositionality", section 2.2; Barkan & Koenigstein 2016, "Item2Vec: neural item embedding for
/// collaborative filtering"; Zhu, Xu, Tang & Qu 2019, "GraphVite", section 3.2. Differs from word2vec.c in
/// this: within a tile of 16 pairs of one centre the scores are taken before the updates, an item is never
/// its own context, and the order of updates within a chunk follows the blocks.
#[derive(Debug, Clone, Copy)]
pub struct SkipGram;

impl SkipGram {
    /// Trains on `source`, with negatives from the counts of the prepared sequences. `vocab` names the items
    /// of the source.
    ///
    /// The observer sees `train`, in items of all epochs, with the mean loss of a pair of centre and context
    /// (its negatives included) since the last report. When it says stop, the vectors are kept as they are
    /// and the report says so.
    ///
    /// # Errors
    /// - [`FitError::Params`] for a setting out of its range.
    /// - [`FitError::Catalogue`] when source and vocabulary differ in their number of items.
    /// - [`FitError::Source`] when the source cannot be read.
    /// - [`FitError::Empty`] when no sequence with two items is left.
    /// - [`FitError::Diverged`] when a vector is no longer finite.
    /// - [`FitError::TooLarge`], [`FitError::Parallelism`] when memory or threads are not to be had.
    pub fn fit(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        run: &mut Run<'_>,
    ) -> Result<ItemVectors, FitError> {
        let vocab = vocab.into();
        let survey = Survey::take(params, source, &vocab)?;
        let popularity = Popularity::new(&survey.counts, params.exponent)?;
        match params.exclude {
            Exclude::Context => fit(params, source, vocab, &survey, &popularity, run),
            Exclude::Sequence => fit(params, source, vocab, &survey, &ExcludePositives::new(popularity), run),
        }
    }

    /// Like [`SkipGram::fit`], with negatives from any sampler; [`Params::exponent`] is not used. With
    /// [`Exclude::Sequence`] the sequence's items are the context's positives, which the sampler must exclude.
    ///
    /// # Errors
    /// As [`SkipGram::fit`], and
    /// - [`FitError::Catalogue`] when the sampler has another number of items.
    /// - [`FitError::Sample`] when it fails.
    pub fn fit_with(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        sampler: &dyn NegativeSampler,
        run: &mut Run<'_>,
    ) -> Result<ItemVectors, FitError> {
        let vocab = vocab.into();
        if sampler.n_items() != vocab.len() {
            let got = sampler.n_items();
            return Err(FitError::Catalogue { what: "sampler", expected: vocab.len(), got });
        }
        let survey = Survey::take(params, source, &vocab)?;
        fit(params, source, vocab, &survey, sampler, run)
    }
}

/// What a first reading says about a source.
struct Survey {
    /// Items to leave out, by id; empty when there are none.
    rare: Vec<bool>,
    /// How often each item occurs after preparation.
    counts: Vec<u64>,
    report: PreparationReport,
}

impl Survey {
    fn take(params: &Params, source: &dyn SequenceSource, vocab: &Vocab) -> Result<Self, FitError> {
        params.validate()?;
        let n_items = vocab.len();
        if source.n_items() != n_items {
            return Err(FitError::Catalogue { what: "source", expected: n_items, got: source.n_items() });
        }
        let Prepared { rare, counts, report } = params.preparation.survey(source)?;
        if report.items_kept == 0 {
            return Err(FitError::Empty { preparation: Box::new(report) });
        }
        Ok(Self { rare, counts, report })
    }
}

fn fit(
    params: &Params,
    source: &dyn SequenceSource,
    vocab: Arc<Vocab>,
    survey: &Survey,
    sampler: &dyn NegativeSampler,
    run: &mut Run<'_>,
) -> Result<ItemVectors, FitError> {
    let n_items = vocab.len();
    let too_large = || FitError::TooLarge { n_items, dim: params.dim };
    let mut input = Table::zeros(n_items, params.dim).ok_or_else(too_large)?;
    let output = Table::zeros(n_items, params.dim).ok_or_else(too_large)?;
    input.randomize(run.seed);
    let mut session = Session {
        params,
        sampler,
        n_items,
        seed: run.seed,
        total: survey.report.items_kept * u64::from(params.epochs),
        done: 0,
        threads: Threads::start(run.parallelism)?,
        trainer: Trainer::new(input, output, params),
        current: EpochReport::default(),
        since_report: EpochReport::default(),
        run,
    };
    let mut report = FitReport { preparation: survey.report, ..FitReport::default() };
    for epoch in 0..params.epochs {
        let finished = session.epoch(epoch, source, &survey.rare)?;
        if !session.trainer.input.is_finite() || !session.trainer.output.is_finite() {
            return Err(FitError::Diverged { epoch, rate: params.rate });
        }
        let this = std::mem::take(&mut session.current);
        if this.items > 0 {
            report.epochs.push(this);
        }
        if !finished {
            report.stopped = true;
            break;
        }
        report.epochs_done += 1;
    }
    let Trainer { input, output, .. } = session.trainer;
    Ok(ItemVectors {
        input: Embeddings::new(vocab.clone(), input.into_rows())?,
        output: Embeddings::new(vocab, output.into_rows())?,
        params: params.clone(),
        report,
    })
}

/// A training under way.
struct Session<'a, 'run, 'o> {
    params: &'a Params,
    sampler: &'a dyn NegativeSampler,
    n_items: usize,
    seed: u64,
    /// Items of all epochs, and how many are done.
    total: u64,
    done: u64,
    threads: Threads,
    trainer: Trainer,
    current: EpochReport,
    since_report: EpochReport,
    run: &'run mut Run<'o>,
}

impl Session<'_, '_, '_> {
    /// One pass; whether it went to its end.
    fn epoch(&mut self, epoch: u32, source: &dyn SequenceSource, rare: &[bool]) -> Result<bool, FitError> {
        let (mut corpus, mut scratch) = (Corpus::default(), Vec::new());
        let mut unused = PreparationReport::default();
        let mut number = 0u64;
        let params = self.params;
        let seed = self.seed;
        let read_all = read(source, self.n_items, |sequence| {
            params.preparation.apply(sequence, rare, &mut scratch, &mut unused, |kept| {
                corpus.push(kept);
                if let Window::Basket { .. } = params.window {
                    let start = corpus.items.len() - kept.len();
                    let stream = (u64::from(epoch) << 40) ^ number;
                    SeededRng::stream(seed, "skip-gram baskets", stream).shuffle(&mut corpus.items[start..]);
                }
                number += 1;
            });
            if corpus.items.len() < self.trainer.chunk_items() {
                return Ok(());
            }
            self.train(epoch, &mut corpus)
        })?;
        if !read_all || corpus.items.is_empty() {
            return Ok(read_all);
        }
        match self.train(epoch, &mut corpus) {
            Ok(()) => Ok(true),
            Err(Break::Stopped) => Ok(false),
            Err(Break::Error(error)) => Err(error),
        }
    }

    /// Trains on what lies in the corpus, in chunks of about equal size, and empties it.
    fn train(&mut self, epoch: u32, corpus: &mut Corpus) -> Result<(), Break> {
        let len = corpus.items.len();
        let chunks = ((len + self.trainer.chunk_items() / 2) / self.trainer.chunk_items()).max(1);
        let per_chunk = len.div_ceil(chunks);
        let mut start = 0;
        while start < len {
            let range = start..(start + per_chunk).min(len);
            self.chunk(epoch, corpus, range.clone()).map_err(Break::Error)?;
            start = range.end;
            // Always at the end, so that the observer sees the work complete.
            if self.since_report.pairs() >= PAIRS_PER_REPORT || self.done == self.total {
                let loss = std::mem::take(&mut self.since_report).loss;
                let progress = Progress::new("train", self.done, self.total).unit("items").loss(loss);
                if !self.run.report(&progress).goes_on() && self.done < self.total {
                    return Err(Break::Stopped);
                }
            }
        }
        corpus.clear();
        Ok(())
    }

    fn chunk(&mut self, epoch: u32, corpus: &Corpus, range: std::ops::Range<usize>) -> Result<(), FitError> {
        let Self { params, sampler, n_items, seed, total, done, trainer, .. } = self;
        let source = PairSource { params, sampler: *sampler, n_items: *n_items, seed: *seed, epoch };
        let first = range.start;
        let rate = |at: usize| rate_at(params, *done + (at - first) as u64, *total);
        let items = range.len() as u64;
        let result = self.threads.run(|| trainer.train(&source, corpus, range, &rate))?;
        *done += items;
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

/// The linear schedule with its floor.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a learning rate in f32")]
fn rate_at(params: &Params, done: u64, total: u64) -> f32 {
    let left = 1.0 - done as f64 / total.max(1) as f64;
    ((f64::from(params.rate) * left) as f32).max(params.floor_rate)
}
