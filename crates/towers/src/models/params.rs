use serde::{Deserialize, Serialize};

use super::HistoryView;
use crate::LayerError;
use crate::layers::{Dropout, MlpParams};

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Similarity {
    /// Their cosine: rows are brought to length 1 in training and in serving.
    #[default]
    Cosine,
    /// Their product: lengths count, so popular items may grow long.
    Dot,
}

/// How a history becomes a vector.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Pooling {
    /// The mean of its items (Covington et al. 2016). O(T).
    #[default]
    Mean,
    /// Self-attention with positions, counted from the end, then the mean. O(T²) time, O(T) memory.
    SelfAttention {
        /// Heads; they divide the dimension.
        heads: usize,
    },
    /// Attention of the user's own vector, or where there is none of a learned one (Mao et al. 2021). O(T).
    Query,
    /// A weighted mean, by a learned softmax over how many places lie between an item and the positive: how much the one next to it counts,
    /// the one after that, and so on; in serving those from the end. Begins as the mean. O(T).
    Places,
    /// The same with weights that are not learned: an item k places away counts `k^−power`. O(T).
    Near {
        /// 0 is the mean.
        power: f32,
    },
}

/// How the vectors of the user's id and of the history become one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Join {
    /// Side by side, for the layers after them.
    #[default]
    Concat,
    /// `share · id + (1 − share) · V · history` with a learned matrix V, which begins as the identity (Mao et al. 2021, equation 4).
    Mix {
        /// What the id counts.
        share: f32,
    },
}

/// A model over ids and histories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TowersParams {
    /// Components of the vectors of both sides, and of the rows of the tables.
    pub dim: usize,
    /// How vectors are compared.
    pub similarity: Similarity,
    /// Whether the user's id is a feature. Users that were not trained on then have no vector.
    pub user_id: bool,
    /// How the history is pooled; none leaves it out.
    pub pooling: Option<Pooling>,
    /// The most items of a history, the last ones.
    pub max_history: usize,
    /// Which items are the history of a positive.
    pub view: HistoryView,
    /// Whether items of the history have vectors of their own, apart from those that are recommended.
    pub own_history_table: bool,
    /// How id and history are joined, where both are there.
    pub join: Join,
    /// Probability of zero of each component of the user's vector before the layers, in training.
    pub dropout: f32,
    /// Layers of the user side; none serves the joined vector as it is.
    pub user_layers: Option<MlpParams>,
    /// Layers of the item side; none serves the rows of the table.
    pub item_layers: Option<MlpParams>,
    /// Standard deviation of the tables at the start.
    pub deviation: f32,
}

impl Default for TowersParams {
    /// The mean of up to 50 items, no layers, d = 64, cosine.
    fn default() -> Self {
        Self {
            dim: 64,
            similarity: Similarity::Cosine,
            user_id: false,
            pooling: Some(Pooling::Mean),
            max_history: 50,
            view: HistoryView::Others,
            own_history_table: false,
            join: Join::Concat,
            dropout: 0.0,
            user_layers: None,
            item_layers: None,
            deviation: 0.1,
        }
    }
}

impl TowersParams {
    /// Most components of a vector, and most columns of a layer.
    pub const MAX_DIM: usize = 1 << 16;

    /// Checks every setting.
    ///
    /// # Errors
    /// [`LayerError::Setting`] names the first one out of its range.
    #[expect(clippy::cast_precision_loss, reason = "a value in a message")]
    pub fn validate(&self) -> Result<(), LayerError> {
        let bad = |name, got, expected| Err(LayerError::Setting { name, got, expected });
        if !(1..=Self::MAX_DIM).contains(&self.dim) {
            return bad("dim", self.dim as f64, "in 1..=65536");
        }
        if self.max_history == 0 && self.pooling.is_some() {
            return bad("items of a history", 0.0, "at least 1");
        }
        if !(self.deviation > 0.0 && self.deviation.is_finite()) {
            return bad("deviation", self.deviation.into(), "a number above 0");
        }
        Dropout::new(self.dropout)?;
        if let Join::Mix { share } = self.join
            && !(0.0..=1.0).contains(&share)
        {
            return bad("share of the id", share.into(), "in 0..=1");
        }
        if !self.user_id && self.pooling.is_none() {
            return bad("user features", 0.0, "at least 1: the id or the history");
        }
        if self.user_id && self.pooling.is_some() && self.join == Join::Concat && self.user_layers.is_none() {
            return bad("user layers", 0.0, "given, where id and history lie side by side");
        }
        for layers in [&self.user_layers, &self.item_layers].into_iter().flatten() {
            if let Some(width) = layers.hidden.iter().find(|width| !(1..=Self::MAX_DIM).contains(*width)) {
                return bad("hidden width", *width as f64, "in 1..=65536");
            }
        }
        Ok(())
    }

