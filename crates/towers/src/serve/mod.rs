//! Trained models: vectors of items, vectors of users, files.

mod embedder;
mod file;
mod id_towers;

pub use embedder::UserInput;
pub use id_towers::IdTowers;
