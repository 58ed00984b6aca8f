use std::path::PathBuf;

use clap::Args;

use super::{SideWord, WorkArgs};

/// `nearfield embed`.
#[derive(Debug, Args)]
pub(crate) struct EmbedArgs {
    /// The folder of a run
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,

    /// Whose vectors
    #[arg(long, value_enum, value_name = "user|item")]
    pub(crate) side: SideWord,

    /// Features with the key in the first column (CSV, TSV, Parquet); or, of users, lines of a key and its items (.txt)
    #[arg(long, value_name = "F")]
    pub(crate) input: PathBuf,

    /// Where to write the vectors: .safetensors (keys in keys.txt beside it), .txt, .bin or .nf
    #[arg(long, value_name = "F")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
