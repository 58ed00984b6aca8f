use embed_core::{SequenceSource, Vocab};

use crate::preparation::Prepared;
use crate::{FitError, Params, PreparationReport, Subsample};

/// What a first reading says about a source.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Items to leave out, by id; empty when there are none.
    pub(crate) rare: Vec<bool>,
    /// How often each item occurs after preparation.
    pub(crate) counts: Vec<u64>,
    pub(crate) report: PreparationReport,
}

impl Survey {
    pub(crate) fn take(
        params: &Params,
        source: &dyn SequenceSource,
        vocab: &Vocab,
    ) -> Result<Self, FitError> {
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

    /// How likely an occurrence of each item is kept; empty when all are.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a probability in f32")]
    pub(crate) fn keep(&self, subsample: Option<Subsample>) -> Vec<f32> {
        let Some(subsample) = subsample else { return Vec::new() };
        let total = self.report.items_kept as f64;
        self.counts.iter().map(|&count| subsample.kept(count as f64 / total) as f32).collect()
    }
}
