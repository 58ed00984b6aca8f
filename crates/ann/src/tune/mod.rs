//! Which effort gives which recall: measured on a sample of queries, and kept with the index.

mod efforts;
mod error;
mod ladder;
mod sample;
mod sweep;
mod truth;

pub use self::efforts::EffortPoint;
pub(crate) use self::efforts::Efforts;
pub use self::error::TuneError;
pub use self::sample::{Sample, TuneParams};
pub use self::truth::Truth;
