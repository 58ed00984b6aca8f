use serde::{Deserialize, Serialize};

use crate::{SageError, WalkParams};

/// How the vectors of a node's neighbours become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Aggregator {
    /// Their mean: `(1 / |N(v)|) Σ h_u`.
    #[default]
    Mean,
    /// The largest value of each component after a layer of their own: `max_u ReLU(W h_u + b)` (section 3.3, equation 3).
    MaxPool {
        /// Components of that layer.
        hidden: usize,
    },
}

/// One step outwards from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SageLayer {
    /// Components of the layer's output.
    pub width: usize,
    /// Most neighbours a node is seen with in training, drawn anew for each batch; a node with fewer is seen with all.
    pub sample: usize,
}

/// Settings of [`GraphSage`](crate::GraphSage). The default is that of the paper and its authors' code: two layers of
/// 128 components, means over 25 and 10 neighbours, 50 walks of five nodes, 20 negatives, batches of 512 pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SageParams {
    /// How neighbours are put together.
    pub aggregator: Aggregator,
    /// The layers, from features upwards; the last one's width is that of the vectors. 128 with 25 neighbours, 128 with 10.
    pub layers: Vec<SageLayer>,
    /// Components that each node of the graph learns for itself, beside its features. A node that was not there in
    /// training has zeros. 0.
    pub id_dim: usize,
    /// Share of nodes that a batch sees with zeros in place of what they learned for themselves, so that vectors of new
    /// nodes are like those of old ones. 0.
    pub id_dropout: f32,
    /// The walks of one pass: their start is to be near every other node of them.
    pub walks: WalkParams,
    /// Passes, each over walks of its own. 1.
    pub epochs: u32,
    /// Pairs of a step. 512.
    pub batch: usize,
    /// Negatives that a step draws, and that all of its pairs share. 20.
    pub negatives: usize,
    /// What all negatives together weigh beside a pair's positive: Q of equation 1. 20, so that each of 20 weighs 1.
    pub negative_weight: f32,
    /// What scores, which lie in ±1, are divided by. 1.
    pub temperature: f32,
    /// Learning rate of Adam. 2·10⁻⁵.
    pub rate: f32,
}

impl SageParams {
    /// Most layers.
    pub const MAX_LAYERS: usize = 8;
    /// Most components of a layer.
    pub const MAX_WIDTH: usize = 1 << 14;
    /// Most neighbours of a sample.
    pub const MAX_SAMPLE: usize = 1 << 12;
    /// Most features of a node.
    pub const MAX_FEATURES: usize = 1 << 20;
    /// Most pairs of a step.
    pub const MAX_BATCH: usize = 1 << 20;
    /// Most negatives of a step.
    pub const MAX_NEGATIVES: usize = 1 << 16;

    /// Settings for graphs of items, not tuned on a split: scores are sharpened, since a logistic loss on ±1 has little to say, and
    /// a rate at which thousands of nodes learn something.
    #[must_use]
    pub fn items() -> Self {
        Self {
            walks: WalkParams { walks: 10, ..Self::default().walks },
            epochs: 5,
            negatives: 100,
            negative_weight: 2.0,
            temperature: 0.1,
            rate: 1e-3,
            ..Self::default()
        }
    }

    /// Components of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.width)
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`SageError::Count`], [`SageError::Number`] and [`SageError::Walk`] name the first that is out of its range.
    pub fn validate(&self) -> Result<(), SageError> {
        count("number of layers", self.layers.len(), 1, Self::MAX_LAYERS)?;
        for layer in &self.layers {
            count("width of a layer", layer.width, 1, Self::MAX_WIDTH)?;
            count("sample of a layer", layer.sample, 1, Self::MAX_SAMPLE)?;
        }
        if let Aggregator::MaxPool { hidden } = self.aggregator {
            count("hidden", hidden, 1, Self::MAX_WIDTH)?;
        }
        count("id_dim", self.id_dim, 0, Self::MAX_WIDTH)?;
        count("epochs", self.epochs as usize, 1, 1 << 20)?;
        count("batch", self.batch, 1, Self::MAX_BATCH)?;
        count("negatives", self.negatives, 1, Self::MAX_NEGATIVES)?;
        number("id_dropout", self.id_dropout, 0.0, 1.0)?;
        number("negative_weight", self.negative_weight, 0.0, 1e6)?;
        number("temperature", self.temperature, 1e-3, 1e3)?;
        number("rate", self.rate, 1e-9, 10.0)?;
        Ok(self.walks.validate()?)
    }
}

impl Default for SageParams {
    fn default() -> Self {
        Self {
            aggregator: Aggregator::Mean,
            layers: vec![SageLayer { width: 128, sample: 25 }, SageLayer { width: 128, sample: 10 }],
            id_dim: 0,
            id_dropout: 0.0,
            walks: WalkParams { walks: 50, length: 5, ..WalkParams::default() },
            epochs: 1,
            batch: 512,
            negatives: 20,
            negative_weight: 20.0,
            temperature: 1.0,
            rate: 2e-5,
        }
    }
}

fn count(name: &'static str, got: usize, least: usize, most: usize) -> Result<(), SageError> {
    if (least..=most).contains(&got) { Ok(()) } else { Err(SageError::Count { name, got, least, most }) }
}

fn number(name: &'static str, got: f32, least: f32, most: f32) -> Result<(), SageError> {
    if (least..=most).contains(&got) { Ok(()) } else { Err(SageError::Number { name, got, least, most }) }
}
