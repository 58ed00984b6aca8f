mod error;
mod fit;
mod params;
mod report;

pub use error::NodeError;
pub use fit::{DeepWalk, Node2Vec};
pub use params::NodeParams;
pub use report::{NodeVectors, WalkReport};
