//! Graphs of items, users or anything, random walks on them, and vectors for their nodes.
//!
//! ```
//! use graphemb::{Graph, GraphOptions};
//!
//! let graph = Graph::from_edges(4, [(0, 1), (1, 2), (2, 0)], &GraphOptions::default())?;
//! assert_eq!((graph.n_edges(), graph.neighbors(1)), (3, &[0, 2][..]));
//! assert_eq!(graph.n_isolated(), 1, "node 3 stays");
//! # Ok::<(), graphemb::GraphError>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | hold a graph | [`Graph`], [`GraphBuilder`], [`GraphOptions`], [`ParallelEdges`], [`SelfLoops`] |
//! | read edge lists and adjacency lists | [`Graph::read`], [`EdgeOptions`], [`Layout`], [`Columns`], [`EdgeReport`] |
//! | exchange graphs with petgraph | [`Graph::from_petgraph`], [`Graph::to_petgraph`] |
//! | save and map graphs | [`Graph::save`], [`Graph::open`] |
//! | walk: uniformly, by weight, by node2vec's law | [`Walks`], [`WalkParams`] |
//!
//! Not in this crate: training by skip-gram, which is [`seqemb`]'s; reading logs; search; metrics.

#![forbid(unsafe_code)]

mod graph;
mod read;
mod walks;

pub use graph::{BuildReport, Graph, GraphBuilder, GraphError, GraphOptions, ParallelEdges, SelfLoops};
pub use read::{Columns, EdgeOptions, EdgeReport, Fields, Layout, LineProblem, ReadError};
pub use walks::{WalkError, WalkIter, WalkMemory, WalkParams, Walks};

/// Dense row number of a node; keys live in the graph's [`Vocab`](embed_core::Vocab).
pub type NodeId = embed_core::ItemId;
