use embed_core::Embeddings;

use crate::{FitReport, Params, Pooled, Pooling, Scoring};

/// What a training learned: both tables, how, and what happened. `8 · dim` bytes an item, and the keys, which
/// both tables share.
///
/// An item that no prepared sequence holds keeps its untrained vectors: small random numbers in the input
/// table, zeros in the output table.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemVectors {
    /// Centre vectors `[n_items, dim]`.
    pub input: Embeddings,
    /// Context vectors `[n_items, dim]`.
    pub output: Embeddings,
    /// The settings of the training.
    pub params: Params,
    /// What happened.
    pub report: FitReport,
}

impl ItemVectors {
    /// The user side: histories of items to vectors that are scored against [`ItemVectors::targets`] of the
    /// same scoring.
    #[must_use]
    pub fn pooled(&self, pooling: Pooling, scoring: Scoring) -> Pooled {
        Pooled::new(&self.input, self.targets(scoring).space(), pooling)
    }

    /// The item side: the table that the user's vector is scored against.
    #[must_use]
    pub fn targets(&self, scoring: Scoring) -> &Embeddings {
        match scoring {
            Scoring::InOut => &self.output,
            Scoring::InIn => &self.input,
        }
    }
}
