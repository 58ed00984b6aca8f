use std::sync::Arc;

use embed_core::{Embeddings, RowMask, Run, SequenceSource, Vocab};
use negsample::{ExcludePositives, Popularity, RefreshableSampler};

use crate::huffman::Huffman;
use crate::pass::Pass;
use crate::side::Attention;
use crate::survey::Survey;
use crate::tables::Table;
use crate::threads::Threads;
use crate::trainer::Trainer;
use crate::{
    Architecture, EpochReport, Exclude, FitError, FitReport, ItemVectors, Objective, Params, SideError,
    SideInformation, SideVectors, Tables,
};

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
/// while training.epoch(&sessions, &mut Run::seeded(1))? {
///     // training.save("checkpoint.nf")?;
/// }
/// assert_eq!(training.finish()?.report.epochs_done, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Training<'s> {
    pub(crate) params: Params,
    pub(crate) vocab: Arc<Vocab>,
    pub(crate) seed: u64,
    pub(crate) survey: Survey,
    pub(crate) tree: Option<Huffman>,
    pub(crate) trainer: Trainer,
    pub(crate) report: FitReport,
    /// What the observer has not been told yet.
    pub(crate) untold: EpochReport,
    /// Source of negatives; none under hierarchical softmax, which draws nothing.
    sampler: Option<Box<dyn RefreshableSampler + 's>>,
    /// Rows that were trained before this training.
    trained_before: Option<Arc<RowMask>>,
}

