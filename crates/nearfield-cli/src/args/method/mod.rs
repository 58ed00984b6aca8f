//! Methods, and the options that only some of them have: one file a family.

mod features;
mod graph;
mod sequence;
mod towers;

use clap::ValueEnum;

pub(crate) use features::{FeatureArgs, SideWord};
pub(crate) use graph::{GraphKind, GraphMethodArgs};
pub(crate) use sequence::{Sampler, SequenceArgs};
pub(crate) use towers::TowerArgs;

use crate::shell::CommandLine;

/// What learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// Skip-gram with negative sampling over each user's items as one basket
    Item2vec,
    /// Skip-gram over random walks on a graph of the log
    Deepwalk,
    /// The same with walks that also depend on where they came from (p, q)
    Node2vec,
    /// Matrix factorisation: a vector a user, a vector an item
    Mf,
    /// YouTube DNN: a user is the pooled history
    YoutubeDnn,
    /// DSSM: two towers over features of users and items, ids and histories
    Dssm,
    /// YouTube DNN whose users are also near to changed views of their own history
    Contrastive,
}

impl Method {
    /// The word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Item2vec => "item2vec",
            Self::Deepwalk => "deepwalk",
            Self::Node2vec => "node2vec",
            Self::Mf => "mf",
            Self::YoutubeDnn => "youtube-dnn",
            Self::Dssm => "dssm",
            Self::Contrastive => "contrastive",
        }
    }

    /// The method of that name, as `run.json` has it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|method| method.name() == name)
    }

    /// Whether an item that training sees only alone, never beside another, stays without a vector.
    pub(crate) fn needs_company(self) -> bool {
        match self {
            Self::Item2vec | Self::Deepwalk | Self::Node2vec => true,
            Self::Mf | Self::YoutubeDnn | Self::Dssm | Self::Contrastive => false,
        }
    }
}

/// Options that were given, as words to be typed again.
pub(crate) trait Given {
    /// The line with what was given of these options.
    fn append(&self, line: CommandLine) -> CommandLine;
}
