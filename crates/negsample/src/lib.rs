//! Negative samplers: what a positive is contrasted with. Each one states its law, draws by it, and tells
//! how often an item is expected among the draws.
//!
//! ```
//! use embed_core::{NegativeContext, NegativeSampler, SeededRng};
//! use negsample::{ExcludePositives, Popularity};
//!
//! let counts = [1000, 100, 10, 1];
//! let sampler = ExcludePositives::new(Popularity::new(&counts, 0.75)?);
//! let cx = NegativeContext { positives: &[0], n: 5, ..Default::default() };
//! let mut negatives = [0; 5];
//! let drawn = sampler.sample_into(&cx, &mut SeededRng::new(7), &mut negatives)?;
//! assert!(drawn == 5 && !negatives.contains(&0));
//! # Ok::<(), embed_core::SampleError>(())
//! ```
//!
//! | type | law |
//! |---|---|
//! | [`Uniform`] | every item alike |
//! | [`Popularity`] | count^α (α = 0.75: Mikolov et al. 2013, section 2.2), or any weights |
//! | [`ExcludePositives`] | another sampler's law without the positives of the context |
//! | [`AliasTable`] | the table under [`Popularity`], usable alone |
//!
//! Not in this crate: losses, and the log Q correction itself, which belongs to the loss.

#![forbid(unsafe_code)]

mod alias;
mod exclude;
mod popularity;
mod uniform;

pub use alias::AliasTable;
pub use exclude::{ExcludePositives, Law};
pub use popularity::Popularity;
pub use uniform::Uniform;
