use std::path::PathBuf;

use clap::Args;
use embed_core::Metric;

use super::values::positive;
use super::{DEFAULT_SEED, WorkArgs};

/// `nearfield inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Vectors: .safetensors (keys in keys.txt beside it), word2vec .txt or .bin, .nf; .npy (keys are row numbers)
    #[arg(long, value_name = "F")]
    pub(crate) vectors: PathBuf,

    /// The tensor to read of a .safetensors file; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// What the items are: a key and a label a line (.csv, .tsv), several labels parted by |
    #[arg(long, value_name = "F")]
    pub(crate) labels: Option<PathBuf>,

    /// Items whose neighbours are shown
    #[arg(long, value_name = "KEY", num_args = 1..)]
    pub(crate) keys: Vec<String>,

    /// Neighbours of an item
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    /// How near is measured
    #[arg(long, value_name = "ip|cosine|l2", default_value = "cosine")]
    pub(crate) metric: Metric,

    /// Items that neighbours and silhouettes are taken of, drawn where there are more
    #[arg(long, value_name = "N", default_value = "5000", value_parser = positive)]
    pub(crate) sample: usize,

    /// Same seed, same sample
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
