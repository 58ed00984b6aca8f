use embed_core::FeatureType;
use serde::{Deserialize, Serialize};

use crate::LayerError;
use crate::features::{Coder, Schema, Side};
use crate::layers::MlpParams;
use crate::models::{Pooling, Similarity, TowersParams};

/// A model of two towers over features (Huang et al. 2013; Yi et al. 2019).
///
/// Each side is `y = F(x)`, x what its features became, and y is brought to length 1 where vectors are compared by cosine.
/// With layers F is a network over the features side by side. Without, it is their sum, numbers and vectors by way of a learned
/// map (Kula 2015, "Metadata embeddings for user and item cold-start recommendations").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DssmParams {
    /// Components of the vectors of both sides, and of the rows of the tables.
    pub dim: usize,
    /// What the towers look at.
    pub schema: Schema,
    /// Layers of the user side; none adds the features up.
    pub user_layers: Option<MlpParams>,
    /// Layers of the item side; none adds the features up.
    pub item_layers: Option<MlpParams>,
    /// How vectors are compared.
    pub similarity: Similarity,
    /// Standard deviation of the tables at the start.
    pub deviation: f32,
    /// What serving multiplies the vectors of items by whose id training has not seen: nothing has taught their scores to be small
    /// where nobody wants them. 1 leaves them; below it vectors are compared by their product.
    /// An exported item tower does not apply it.
    pub unseen: f32,
}

impl DssmParams {
    /// The article's: hidden layers of 256 and 128 with batch normalisation and ReLU on both sides, d = 64, cosine.
    #[must_use]
    pub fn deep(schema: Schema) -> Self {
        let layers = MlpParams { hidden: vec![256, 128], batch_norm: true, ..MlpParams::default() };
        Self {
            dim: 64,
            schema,
            user_layers: Some(layers.clone()),
            item_layers: Some(layers),
            similarity: Similarity::Cosine,
            deviation: 0.1,
            unseen: 1.0,
        }
    }

    /// The features of each side added up, d = 64, cosine.
    #[must_use]
    pub fn sum(schema: Schema) -> Self {
        Self { user_layers: None, item_layers: None, ..Self::deep(schema) }
    }

    /// Checks every setting but those of the schema.
    ///
    /// # Errors
    /// [`LayerError::Setting`] names the first one out of its range.
    #[expect(clippy::cast_precision_loss, reason = "a value in a message")]
    pub fn validate(&self) -> Result<(), LayerError> {
        let bad = |name, got, expected| Err(LayerError::Setting { name, got, expected });
        if !(1..=TowersParams::MAX_DIM).contains(&self.dim) {
            return bad("dim", self.dim as f64, "in 1..=65536");
        }
        if !(self.deviation > 0.0 && self.deviation.is_finite()) {
            return bad("deviation", self.deviation.into(), "a number above 0");
        }
        if !(self.unseen > 0.0 && self.unseen <= 1.0) {
            return bad("factor of unseen items", self.unseen.into(), "above 0, 1 at most");
        }
        if self.unseen < 1.0 && self.schema.item.id.is_none() {
            return bad(
                "factor of unseen items",
                self.unseen.into(),
                "1, where items have no id to know them by",
            );
        }
        if self.schema.history.as_ref().is_some_and(|history| history.most == 0) {
            return bad("items of a history", 0.0, "at least 1");
        }
        for id in [&self.schema.user.id, &self.schema.item.id].into_iter().flatten() {
            if !(0.0..1.0).contains(&id.dropout) {
                return bad("dropout of the id", id.dropout.into(), "at least 0 and below 1");
            }
        }
        for layers in [&self.user_layers, &self.item_layers].into_iter().flatten() {
            if let Some(width) = layers.hidden.iter().find(|w| !(1..=TowersParams::MAX_DIM).contains(*w)) {
                return bad("hidden width", *width as f64, "in 1..=65536");
            }
        }
        Ok(())
    }

    /// At least so many values does a model of these settings hold; saturates.
    #[must_use]
    pub fn n_values(&self, coder: &Coder) -> u64 {
        let product = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let rows = coder.tables().iter().fold(0u64, |rows, table| rows.saturating_add(table.rows() as u64));
        let mut values = rows.saturating_mul(self.dim as u64);
        if let Some(history) = &self.schema.history {
            if let Pooling::SelfAttention { .. } = history.pooling {
                values = values.saturating_add(product(history.most, self.dim));
            }
            if let Pooling::SelfAttention { .. } | Pooling::Query = history.pooling {
                values = values.saturating_add(product(self.dim, self.dim));
            }
        }
        for (side, layers) in [(Side::User, &self.user_layers), (Side::Item, &self.item_layers)] {
            let vectors = self.schema.side(side).features.iter().filter(|f| f.kind == FeatureType::Vector);
            if let Some(layers) = layers {
                let mut width = 1;
                for &next in layers.hidden.iter().chain([&self.dim]) {
                    values = values.saturating_add(product(width, next));
                    width = next;
                }
            } else {
                values = values.saturating_add(product(vectors.count(), self.dim));
            }
        }
        values
    }
}
