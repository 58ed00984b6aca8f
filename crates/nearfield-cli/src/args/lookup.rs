use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use embed_core::Metric;

use super::values::positive;

/// Which of the two tables of an Item2Vec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Table {
    /// Centre vectors: what an item is.
    Input,
    /// Context vectors: what an item stands beside; the side that is recommended from.
    Output,
}

impl Table {
    /// The tensor's name in a file.
    pub(crate) fn tensor(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// `nearfield neighbors`.
#[derive(Debug, Args)]
pub(crate) struct NeighborsArgs {
    /// Vectors: .safetensors or .npy (keys in keys.txt beside them, else row numbers), word2vec text or binary
    #[arg(long, value_name = "F")]
    pub(crate) vectors: PathBuf,

    /// Items to look up
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,

    /// Neighbours an item
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    /// How near is measured
    #[arg(long, value_name = "ip|cosine|l2", default_value = "cosine")]
    pub(crate) metric: Metric,

    /// The table of a safetensors file from `run` that holds two
    #[arg(long, value_name = "input|output", default_value = "input")]
    pub(crate) table: Table,
}

/// `nearfield recommend`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["item", "history", "user"])))]
pub(crate) struct RecommendArgs {
    /// The folder of a run
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,

    /// What goes with these items
    #[arg(long, value_name = "KEY", num_args = 1..)]
    pub(crate) item: Vec<String>,

    /// What goes with a history, oldest first, separated by commas
    #[arg(long, value_name = "a,b,c", allow_hyphen_values = true)]
    pub(crate) history: Option<String>,

    /// What goes with the training history of a user of the log
    #[arg(long, value_name = "U", allow_hyphen_values = true)]
    pub(crate) user: Option<String>,

    /// How many items
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    /// Recommend what is already in the history, too
    #[arg(long)]
    pub(crate) keep_seen: bool,
}
