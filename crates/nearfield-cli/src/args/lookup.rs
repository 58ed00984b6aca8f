use std::path::PathBuf;

use clap::{ArgGroup, Args};
use embed_core::Metric;

use super::values::positive;

/// `nearfield neighbors`.
#[derive(Debug, Args)]
pub(crate) struct NeighborsArgs {
    /// Vectors: .safetensors (keys in keys.txt beside it), word2vec .txt or .bin, .nf; .npy (keys are row numbers)
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

    /// The tensor to read of a .safetensors file; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
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

    /// Features of users, of which --user may be a new one (dssm): CSV, TSV or Parquet, the key in the first column
    #[arg(long, value_name = "F")]
    pub(crate) user_features: Option<PathBuf>,

    /// How many items
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    /// Recommend what is already in the history, too
    #[arg(long)]
    pub(crate) keep_seen: bool,
}
