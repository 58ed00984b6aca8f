use clap::{Args, ValueEnum};
use embed_core::Metric;
use nearfield::towers::Preset;
use nearfield::towers::losses::Objective;
use nearfield::towers::models::{HistoryView, Pooling, Similarity};
use nearfield::towers::train::{FitParams, NegativeCounts, Validation};

use super::Given;
use crate::args::values::positive;
use crate::shell::CommandLine;

/// How two towers are trained. What is not given is the preset's.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TowerArgs {
    /// Pooling of a history into one vector; by default mean, of dssm places. With youtube-dnn each pooling also brings
    /// its own history and passes (below). contrastive pools the last 500 of all others in 12 passes, dssm the last
    /// 50 items before the positive in 24, whatever the pooling
    #[arg(long, value_enum, value_name = "P")]
    pub(crate) pooling: Option<PoolingArg>,

    /// The most items of a history, the last ones
    #[arg(long, value_name = "T", value_parser = positive)]
    max_history: Option<usize>,

    /// History of a positive: all of the user's other items, or what came before it; by default others, but
    /// before with dssm and with --pooling places of youtube-dnn
    #[arg(long, value_enum, value_name = "others|before")]
    view: Option<ViewArg>,

    /// The loss; by default softmax
    #[arg(long, value_enum, value_name = "L")]
    loss: Option<LossArg>,

    /// Negatives drawn for each batch, and none beside; 0 takes the batch's other positives, of which a softmax
    /// subtracts log Q
    #[arg(long, value_name = "K")]
    sampled: Option<usize>,

    /// Temperature: divisor of similarities before the loss; by default 0.1, and 1 with --loss ccl or --metric ip
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,

    /// Positives of a step
    #[arg(long, value_name = "B", value_parser = positive)]
    batch: Option<usize>,

    /// Learning rate of the vectors of ids
    #[arg(long, value_name = "R")]
    table_rate: Option<f32>,

    /// Hold a tenth of each user's items (with a history of what came before, the last one) out of training, rank them
    /// after each pass, stop early and keep the best
    #[arg(long)]
    pub(crate) early_stop: bool,
}

/// How a history is pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PoolingArg {
    /// The mean (youtube-dnn: of the last 500 of all others, 12 passes)
    Mean,
    /// Self-attention of two heads, then the mean (youtube-dnn: of the last 50 of all others, 12 passes)
    SelfAttention,
    /// Attention of one learned vector (youtube-dnn: over the last 200 of all others, 8 passes)
    Query,
    /// A mean with a learned weight for each place from the end (youtube-dnn: of the last 50 before the positive, 4
    /// passes)
    Places,
    /// A mean in which an item k places away counts 1 / √k (youtube-dnn: of the last 500 of all others, 12 passes)
    Near,
}

/// Which items are the history of a positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewArg {
    Others,
    Before,
}

/// A loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LossArg {
    /// Sampled or in-batch softmax
    Softmax,
    /// The positive above the negative
    Bpr,
    /// Cosine contrastive loss, margin 0.9, weight 150, for sparse logs. mf, youtube-dnn and contrastive train with it
    /// in their own way: RMSProp, tables that begin near 0, batches of 512, 1,000 negatives drawn, 12 passes. dssm
    /// changes the loss alone: the batch's other positives are the negatives
    Ccl,
    /// Log loss
    Log,
}

fn word(value: Option<impl ValueEnum>) -> Option<String> {
    value.and_then(|value| value.to_possible_value()).map(|value| value.get_name().to_owned())
}

impl TowerArgs {
    /// The settings that were given, in place of those of a preset.
    pub(crate) fn over(&self, mut preset: Preset, metric: Option<Metric>) -> Preset {
        if self.loss == Some(LossArg::Ccl) {
            preset = preset.contrasted();
        }
        let Preset { towers, fit, negatives } = &mut preset;
        if let Some(most) = self.max_history {
            towers.max_history = most;
        }
        towers.view = self.view_or(towers.view);
        self.over_fit((&mut towers.similarity, fit, negatives), metric);
        preset
    }

    /// Which items are the history of a positive.
    pub(crate) fn view_or(&self, view: HistoryView) -> HistoryView {
        match self.view {
            None => view,
            Some(ViewArg::Others) => HistoryView::Others,
            Some(ViewArg::Before) => HistoryView::Before,
        }
    }

