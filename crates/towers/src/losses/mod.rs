//! What a user's vector is trained to: near to the positive, far from the negatives.
//!
//! An [`Objective`] is a loss of one positive and its negatives. [`contrast_shared`] takes it over a batch whose rows share
//! their candidates (in-batch negatives, sampled softmax), in blocks of rows by matrix products, and [`contrast_own`] where
//! each row has its own.

mod contrast;
mod hits;
mod objective;
mod own;

pub use contrast::{Contrast, Contrasted, Side, contrast_shared};
pub use hits::Hits;
pub use objective::Objective;
pub use own::contrast_own;
