use crate::losses::Objective;
use crate::models::{Contrastive, MatrixFactorization, Pooling, TowersParams, Views, YouTubeDnn};
use crate::optim::{Decay, Schedule, TableOptimizer};
use crate::train::{FitParams, Negatives};

/// A model and its training, put together from settings that measured well, most of them one at a time: `docs/towers.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// The model.
    pub towers: TowersParams,
    /// Its training, with negatives that are drawn uniformly.
    pub fit: FitParams,
}

impl Preset {
    /// Sampled softmax over cosines: 800 negatives a batch, τ = 0.1, row-wise Adagrad.
    fn sampled(towers: TowersParams) -> Self {
        let fit = FitParams {
            epochs: 12,
            negatives: Negatives { in_batch: false, shared: 800, own: 0 },
            log_q: false,
            objective: Objective::Softmax,
            temperature: 0.1,
            table_rate: 0.3,
            schedule: Schedule { warm_up: 0, decay: Decay::Linear },
            ..FitParams::default()
        };
        Self { towers, fit }
    }

    /// [`MatrixFactorization`] by cosine.
    #[must_use]
    pub fn matrix_factorization(dim: usize) -> Self {
        let towers = TowersParams {
            similarity: crate::models::Similarity::Cosine,
            ..MatrixFactorization::params(dim)
        };
        Self::sampled(towers)
    }

    /// [`YouTubeDnn`] with the mean of up to 500 items: 1000 negatives a batch, lazy Adam, 25 passes.
    #[must_use]
    pub fn youtube_dnn(dim: usize) -> Self {
        let mut preset = Self::sampled(TowersParams { max_history: 500, ..YouTubeDnn::mean(dim) });
        preset.fit.epochs = 25;
        preset.fit.negatives.shared = 1000;
        (preset.fit.table_optimizer, preset.fit.table_rate) = (TableOptimizer::lazy_adam(), 0.003);
        preset
    }

    /// [`YouTubeDnn`] with the user's id, mixed with the history as its attention pools it.
    #[must_use]
    pub fn attentive(dim: usize) -> Self {
        Self::sampled(TowersParams { max_history: 500, ..YouTubeDnn::attentive(dim, 0.5) })
    }

    /// [`YouTubeDnn`] with self-attention over the last 50 items.
    #[must_use]
    pub fn self_attention(dim: usize) -> Self {
        Self::sampled(TowersParams {
            pooling: Some(Pooling::SelfAttention { heads: 2 }),
            ..YouTubeDnn::mean(dim)
        })
    }

    /// [`Contrastive`] with the mean of up to 500 items.
    #[must_use]
    pub fn contrastive(dim: usize) -> Self {
        let mut preset = Self::sampled(TowersParams { max_history: 500, ..Contrastive::params(dim) });
        preset.fit.views = Some(Views::default());
        preset
    }
}
