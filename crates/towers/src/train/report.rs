use serde::{Deserialize, Serialize};

use super::Ranked;

/// What a training did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FitReport {
    /// Positives of a pass.
    pub examples: u64,
    /// Interactions that are no positives, since nothing is known of their user beside them.
    pub without_history: u64,
    /// Each pass, the last one perhaps not to its end.
    pub epochs: Vec<EpochReport>,
    /// Passes that went to their end.
    pub epochs_done: u32,
    /// The pass whose model was kept, from 1, where validation chose one.
    pub best_epoch: Option<u32>,
    /// Whether the observer stopped the training.
    pub stopped: bool,
    /// Whether validation stopped the training.
    pub stopped_early: bool,
    /// The step, from 0, whose loss or gradient was no number. The model is then the one of the last pass before it, or the best.
    pub diverged_at: Option<u64>,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochReport {
    /// Positives trained on.
    pub examples: u64,
    /// Mean loss of a positive, before its step.
    pub loss: f64,
    /// How the held-out items were ranked after it, if they were.
    pub validation: Option<Ranked>,
}
