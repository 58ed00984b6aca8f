use serde::{Deserialize, Serialize};

use crate::{Architecture, LongSessions, Objective, ParamsError, Preparation, Subsample, Tables};

/// Settings of [`SkipGram`](crate::SkipGram). The default is word2vec's, as the literature on Item2Vec repeats it; see
/// [`Params::basket`] for what measured better on histories without an order.
///
/// ```
/// let params = seqemb::Params { dim: 128, negatives: 10, ..Default::default() };
/// assert!(params.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Components of a vector: 1 to [`Params::MAX_DIM`]. 64.
    pub dim: usize,
    /// What predicts what. Skip-gram.
    pub architecture: Architecture,
    /// What a prediction is contrasted with. Negative sampling.
    pub objective: Objective,
    /// Whether centres and contexts have vectors of their own. Separate.
    pub tables: Tables,
    /// Which items of a sequence are contexts of a centre. Sliding, 5 on each side, dynamic.
    pub window: Window,
    /// Negatives drawn for each pair (K). 5.
    pub negatives: usize,
    /// Exponent of the count in the law of the negatives (α). 0.75.
    pub exponent: f64,
    /// Which items are no negatives of a pair. The context item.
    pub exclude: Exclude,
    /// Learning rate of the first pair; it falls in a line over all epochs. 0.025.
    pub rate: f32,
    /// Learning rate of the last pair. 0.0001.
    pub floor_rate: f32,
    /// Passes over the sequences. 5.
    pub epochs: u32,
    /// Scores are clamped to ±`clamp` before the sigmoid; a clamped pair still gets its update. 10.
    pub clamp: f32,
    /// What happens to sequences before training.
    pub preparation: Preparation,
    /// Whether frequent items are left out at random in each pass, after the preparation. `None`.
    pub subsample: Option<Subsample>,
}

/// Which items of a sequence are contexts of a centre. An item is never its own context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// The items up to `size` places before and after the centre: what a session's order says.
    Sliding {
        /// Places on each side.
        size: usize,
        /// Each centre draws its reach from `1..=size`, so that near items count more, as in word2vec.
        dynamic: bool,
    },
    /// Items drawn from the whole sequence, whose order means nothing: in each epoch every centre gets
    /// `samples` other places of its basket, uniformly and without repetition, or all if there are fewer.
    Basket {
        /// Contexts of a centre in an epoch.
        samples: usize,
    },
}

/// Which items are no negatives of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exclude {
    /// The pair's context item: a negative that hits it is left out, as in word2vec. On a large catalogue the
    /// other items of the sequence are hit so rarely that it does not matter.
    Context,
    /// Every item of the sequence, drawn anew until none is hit: for small catalogues.
    Sequence,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            dim: 64,
            architecture: Architecture::SkipGram,
            objective: Objective::NegativeSampling,
            tables: Tables::Separate,
            window: Window::Sliding { size: 5, dynamic: true },
            negatives: 5,
            exponent: 0.75,
            exclude: Exclude::Context,
            rate: 0.025,
            floor_rate: 1e-4,
            epochs: 5,
            clamp: 10.0,
            preparation: Preparation::default(),
            subsample: None,
        }
    }
}

impl Params {
    /// Most components of a vector.
    pub const MAX_DIM: usize = 65_536;

    /// Settings for histories whose order means little, as users' sets of items: in each pass a few contexts of every
    /// centre from anywhere in its basket, so that a long history counts no more a place than a short one; negatives
    /// between uniform and popular; a high rate that falls far; many short passes. Meant for scoring a mean of input
    /// vectors against output vectors ([`Scoring::InOut`](crate::Scoring::InOut)). `docs/item2vec.md` has the
    /// measurements.
    #[must_use]
    pub fn basket() -> Self {
        Self {
            window: Window::Basket { samples: 5 },
            negatives: 20,
            exponent: 0.35,
            rate: 0.1,
            epochs: 80,
            preparation: Preparation { long: LongSessions::Keep, ..Preparation::default() },
            ..Self::default()
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`ParamsError`] names the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        let count = |name: &'static str, got: usize, least: usize, most: usize| {
            if (least..=most).contains(&got) {
                Ok(())
            } else {
                Err(ParamsError::Count { name, got, least, most })
            }
        };
        let number = |name: &'static str, got: f64, least: f64, most: f64| {
            if (least..=most).contains(&got) {
                Ok(())
            } else {
                Err(ParamsError::Number { name, got, least, most })
            }
        };
        count("dim", self.dim, 1, Self::MAX_DIM)?;
        match self.window {
            Window::Sliding { size, .. } => count("window size", size, 1, 1 << 20)?,
            Window::Basket { samples } => count("window samples", samples, 1, 1 << 20)?,
        }
        count("negatives", self.negatives, 0, 1 << 16)?;
        number("exponent", self.exponent, -100.0, 100.0)?;
        number("rate", self.rate.into(), 0.0, 1e6)?;
        number("floor_rate", self.floor_rate.into(), 0.0, self.rate.into())?;
        number("clamp", self.clamp.into(), 1e-3, 80.0)?;
        if self.tables == Tables::Shared && self.objective == Objective::HierarchicalSoftmax {
            return Err(ParamsError::SharedTree);
        }
        if let Some(subsample) = self.subsample {
            number("subsample threshold", subsample.threshold(), f64::MIN_POSITIVE, 1.0)?;
        }
        match self.preparation.long {
            LongSessions::Keep => Ok(()),
            LongSessions::KeepRecent(n) | LongSessions::Segment(n) => {
                count("long sessions", n, 2, usize::MAX)
            }
        }
    }
}
