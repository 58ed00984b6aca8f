use embed_core::Run;

use super::{Dssm, DssmData};
use crate::FitError;
use crate::features::Schema;
use crate::losses::Objective;
use crate::models::DssmParams;
use crate::optim::{Decay, Schedule};
use crate::train::{FitParams, NegativeCounts};

/// A model over features and its training, validated as a whole: `docs/towers.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct DssmPreset {
    /// The model.
    pub params: DssmParams,
    /// Its training.
    pub fit: FitParams,
    /// Its negatives.
    pub negatives: NegativeCounts,
}

impl DssmPreset {
    /// [`Dssm::fit`] with these settings.
    ///
    /// # Errors
    /// As [`Dssm::fit`].
    pub fn fit(&self, data: DssmData<'_>, run: &mut Run<'_>) -> Result<Dssm, FitError> {
        Dssm::fit(&self.params, &self.fit, data, self.negatives, run)
    }
}

impl Dssm {
    /// A model whose features are added up, and its training by in-batch softmax with log Q, τ = 0.1, 24 passes. It was chosen on
    /// validation parts of MovieLens-100k and of Amazon's toys, of 100,000 and 170,000 interactions; a log of millions wants fewer passes, with the schema of [`Schema::of_frames`] (`docs/towers.md`).
    #[must_use]
    pub fn preset(schema: Schema, dim: usize) -> DssmPreset {
        let fit = FitParams {
            epochs: 24,
            objective: Objective::Softmax,
            temperature: 0.1,
            table_rate: 0.5,
            schedule: Schedule { warm_up: 0, decay: Decay::Linear },
            ..FitParams::default()
        };
        let params = DssmParams { dim, ..DssmParams::sum(schema) };
        DssmPreset { params, fit, negatives: NegativeCounts::default() }
    }
}
