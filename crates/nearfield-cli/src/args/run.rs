use std::path::{Path, PathBuf};

use clap::Args;
use embed_core::Metric;
use nearfield::ann::IndexSpec;
use nearfield::interactions::{Format, Split};

use super::method::{FeatureArgs, Given, GraphMethodArgs, Method, SequenceArgs, TowerArgs};
use super::values::{Cutoffs, SessionGap, positive, positive_u32};
use super::{DEFAULT_SEED, LayoutArgs, WorkArgs};
use crate::model;
use crate::shell::CommandLine;

/// `nearfield run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    #[command(flatten, next_help_heading = "Input")]
    pub(crate) input: InputArgs,

    #[command(flatten, next_help_heading = "Learning")]
    pub(crate) learn: LearnArgs,

    #[command(flatten, next_help_heading = "Learning from sequences")]
    pub(crate) sequence: SequenceArgs,

    #[command(flatten, next_help_heading = "Learning from a graph")]
    pub(crate) graph: GraphMethodArgs,

    #[command(flatten, next_help_heading = "Learning two towers")]
    pub(crate) tower: TowerArgs,

    #[command(flatten, next_help_heading = "Learning from features")]
    pub(crate) features: FeatureArgs,

    #[command(flatten, next_help_heading = "Measuring")]
    pub(crate) measure: MeasureArgs,

    /// Folder for vectors, index, model and run.json; an earlier run's folder is replaced, no other
    #[arg(long, value_name = "DIR", default_value = "nearfield-out")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

impl RunArgs {
    /// How a user's vector is scored against items in the index: the length of a vector counts where it says that training has
    /// not seen the item.
    pub(crate) fn metric(&self) -> Metric {
        let shorter = self.features.unseen.is_some_and(|factor| factor < 1.0);
        if shorter { Metric::InnerProduct } else { self.learn.metric() }
    }

    /// All defaults, for a CSV file.
    pub(crate) fn on_file(train: &Path, out: &Path, seed: u64, work: WorkArgs) -> Self {
        Self {
            input: InputArgs {
                train: train.to_owned(),
                test: None,
                split: None,
                layout: LayoutArgs::of(Format::Csv),
                k_core: None,
                session_gap: None,
            },
            learn: LearnArgs {
                method: Method::Item2vec,
                dim: None,
                epochs: None,
                index: None,
                metric: None,
                seed,
            },
            sequence: SequenceArgs::default(),
            graph: GraphMethodArgs::default(),
            tower: TowerArgs::default(),
            features: FeatureArgs::default(),
            measure: MeasureArgs { cutoffs: Cutoffs::default(), keep_seen: None, candidates: None },
            out: out.to_owned(),
            work,
        }
    }

    /// The options that only some methods have.
    pub(crate) fn of_methods(&self) -> [&dyn Given; 4] {
        [&self.sequence, &self.graph, &self.tower, &self.features]
    }
}

/// What is read, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// The log to learn from; .gz is unpacked
    #[arg(long, value_name = "F")]
    pub(crate) train: PathBuf,

    /// Held-out interactions; without it they are cut from the log by --split
    #[arg(long, value_name = "F", conflicts_with = "split")]
    pub(crate) test: Option<PathBuf>,

    /// Held-out interactions: each user's last one (the default), the last share of the time, a random share of
    /// interactions, or all interactions of a random share of items or users
    #[arg(long, value_name = "last|time:0.2|ratio:0.2|cold-items:0.2|cold-users:0.2")]
    pub(crate) split: Option<Split>,

    #[command(flatten)]
    pub(crate) layout: LayoutArgs,

    /// Keep users and items with at least N interactions, until that holds for all
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) k_core: Option<usize>,

    /// Cut a user's history where nothing happened for so long (30m, 2h, 1d); needs times
    #[arg(long, value_name = "30m")]
    pub(crate) session_gap: Option<SessionGap>,
}

impl Given for InputArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        let line = line
            .path("--train", &self.train)
            .maybe("--test", self.test.as_ref().map(|path| path.display()))
            .maybe("--split", self.split);
        self.layout.append(line).maybe("--k-core", self.k_core).maybe("--session-gap", self.session_gap)
    }
}

/// What is learned, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct LearnArgs {
    /// What learns
    #[arg(long, value_name = "M", default_value = "item2vec")]
    pub(crate) method: Method,

    /// Components of a vector; by default 32 below 1,000 items, 64 up to 1,000,000, then 128
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) dim: Option<u32>,

    /// Passes over the log; by default what the method's preset says
    #[arg(long, value_name = "N", value_parser = positive_u32)]
    pub(crate) epochs: Option<u32>,

    /// The index over the item vectors; by default Flat (exact) up to 10,000 items, then HNSW32
    #[arg(long, value_name = "SPEC")]
    pub(crate) index: Option<IndexSpec>,

    /// Metric between a user's vector and items; by default ip for item2vec, deepwalk and node2vec. mf,
    /// youtube-dnn, dssm and contrastive are also trained for it: cosine by default, or ip
    #[arg(long, value_name = "ip|cosine|l2")]
    pub(crate) metric: Option<Metric>,

    /// Same seed, same vectors
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
}

impl LearnArgs {
    /// How a user's vector is scored against items.
    pub(crate) fn metric(&self) -> Metric {
        self.metric.unwrap_or_else(|| model::metric_of(self.method))
    }
}

/// What is measured, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct MeasureArgs {
    /// List lengths at which every metric is taken
    #[arg(short = 'k', long = "k", value_name = "10,20", default_value = "10,20")]
    pub(crate) cutoffs: Cutoffs,

    /// Rank what the user already has, too; the default for tests of prefix<TAB>target lines
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) keep_seen: Option<bool>,

    /// Also rank a positive among given negatives: lines of user, positive, negatives, parted by tabs; .gz is unpacked
    #[arg(long, value_name = "F")]
    pub(crate) candidates: Option<PathBuf>,
}
