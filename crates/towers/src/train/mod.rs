//! Training of two towers: batches, negatives, steps, validation, checkpoints.

mod checkpoint;
mod holdout;
mod negatives;
mod params;
mod ranking;
mod record;
mod report;
mod snapshot;
mod step;
mod training;

pub use checkpoint::CheckpointError;
pub use holdout::{Holdout, hold_out};
pub use negatives::{NegativeCounts, NegativeSampling, NegativesError};
pub(crate) use negatives::{Resolved, Standard};
pub use params::{FitParams, Validation};
pub use ranking::{Ranked, rank};
pub use record::FitRecord;
pub use report::{EpochReport, FitReport};
pub(crate) use snapshot::values_of;
pub(crate) use step::{Place, apply};
pub use training::{Trained, Training, TrainingData};
