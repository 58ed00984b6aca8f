//! Embeddings for recommendation: learn them from a log, serve them by nearest-neighbour search, measure them.

#![forbid(unsafe_code)]

mod error;
pub mod prelude;
mod recommender;
mod seen;

pub use error::RecommendError;
pub use recommender::{Options, Recommendation, Recommender};

pub use ann;
pub use embed_core;
pub use evalmetrics;
pub use interactions;
pub use negsample;
pub use seqemb;
