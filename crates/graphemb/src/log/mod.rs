mod baskets;
mod error;
mod item_graph;
mod params;
mod report;
mod sessions;
mod similar;
mod user_item;
mod user_item_vectors;

pub use error::LogGraphError;
pub use item_graph::item_graph;
pub use params::{ItemGraphParams, Keep, Similarity};
pub use report::{ItemGraphReport, SessionGraphReport};
pub use sessions::session_graph;
pub use user_item::UserItemGraph;
pub use user_item_vectors::UserItemVectors;
