mod aggregate;
mod embed;
mod error;
mod field;
mod file;
mod fit;
#[cfg(test)]
mod gradients;
mod infer;
mod layer;
mod lists;
mod loss;
mod model;
mod net;
mod params;
mod report;
mod train;

pub use embed::NodeInput;
pub use error::SageError;
pub use model::GraphSage;
pub use params::{Aggregator, SageLayer, SageParams};
pub use report::SageReport;
