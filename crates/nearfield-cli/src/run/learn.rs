use std::time::Instant;

use embed_core::{Embeddings, Metric};
use nearfield::ann::{Index, IndexSpec};
use nearfield::seqemb::{ItemVectors, Params, SkipGram};

use super::data::Dataset;
use crate::args::{LearnArgs, Method, WorkArgs};
use crate::error::CliError;
use crate::progress::Bars;

/// What was learned, and how fast.
pub(super) struct Learned {
    pub(super) vectors: ItemVectors,
    pub(super) seconds: f64,
}

impl Learned {
    /// Items trained on a second, all epochs together.
    pub(super) fn tokens_per_second(&self) -> f64 {
        per_second(self.vectors.report.items(), self.seconds)
    }

    /// Updates a second: pairs of centre and context, and of centre and negative.
    pub(super) fn pairs_per_second(&self) -> f64 {
        per_second(self.vectors.report.pairs(), self.seconds)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn per_second(n: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { n as f64 / seconds } else { 0.0 }
}

/// The settings of a training: the method's preset, and what was asked for.
pub(super) fn params(args: &LearnArgs, n_items: usize) -> Params {
    let preset = match args.method {
        Method::Item2vec => Params::basket(),
    };
    Params {
        dim: args.dim.map_or_else(|| dim_for(n_items), |dim| dim as usize),
        epochs: args.epochs.unwrap_or(preset.epochs),
        ..preset
    }
}

/// Components of a vector by the size of the catalogue: few items have few relations to hold.
fn dim_for(n_items: usize) -> usize {
    match n_items {
        0..1_000 => 32,
        1_000..=1_000_000 => 64,
        _ => 128,
    }
}

/// Trains; a stopped training gives what there is.
///
/// # Errors
/// [`CliError::Fit`]; [`CliError::Cancelled`] when it was stopped before it learned anything.
pub(super) fn train(
    params: &Params,
    data: &Dataset,
    seed: u64,
    work: WorkArgs,
    bars: &mut Bars,
) -> Result<Learned, CliError> {
    let start = Instant::now();
    let vectors = SkipGram::fit(params, &data.sequences, data.items.clone(), &mut work.run(seed, bars))?;
    if vectors.report.stopped && vectors.report.items() == 0 {
        return Err(CliError::Cancelled);
    }
    Ok(Learned { vectors, seconds: start.elapsed().as_secs_f64() })
}

/// An index over the item side, of the family asked for, or of the one that suits the number of items.
pub(super) fn index(
    args: &LearnArgs,
    items: &Embeddings,
    metric: Metric,
    work: WorkArgs,
) -> Result<Index, CliError> {
    let spec = args.index.unwrap_or_else(|| IndexSpec::for_rows(items.len()));
    // Half an index is worth nothing: whoever asks to stop now gets what was learned with its index.
    let mut bars = Bars::unstoppable();
    Ok(spec.build(items, metric, &mut work.run(args.seed, &mut bars))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_grow_with_the_catalogue() {
        assert_eq!([0, 999, 1000, 1_000_000, 1_000_001].map(dim_for), [32, 32, 64, 64, 128]);
    }
}
