//! Two-tower retrieval, trained and served on the CPU: users and items become vectors of one space, and a user's nearest items
//! are what to recommend.
//!
//! ```
//! use std::sync::Arc;
//!
//! use embed_core::{Embedder, Run, Sequences, Vocab};
//! use towers::models::{Histories, YouTubeDnn};
//! use towers::train::{FitParams, NegativeSampling};
//! use towers::{IdTowers, TwoTowerData};
//!
//! let items = Arc::new(Vocab::from_keys(["tent", "stove", "novel", "poem"])?);
//! let users = Arc::new(Vocab::from_keys((0..40).map(|user| format!("user {user}")))?);
//! let log = Histories::new(Sequences::from_rows(4, [[0, 1], [1, 0], [2, 3], [3, 2]].repeat(10))?);
//! let fit = FitParams { epochs: 20, temperature: 0.2, ..FitParams::default() };
//! let data = TwoTowerData::new(&log, &users, &items);
//! let model = IdTowers::fit(&YouTubeDnn::mean(8), &fit, data, NegativeSampling::per_batch(3), &mut Run::seeded(1))?;
//! let camper = model.history_embedder().embed(&[0])?;
//! let score = |key: &str| Some(model.metric().score(&camper, model.items().get(key)?));
//! assert!(score("stove") > score("novel"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | learn vectors of users and items by id and history | [`IdTowers`], [`models::TowersParams`] |
//! | learn vectors of users and items by their features | [`Dssm`], [`models::DssmParams`], [`features::Schema`] |
//! | say how it is trained | [`train::FitParams`], [`train::NegativeSampling`]; [`Preset`], [`Dssm::preset`] for what measured well |
//! | look at a training pass by pass, save it, take it up again | [`train::Training`] |
//! | make a vector of a user | [`IdTowers::user_embedder`], [`IdTowers::history_embedder`] and those of [`Dssm`] |
//! | rank candidates anew, each seen together with the history | [`rerank::Reranker`] |
//! | hand a model to other programs: ONNX, safetensors | [`export`] |
//! | put two encoders of one's own together, train, serve and save them | [`models::Encoder`], [`models::TwoTower`], [`train::Training`], [`TwoTowerModel`] |
//! | build from parts | [`layers`], [`losses`], [`optim`] |
//!
//! Not in this crate: samplers (any [`negsample::RefreshableSampler`] will do), indexes, reading of logs.

// Tests slice by a macro that allows unsafe code to itself.
#![cfg_attr(not(test), forbid(unsafe_code))]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, clippy::needless_range_loop, reason = "oracles in f64")
)]

mod error;
pub mod export;
pub mod features;
pub mod layers;
pub mod losses;
mod matrix;
pub mod models;
pub mod optim;
mod presets;
pub mod rerank;
mod serve;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod train;

pub use error::{FitError, LayerError};
pub use matrix::{Buffer, all_finite, product};
pub use presets::Preset;
pub use serve::{
    Dssm, DssmData, DssmPreset, DssmTraining, HistoryEmbedder, IdTowers, TwoTowerData, TwoTowerModel,
    UserEmbedder, UserInput, UserRecord, Who,
};