    /// At least so many values does a model of these settings hold; saturates.
    #[must_use]
    pub fn n_values(&self, n_users: usize, n_items: usize) -> u64 {
        let product = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let mut rows = n_items as u64;
        if self.user_id {
            rows = rows.saturating_add(n_users as u64);
        }
        if self.pooling.is_some() && self.own_history_table {
            rows = rows.saturating_add(n_items as u64);
        }
        let mut values = rows.saturating_mul(self.dim as u64);
        if let Some(Pooling::SelfAttention { .. }) = self.pooling {
            values = values.saturating_add(product(self.max_history, self.dim));
        }
        if let Some(Pooling::SelfAttention { .. } | Pooling::Query) = self.pooling {
            values = values.saturating_add(product(self.dim, self.dim));
        }
        for layers in [&self.user_layers, &self.item_layers].into_iter().flatten() {
            let mut width = self.dim;
            for &next in layers.hidden.iter().chain([&self.dim]) {
                values = values.saturating_add(product(width, next));
                width = next;
            }
        }
        values
    }
}

/// Matrix factorisation: a vector a user, a vector an item (Koren et al. 2009; Rendle et al. 2009, 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixFactorization;

impl MatrixFactorization {
    /// Ids alone, compared by their product.
    #[must_use]
    pub fn params(dim: usize) -> TowersParams {
        TowersParams {
            dim,
            similarity: Similarity::Dot,
            user_id: true,
            pooling: None,
            ..TowersParams::default()
        }
    }
}

/// YouTube DNN: a pooled history, layers over it, and items by id (Covington, Adams & Sargin 2016).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YouTubeDnn;

impl YouTubeDnn {
    /// The mean of the history and no layers: user and items lie in one table.
    #[must_use]
    pub fn mean(dim: usize) -> TowersParams {
        TowersParams { dim, ..TowersParams::default() }
    }

    /// The article's: a pooled history beside the user's id, and hidden layers of 256 and 128 with batch normalisation on both sides.
    #[must_use]
    pub fn deep(dim: usize, pooling: Pooling) -> TowersParams {
        let layers = MlpParams { hidden: vec![256, 128], batch_norm: true, ..MlpParams::default() };
        TowersParams {
            dim,
            user_id: true,
            pooling: Some(pooling),
            own_history_table: true,
            user_layers: Some(layers.clone()),
            item_layers: Some(layers),
            ..TowersParams::default()
        }
    }

    /// SimpleX (Mao et al. 2021): attention of the user's vector over up to 500 items, which have vectors of their own for it, mixed with
    /// the user's vector, of which a tenth is dropped.
    #[must_use]
    pub fn attentive(dim: usize, share: f32) -> TowersParams {
        TowersParams {
            dim,
            user_id: true,
            pooling: Some(Pooling::Query),
            max_history: 500,
            own_history_table: true,
            join: Join::Mix { share },
            dropout: 0.1,
            deviation: 1e-4,
            ..TowersParams::default()
        }
    }
}

/// Contrastive learning of histories: beside the next item, two changed views of a history are to be nearer to each other than to
/// the views of others (CL4SRec, Xie et al. 2022). The views are asked for by [`FitParams::views`](crate::train::FitParams).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contrastive;

impl Contrastive {
    /// The mean of the history: the model that [`YouTubeDnn::mean`] is, trained by views too.
    #[must_use]
    pub fn params(dim: usize) -> TowersParams {
        YouTubeDnn::mean(dim)
    }
}