    /// The history of a model over features: its pooling, the most items, and which.
    pub(crate) fn history(&self) -> (Pooling, usize, HistoryView) {
        let pooling = match self.pooling {
            None => Pooling::Places,
            Some(PoolingArg::Mean) => Pooling::Mean,
            Some(PoolingArg::SelfAttention) => Pooling::SelfAttention { heads: 2 },
            Some(PoolingArg::Query) => Pooling::Query,
            Some(PoolingArg::Places) => Pooling::Places,
            Some(PoolingArg::Near) => Pooling::Near { power: 0.5 },
        };
        (pooling, self.max_history.unwrap_or(50), self.view_or(HistoryView::Before))
    }

    /// The first option given that only a model with a history has.
    pub(crate) fn of_histories(&self) -> Option<&'static str> {
        let given = [
            (self.pooling.is_some(), "--pooling"),
            (self.max_history.is_some(), "--max-history"),
            (self.view.is_some(), "--view"),
        ];
        given.into_iter().find_map(|(given, option)| given.then_some(option))
    }

    /// What was given of a training, in place of that of a preset.
    pub(crate) fn over_fit(
        &self,
        (similarity, fit, negatives): (&mut Similarity, &mut FitParams, &mut NegativeCounts),
        metric: Option<Metric>,
    ) {
        match metric {
            Some(Metric::InnerProduct) => {
                *similarity = Similarity::Dot;
                fit.temperature = 1.0;
            }
            Some(Metric::Cosine) => *similarity = Similarity::Cosine,
            _ => {}
        }
        if let Some(loss) = self.loss {
            (fit.objective, fit.temperature) = match loss {
                LossArg::Softmax => (Objective::Softmax, fit.temperature),
                LossArg::Bpr => (Objective::Bpr, fit.temperature),
                LossArg::Ccl => (Objective::Contrastive { margin: 0.9, weight: 150.0 }, 1.0),
                LossArg::Log => (Objective::Logistic, fit.temperature),
            };
            if fit.objective != Objective::Softmax {
                // Log Q is of a softmax, and without it the batch's positives are too popular for negatives.
                negatives.corrected = false;
                negatives.in_batch &= negatives.per_batch == 0;
            }
        }
        if let Some(sampled) = self.sampled {
            let in_batch = sampled == 0;
            let corrected = in_batch && fit.objective == Objective::Softmax;
            *negatives = NegativeCounts { in_batch, per_batch: sampled, per_example: 0, corrected };
        }
        fit.temperature = self.temperature.unwrap_or(fit.temperature);
        fit.batch = self.batch.unwrap_or(fit.batch);
        fit.table_rate = self.table_rate.unwrap_or(fit.table_rate);
        fit.validation = self.early_stop.then(Validation::default);
    }

    /// How a history is pooled, as the library has it.
    pub(crate) fn preset(&self, dim: usize) -> Preset {
        match self.pooling {
            None | Some(PoolingArg::Mean) => Preset::youtube_dnn(dim),
            Some(PoolingArg::Places) => Preset::places(dim),
            Some(PoolingArg::Near) => Preset::near(dim),
            Some(PoolingArg::SelfAttention) => Preset::self_attention(dim),
            Some(PoolingArg::Query) => Preset::query(dim),
        }
    }

    /// The same for a model whose users are their history alone.
    pub(crate) fn pooled(&self, mut preset: Preset) -> Preset {
        preset.towers.pooling = Some(match self.pooling {
            None | Some(PoolingArg::Mean) => Pooling::Mean,
            Some(PoolingArg::SelfAttention) => Pooling::SelfAttention { heads: 2 },
            Some(PoolingArg::Query) => Pooling::Query,
            Some(PoolingArg::Places) => Pooling::Places,
            Some(PoolingArg::Near) => Pooling::Near { power: 0.5 },
        });
        preset
    }
}

impl Given for TowerArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        line.maybe("--pooling", word(self.pooling))
            .maybe("--max-history", self.max_history)
            .maybe("--view", word(self.view))
            .maybe("--loss", word(self.loss))
            .maybe("--sampled", self.sampled)
            .maybe("--temperature", self.temperature)
            .maybe("--batch", self.batch)
            .maybe("--table-rate", self.table_rate)
            .flag("--early-stop", self.early_stop)
    }
}
