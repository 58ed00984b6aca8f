use std::path::Path;
use std::sync::Arc;

use embed_core::{Run, SequenceSource, Vocab};
use negsample::RefreshableSampler;

use crate::{CheckpointError, FitError, FitReport, ItemVectors, Params, Training};

/// Skip-gram (or CBOW, [`Params::architecture`]) with negative sampling over sequences of items: Item2Vec.
///
/// For a centre `i` and a context `c` from its window, with K negatives `n` drawn from `Pₙ ∝ countᵅ`, it
/// minimises `−ln σ(eᵢ · e'_c) − Σ ln σ(−eᵢ · e'_n)` by stochastic gradient descent, a rate that falls
/// in a line, and two tables: input `e` (centres) and output `e'` (contexts).
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
/// this: input vectors begin in ±1 / dim, as in gensim, not in half of that; within a tile of 16 pairs of one centre the
/// scores are taken before the updates; an item is never its own context; and the sequences of a chunk go in step instead of one after the
/// other.
#[derive(Debug, Clone, Copy)]
pub struct SkipGram;

impl SkipGram {
    /// Trains on `source`, with negatives from the counts of the prepared sequences. `vocab` names the items
    /// of the source.
    ///
    /// The observer sees `train`, in items of all epochs, with the mean loss of a prediction (its negatives included)
    /// since the last report.
    ///
    /// # Errors
    /// - [`FitError::Stopped`] when the observer says stop; [`SkipGram::fit_until_stopped`] keeps what was learned.
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
        whole(Self::fit_until_stopped(params, source, vocab, run)?)
    }

    /// Like [`SkipGram::fit`], but a training that the observer stops is no error: what was learned until then is kept,
    /// and [`FitReport::stopped`](crate::FitReport::stopped) says so.
    ///
    /// # Errors
    /// As [`SkipGram::fit`], without [`FitError::Stopped`].
    pub fn fit_until_stopped(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        run: &mut Run<'_>,
    ) -> Result<ItemVectors, FitError> {
        let mut training = Training::new(params, source, vocab, run.seed)?;
        while training.epoch(source, run)? {}
        training.finish()
    }

    /// Like [`SkipGram::fit`], with negatives from any sampler: see [`Training::with_sampler`].
    ///
    /// # Errors
    /// As [`SkipGram::fit`] and [`Training::with_sampler`]; [`FitError::Sample`] when the sampler fails.
    pub fn fit_with(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        sampler: impl RefreshableSampler,
        run: &mut Run<'_>,
    ) -> Result<ItemVectors, FitError> {
        let vocab = vocab.into();
        // Before the source is read.
        let (expected, got) = (vocab.len(), sampler.n_items());
        if got != expected {
            return Err(FitError::Catalogue { what: "sampler", expected, got });
        }
        let mut training = Training::new(params, source, vocab, run.seed)?.with_sampler(sampler)?;
        while training.epoch(source, run)? {}
        whole(training.finish()?)
    }

    /// Like [`SkipGram::fit`], with a checkpoint in `path` after every `every` epochs. If there is one of the same
    /// settings, seed and sequences already, goes on from it, and gives the same bits as without the interruption. A
    /// training that the observer stops leaves the last checkpoint as it is. The file stays when all is done.
    ///
    /// # Errors
    /// - [`CheckpointError::Fit`] as [`SkipGram::fit`].
    /// - [`CheckpointError::Store`] when the checkpoint cannot be read or written.
    /// - [`CheckpointError::Other`] when it is one of another training.
    pub fn fit_checkpointed(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        path: impl AsRef<Path>,
        every: u32,
        run: &mut Run<'_>,
    ) -> Result<ItemVectors, CheckpointError> {
        let path = path.as_ref();
        let mut training = if path.exists() {
            Training::resume(path, params, source, vocab, run.seed)?
        } else {
            Training::new(params, source, vocab, run.seed)?
        };
        loop {
            let goes_on = training.epoch(source, run)?;
            let report = training.report();
            if !report.stopped && (training.is_done() || report.epochs_done % every.max(1) == 0) {
                training.save(path)?;
            }
            if !goes_on {
                return Ok(whole(training.finish()?)?);
            }
        }
    }
}

/// The vectors of a training that went to its end.
fn whole(vectors: ItemVectors) -> Result<ItemVectors, FitError> {
    let FitReport { stopped, epochs_done, .. } = vectors.report;
    if stopped { Err(FitError::Stopped { epochs_done, epochs: vectors.params.epochs }) } else { Ok(vectors) }
}
