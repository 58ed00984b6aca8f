use serde::{Deserialize, Serialize};

use crate::PreparationReport;

/// What a training did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FitReport {
    /// What preparation read, dropped and kept.
    pub preparation: PreparationReport,
    /// Each epoch that trained on something, the last one perhaps not to its end.
    pub epochs: Vec<EpochReport>,
    /// Epochs that went to their end.
    pub epochs_done: u32,
    /// Whether the observer stopped the training.
    pub stopped: bool,
}

/// What an epoch did.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochReport {
    /// Items trained on as centres.
    pub items: u64,
    /// Pairs of centre and context.
    pub positives: u64,
    /// Negatives drawn for them.
    pub negatives: u64,
    /// Mean loss of a pair of centre and context, its negatives included: the sum of the losses of all
    /// updates, each before its step, in f64, divided by `positives`.
    pub loss: f64,
}

impl EpochReport {
    /// Updates, positive and negative.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.positives + self.negatives
    }

    /// Takes in a part whose `loss` is a sum.
    #[expect(clippy::cast_precision_loss, reason = "a mean over fewer than 2⁵³ pairs")]
    pub(crate) fn add(&mut self, part: &Self) {
        let sum = self.loss * self.positives as f64 + part.loss;
        self.items += part.items;
        self.positives += part.positives;
        self.negatives += part.negatives;
        self.loss = sum / self.positives.max(1) as f64;
    }
}

impl FitReport {
    /// Items trained on as centres, over all epochs.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.epochs.iter().map(|epoch| epoch.items).sum()
    }

    /// Updates, positive and negative, over all epochs.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.epochs.iter().map(EpochReport::pairs).sum()
    }

    /// Mean loss of the last epoch; 0 when there was none.
    #[must_use]
    pub fn final_loss(&self) -> f64 {
        self.epochs.last().map_or(0.0, |epoch| epoch.loss)
    }
}
