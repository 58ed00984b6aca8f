mod build;
mod compress;
mod error;
mod file;
mod options;
mod pet;
mod rows;

pub use build::{BuildReport, GraphBuilder};
pub use error::GraphError;
pub use options::{GraphOptions, ParallelEdges, SelfLoops};
pub use rows::Graph;
