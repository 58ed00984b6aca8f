//! Nearest-neighbour indexes behind one trait, [`AnnIndex`](embed_core::AnnIndex).
//!
//! ```
//! use ann::{Index, IndexSpec};
//! use embed_core::{AnnIndex, Metric, Run, SearchRequest, testkit};
//!
//! let vectors = testkit::clustered(500, 8, 10, 1);
//! let spec: IndexSpec = "HNSW32".parse()?;
//! let index = spec.build(&vectors, Metric::Cosine, &mut Run::seeded(7))?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("index.nf");
//! index.save(&path)?;
//! let index = Index::open(&path)?; // maps the file
//! assert_eq!(index.search_by_id(3, &SearchRequest::k(10))?[0].id, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | is |
//! |---|---|
//! | [`Flat`] | exact search |
//! | [`Hnsw`], [`HnswParams`], [`ProductGraph`], [`HnswReport`] | a navigable small world graph (Malkov & Yashunin 2018) |
//! | [`RpForest`], [`ForestParams`] | a forest of random-projection trees (Annoy) |
//! | [`Ivf`], [`IvfParams`] | lists about the centres of clusters, of vectors or codes |
//! | [`Quantized`] | bytes (SQ8) or product codes (PQ) of all vectors |
//! | [`IndexSpec`], [`Coding`], [`Codes`], [`Refine`] | a family by its name: `"Flat"`, `"IVF1024,PQ16x4fs,Refine(Flat)"` |
//! | [`Index`] | an index of any family: saves, opens, verifies |
//! | [`Changed`], [`Live`] | an index with changes; the same, searched by many threads meanwhile |
//! | [`KeyedNeighbor`] | an answer with its key |
//! | [`Sample`], [`TuneParams`], [`EffortPoint`], [`TuneError`] | queries on which [`Index::tune`] measures which effort gives which recall |
//! | [`Truth`] | recall of answers against the true neighbours, ties counted |
//! | [`Vectors`] | what an index is built from |
//! | [`BuildError`], [`ParamsError`], [`ParseSpecError`], [`ReplaceError`], [`NoKeys`], [`Damaged`] | what can go wrong |
//!
//! Not in this crate: learning vectors.
#![forbid(unsafe_code)]

mod aligned;
mod batch;
mod change;
mod error;
mod file;
mod flat;
mod forest;
mod hnsw;
mod id_map;
mod implement;
mod index;
mod ivf;
mod keys;
mod opq;
mod params;
mod pq;
mod rename;
mod rotation;
mod scan;
mod scoring;
mod spec;
mod sq;
mod tune;
mod vectors;

pub use change::{Changed, KeyedNeighbor, Live, NoKeys, ReplaceError};
pub use error::{BuildError, Damaged, ParamsError};
pub use flat::Flat;
pub use forest::RpForest;
pub use hnsw::{Hnsw, HnswReport};
pub use index::Index;
pub use ivf::{Ivf, IvfParams, Quantized};
pub use params::{ForestParams, HnswParams, ProductGraph};
pub use spec::{Codes, Coding, IndexSpec, ParseSpecError, Refine};
pub use tune::{EffortPoint, Sample, Truth, TuneError, TuneParams};
pub use vectors::Vectors;
