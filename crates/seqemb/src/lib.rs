//! Item vectors from sequences (sessions, baskets, walks): Item2Vec, that is skip-gram with negative
//! sampling, deterministic on any number of threads.
//!
//! ```
//! use embed_core::{Run, Sequences, Vocab};
//! use seqemb::{Params, SkipGram};
//!
//! let keys = Vocab::from_keys(["tent", "stove", "novel", "poem"])?;
//! let sessions = Sequences::from_rows(4, [[0, 1], [1, 0], [2, 3], [3, 2]].repeat(200))?;
//! let params = Params { dim: 8, epochs: 20, ..Params::default() };
//! let items = SkipGram::fit(&params, &sessions, keys, &mut Run::seeded(1))?;
//! let score = |a, b| embed_core::kernel::dot(items.input.get(a).unwrap(), items.output.get(b).unwrap());
//! assert!(score("tent", "stove") > score("tent", "poem"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | learn vectors from sequences | [`SkipGram`], [`Params`], [`Window`], [`Exclude`], [`Architecture`], [`Objective`], [`Tables`], [`Subsample`] |
//! | go on: pass by pass, from a checkpoint, from old vectors | [`Training`] |
//! | let categories, brands and the like take part in training | [`SideInformation`], [`Training::with_side`], [`SideVectors`] |
//! | clean sequences, and know what was dropped | [`Preparation`], [`LongSessions`], [`PreparationReport`] |
//! | keep what was learned | [`ItemVectors`], [`FitReport`] |
//! | make a user's vector from a history | [`Pooled`], [`Pooling`], [`Scoring`] |
//! | give vectors to items without interactions | [`cold`]: regression, categories, random, popularity; [`ItemVectors::with_cold_items`] |
//!
//! Not in this crate: reading logs (any [`SequenceSource`](embed_core::SequenceSource) will do), walks on
//! graphs, search, metrics.

#![forbid(unsafe_code)]

mod batch;
mod block;
mod buckets;
mod cbow;
mod checkpoint;
pub mod cold;
mod corpus;
mod error;
mod file;
mod hidden;
mod huffman;
mod model;
mod order;
mod pairs;
mod params;
mod pass;
mod places;
mod pooled;
mod preparation;
mod report;
mod side;
mod skipgram;
mod source;
mod survey;
mod tables;
mod threads;
mod trainer;
mod training;
mod vectors;

pub use checkpoint::CheckpointError;
pub use error::{FitError, ParamsError};
pub use model::{Architecture, Objective, Subsample, Tables};
pub use params::{Exclude, Params, Window};
pub use pooled::{Pooled, Pooling, Scoring, popularity_weights};
pub use preparation::{LongSessions, Preparation, PreparationReport};
pub use report::{EpochReport, FitReport};
pub use side::{SideError, SideInformation, SideVectors};
pub use skipgram::SkipGram;
pub use training::Training;
pub use vectors::ItemVectors;
