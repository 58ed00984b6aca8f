//! A trained model over features.

mod embedder;
mod file;
mod model;
mod preset;

pub use embedder::{UserRecord, Who};
pub use model::{Dssm, DssmData, DssmTraining};
pub use preset::DssmPreset;
