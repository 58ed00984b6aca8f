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
//! | make a graph of a log | [`item_graph`], [`session_graph`], [`UserItemGraph`] |
//! | walk: uniformly, by weight, by node2vec's law | [`Walks`], [`WalkParams`] |
//! | learn vectors of nodes | [`Node2Vec`], [`DeepWalk`], [`NodeParams`] |
//! | learn a function that has vectors for new nodes too | [`GraphSage`], [`SageParams`], [`NodeInput`] |
//!
//! Not in this crate: training by skip-gram, which is [`seqemb`]'s; reading logs; search; metrics.

#![forbid(unsafe_code)]

mod graph;
mod log;
mod nodes;
mod read;
mod sage;
mod walks;

pub use graph::{BuildReport, Graph, GraphBuilder, GraphError, GraphOptions, ParallelEdges, SelfLoops};
pub use log::{
    ItemGraphParams, ItemGraphReport, Keep, LogGraphError, SessionGraphReport, Similarity, UserItemGraph,
    UserItemVectors, item_graph, session_graph,
};
pub use nodes::{DeepWalk, Node2Vec, NodeError, NodeParams, NodeVectors, WalkReport};
pub use read::{Columns, EdgeOptions, EdgeReport, Fields, Layout, LineProblem, ReadError};
pub use sage::{Aggregator, GraphSage, NodeInput, SageError, SageLayer, SageParams, SageReport};
pub use walks::{WalkError, WalkIter, WalkMemory, WalkParams, Walks};

/// Dense row number of a node; keys live in the graph's [`Vocab`](embed_core::Vocab).
pub type NodeId = embed_core::ItemId;
