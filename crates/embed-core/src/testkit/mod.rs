//! Conformance suites for the traits of this crate, and the small tools that tests of recommenders share.
//!
//! A suite is a plain function: call it from a test with an implementation, or with a way to make one. It panics with a
//! message that names the implementation, the case and what was expected. Every suite also asks the implementation
//! through `&T`, `Box<dyn _>`, `Arc<dyn _>` and `Arc<Box<dyn _>>`, and demands the answers that it gives itself.
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
//! | an [`AnnIndex`](crate::AnnIndex) | [`ann_index`], [`ann_index_with_holes`] with an [`AnnSuite`] |
//! | an [`AnnIndexMut`](crate::AnnIndexMut) | [`ann_index_mut`] with an [`AnnMutSuite`] |
//! | an [`Embedder`](crate::Embedder) | [`embedder`] with an [`EmbedderSuite`] |
//! | a [`NegativeSampler`](crate::NegativeSampler) | [`negative_sampler`] with a [`SamplerSuite`] |
//! | a [`SequenceSource`](crate::SequenceSource) | [`sequence_source`] with a [`SequenceSuite`] |
//! | a [`Scorer`](crate::Scorer) | [`scorer`] with a [`ScorerSuite`] |
//! | recall | [`exact_top_k`], [`recall`], [`clustered`] |
//! | a law of draws | [`chi_square`] |
//! | on a public data set | [`real_data`] |

#![allow(clippy::panic, reason = "a suite's only answer to a broken implementation is a panic")]

/// Shows the implementation behind each kind of pointer, with the pointer's name, to a function of `&$dyn`.
macro_rules! behind_pointers {
    ($dyn:ty, $implementation:expr, $case:expr) => {{
        let (implementation, case) = ($implementation, $case);
        let boxed: Box<$dyn> = Box::new(implementation);
        let shared: std::sync::Arc<$dyn> = std::sync::Arc::new(implementation);
        let nested: std::sync::Arc<Box<$dyn>> = std::sync::Arc::new(Box::new(implementation));
        case(&implementation, "&dyn");
        case(&boxed, "Box<dyn>");
        case(&shared, "Arc<dyn>");
        case(&nested, "Arc<Box<dyn>>");
    }};
}

mod ann;
mod ann_mut;
mod data;
mod embedder;
mod exact;
mod sampler;
mod scorer;
mod sequences;
mod stats;

pub use ann::{AnnSuite, ann_index, ann_index_with_holes};
pub use ann_mut::{AnnMutSuite, ann_index_mut};
pub use data::{clustered, real_data};
pub use embedder::{EmbedderSuite, embedder};
pub use exact::{exact_top_k, recall};
pub use sampler::{SamplerSuite, negative_sampler};
pub use scorer::{ScorerSuite, scorer};
pub use sequences::{SequenceSuite, sequence_source};
pub use stats::{ChiSquare, chi_square, chi_square_critical};

use crate::{KeyTable, Parallelism};

/// The thread counts on which every result must be the same.
pub(crate) const THREADS: [usize; 3] = [1, 2, 7];

fn threads(n: usize) -> Parallelism {
    std::num::NonZeroUsize::new(n).map_or(Parallelism::All, Parallelism::Threads)
}

/// The value of a result that a correct implementation gives; `what` says which one.
fn must<T, E: std::fmt::Debug>(result: Result<T, E>, what: impl std::fmt::Display) -> T {
    result.unwrap_or_else(|error| panic!("{what}: unexpected error {error:?}"))
}

/// Demands that two tables hold the same keys under the same ids, or that there is neither.
fn demand_same_keys(got: Option<&KeyTable>, expected: Option<&KeyTable>, what: impl std::fmt::Display) {
    let same = match (got, expected) {
        (Some(got), Some(expected)) => {
            got.len() == expected.len() && got.first_difference(expected).is_none()
        }
        (got, expected) => got.is_none() && expected.is_none(),
    };
    assert!(same, "{what}: keys are {got:?}, were {expected:?}");
}

/// What a refusal says; a result that is none gives nothing.
fn refusal<T, E: std::fmt::Debug>(result: Result<T, E>) -> Option<String> {
    result.err().map(|error| format!("{error:?}"))
}

#[cfg(test)]
fn panics(suite: impl FnOnce()) -> String {
    let failure = std::panic::catch_unwind(std::panic::AssertUnwindSafe(suite)).unwrap_err();
    failure.downcast_ref::<String>().cloned().unwrap_or_default()
}
