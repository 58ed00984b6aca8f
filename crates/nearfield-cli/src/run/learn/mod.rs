//! From a data set to a model, by the method asked for: one file a family of methods.

mod dssm;
mod graph;
pub(crate) mod item_vectors;
mod samplers;
mod towers;

use embed_core::{Embeddings, Metric};
use nearfield::ann::{Index, IndexSpec};
use serde::Serialize;

pub(super) use graph::GraphSettings;

use super::data::Dataset;
use crate::args::{Method, RunArgs, WorkArgs};
use crate::error::CliError;
use crate::model::Model;
use crate::progress::Bars;

/// A model, and what happened while it was learned.
#[derive(Debug)]
pub(super) struct Learned {
    pub(super) model: Model,
    pub(super) training: Training,
    /// The graph it was learned from, if there was one.
    pub(super) graph: Option<GraphSettings>,
}

/// What a training did, in terms that every method has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Training {
    /// Components of a vector.
    pub(crate) dim: usize,
    /// Passes asked for, and those that went to their end.
    pub(crate) epochs: u32,
    pub(crate) epochs_done: u32,
    /// One entry a pass.
    pub(crate) curve: Vec<CurvePoint>,
    /// Items trained on, all passes together.
    pub(crate) tokens: u64,
    /// Updates: a positive or a negative each.
    pub(crate) pairs: u64,
    pub(crate) seconds: f64,
}

/// A pass over the training data.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct CurvePoint {
    /// From 1.
    pub(crate) epoch: u32,
    /// Mean loss of a positive, its negatives included.
    pub(crate) loss: f64,
    /// The figure that decided when to stop, on a part cut from train, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<f64>,
}

impl Training {
    /// Mean loss of the last pass.
    pub(crate) fn loss(&self) -> f64 {
        self.curve.last().map_or(0.0, |point| point.loss)
    }

    /// Items trained on a second, all passes together.
    pub(super) fn tokens_per_second(&self) -> f64 {
        per_second(self.tokens, self.seconds)
    }

    /// Updates a second, positive and negative.
    pub(super) fn pairs_per_second(&self) -> f64 {
        per_second(self.pairs, self.seconds)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn per_second(n: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { n as f64 / seconds } else { 0.0 }
}

/// Learns by the method asked for; a training that is stopped gives what there is.
///
/// # Errors
/// [`CliError`]; [`CliError::Cancelled`] when it was stopped before it learned anything.
pub(super) fn learn(args: &RunArgs, data: &Dataset, bars: &mut Bars) -> Result<Learned, CliError> {
    match args.learn.method {
        Method::Item2vec => item_vectors::item2vec(args, data, bars),
        Method::Deepwalk | Method::Node2vec => graph::walked(args, data, bars),
        Method::Mf | Method::YoutubeDnn | Method::Contrastive => towers::towers(args, data, bars),
        Method::Dssm => dssm::dssm(args, data, bars),
    }
}

/// Components of a vector: as asked for, or by the size of the catalogue, as few items have few relations to hold.
fn dim(args: &RunArgs, n_items: usize) -> usize {
    args.learn.dim.map_or_else(|| dim_for(n_items), |dim| dim as usize)
}

fn dim_for(n_items: usize) -> usize {
    match n_items {
        0..1_000 => 32,
        1_000..=1_000_000 => 64,
        _ => 128,
    }
}

/// An index over the item side, of the family asked for, or of the one that suits the number of items.
pub(crate) fn index(
    spec: Option<IndexSpec>,
    items: &Embeddings,
    metric: Metric,
    seed: u64,
    work: WorkArgs,
) -> Result<Index, CliError> {
    let spec = spec.unwrap_or_else(|| IndexSpec::for_rows(items.len()));
    // Half an index is worth nothing: whoever asks to stop now gets what was learned with its index.
    let mut bars = Bars::unstoppable();
    Ok(spec.build(items, metric, &mut work.run(seed, &mut bars))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_grow_with_the_catalogue() {
        assert_eq!([0, 999, 1000, 1_000_000, 1_000_001].map(dim_for), [32, 32, 64, 64, 128]);
    }
}
