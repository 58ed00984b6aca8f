//! Two-tower retrieval, trained and served on the CPU.

// Tests slice by a macro that allows unsafe code to itself.
#![cfg_attr(not(test), forbid(unsafe_code))]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, clippy::needless_range_loop, reason = "oracles in f64")
)]

mod error;
pub mod layers;
pub mod losses;
mod matrix;
pub mod optim;

pub use error::LayerError;
pub use matrix::{Buffer, all_finite, product};
