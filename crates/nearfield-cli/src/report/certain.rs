//! How sure the figures are: intervals of every mean, and tests of the differences that the page marks.

use std::collections::BTreeMap;

use embed_core::Run;
use nearfield::evalmetrics::certainty::{
    BootstrapParams, Interval, RandomisationParams, bootstrap_columns, holm, paired_randomisation,
};

use super::folder::RunFolder;
use crate::args::WorkArgs;
use crate::error::CliError;
use crate::evaluation::{Evaluation, Side};
use crate::pairing::Pairing;
use crate::progress::Bars;

/// A difference with a corrected p below this is marked.
pub(super) const LEVEL: f64 = 0.05;

/// The seed of resamples and permutations: a page is the same whenever it is made.
const SEED: u64 = 0;

/// How a run stands to what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) difference: f64,
    /// Corrected for all tests of the page.
    pub(super) p: f64,
}

/// Intervals and marks by run and figure.
#[derive(Debug, Default)]
pub(super) struct Certain {
    methods: Vec<BTreeMap<String, Interval>>,
    baseline: BTreeMap<String, Interval>,
    marks: Vec<BTreeMap<String, Mark>>,
    /// Test users that each run shares with what it is compared with; none where they share too few.
    pub(super) shared: Vec<Option<usize>>,
}

impl Certain {
    /// The interval of a run's figure.
    pub(super) fn method(&self, run: usize, figure: &str) -> Option<&Interval> {
        self.methods.get(run)?.get(figure)
    }

    /// The interval of the popularity baseline's figure, over the users of the first run.
    pub(super) fn baseline(&self, figure: &str) -> Option<&Interval> {
        self.baseline.get(figure)
    }

    /// How the first run stands to popularity, and any other to the first.
    pub(super) fn mark(&self, run: usize, figure: &str) -> Option<Mark> {
        self.marks.get(run)?.get(figure).copied()
    }

    /// Works all of it out.
    ///
    /// # Errors
    /// [`CliError::Certainty`]; [`CliError::Cancelled`] is one of them.
    pub(super) fn of(runs: &[RunFolder], work: WorkArgs, bars: &mut Bars) -> Result<Self, CliError> {
        let mut run = work.run(SEED, bars);
        let mut certain = Self::default();
        let first = runs.first().and_then(|run| run.evaluation.as_ref());
        let mut tests: Vec<(usize, String, f64, f64)> = Vec::new();
        for (number, folder) in runs.iter().enumerate() {
            certain.marks.push(BTreeMap::new());
            let Some(evaluation) = &folder.evaluation else {
                certain.methods.push(BTreeMap::new());
                certain.shared.push(None);
                continue;
            };
            certain.methods.push(intervals(evaluation, &evaluation.method, &mut run)?);
            let (other, side) = match (number, first) {
                (0, _) => (evaluation, &evaluation.baseline),
                (_, Some(first)) => (first, &first.method),
                _ => {
                    certain.shared.push(None);
                    continue;
                }
            };
            if number == 0 {
                certain.baseline = intervals(evaluation, side, &mut run)?;
            }
            let pairing = Pairing::of(evaluation, other);
            certain.shared.push((pairing.len() > 0).then(|| pairing.len()));
            for name in pairing.columns() {
                let Some((ours, theirs)) = pairing.values(name, &evaluation.method, side) else { continue };
                let test = paired_randomisation(&ours, &theirs, &RandomisationParams::default(), &mut run)?;
                tests.push((number, name.to_owned(), test.difference, test.p));
            }
        }
        let p: Vec<f64> = tests.iter().map(|test| test.3).collect();
        for ((number, name, difference, _), p) in tests.into_iter().zip(holm(&p)?) {
            certain.marks[number].insert(name, Mark { difference, p });
        }
        Ok(certain)
    }
}

/// The interval of every column of a side.
fn intervals(
    evaluation: &Evaluation,
    side: &Side,
    run: &mut Run<'_>,
) -> Result<BTreeMap<String, Interval>, CliError> {
    let columns: Vec<Vec<f64>> = (0..evaluation.columns.len())
        .map(|column| evaluation.values(side, column).iter().map(|&value| f64::from(value)).collect())
        .collect();
    if evaluation.tasks.is_empty() || columns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let intervals = bootstrap_columns(&views, &BootstrapParams::default(), run)?;
    Ok(evaluation.columns.iter().cloned().zip(intervals).collect())
}
