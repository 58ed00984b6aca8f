use serde::{Deserialize, Serialize};

use crate::LayerError;
use crate::layers::{ActivationKind, MlpParams};
use crate::models::TowersParams;

/// A model that re-ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RerankParams {
    /// The most items of a history, the last ones.
    pub max_history: usize,
    /// The most positives of a user that are trained on, the last ones; 0 takes all.
    pub last_positives: usize,
    /// The network that weighs an item of the history by a candidate.
    pub unit: MlpParams,
    /// The network over history, candidate and their product.
    pub head: MlpParams,
    /// What a score of retrieval counts at the start; it is learned.
    pub trust: f32,
}

impl Default for RerankParams {
    /// 20 items, hidden layers of 36 for the weights and of 80 and 40 over them, Dice and PReLU (Zhou et al. 2018); ten times
    /// retrieval's score, as of cosines at τ = 0.1.
    fn default() -> Self {
        let layers = |hidden, activation| MlpParams { hidden, activation, ..MlpParams::default() };
        Self {
            max_history: 20,
            last_positives: 0,
            unit: layers(vec![36], ActivationKind::Dice),
            head: layers(vec![80, 40], ActivationKind::PRelu),
            trust: 10.0,
        }
    }
}

impl RerankParams {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`LayerError::Setting`] names the first one out of its range.
    #[expect(clippy::cast_precision_loss, reason = "a value in a message")]
    pub fn validate(&self) -> Result<(), LayerError> {
        let bad = |name, got, expected| Err(LayerError::Setting { name, got, expected });
        if self.max_history == 0 {
            return bad("items of a history", 0.0, "at least 1");
        }
        if !self.trust.is_finite() {
            return bad("trust", self.trust.into(), "a number");
        }
        for width in self.unit.hidden.iter().chain(&self.head.hidden) {
            if !(1..=TowersParams::MAX_DIM).contains(width) {
                return bad("hidden width", *width as f64, "in 1..=65536");
            }
        }
        Ok(())
    }

    /// At least so many values does a model of these settings hold; saturates.
    pub(super) fn n_values(&self, n_items: usize, dim: usize) -> u64 {
        let product = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let mut values = product(n_items, dim);
        for layers in [&self.unit, &self.head] {
            let mut width = dim;
            for &next in &layers.hidden {
                values = values.saturating_add(product(width, next));
                width = next;
            }
        }
        values
    }
}
