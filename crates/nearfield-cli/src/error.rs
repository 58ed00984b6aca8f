use std::error::Error;
use std::io;
use std::path::PathBuf;

use embed_core::formats::FormatError;
use embed_core::store::StoreError;
use embed_core::{EmbeddingsError, Metric, SearchError, SourceError, VocabError};
use nearfield::RecommendError;
use nearfield::ann::{BuildError, TuneError};
use nearfield::evalmetrics::EvalError;
use nearfield::evalmetrics::beyond::BeyondError;
use nearfield::evalmetrics::certainty::CertaintyError;
use nearfield::evalmetrics::intrinsic::IntrinsicError;
use nearfield::evalmetrics::projection::ProjectError;
use nearfield::graphemb::{self, GraphError, LogGraphError, NodeError, WalkError};
use nearfield::interactions::{LogError, ReadError, SplitError};
use nearfield::seqemb::{CheckpointError, FitError, ParamsError};

/// Exit code of a command that failed.
pub(crate) const EXIT_FAILED: u8 = 1;
/// Exit code of a command line that makes no sense.
pub(crate) const EXIT_USAGE: u8 = 2;
/// Exit code of work that the user stopped: 128 + SIGINT, as shells have it.
pub(crate) const EXIT_CANCELLED: u8 = 130;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cancelled")]
    Cancelled,
    #[error("cannot listen for Ctrl-C")]
    Signal { source: ctrlc::Error },
    #[error("cannot write to stdout")]
    Stdout { source: io::Error },
    #[error("cannot write JSON")]
    Json { source: serde_json::Error },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is not a run.json", path.display())]
    BadManifest { path: PathBuf, source: serde_json::Error },
    #[error("{} is a file: --out needs a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} holds files that are not an earlier run's: they are not overwritten; give --out another folder", path.display())]
    NotARun { path: PathBuf },
    #[error("unknown {what} {key:?}{}", suggestion(near, *known))]
    UnknownKey { what: &'static str, key: String, known: usize, near: Vec<String> },
    #[error("the history is empty: give at least one item")]
    EmptyHistory,
    #[error("user {user:?} has no items in the training log, so there is nothing to recommend from")]
    UserWithoutItems { user: String },
    #[error("{} has no users: it learned from sessions; ask by --item or --history", path.display())]
    NoUsers { path: PathBuf },
    #[error("{} is not the folder of a run: it has no run.json of nearfield's", path.display())]
    NotARunFolder { path: PathBuf },
    #[error("{}: a test file for sessions needs lines of items, a tab and the item that comes next", path.display())]
    NotPrefixes { path: PathBuf },
    #[error("no user and item has {k} interactions, so --k-core {k} leaves nothing")]
    EmptyCore { k: usize },
    #[error("no file of features has a column {column:?}")]
    NoColumn { column: String },
    #[error("{}: method {method} knows no features, so it cannot make vectors of new items", path.display())]
    NoFeatures { path: PathBuf, method: String },
    #[error("{}: method {method} has no towers to export: its vectors are in items.safetensors", path.display())]
    NoTowers { path: PathBuf, method: String },
    #[error("{}: nothing is known of user {user:?}: neither a feature that the model looks at nor an item of its catalogue", path.display())]
    NothingKnown { path: PathBuf, user: String },
    #[error("{option} is not an option of {with}: it is of {of}")]
    NotAnOption { option: String, with: String, of: String },
    #[error("{option} needs {needs}")]
    NeedsOption { option: String, needs: String },
    #[error("{option} does nothing with {with}")]
    DoesNothing { option: String, with: String },
    #[error("{}, line {line}: {what}", path.display())]
    Candidates { path: PathBuf, line: usize, what: String },
    #[error("--method {method} needs users, and a log of sessions has none")]
    NeedsUsers { method: &'static str },
    #[error("--method {method} is trained for ip or cosine, not for {metric}")]
    NotTrainedFor { metric: Metric, method: &'static str },
    #[error("{} was made by method {got:?}, which this version does not know", path.display())]
    UnknownMethod { path: PathBuf, got: String },
    #[error("--out {} would overwrite the input", path.display())]
    OverwritesInput { path: PathBuf },
    #[error("{queries} queries with {k} neighbours each are more than memory can hold")]
    TooManyResults { queries: usize, k: usize },
    #[error("{}", path.display())]
    Queries { path: PathBuf, source: SearchError },
    #[error("{}: {source}; nearfield index tune measures the efforts", path.display())]
    Untuned { path: PathBuf, source: SearchError },
    #[error("{} is neither .npy nor .ivecs", path.display())]
    NotTruth { path: PathBuf },
    #[error("{} has {got} true neighbours a query, -k {k} needs as many", path.display())]
    ShortTruth { path: PathBuf, k: usize, got: usize },
    #[error("--out {} is not called .npy", path.display())]
    NotNpy { path: PathBuf },
    #[error("{}: key {key:?} holds what parts the fields or the lines", path.display())]
    KeyInText { path: PathBuf, key: String },
    #[error("{option} is for text, and {} is a graph file", path.display())]
    TextOption { option: &'static str, path: PathBuf },
    #[error(transparent)]
    ReadEdges(#[from] graphemb::ReadError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    LogGraph(LogGraphError),
    #[error(transparent)]
    Walk(#[from] WalkError),
    #[error(transparent)]
    Nodes(#[from] NodeError),
    #[error(transparent)]
    Params(#[from] ParamsError),
    #[error("{} has no figures of single users: the run was stopped, or is of an older version", path.display())]
    NotEvaluated { path: PathBuf },
    #[error("{} and {} were not asked the same about any user", a.display(), b.display())]
    NothingShared { a: PathBuf, b: PathBuf },
    #[error("{}: the list of user {user:?} has item {item:?} at ranks {first} and {second}", path.display())]
    DuplicateItem { path: PathBuf, user: String, item: String, first: usize, second: usize },
    #[error("{} has a list for none of the users of the test", path.display())]
    NoLists { path: PathBuf },
    #[error("{} has none of the items of the logs: do its keys mean the same?", path.display())]
    NoCommonItems { path: PathBuf },
    #[error("{}: {got} keys for {expected} vectors", path.display())]
    NotAKeyEach { path: PathBuf, expected: usize, got: usize },
    #[error("{} has vectors of {got} components, {} of {expected}", path.display(), items.display())]
    OtherDimension { path: PathBuf, items: PathBuf, expected: usize, got: usize },
    #[error(
        "the vectors of {} are to be scored in space {space:016x}, those of {} live in space {other:016x}: take the vectors of \
         the same model, users for the index that run leaves, or the other table (--table)",
        path.display(), other_path.display()
    )]
    OtherSpace { path: PathBuf, space: u64, other_path: PathBuf, other: u64 },
    #[error("--against {against}: its keys are not those of {table}")]
    OtherKeys { table: String, against: String },
    #[error("{} is not the bench of indexes", path.display())]
    BadBench { path: PathBuf, source: serde_json::Error },
    #[error("{} labels none of the items", path.display())]
    NoLabels { path: PathBuf },
    #[error(transparent)]
    Certainty(#[from] CertaintyError),
    #[error(transparent)]
    Beyond(#[from] BeyondError),
    #[error(transparent)]
    Intrinsic(#[from] IntrinsicError),
    #[error(transparent)]
    Projection(#[from] ProjectError),
    #[error(transparent)]
    Embeddings(#[from] EmbeddingsError),
    #[error(transparent)]
    ReadLog(#[from] ReadError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Keys(#[from] VocabError),
    #[error(transparent)]
    Sequences(#[from] SourceError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    Towers(#[from] nearfield::towers::FitError),
    #[error(transparent)]
    Features(#[from] nearfield::towers::features::FeatureError),
    #[error(transparent)]
    Embed(#[from] embed_core::EmbedError),
    #[error(transparent)]
    Export(#[from] nearfield::towers::export::ExportError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("{} was made by method {got}: item2vec goes on", path.display())]
    CannotGoOn { path: PathBuf, got: String },
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Tune(#[from] TuneError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Evaluate(#[from] EvalError),
    #[error(transparent)]
    Recommend(#[from] RecommendError),
}

impl CliError {
    /// What the program ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::OverwritesInput { .. }
            | Self::NotNpy { .. }
            | Self::NotAnOption { .. }
            | Self::NeedsOption { .. }
            | Self::DoesNothing { .. }
            | Self::TextOption { .. }
            | Self::Walk(WalkError::Count { .. } | WalkError::Number { .. })
            | Self::Params(_)
            | Self::NotTruth { .. }
            | Self::NotTrainedFor { .. }
            | Self::ReadLog(ReadError::Options(_)) => EXIT_USAGE,
            Self::Cancelled => EXIT_CANCELLED,
            _ => EXIT_FAILED,
        }
    }

    /// The error and its causes on one line.
    pub(crate) fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors of dependencies repeat their cause.
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = error.source();
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl From<LogGraphError> for CliError {
    fn from(error: LogGraphError) -> Self {
        if let LogGraphError::Stopped = error { Self::Cancelled } else { Self::LogGraph(error) }
    }
}

fn suggestion(near: &[String], known: usize) -> String {
    match near {
        [] => format!(" ({known} are known)"),
        [one] => format!("; did you mean {one}?"),
        [rest @ .., last] => format!("; did you mean {} or {last}?", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_on_one_line_once() {
        let source = io::Error::other("disk\nfull");
        let error = CliError::Write { path: PathBuf::from("out/run.json"), source };
        assert_eq!(error.line(), "cannot write out/run.json: disk full");
        assert_eq!((error.exit_code(), CliError::Cancelled.exit_code()), (1, 130));
    }
}
