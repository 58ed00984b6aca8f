use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::method::GraphKind;
use super::values::{SessionGap, positive, positive_u32};
use super::{DEFAULT_SEED, LayoutArgs, WorkArgs};

/// `nearfield graph`.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(subcommand)]
    pub(crate) command: GraphCommand,
}

/// The commands on graphs.
#[derive(Debug, Subcommand)]
pub(crate) enum GraphCommand {
    /// Make a graph of a log: similar items, what follows what, or users and items
    Build(Box<GraphBuildArgs>),
}

/// `nearfield graph build`.
#[derive(Debug, Args)]
pub(crate) struct GraphBuildArgs {
    /// The log; .gz is unpacked
    #[arg(long, value_name = "F")]
    pub(crate) train: PathBuf,

    #[command(flatten)]
    pub(crate) layout: LayoutArgs,

    /// Cut a user's history where nothing happened for so long (30m, 2h, 1d), for adjacency; needs times
    #[arg(long, value_name = "30m")]
    pub(crate) session_gap: Option<SessionGap>,

    /// What the graph is of
    #[arg(long, visible_alias = "graph", value_name = "KIND", default_value = "jaccard")]
    pub(crate) similarity: GraphKind,

    /// Nearest items of an item that are kept
    #[arg(long, value_name = "N", default_value = "50", value_parser = positive)]
    pub(crate) top_k: usize,

    /// Least number of users that two items share
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive_u32)]
    pub(crate) min_support: u32,

    /// A user with more items counts by a random sample of so many
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
    pub(crate) max_user_items: usize,

    /// Which of the nearest become edges: either side's, both sides', or each item's own (directed)
    #[arg(long, value_name = "either|both|own", default_value = "either")]
    pub(crate) keep: KeepWord,

    /// How many places ahead count as following, for adjacency
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive)]
    pub(crate) window: usize,

    /// The file to write: .nf, or lines `source target weight` in .txt, .tsv or .csv
    #[arg(long, value_name = "F")]
    pub(crate) out: PathBuf,

    /// Same seed, same samples
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// Which pairs become edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepWord {
    Either,
    Both,
    Own,
}

/// `nearfield embed-graph`.
#[derive(Debug, Args)]
pub(crate) struct EmbedGraphArgs {
    /// Edges `source target [weight]` by white space, .tsv or .csv, also .gz; or a graph from `graph build`
    #[arg(long, value_name = "F")]
    pub(crate) edges: PathBuf,

    /// The third column is the weight
    #[arg(long)]
    pub(crate) weighted: bool,

    /// Edges go one way only
    #[arg(long)]
    pub(crate) directed: bool,

    /// Lines are a node and all its neighbours
    #[arg(long, conflicts_with_all = ["weighted", "triples"])]
    pub(crate) adjacency_list: bool,

    /// Lines are `head relation tail`, as in a knowledge graph
    #[arg(long)]
    pub(crate) triples: bool,

    /// Relations that are kept, each with a weight if need be; by default all
    #[arg(long, value_name = "NAME[=W],…", value_delimiter = ',', requires = "triples", value_parser = relation)]
    pub(crate) relations: Vec<(String, f32)>,

    /// The first line that is no comment names the columns
    #[arg(long)]
    pub(crate) header: bool,

    /// What learns
    #[arg(long, value_name = "M", default_value = "node2vec")]
    pub(crate) method: NodeMethod,

    /// Return parameter: the way back weighs 1/P
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub(crate) p: Option<f64>,

    /// In-out parameter: a step away from the last node weighs 1/Q
    #[arg(long, value_name = "Q", allow_hyphen_values = true)]
    pub(crate) q: Option<f64>,

    /// Components of a vector
    #[arg(long, value_name = "N", default_value = "128", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) dim: u32,

    /// Walks from each node in a pass; by default as the method's authors have it
    #[arg(long, value_name = "N", value_parser = positive_u32)]
    pub(crate) walks: Option<u32>,

    /// Nodes of a walk; by default as the method's authors have it
    #[arg(long, value_name = "N", value_parser = positive_u32)]
    pub(crate) length: Option<u32>,

    /// Places on each side that are contexts
    #[arg(long, value_name = "N", default_value = "10", value_parser = positive)]
    pub(crate) window: usize,

    /// Passes, each over new walks
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive_u32)]
    pub(crate) epochs: u32,

    /// Negatives a pair
    #[arg(long, value_name = "K", default_value = "5", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub(crate) negatives: u32,

    /// Negative sampling or hierarchical softmax; by default as the method's authors have it
    #[arg(long, value_name = "ns|hs")]
    pub(crate) loss: Option<LossWord>,

    /// Learning rate of the first pair
    #[arg(long, value_name = "R", default_value = "0.025")]
    pub(crate) rate: f32,

    /// The vectors, with the keys of the nodes: .txt (word2vec), .safetensors, .bin, .nf, or .npy with F.keys.txt beside
    #[arg(long, value_name = "F")]
    pub(crate) out: PathBuf,

    /// Save here after each pass, and go on from here if there is something
    #[arg(long, value_name = "F")]
    pub(crate) checkpoint: Option<PathBuf>,

    /// Same seed, same vectors
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// How nodes are learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NodeMethod {
    /// Walks by weight
    Deepwalk,
    /// Walks by weight, the last node, and p and q
    Node2vec,
    /// The same with weights in the question whether two nodes are near
    #[value(name = "node2vec+")]
    Node2vecPlus,
}

/// What a prediction is contrasted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LossWord {
    /// Negative sampling
    Ns,
    /// Hierarchical softmax
    Hs,
}

/// `name` or `name=weight`.
fn relation(text: &str) -> Result<(String, f32), String> {
    match text.rsplit_once('=') {
        None => Ok((text.to_owned(), 1.0)),
        Some((name, weight)) => match weight.parse::<f32>() {
            Ok(weight) if weight.is_finite() && weight > 0.0 => Ok((name.to_owned(), weight)),
            _ => Err(format!("weight {weight:?} is not a finite number above 0")),
        },
    }
}
