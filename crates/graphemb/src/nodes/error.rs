use embed_core::ParallelismError;
use embed_core::store::StoreError;
use seqemb::{CheckpointError, FitError};

use crate::WalkError;

/// Why nodes got no vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// There are no walks.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The training failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The checkpoint cannot be written or taken up.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The graph's keys cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
