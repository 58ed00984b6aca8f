use clap::{Args, ValueEnum};
use nearfield::graphemb::{NodeParams, Similarity};
use serde::Serialize;

use super::Given;
use crate::args::values::{positive, positive_u32};
use crate::shell::CommandLine;

/// What a log's graph is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GraphKind {
    /// Items of the same users, by the share of users that have both among those that have either
    Jaccard,
    /// The same by the cosine of their users
    Cosine,
    /// The same by the number of users that have both
    CoCount,
    /// The same by how much more often together than by chance
    Lift,
    /// The same by the logarithm of the lift, where it is above 0
    Pmi,
    /// What comes after what in a user's history or session; directed
    Adjacency,
    /// Users and items, by who has what
    Bipartite,
}

impl GraphKind {
    /// The word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jaccard => "jaccard",
            Self::Cosine => "cosine",
            Self::CoCount => "co-count",
            Self::Lift => "lift",
            Self::Pmi => "pmi",
            Self::Adjacency => "adjacency",
            Self::Bipartite => "bipartite",
        }
    }

    /// The similarity, where the graph is of similar items.
    pub(crate) fn similarity(self) -> Option<Similarity> {
        match self {
            Self::Jaccard => Some(Similarity::Jaccard),
            Self::Cosine => Some(Similarity::Cosine),
            Self::CoCount => Some(Similarity::CoCount),
            Self::Lift => Some(Similarity::Lift),
            Self::Pmi => Some(Similarity::Pmi),
            Self::Adjacency | Self::Bipartite => None,
        }
    }
}

/// Which graph is walked on, and how. What is not given is the preset's.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GraphMethodArgs {
    /// What the graph is of
    #[arg(long, value_name = "KIND")]
    graph: Option<GraphKind>,

    /// Nearest items of an item that are kept; for graphs of similar items
    #[arg(long, value_name = "N", value_parser = positive)]
    top_k: Option<usize>,

    /// Return parameter: the way back weighs 1/P
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    p: Option<f64>,

    /// In-out parameter: a step away from the last node weighs 1/Q
    #[arg(long, value_name = "Q", allow_hyphen_values = true)]
    q: Option<f64>,

    /// Walks from each node in a pass
    #[arg(long, value_name = "N", value_parser = positive_u32)]
    walks: Option<u32>,

    /// Nodes of a walk
    #[arg(long, value_name = "N", value_parser = positive_u32)]
    length: Option<u32>,
}

impl GraphMethodArgs {
    pub(crate) fn kind(&self) -> GraphKind {
        self.graph.unwrap_or(GraphKind::Bipartite)
    }

    pub(crate) fn top_k(&self) -> Option<usize> {
        self.top_k
    }

    /// The settings that were given, in place of those of `preset`.
    pub(crate) fn over(&self, mut preset: NodeParams) -> NodeParams {
        let walks = &mut preset.walks;
        walks.p = self.p.unwrap_or(walks.p);
        walks.q = self.q.unwrap_or(walks.q);
        walks.walks = self.walks.unwrap_or(walks.walks);
        walks.length = self.length.unwrap_or(walks.length);
        preset
    }
}

impl Given for GraphMethodArgs {
    fn append(&self, line: CommandLine) -> CommandLine {
        line.maybe("--graph", self.graph.map(GraphKind::name))
            .maybe("--top-k", self.top_k)
            .maybe("--p", self.p)
            .maybe("--q", self.q)
            .maybe("--walks", self.walks)
            .maybe("--length", self.length)
    }
}
