use std::path::PathBuf;

use clap::Args;

use super::{DEFAULT_SEED, WorkArgs};

/// `nearfield demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the log and what is learned from it; an earlier run's folder is replaced, no other
    #[arg(long, value_name = "DIR", default_value = "nearfield-demo")]
    pub(crate) out: PathBuf,

    /// Same seed, same log, same vectors
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
