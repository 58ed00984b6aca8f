//! Vectors for items that no sequence holds yet.

mod categories;
mod error;
mod fallback;
mod norms;
mod ridge;
mod solve;

pub use categories::CategoryMeans;
pub use error::ColdError;
pub use fallback::{Answer, PopularityFallback};
pub use norms::{calibrate_norms, random_like};
pub use ridge::{HeldOut, Ridge, RidgeParams};
