use super::Dssm;
use crate::features::Schema;
use crate::losses::Objective;
use crate::models::DssmParams;
use crate::optim::{Decay, Schedule};
use crate::train::{FitParams, Negatives};

impl Dssm {
    /// A model whose features are added up, and its training by in-batch softmax with log Q. Temperature, rate and schedule are those
    /// that measured well for models by id (`docs/towers.md`); the whole has not been validated.
    #[must_use]
    pub fn preset(schema: Schema, dim: usize) -> (DssmParams, FitParams) {
        let fit = FitParams {
            epochs: 6,
            negatives: Negatives { in_batch: true, shared: 0, own: 0 },
            log_q: true,
            objective: Objective::Softmax,
            temperature: 0.1,
            table_rate: 0.5,
            schedule: Schedule { warm_up: 0, decay: Decay::Linear },
            ..FitParams::default()
        };
        (DssmParams { dim, ..DssmParams::sum(schema) }, fit)
    }
}
