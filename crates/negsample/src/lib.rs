//! Negative samplers: what a trainer contrasts a positive with.
//!
//! ```
//! use embed_core::{NegativeContext, NegativeSampler, SeededRng};
//! use negsample::{ExcludePositives, Popularity};
//!
//! let sampler = ExcludePositives::new(Popularity::new(&[80, 15, 0, 5], 0.75)?);
//! let context = NegativeContext { positives: &[0], n: 6, ..Default::default() };
//! let mut drawn = [0; 6];
//! assert_eq!(sampler.sample_into(&context, &mut SeededRng::new(1), &mut drawn)?, 6);
//! assert!(drawn.iter().all(|item| [1, 3].contains(item)), "0 is excluded and 2 was never seen");
//! # Ok::<(), embed_core::SampleError>(())
//! ```
//!
//! | to draw | use | bytes an item |
//! |---|---|---|
//! | every item alike | [`Uniform`] | 0 |
//! | items by count^α (Mikolov et al. 2013b, section 2.2) | [`Popularity`] | 8 + 4 |
//! | items by any weights | [`Popularity::from_weights`] | 8 + 4 |
//! | any of these, without the positives | [`ExcludePositives`] | 0 |
//! | indices by weight, for other uses | [`AliasTable`] | 8 |
//!
//! Draws are with replacement. Each depends only on the sampler, the context and the generator that is
//! handed in, so the same stream gives the same items on every machine.
//!
//! Not in this crate: losses and log Q correction (a trainer subtracts
//! [`log_expected_count`](embed_core::NegativeSampler::log_expected_count)), and indexes.

#![forbid(unsafe_code)]

mod alias;
mod exclude;
mod popularity;
#[cfg(test)]
mod testing;
mod uniform;

pub use alias::AliasTable;
pub use exclude::ExcludePositives;
pub use popularity::Popularity;
pub use uniform::Uniform;
