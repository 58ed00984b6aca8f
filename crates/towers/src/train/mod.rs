//! Training of two towers: batches, negatives, steps, validation, checkpoints.

mod checkpoint;
mod holdout;
mod params;
mod ranking;
mod report;
mod snapshot;
mod step;
mod training;

pub use checkpoint::CheckpointError;
pub use holdout::{Holdout, hold_out};
pub use params::{FitParams, Negatives, Validation};
pub use ranking::{Ranked, rank};
pub use report::{EpochReport, FitReport};
pub(crate) use snapshot::values_of;
pub(crate) use step::{Place, apply};
pub use training::Training;
