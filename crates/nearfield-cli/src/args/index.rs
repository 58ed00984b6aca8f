use std::path::PathBuf;

use clap::{Args, Subcommand};
use embed_core::Metric;
use nearfield::ann::IndexSpec;

use super::{DEFAULT_SEED, WorkArgs};

/// `nearfield index`.
#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    #[command(subcommand)]
    pub(crate) command: IndexCommand,
}

/// The commands on indexes.
#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Build an index over vectors
    Build(IndexBuildArgs),
    /// Search an index with many queries
    Search(IndexSearchArgs),
}

/// `nearfield index build`.
#[derive(Debug, Args)]
pub(crate) struct IndexBuildArgs {
    /// Vectors: .safetensors, .npy, .nf, word2vec .txt or .bin, .fvecs, .bvecs, IDX images
    #[arg(long, value_name = "F")]
    pub(crate) vectors: PathBuf,

    /// The index family: Flat (exact) or HNSW32 (a graph of 32 links a row)
    #[arg(long, value_name = "SPEC")]
    pub(crate) spec: IndexSpec,

    /// How near is measured
    #[arg(long, value_name = "ip|cosine|l2", default_value = "l2")]
    pub(crate) metric: Metric,

    /// The tensor to read of a .safetensors file; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// The file to write
    #[arg(long, value_name = "F")]
    pub(crate) out: PathBuf,

    /// Same seed, same index
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// `nearfield index search`.
#[derive(Debug, Args)]
pub(crate) struct IndexSearchArgs {
    /// An index from `index build` or from `run`
    #[arg(long, value_name = "F")]
    pub(crate) index: PathBuf,

    /// Query vectors, in any of the same formats
    #[arg(long, value_name = "F")]
    pub(crate) queries: PathBuf,

    /// The tensor to read of a .safetensors file; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// Neighbours a query
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = super::values::positive)]
    pub(crate) k: usize,

    /// How hard to look: HNSW's ef. More is slower and finds more; an exact index ignores it
    #[arg(long, value_name = "N", value_parser = super::values::positive)]
    pub(crate) effort: Option<usize>,

    /// Where the ids go, int64 [n, k], −1 where there are fewer than k; scores go to F.scores.npy
    #[arg(long, value_name = "F.npy")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
