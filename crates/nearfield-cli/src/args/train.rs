use std::path::PathBuf;

use clap::Args;
use nearfield::ann::IndexSpec;

use super::layout::LayoutArgs;
use super::method::SequenceArgs;
use super::run::InputArgs;
use super::values::{SessionGap, positive_u32};
use super::{DEFAULT_SEED, WorkArgs};

/// `nearfield train`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainArgs {
    /// The folder of the run to go on from; it stays as it is
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,

    /// The new log; .gz is unpacked
    #[arg(long, value_name = "F", help_heading = "Input")]
    train: PathBuf,

    #[command(flatten, next_help_heading = "Input")]
    layout: LayoutArgs,

    /// Cut a user's history where nothing happened for so long (30m, 2h, 1d); needs times
    #[arg(long, value_name = "30m", help_heading = "Input")]
    session_gap: Option<SessionGap>,

    /// Passes over the new log; by default as the model was trained
    #[arg(long, value_name = "N", value_parser = positive_u32, help_heading = "Learning")]
    pub(crate) epochs: Option<u32>,

    // What is not given is as the model was trained.
    #[command(flatten, next_help_heading = "Learning")]
    pub(crate) sequence: SequenceArgs,

    /// The index over the item vectors; by default Flat (exact) up to 10,000 items, then HNSW32
    #[arg(long, value_name = "SPEC", help_heading = "Learning")]
    pub(crate) index: Option<IndexSpec>,

    /// Same seed, same vectors
    #[arg(long, value_name = "S", default_value_t = DEFAULT_SEED, help_heading = "Learning")]
    pub(crate) seed: u64,

    /// Folder for the new vectors, index, model and run.json; an earlier run's folder is replaced, no other
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

impl TrainArgs {
    /// What is read, and how.
    pub(crate) fn input(&self) -> InputArgs {
        InputArgs {
            train: self.train.clone(),
            test: None,
            split: None,
            layout: self.layout.clone(),
            k_core: None,
            session_gap: self.session_gap,
        }
    }
}
