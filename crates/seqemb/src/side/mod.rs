//! Weighted side information inside training (EGES): an item's vector is a weighted mean of its own and of those of its
//! features, and all of them, the weights too, are learned together.
//!
//! Wang et al. 2018, "Billion-scale commodity embedding for e-commerce recommendation in Alibaba", section 3.3 and
//! algorithm 2.

mod attention;
mod information;
mod vectors;

pub(crate) use attention::Attention;
pub use information::{SideError, SideInformation};
pub use vectors::SideVectors;
