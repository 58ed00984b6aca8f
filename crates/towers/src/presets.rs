use crate::losses::Objective;
use crate::models::{
    Contrastive, HistoryView, MatrixFactorization, Pooling, TowersParams, Views, YouTubeDnn,
};
use crate::optim::{Decay, Schedule, TableOptimizer};
use crate::train::{FitParams, NegativeCounts};
use crate::{FitError, IdTowers, TwoTowerData};
use embed_core::Run;

/// A model and its training, put together from settings that measured well, most of them one at a time: `docs/towers.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// The model.
    pub towers: TowersParams,
    /// Its training.
    pub fit: FitParams,
    /// Its negatives.
    pub negatives: NegativeCounts,
}

impl Preset {
    /// [`IdTowers::fit`] with these settings.
    ///
    /// # Errors
    /// As [`IdTowers::fit`].
    pub fn fit(&self, data: TwoTowerData<'_>, run: &mut Run<'_>) -> Result<IdTowers, FitError> {
        IdTowers::fit(&self.towers, &self.fit, data, self.negatives, run)
    }

    /// Softmax over cosines with the batch's other positives and 1000 drawn items as negatives, but for those of the user, log Q
    /// subtracted, τ = 0.1, lazy Adam.
    fn mixed(towers: TowersParams) -> Self {
        let fit = FitParams {
            epochs: 12,
            mask_seen: true,
            objective: Objective::Softmax,
            temperature: 0.1,
            table_optimizer: TableOptimizer::lazy_adam(),
            table_rate: 0.003,
            schedule: Schedule { warm_up: 0, decay: Decay::Linear },
            ..FitParams::default()
        };
        Self { towers, fit, negatives: NegativeCounts { per_batch: 1000, ..NegativeCounts::default() } }
    }

    /// The same model trained by cosine contrastive loss, margin 0.9 and weight 150, against 1000 drawn items, with RMSProp on tables that
    /// begin near 0, 12 passes. For sparse logs: on Gowalla, where one of 1500 pairs is seen, it is well ahead of the softmax; on MovieLens, where one of
    /// 16 is, behind popularity, as nothing is pushed away below the margin.
    #[must_use]
    pub fn contrasted(self) -> Self {
        let fit = FitParams {
            epochs: 12,
            batch: 512,
            objective: Objective::Contrastive { margin: 0.9, weight: 150.0 },
            temperature: 1.0,
            table_optimizer: TableOptimizer::rms_prop(),
            table_rate: 2e-4,
            table_l2: 1e-8,
            schedule: Schedule { warm_up: 0, decay: Decay::Linear },
            views: self.fit.views,
            ..FitParams::default()
        };
        let negatives = NegativeCounts { in_batch: false, per_batch: 1000, per_example: 0, corrected: false };
        Self { towers: TowersParams { deviation: 1e-4, ..self.towers }, fit, negatives }
    }

    /// [`MatrixFactorization`] by cosine.
    #[must_use]
    pub fn matrix_factorization(dim: usize) -> Self {
        let towers = TowersParams {
            similarity: crate::models::Similarity::Cosine,
            ..MatrixFactorization::params(dim)
        };
        Self::mixed(towers)
    }

    /// [`YouTubeDnn`] with the mean of up to 500 items.
    #[must_use]
    pub fn youtube_dnn(dim: usize) -> Self {
        Self::mixed(TowersParams { max_history: 500, ..YouTubeDnn::mean(dim) })
    }

    /// [`YouTubeDnn`] with a learned weight for each place from the end of the 50 items before a positive, 4 passes: for logs in the order
    /// of time.
    #[must_use]
    pub fn places(dim: usize) -> Self {
        let mut preset = Self::mixed(TowersParams {
            pooling: Some(Pooling::Places),
            view: HistoryView::Before,
            ..YouTubeDnn::mean(dim)
        });
        preset.fit.epochs = 4;
        preset
    }

    /// [`YouTubeDnn`] with the mean of up to 500 items in which an item k places away counts 1 / √k: for logs in the order of time.
    #[must_use]
    pub fn near(dim: usize) -> Self {
        let pooling = Some(Pooling::Near { power: 0.5 });
        Self::mixed(TowersParams { pooling, max_history: 500, ..YouTubeDnn::mean(dim) })
    }

    /// [`YouTubeDnn`] with attention of one learned query over the last 200 items, 8 passes: level with the mean on validation as far as it was seen.
    #[must_use]
    pub fn query(dim: usize) -> Self {
        let pooling = Some(Pooling::Query);
        let mut preset = Self::mixed(TowersParams { pooling, max_history: 200, ..YouTubeDnn::mean(dim) });
        preset.fit.epochs = 8;
        preset
    }

    /// [`YouTubeDnn`] with self-attention over the last 50 items.
    #[must_use]
    pub fn self_attention(dim: usize) -> Self {
        Self::mixed(TowersParams {
            pooling: Some(Pooling::SelfAttention { heads: 2 }),
            ..YouTubeDnn::mean(dim)
        })
    }

    /// [`Contrastive`] with the mean of up to 500 items.
    #[must_use]
    pub fn contrastive(dim: usize) -> Self {
        let mut preset = Self::mixed(TowersParams { max_history: 500, ..Contrastive::params(dim) });
        preset.fit.views = Some(Views::default());
        preset
    }
}
