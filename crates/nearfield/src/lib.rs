//! Embeddings for recommendation: learn them from a log, serve them by nearest-neighbour search, and say honestly how good they
//! are. This crate puts the others together; each of them can be used alone.
//!
//! From a log to recommendations:
//!
//! ```
//! use nearfield::prelude::*;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // user,item,time: who took what, and when
//!     let (log, _) = Log::read("examples/visits.csv", &ReadOptions::default())?;
//!     let mut run = Run::seeded(42);
//!
//!     // Item2Vec: items that come together get vectors that point the same way.
//!     let items = SkipGram::fit(&ItemToVec::basket(), &log.sequences(), log.item_keys().clone(), &mut run)?;
//!
//!     // The index holds what may be recommended; a user is the mean of what they took.
//!     let targets = items.targets(Scoring::InOut);
//!     let index = Hnsw::build(targets, Metric::InnerProduct, &HnswParams::default(), &mut run)?;
//!     let user_side = items.pooled(Pooling::default(), Scoring::InOut);
//!     let recommender = Recommender::new(user_side, index)?;
//!
//!     for item in recommender.recommend_keys(&["tent", "stove"], 10)? {
//!         println!("{:12} {:.3}", item.key, item.score);
//!     }
//! #   let best = recommender.recommend_keys(&["tent", "stove"], 3)?;
//! #   let hiking = ["rope", "boots", "compass", "lantern", "sleeping-bag", "backpack"];
//! #   assert!(best.iter().all(|item| hiking.contains(&item.key.as_str())), "{best:?}");
//!     Ok(())
//! }
//! ```
//!
//! | to | use |
//! |---|---|
//! | put an embedder and an index together, or take a scorer's best | [`Recommender`], [`Options`], [`Recommendation`], [`Retriever`] |
//! | replace model, index and keys as one under load | [`ConcurrentRecommender`] |
//! | read a log, cut it into sessions, hold a part out | [`interactions`] |
//! | learn item vectors from sequences | [`seqemb`], with negatives from [`negsample`] |
//! | walk on graphs, learn vectors of their nodes | [`graphemb`] |
//! | train two towers over users and items | [`towers`] |
//! | find the nearest vectors | [`ann`] |
//! | measure rankings | [`evalmetrics`] |
//! | implement a trait of your own, save and open files | [`embed_core`] |
//! | have the usual names at hand | [`prelude`] |
//!
//! Not in this crate: algorithms. They live in the crates it re-exports.

#![forbid(unsafe_code)]

mod concurrent;
mod error;
pub mod prelude;
mod recommendation;
mod recommender;
mod retriever;
mod seen;

pub use concurrent::ConcurrentRecommender;
pub use error::RecommendError;
pub use recommendation::{Options, Recommendation};
pub use recommender::Recommender;
pub use retriever::{Retriever, ScoringRetriever, VectorRetriever};

pub use ann;
pub use embed_core;
pub use evalmetrics;
pub use graphemb;
pub use interactions;
pub use negsample;
pub use seqemb;
pub use towers;

/// The program of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
