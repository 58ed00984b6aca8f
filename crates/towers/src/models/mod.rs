//! Models: two encoders that share tables, and what they are made of.
//!
//! | model | user side | item side |
//! |---|---|---|
//! | [`MatrixFactorization`] | id | id |
//! | [`YouTubeDnn`] | pooled history, perhaps id, perhaps layers | id, perhaps layers |
//! | [`DssmParams`] | features, perhaps id, perhaps pooled history; layers or a sum | features, perhaps id; layers or a sum |
//! | [`Contrastive`] | pooled history, whose views are alike | id |
//!
//! [`TwoTower`] puts any two [`Encoder`]s together; [`UserTower`] and [`ItemTower`] are those over ids and histories, [`DssmUser`] and
//! [`DssmItem`] those over [features](crate::features).

mod augment;
mod dssm;
mod encoder;
mod histories;
mod item;
mod params;
mod pooling;
mod two_tower;
mod user;
mod user_tape;

pub use augment::Augment;
pub use dssm::{
    DssmItem, DssmParams, DssmUser, DssmUserTape, HistoryTape, HistoryTower, SideTape, SideTower,
};
pub use encoder::{Context, Encoder, View};
pub use histories::{Example, Histories, HistoryView};
pub use item::{ItemTape, ItemTower};
pub use params::{Contrastive, Join, MatrixFactorization, Pooling, Similarity, TowersParams, YouTubeDnn};
pub use pooling::{PoolingLayer, PoolingTape};
pub use two_tower::{Batch, Candidates, TwoTower, Views, Work};
pub use user::UserTower;
pub use user_tape::UserTape;
