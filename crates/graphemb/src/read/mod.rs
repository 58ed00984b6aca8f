mod batch;
mod edges;
mod error;
mod fields;
mod lines;
mod options;

pub use edges::EdgeReport;
pub use error::{LineProblem, ReadError};
pub use options::{Columns, EdgeOptions, Fields, Layout};
