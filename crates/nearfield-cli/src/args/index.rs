use std::path::PathBuf;

use clap::{Args, Subcommand};
use embed_core::Metric;
use nearfield::ann::IndexSpec;

use super::values::{Specs, positive, recall};
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
    /// Measure which effort gives which recall, and keep that in the index for `index search --recall`
    Tune(IndexTuneArgs),
    /// Measure recall, speed, build time and memory of index families on your vectors
    Bench(Box<IndexBenchArgs>),
}

/// `nearfield index build`.
#[derive(Debug, Args)]
pub(crate) struct IndexBuildArgs {
    /// Vectors: .safetensors, .npy, .nf, word2vec .txt or .bin, .fvecs, .bvecs, IDX images
    #[arg(long, value_name = "F")]
    pub(crate) vectors: PathBuf,

    /// The index family: Flat (exact), HNSW32 or HNSW32,SQ8 (a graph), IVF1024,Flat or
    /// IVF1024,PQ16x4fs,Refine(Flat) (lists), SQ8, PQ16x8, RPForest100
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
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    /// Search effort: HNSW's ef, IVF's nprobe, a forest's search_k, candidates that Refine scores again. More
    /// is slower and finds more; not of indexes that look at everything once (Flat, SQ8, PQ without Refine)
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) effort: Option<usize>,

    /// Look as hard as this recall takes; needs an index after `index tune`
    #[arg(long, value_name = "R", value_parser = recall, conflicts_with = "effort")]
    pub(crate) recall: Option<f32>,

    /// Where the ids go, int64 [n, k], −1 where there are fewer than k; scores go to F.scores.npy
    #[arg(long, value_name = "F.npy")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// `nearfield index tune`.
#[derive(Debug, Args)]
pub(crate) struct IndexTuneArgs {
    /// The index; it is written anew with the efforts in it
    #[arg(long, value_name = "F")]
    pub(crate) index: PathBuf,

    /// A sample of queries as they are asked in earnest; some hundreds will do
    #[arg(long, value_name = "F")]
    pub(crate) queries: PathBuf,

    /// The vectors that the index was built from; only needed where it keeps codes alone
    #[arg(long, value_name = "F")]
    pub(crate) vectors: Option<PathBuf>,

    /// The tensor to read of .safetensors files; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// The recall to be reached; searches may ask for any up to it
    #[arg(long, value_name = "R", value_parser = recall, default_value = "0.95")]
    pub(crate) recall: f32,

    /// Neighbours a query; searches may ask for any number up to it
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// `nearfield index bench`.
#[derive(Debug, Args)]
pub(crate) struct IndexBenchArgs {
    /// Vectors: .safetensors, .npy, .nf, word2vec .txt or .bin, .fvecs, .bvecs, IDX images (.gz too)
    #[arg(long, value_name = "F")]
    pub(crate) vectors: PathBuf,

    /// Query vectors, in any of the same formats
    #[arg(long, value_name = "F")]
    pub(crate) queries: PathBuf,

    /// Rows of the true neighbours of each query: .npy (int64) or .ivecs; searched for when not given
    #[arg(long, value_name = "F")]
    pub(crate) truth: Option<PathBuf>,

    /// The tensor to read of .safetensors files; by default the only one, or input
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,

    /// Index families between commas, as in Flat,HNSW32,SQ8,IVF1024,Flat: the longest name that makes sense is
    /// taken; a semicolon parts them for sure. By default one of each kind
    #[arg(long, value_name = "a,b,c")]
    pub(crate) specs: Option<Specs>,

    /// How near is measured
    #[arg(long, value_name = "ip|cosine|l2", default_value = "l2")]
    pub(crate) metric: Metric,

    /// Neighbours a query
    #[arg(short = 'k', long = "k", value_name = "K", default_value = "10", value_parser = positive)]
    pub(crate) k: usize,

    /// Same seed, same indexes
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    /// Folder for bench.html and bench.json
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Threads that build; as --threads when not given
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) build_threads: Option<u16>,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
