//! The shared types of nearfield: what a catalogue's keys and vectors are, the traits that let any
//! embedder, sampler, index, source and scorer meet, and the kernels, seeds and files under all of them.
//!
//! ```
//! use embed_core::{Embeddings, Metric, Vocab};
//! use ndarray::array;
//!
//! let keys = Vocab::from_keys(["tent", "stove", "novel"])?;
//! let items = Embeddings::new(keys, array![[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])?;
//! let score = |a: &str, b: &str| Some(Metric::Cosine.score(items.get(a)?, items.get(b)?));
//! assert!(score("tent", "stove") > score("tent", "novel"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | name rows | [`Vocab`], [`KeyTable`], [`ItemId`] |
//! | hold vectors with their keys, and which of them were trained | [`Embeddings`], [`Space`], [`RowMask`] |
//! | hold ragged rows | [`Csr`], [`Sequences`], [`SequenceSource`] |
//! | hold what is known of users and items | [`FeatureFrame`], [`FeatureColumn`] |
//! | turn an input into a vector | [`Embedder`] |
//! | draw what a positive is contrasted with | [`NegativeSampler`] |
//! | score items for an input without a vector | [`Scorer`] |
//! | find rows near a vector | [`AnnIndex`], [`AnnIndexMut`], [`SearchRequest`], [`Neighbor`], [`Filter`] |
//! | keep the best k | [`TopK`] |
//! | find centres of clusters | [`KMeans`], [`Assigner`] |
//! | compare vectors | [`Metric`], [`kernel`], [`gemm`] |
//! | seed, parallelise, watch and stop work | [`Run`], [`SeededRng`], [`Observer`] |
//! | save and open | [`store`], [`formats`] |
//! | test an implementation of a trait | [`testkit`] |
//!
//! Not in this crate: models, samplers, indexes, metrics.

mod change;
mod csr;
mod embedder;
mod embeddings;
mod features;
pub mod formats;
mod forward;
pub mod gemm;
mod index;
pub mod kernel;
mod key_table;
mod kmeans;
mod metric;
mod rng;
mod run;
mod sampler;
mod scorer;
mod sequences;
pub mod store;
pub mod testkit;
mod topk;
mod trained;
mod vocab;

pub use change::{AnnIndexMut, ChangeError};
pub use csr::{Csr, CsrError};
pub use embedder::{EmbedError, Embedder};
pub use embeddings::{Embeddings, EmbeddingsError, Space};
pub use features::{FeatureColumn, FeatureFrame, FeatureType, FeatureValues, FrameError, TextLists, Texts};
pub use index::{AnnIndex, Bitmap, Effort, Filter, Neighbor, SearchError, SearchRequest, Stop};
pub use key_table::KeyTable;
pub use kmeans::{Assigner, KMeans, KMeansError, KMeansParams};
pub use metric::{Metric, ParseMetricError};
pub use rng::SeededRng;
pub use run::{Flow, Observer, Parallelism, ParallelismError, Progress, Run};
pub use sampler::{Batch, NegativeContext, NegativeSampler, SampleError};
pub use scorer::{ScoreError, Scorer};
pub use sequences::{SequenceSource, Sequences, SourceError};
pub use topk::TopK;
pub use trained::RowMask;
pub use vocab::{Vocab, VocabError};

/// Dense row number of an item inside the library; keys live in [`Vocab`] at the edge.
pub type ItemId = u32;
