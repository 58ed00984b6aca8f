//! The suite of [`AnnIndex`](crate::AnnIndex).

mod cases;
mod filters;
mod forwarding;
mod harness;
mod holes;
mod hostile;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView2};

pub use holes::ann_index_with_holes;

use crate::{AnnIndex, Effort, Metric};

/// What is promised of an index family, and so demanded by [`ann_index`].
///
/// ```
/// use embed_core::{Effort, testkit::AnnSuite};
///
/// let hnsw = AnnSuite { effort: Effort::Value(128), ..AnnSuite::approximate("hnsw", 0.95) };
/// assert!(!hnsw.exact);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AnnSuite {
    /// What the family is called in messages.
    pub name: &'static str,
    /// Whether every answer is the exact one (up to rounding; to the bit on vectors of small integers).
    pub exact: bool,
    /// Least mean recall@10 against the exact answer, also under filters and of radius searches; also the
    /// least share of min(k, n) that any answer has.
    pub recall: f64,
    /// The effort at which `recall` is promised.
    pub effort: Effort,
    /// Largest difference of a score from [`Metric::score`], relative to 1 under cosine, to `|x| |y|` under
    /// inner product and to `(|x| + |y|)²` under L2. Infinite for families that score codes.
    pub tolerance: f32,
    /// Whether the family keeps codes, so that `vector_into` gives back another vector than was put in.
    pub lossy: bool,
    /// Whether `search_batch` gives the bits of one search after the other, not only the same up to rounding.
    pub batch_bits: bool,
    /// The metrics of the family.
    pub metrics: &'static [Metric],
    /// Number of vectors of the main case; at least 100.
    pub n: usize,
    /// Dimension of the main case; not a multiple of 8 tests the tails of kernels.
    pub dim: usize,
}

impl AnnSuite {
    /// An exact family.
    #[must_use]
    pub fn exact(name: &'static str) -> Self {
        Self {
            name,
            exact: true,
            recall: 1.0,
            effort: Effort::Default,
            tolerance: 1e-5,
            lossy: false,
            batch_bits: true,
            metrics: &Metric::ALL,
            n: 600,
            dim: 21,
        }
    }

    /// An approximate family that promises a recall and scores exact vectors.
    #[must_use]
    pub fn approximate(name: &'static str, recall: f64) -> Self {
        Self { exact: false, recall, ..Self::exact(name) }
    }
}

/// Tests an index family; `make` builds one over vectors `[n, dim]`, which may be none.
///
/// It looks at shapes, order and ties, duplicates within an answer, k of 0, of more than n and of
/// `usize::MAX`, scores, every kind of filter, radius searches, efforts, batches on 1, 2 and 7 threads,
/// searches by id, and at the error of each bad input; on clustered vectors and on the small sets that break
/// indexes: none, one, equal ones, constant ones, zeros, one dimension, integers. A description (length, bound of the
/// ids, metric, space, keys) must stay the same, and answers must be the same behind pointers.
///
/// # Panics
/// When the family breaks the contract; the message says how.
pub fn ann_index(make: impl Fn(ArrayView2<'_, f32>, Metric) -> Box<dyn AnnIndex>, suite: &AnnSuite) {
    for &metric in suite.metrics {
        let build = |name: &'static str, vectors: Array2<f32>| {
            let index = make(vectors.view(), metric);
            harness::Case::new(suite, name, metric, vectors, index)
        };
        cases::run(suite, &build);
        let main = cases::main(suite, &build);
        filters::run(&main);
        hostile::run(&main.case);
        forwarding::run(&main);
        main.case.demand_description();
    }
}
