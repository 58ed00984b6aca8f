//! Conformance suites for the traits of this crate, and the small tools that tests of recommenders share.
//!
//! A suite is a plain function: call it from a test with a way to make the implementation. It panics with a
//! message that names the implementation, the case and what was expected.
//!
//! ```
//! use embed_core::testkit::{self, AnnSuite};
//! use embed_core::{AnnIndex, Metric};
//! use ndarray::ArrayView2;
//!
//! fn it_keeps_the_contract(build: impl Fn(ArrayView2<'_, f32>, Metric) -> Box<dyn AnnIndex>) {
//!     testkit::ann_index(build, &AnnSuite::exact("flat"));
//! }
//! ```
//!
//! | to test | use |
//! |---|---|
//! | an [`AnnIndex`](crate::AnnIndex) | [`ann_index`] with an [`AnnSuite`] |
//! | an [`AnnIndexMut`](crate::AnnIndexMut) | [`ann_index_mut`] with an [`AnnMutSuite`] |
//! | an [`Embedder`](crate::Embedder) | [`embedder`] with an [`EmbedderSuite`] |
//! | a [`NegativeSampler`](crate::NegativeSampler) | [`negative_sampler`] with a [`SamplerSuite`] |
//! | recall | [`exact_top_k`], [`recall`], [`clustered`] |
//! | a law of draws | [`chi_square`] |
//! | on a public data set | [`real_data`] |

#![allow(clippy::panic, reason = "a suite's only answer to a broken implementation is a panic")]

mod ann;
mod ann_mut;
mod data;
mod embedder;
mod exact;
mod sampler;
mod stats;

pub use ann::{AnnSuite, ann_index};
pub use ann_mut::{AnnMutSuite, ann_index_mut};
pub use data::{clustered, real_data};
pub use embedder::{EmbedderSuite, embedder};
pub use exact::{exact_top_k, recall};
pub use sampler::{SamplerSuite, negative_sampler};
pub use stats::{ChiSquare, chi_square, chi_square_critical};

use crate::Parallelism;

/// The thread counts on which every result must be the same.
pub(crate) const THREADS: [usize; 3] = [1, 2, 7];

fn threads(n: usize) -> Parallelism {
    std::num::NonZeroUsize::new(n).map_or(Parallelism::All, Parallelism::Threads)
}

/// The value of a result that a correct implementation gives; `what` says which one.
fn must<T, E: std::fmt::Debug>(result: Result<T, E>, what: impl std::fmt::Display) -> T {
    result.unwrap_or_else(|error| panic!("{what}: unexpected error {error:?}"))
}

#[cfg(test)]
fn panics(suite: impl FnOnce()) -> String {
    let failure = std::panic::catch_unwind(std::panic::AssertUnwindSafe(suite)).unwrap_err();
    failure.downcast_ref::<String>().cloned().unwrap_or_default()
}
