use std::path::PathBuf;

use clap::{ArgGroup, Args};
use embed_core::Metric;

use super::values::Cutoffs;
use super::{LayoutArgs, WorkArgs};

/// `nearfield eval`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["vectors", "recommendations"]))]
pub(crate) struct EvalArgs {
    /// Item vectors: .safetensors (keys in keys.txt beside it), word2vec .txt or .bin, .nf; .npy (rows, see --keys)
    #[arg(long, value_name = "F", requires = "train")]
    pub(crate) vectors: Option<PathBuf>,

    /// Ranked lists: user item item … lines (.txt), best first, or a row for each item (.csv, .tsv, with columns
    /// user and item), by a column score or else in the order of the file
    #[arg(long, value_name = "F")]
    pub(crate) recommendations: Option<PathBuf>,

    /// Keys of the rows of --vectors, one a line, for formats without keys
    #[arg(long, value_name = "F")]
    pub(crate) keys: Option<PathBuf>,

    /// Vectors of users; without them a user is the mean of the vectors of their history
    #[arg(long, value_name = "F")]
    pub(crate) users: Option<PathBuf>,

    /// The tensor that histories are taken from, of a .safetensors file; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// The tensor that is ranked, if it is another: users of input vectors are scored against output vectors
    #[arg(long, value_name = "NAME")]
    pub(crate) against: Option<String>,

    /// How a user's vector is scored against items
    #[arg(long, value_name = "ip|cosine|l2", default_value = "cosine")]
    pub(crate) metric: Metric,

    /// The log that histories come from: what is masked, and what popularity is counted in
    #[arg(long, value_name = "F")]
    pub(crate) train: Option<PathBuf>,

    /// What is to be found
    #[arg(long, value_name = "F")]
    pub(crate) test: PathBuf,

    #[command(flatten)]
    pub(crate) layout: LayoutArgs,

    /// List lengths at which every metric is taken
    #[arg(short = 'k', long = "k", value_name = "10,20", default_value = "10,20")]
    pub(crate) cutoffs: Cutoffs,

    /// Rank what the user already has, too; the default for tests of prefix<TAB>target lines, with --format sessions.
    /// Of --recommendations, which are taken as they are, it changes the popularity baseline alone
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) keep_seen: Option<bool>,

    /// A folder for the figures of every user, for compare and report; an earlier run's is replaced, no other
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
