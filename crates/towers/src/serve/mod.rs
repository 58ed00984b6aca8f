//! Trained models: vectors of items, vectors of users, files.

mod blocks;
mod dssm;
mod embedder;
mod file;
mod id_towers;

pub use dssm::{Dssm, DssmData, UserRecord, Who};
pub use embedder::UserInput;
pub use id_towers::IdTowers;
