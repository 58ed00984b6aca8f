use std::path::PathBuf;

use clap::Args;

use super::{DEFAULT_SEED, WorkArgs};

/// `nearfield compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The folder of a run, or of eval --out
    #[arg(value_name = "DIR")]
    pub(crate) a: PathBuf,

    /// What it is compared with
    #[arg(value_name = "DIR")]
    pub(crate) b: PathBuf,

    /// The seed of resamples and permutations
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
