use serde::{Deserialize, Serialize};

use super::{FitParams, NegativeCounts, Validation};
use crate::losses::Objective;
use crate::models::Views;
use crate::optim::{Optimizer, Schedule, TableOptimizer};

/// Settings that a model was trained with, its negatives included: what files and reports keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct FitRecord {
    /// The settings of the training.
    pub fit: FitParams,
    /// Its negatives.
    pub negatives: NegativeCounts,
}

/// The layout of files: fields by position, in the order of version 1.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    epochs: u32,
    max_steps: u64,
    batch: usize,
    negatives: StoredNegatives,
    log_q: bool,
    mask_seen: bool,
    objective: Objective,
    temperature: f32,
    learn_temperature: bool,
    optimizer: Optimizer,
    table_optimizer: TableOptimizer,
    rate: f32,
    table_rate: f32,
    schedule: Schedule,
    clip: Option<f32>,
    decay: f32,
    table_decay: f32,
    table_l2: f32,
    views: Option<Views>,
    validation: Option<Validation>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredNegatives {
    in_batch: bool,
    #[serde(rename = "shared")]
    per_batch: usize,
    #[serde(rename = "own")]
    per_example: usize,
}

impl From<FitRecord> for Stored {
    fn from(FitRecord { fit, negatives }: FitRecord) -> Self {
        let NegativeCounts { in_batch, per_batch, per_example, corrected } = negatives;
        Self {
            epochs: fit.epochs,
            max_steps: fit.max_steps,
            batch: fit.batch,
            negatives: StoredNegatives { in_batch, per_batch, per_example },
            log_q: corrected,
            mask_seen: fit.mask_seen,
            objective: fit.objective,
            temperature: fit.temperature,
            learn_temperature: fit.learn_temperature,
            optimizer: fit.optimizer,
            table_optimizer: fit.table_optimizer,
            rate: fit.rate,
            table_rate: fit.table_rate,
            schedule: fit.schedule,
            clip: fit.clip,
            decay: fit.decay,
            table_decay: fit.table_decay,
            table_l2: fit.table_l2,
            views: fit.views,
            validation: fit.validation,
        }
    }
}

impl From<Stored> for FitRecord {
    fn from(stored: Stored) -> Self {
        let StoredNegatives { in_batch, per_batch, per_example } = stored.negatives;
        Self {
            fit: FitParams {
                epochs: stored.epochs,
                max_steps: stored.max_steps,
                batch: stored.batch,
                mask_seen: stored.mask_seen,
                objective: stored.objective,
                temperature: stored.temperature,
                learn_temperature: stored.learn_temperature,
                optimizer: stored.optimizer,
                table_optimizer: stored.table_optimizer,
                rate: stored.rate,
                table_rate: stored.table_rate,
                schedule: stored.schedule,
                clip: stored.clip,
                decay: stored.decay,
                table_decay: stored.table_decay,
                table_l2: stored.table_l2,
                views: stored.views,
                validation: stored.validation,
            },
            negatives: NegativeCounts { in_batch, per_batch, per_example, corrected: stored.log_q },
        }
    }
}
