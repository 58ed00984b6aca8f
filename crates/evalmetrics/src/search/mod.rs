//! How good the answers of an index are, and how fast: recall against exact search, and the curve of recall
//! and latency over efforts.

mod curve;
mod error;
mod truth;

pub use curve::{CurvePoint, recall_latency};
pub use error::SearchEvalError;
pub use truth::GroundTruth;
