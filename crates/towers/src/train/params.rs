use serde::{Deserialize, Serialize};

use crate::LayerError;
use crate::losses::Objective;
use crate::models::Views;
use crate::optim::{Optimizer, Schedule, TableOptimizer};

/// Full ranking of held-out items while training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Ranks that count: NDCG@k decides.
    pub k: usize,
    /// Passes between two rankings.
    pub every: u32,
    /// Rankings without a better one after which training stops; the best model is kept.
    pub patience: u32,
    /// The most users that are ranked, evenly spread.
    pub users: usize,
    /// What the rates are multiplied by from a ranking on that is no better, and training then goes on from the best model; 1 lets both be.
    pub plateau: f32,
}

impl Default for Validation {
    /// NDCG@20 of up to 10 000 users after every pass, patience 3, rates as they are.
    fn default() -> Self {
        Self { k: 20, every: 1, patience: 3, users: 10_000, plateau: 1.0 }
    }
}

/// Settings of a training, but for its [negatives](super::NegativeSampling).
#[derive(Debug, Clone, PartialEq)]
pub struct FitParams {
    /// Passes over the positives, at most.
    pub epochs: u32,
    /// Steps, at most; 0 leaves it to the passes.
    pub max_steps: u64,
    /// Positives of a step. Passes are cut evenly, so that the last batch is no smaller than the others by more than one.
    pub batch: usize,
    /// Whether all items of the user are masked among the negatives, or the positive alone.
    pub mask_seen: bool,
    /// The loss.
    pub objective: Objective,
    /// τ: what similarities are divided by.
    pub temperature: f32,
    /// Whether τ is learned.
    pub learn_temperature: bool,
    /// For layers.
    pub optimizer: Optimizer,
    /// For tables.
    pub table_optimizer: TableOptimizer,
    /// Learning rate of layers.
    pub rate: f32,
    /// Learning rate of tables.
    pub table_rate: f32,
    /// How rates go with the steps.
    pub schedule: Schedule,
    /// Greatest length of the gradient of everything, if it is clipped.
    pub clip: Option<f32>,
    /// Weight decay of layers.
    pub decay: f32,
    /// Weight decay of touched rows of tables.
    pub table_decay: f32,
    /// λ of `λ w` in the gradient of touched rows, which the optimiser then scales as it does the rest.
    pub table_l2: f32,
    /// Whether and how changed views of histories are contrasted.
    pub views: Option<Views>,
    /// Whether and how the held-out items are ranked.
    pub validation: Option<Validation>,
}

impl Default for FitParams {
    /// Softmax with τ = 0.05, batches of 1024, ten passes; Adam for layers, row-wise Adagrad for tables.
    fn default() -> Self {
        Self {
            epochs: 10,
            max_steps: 0,
            batch: 1024,
            mask_seen: false,
            objective: Objective::Softmax,
            temperature: 0.05,
            learn_temperature: false,
            optimizer: Optimizer::default(),
            table_optimizer: TableOptimizer::default(),
            rate: 1e-3,
            table_rate: 0.05,
            schedule: Schedule::default(),
            clip: None,
            decay: 0.0,
            table_decay: 0.0,
            table_l2: 0.0,
            views: None,
            validation: None,
        }
    }
}

impl FitParams {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`LayerError::Setting`] names the first one out of its range.
    pub fn validate(&self) -> Result<(), LayerError> {
        let bad = |name, got, expected| Err(LayerError::Setting { name, got, expected });
        for (name, got) in [("epochs", self.epochs as usize), ("batch", self.batch)] {
            if got == 0 {
                return bad(name, 0.0, "at least 1");
            }
        }
        for (name, got) in [
            ("temperature", self.temperature),
            ("rate", self.rate),
            ("table rate", self.table_rate),
            ("clip", self.clip.unwrap_or(1.0)),
        ] {
            if !(got > 0.0 && got.is_finite()) {
                return bad(name, got.into(), "a number above 0");
            }
        }
        for (name, got) in
            [("decay", self.decay), ("table decay", self.table_decay), ("table l2", self.table_l2)]
        {
            if !(got >= 0.0 && got.is_finite()) {
                return bad(name, got.into(), "a number not below 0");
            }
        }
        if let Some(Views { augment, weight, temperature }) = self.views {
            augment.validate()?;
            for (name, got) in [("weight of the views", weight), ("temperature of the views", temperature)] {
                if !(got > 0.0 && got.is_finite()) {
                    return bad(name, got.into(), "a number above 0");
                }
            }
        }
        if let Some(Validation { k, every, patience, users, plateau }) = self.validation {
            if !(plateau > 0.0 && plateau <= 1.0) {
                return bad("factor at a plateau", plateau.into(), "above 0 and at most 1");
            }
            for (name, got) in [
                ("ranks of the validation", k),
                ("passes between rankings", every as usize),
                ("patience", patience as usize),
                ("users of the validation", users),
            ] {
                if got == 0 {
                    return bad(name, 0.0, "at least 1");
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_checked() {
        let good = FitParams::default();
        assert!(good.validate().is_ok());
        let bad = [
            FitParams { epochs: 0, ..good.clone() },
            FitParams { batch: 0, ..good.clone() },
            FitParams { temperature: 0.0, ..good.clone() },
            FitParams { table_rate: f32::NAN, ..good.clone() },
            FitParams { clip: Some(-1.0), ..good.clone() },
            FitParams { decay: f32::INFINITY, ..good.clone() },
            FitParams { table_l2: -1.0, ..good.clone() },
            FitParams { validation: Some(Validation { k: 0, ..Validation::default() }), ..good.clone() },
            FitParams { validation: Some(Validation { plateau: 0.0, ..Validation::default() }), ..good },
        ];
        for params in bad {
            assert!(matches!(params.validate(), Err(LayerError::Setting { .. })), "{params:?}");
        }
    }
}
