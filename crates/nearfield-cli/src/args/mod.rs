//! What can be typed: one file a command.

mod applies_to;
mod compare;
mod demo;
mod embed;
mod eval;
mod export;
mod graph;
mod index;
mod inspect;
mod layout;
mod lookup;
mod method;
mod report;
mod run;
mod train;
mod values;

use std::num::NonZeroUsize;

use clap::{ArgMatches, Args, CommandFactory, Parser, Subcommand};
use embed_core::{Parallelism, Run};

use crate::error::CliError;
use crate::progress::Bars;

pub(crate) use compare::CompareArgs;
pub(crate) use demo::DemoArgs;
pub(crate) use embed::EmbedArgs;
pub(crate) use eval::EvalArgs;
pub(crate) use export::ExportArgs;
pub(crate) use graph::{
    EmbedGraphArgs, GraphArgs, GraphBuildArgs, GraphCommand, KeepWord, LossWord, NodeMethod,
};
pub(crate) use index::{
    IndexArgs, IndexBenchArgs, IndexBuildArgs, IndexCommand, IndexSearchArgs, IndexTuneArgs,
};
pub(crate) use inspect::InspectArgs;
pub(crate) use layout::LayoutArgs;
pub(crate) use lookup::{NeighborsArgs, RecommendArgs};
pub(crate) use method::{FeatureArgs, Given, GraphKind, Method, Sampler, SequenceArgs, SideWord};
pub(crate) use report::ReportArgs;
pub(crate) use run::{InputArgs, MeasureArgs, RunArgs};
pub(crate) use train::TrainArgs;
pub(crate) use values::SessionGap;

/// The seed of a run that names none.
pub(crate) const DEFAULT_SEED: u64 = 42;

/// Learns item embeddings from a log of interactions, recommends from them, searches them and says how good
/// they are.
#[derive(Debug, Parser)]
#[command(name = "nearfield", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print one JSON object on the last line of stdout, for programs; errors too, as {"error": …}
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Cli {
    /// The definition of the command line, with the conditions of options in their help.
    pub(crate) fn definition() -> clap::Command {
        applies_to::explained(Self::command(), "")
    }

    /// Check for options that have no effect beside the others.
    ///
    /// # Errors
    /// [`CliError`] names the option, what it was given with, and what it is for.
    pub(crate) fn check(matches: &ArgMatches) -> Result<(), CliError> {
        applies_to::check(&Self::command(), matches)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole line on a made-up log: no input needed, takes seconds
    Demo(DemoArgs),
    /// Learn from a log, measure on held-out interactions, save vectors, index and model
    Run(Box<RunArgs>),
    /// Go on learning from a saved run with a new log: new items come in, what old ones learned stays
    Train(Box<TrainArgs>),
    /// The items nearest to an item
    Neighbors(NeighborsArgs),
    /// Recommend from a saved run: for items, for a history, or for a user of the log
    Recommend(RecommendArgs),
    /// Make vectors of users or items by a saved run: known ones, and new ones by their features
    Embed(EmbedArgs),
    /// Write both towers of a saved run as ONNX, and their weights as safetensors
    Export(ExportArgs),
    /// Build, search, tune and measure nearest-neighbour indexes
    Index(IndexArgs),
    /// Make graphs of logs
    Graph(GraphArgs),
    /// Learn vectors of a graph's nodes: DeepWalk, node2vec, node2vec+
    EmbedGraph(Box<EmbedGraphArgs>),
    /// Measure embeddings or recommendations from anywhere by the same figures
    Eval(Box<EvalArgs>),
    /// Say what vectors are like in themselves: neighbours, categories, use of the space
    Inspect(InspectArgs),
    /// Compare two runs user by user: which differences are no chance
    Compare(CompareArgs),
    /// Show runs as one HTML page: data, figures with intervals, training, exposure, a map of the items
    Report(ReportArgs),
}

/// Threads that work.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct WorkArgs {
    /// Most threads at work; by default one for each core. Never changes a result
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl WorkArgs {
    /// The threads asked for, if any.
    pub(crate) fn threads(self) -> Option<u16> {
        self.threads
    }

    /// How the libraries are told.
    pub(crate) fn parallelism(self) -> Parallelism {
        self.threads
            .and_then(|threads| NonZeroUsize::new(usize::from(threads)))
            .map_or(Parallelism::All, Parallelism::Threads)
    }

    /// A run from a seed, on these threads, watched by `bars`.
    pub(crate) fn run(self, seed: u64, bars: &mut Bars) -> Run<'_> {
        Run::seeded(seed).on(self.parallelism()).observed(bars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::definition().debug_assert();
    }

    #[test]
    fn json_stands_before_or_after_the_command() {
        for line in [["nearfield", "--json", "demo"], ["nearfield", "demo", "--json"]] {
            assert!(Cli::try_parse_from(line).unwrap().json);
        }
    }
}