impl std::fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("params", &self.params)
            .field("seed", &self.seed)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl<'s> Training<'s> {
    /// Reads the source once (twice with a minimum count) and makes the tables: input vectors uniform in ±1 / dim,
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
        Self::build(params, source, vocab.into(), None, seed)
    }

    /// Like [`Training::new`], with side information: an item's input vector is a weighted mean of a vector of its own and
    /// of those of its values, and vectors and weights are learned together, so that items with little data lean on what
    /// they are like (Wang et al. 2018, "EGES"). See [`Training::finish_with_side`].
    ///
    /// Memory: `4 · dim` bytes a value and `4 · (1 + n_fields)` an item beside the tables.
    ///
    /// # Errors
    /// As [`Training::new`], and [`FitError::Side`] when the side information is of another catalogue, or the settings
    /// are not of skip-gram with separate tables.
    pub fn with_side(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        side: impl Into<Arc<SideInformation>>,
        seed: u64,
    ) -> Result<Self, FitError> {
        let (vocab, side) = (vocab.into(), side.into());
        let (expected, got) = (vocab.len(), side.n_items());
        if expected != got {
            return Err(SideError::Catalogue { expected, got }.into());
        }
        if params.architecture != Architecture::SkipGram || params.tables != Tables::Separate {
            return Err(SideError::Kind.into());
        }
        Self::build(params, source, vocab, Some(side), seed)
    }

    fn build(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: Arc<Vocab>,
        side: Option<Arc<SideInformation>>,
        seed: u64,
    ) -> Result<Self, FitError> {
        let survey = Survey::take(params, source, &vocab)?;
        let n_items = vocab.len();
        let too_large = || FitError::TooLarge { n_items, dim: params.dim };
        let tree = match params.objective {
            Objective::NegativeSampling => None,
            Objective::HierarchicalSoftmax => Some(Huffman::new(&survey.counts).ok_or_else(too_large)?),
        };
        let n_outputs = match (&tree, params.tables) {
            (Some(tree), _) => tree.n_nodes(),
            (None, Tables::Separate) => n_items,
            (None, Tables::Shared) => 0,
        };
        let n_inputs = side.as_ref().map_or(n_items, |side| side.n_rows());
        let mut input = Table::zeros(n_inputs, params.dim).ok_or_else(too_large)?;
        let output = Table::zeros(n_outputs, params.dim).ok_or_else(too_large)?;
        input.randomize(seed);
        let pairs_per_prediction = match &tree {
            Some(tree) => tree.mean_length(&survey.counts),
            None => 1 + params.negatives,
        };
        let attention = side.map(Attention::new);
        let trainer = Trainer::new(input, output, attention, params, pairs_per_prediction, &survey.counts);
        let report = FitReport { preparation: survey.report, ..FitReport::default() };
        let sampler = if tree.is_none() { Some(standard_sampler(params, &survey.counts)?) } else { None };
        let (params, untold) = (params.clone(), EpochReport::default());
        let trained_before = None;
        Ok(Self { params, vocab, seed, survey, tree, trainer, report, untold, sampler, trained_before })
    }

    /// The same with negatives from `sampler` in place of those by count ([`Params::exponent`], [`Params::exclude`]). With
    /// [`Exclude::Sequence`] the sequence's items are the context's positives, which the sampler must exclude.
    ///
    /// The context's query is the centre's input vector, its batch the centres drawn with it; steps count chunks of
    /// some million pairs, and so does what the sampler observes. One that wants vectors gets the output table. A sampler
    /// of your own that stays as it is goes in as [`negsample::Fixed`].
    ///
    /// # Errors
    /// - [`FitError::UnusedSampler`] under [`Objective::HierarchicalSoftmax`], which draws nothing.
    /// - [`FitError::Catalogue`] when the sampler has another number of items.
    pub fn with_sampler(self, sampler: impl RefreshableSampler + 's) -> Result<Self, FitError> {
        if self.tree.is_some() {
            return Err(FitError::UnusedSampler);
        }
        let (expected, got) = (self.vocab.len(), sampler.n_items());
        if got != expected {
            return Err(FitError::Catalogue { what: "sampler", expected, got });
        }
        Ok(Self { sampler: Some(Box::new(sampler)), ..self })
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
    /// - [`FitError::Tables`] when `params.tables` is not what it was.
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
        if old.params.tables != params.tables {
            return Err(FitError::Tables);
        }
        for (row, key) in old.input.vocab().keys().enumerate() {
            if u32::try_from(row).ok().and_then(|row| vocab.key(row)) != Some(key) {
                return Err(FitError::Keys { row, key: key.to_owned() });
            }
        }
        let mut training = Self::new(params, source, vocab, seed)?;
        training.trainer.input.copy_rows(old.input.as_slice());
        // Without effect when the tables are one.
        training.trainer.output.copy_rows(old.output.as_slice());
        training.trained_before = Some(Arc::new(RowMask::from_fn(old.input.len(), |row| {
            u32::try_from(row).is_ok_and(|id| old.input.is_trained(id))
        })));
        Ok(training)
    }

    /// Rows that a prepared sequence holds, or that were trained before.
    fn trained_rows(&self) -> RowMask {
        let before = |row| self.trained_before.as_ref().is_some_and(|before| before.contains(row));
        RowMask::from_fn(self.vocab.len(), |row| self.survey.counts[row] > 0 || before(row))
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

    /// The settings.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
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
    /// - [`FitError::Catalogue`] when the source has another number of items.
    /// - [`FitError::Source`], [`FitError::Sample`], [`FitError::Parallelism`] as these fail.
    /// - [`FitError::Diverged`] when a vector is no longer finite.
    pub fn epoch(&mut self, source: &dyn SequenceSource, run: &mut Run<'_>) -> Result<bool, FitError> {
        if self.is_done() || self.report.stopped {
            return Ok(false);
        }
        let expected = self.vocab.len();
        if source.n_items() != expected {
            return Err(FitError::Catalogue { what: "source", expected, got: source.n_items() });
        }
        let epoch = self.report.epochs_done;
        let per_epoch = self.survey.report.items_kept;
        let threads = Threads::start(run.parallelism)?;
        let mut pass = Pass {
            params: &self.params,
            sampler: self.sampler.as_mut().map(|sampler| &mut **sampler as &mut dyn RefreshableSampler),
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
        Ok(self.finish_with_side()?.0)
    }

    /// The vectors as they are; with side information, which they contain, also those of its values.
    ///
    /// # Errors
    /// [`FitError::Vectors`] when they are refused.
    pub fn finish_with_side(self) -> Result<(ItemVectors, Option<SideVectors>), FitError> {
        let trained = Arc::new(self.trained_rows());
        let Self { params, vocab, trainer, tree, report, .. } = self;
        let Trainer { input, output, attention, .. } = trainer;
        let output = match tree {
            Some(tree) => Some(output.sum_paths(&tree, vocab.len())),
            None => (params.tables == Tables::Separate).then(|| output.into_rows()),
        };
        let (input, side) = match attention {
            None => (input.into_rows(), None),
            Some(attention) => {
                let (items, side) = attention.finish(&input, params.dim);
                (items, Some(side))
            }
        };
        let input = Embeddings::new(vocab.clone(), input)?.with_trained(Arc::clone(&trained))?;
        let output = match output {
            None => input.clone(),
            Some(output) => Embeddings::new(vocab, output)?.with_trained(trained)?,
        };
        Ok((ItemVectors { input, output, params, report }, side))
    }
}

/// Negatives by the counts of the prepared sequences to the power of `params.exponent`, with [`Exclude::Sequence`] without
/// the sequence's items.
fn standard_sampler<'s>(
    params: &Params,
    counts: &[u64],
) -> Result<Box<dyn RefreshableSampler + 's>, FitError> {
    let popularity = Popularity::new(counts, params.exponent)?;
    Ok(match params.exclude {
        Exclude::Context => Box::new(popularity),
        Exclude::Sequence => Box::new(ExcludePositives::new(popularity)),
    })
}
