//! Negative samplers: what a trainer contrasts a positive with.
//!
//! ```
//! use embed_core::{NegativeContext, NegativeSampler, SeededRng};
//! use negsample::{ExcludePositives, Popularity};
//!
//! let sampler = ExcludePositives::new(Popularity::new(&[80, 15, 0, 5], 0.75)?);
//! let context = NegativeContext::draws(6).positives(&[0]);
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
//! | items by rank of popularity, nearly Zipf | [`LogUniform`] | 0 or 8 |
//! | any of these, without the positives | [`ExcludePositives`] | 0 |
//! | items near the query that are no positives | [`HardNegatives`] over any index, [`HardParams`] | the index |
//! | the other positives of the batch, and of earlier ones | [`InBatch`], [`Frequency`] | 4, or streaming |
//! | from several of these | [`Mixture`] | theirs |
//! | by a law that follows the training; by one of your own that does not | [`RefreshableSampler`]; [`Fixed`] | |
//! | easy ones first, hard ones after a warm-up | [`Curriculum`], [`Schedule`] | theirs |
//! | indices by weight, for other uses | [`AliasTable`] | 8 |
//!
//! | for sampled softmax | use |
//! |---|---|
//! | logits with temperature, log Q and masks | [`correct_logits`] |
//! | frequencies of a catalogue that is not known ahead | [`StreamingFrequency`] |
//! | vectors of earlier batches as negatives | [`CrossBatchQueue`] |
//!
//! Draws are with replacement, but for hard and in-batch ones. Each depends only on the sampler, the context and the generator that is
//! handed in, so the same stream gives the same items on every machine.
//!
//! Not in this crate: losses and indexes.

#![forbid(unsafe_code)]

mod alias;
mod correction;
mod curriculum;
mod error;
mod exclude;
mod hard;
mod in_batch;
#[cfg(test)]
mod laws;
mod log_uniform;
mod mixture;
mod popularity;
mod queue;
mod refreshable;
mod split;
mod streaming;
mod streaming_file;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod uniform;

pub use alias::AliasTable;
pub use correction::correct_logits;
pub use curriculum::{Curriculum, Schedule, Unit};
pub use error::SettingsError;
pub use exclude::ExcludePositives;
pub use hard::{HardNegatives, HardParams};
pub use in_batch::{Frequency, InBatch, LogShares};
pub use log_uniform::LogUniform;
pub use mixture::Mixture;
pub use popularity::Popularity;
pub use queue::CrossBatchQueue;
pub use refreshable::{Fixed, RefreshableSampler};
pub use streaming::{StreamingFrequency, StreamingParams};
pub use uniform::Uniform;
