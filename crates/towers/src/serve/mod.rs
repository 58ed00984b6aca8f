//! Trained models: vectors of items, vectors of users, files.

mod any;
mod blocks;
mod dssm;
mod embedder;
mod embedders;
mod file;
mod id_towers;
mod served;

pub use any::TwoTowerModel;
pub use dssm::{Dssm, DssmData, DssmPreset, DssmTraining, UserRecord, Who};
pub use embedder::UserInput;
pub use embedders::{HistoryEmbedder, UserEmbedder};
pub use id_towers::{IdTowers, TwoTowerData};
