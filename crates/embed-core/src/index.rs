use std::cmp::Ordering;
use std::error::Error;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::{ItemId, KeyTable, Metric, Parallelism, ParallelismError, Space};

/// Finds the rows near a vector.
///
/// Only reads, and is shared between threads. `embed_core::testkit` holds the conformance suite.
pub trait AnnIndex: Send + Sync {
    /// Components of a vector.
    fn dim(&self) -> usize;

    /// Number of vectors, each of which may be an answer.
    fn len(&self) -> usize;

    /// Whether there is no vector.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bound of the ids: every row's id is below it. More than `len` where ids have no row: items without a trained
    /// vector, removed rows.
    fn id_bound(&self) -> usize {
        self.len()
    }

    /// The metric that scores are of.
    fn metric(&self) -> Metric;

    /// The space the vectors live in; [`Space::ANY`] says that it is not known, and that nothing is checked.
    fn space(&self) -> Space;

    /// Keys of the rows by id, where the index has them. O(1), once keys that lie in a file were read.
    ///
    /// # Errors
    /// [`SearchError::Implementation`] when they cannot be read.
    fn keys(&self) -> Result<Option<KeyTable>, SearchError> {
        Ok(None)
    }

    /// Writes the vector of a row into `out` `[dim]`: exact, or decoded where the family keeps codes; of
    /// length 1 where the metric is cosine and the family keeps only directions.
    ///
    /// # Errors
    /// [`SearchError::UnknownId`], [`SearchError::Dimension`].
    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError>;

    /// Writes the nearest rows into `out` (cleared first): nearest first, ties by ascending id, fewer than k
    /// where there are not so many.
    ///
    /// # Errors
    /// [`SearchError::Dimension`], [`SearchError::NotFinite`], [`SearchError::UnsortedFilter`],
    /// [`SearchError::Untuned`], [`SearchError::BeyondTuning`].
    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError>;

    /// The nearest rows of one query.
    ///
    /// # Errors
    /// As [`AnnIndex::search_into`].
    fn search(&self, query: &[f32], request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, SearchError> {
        let mut out = Vec::new();
        self.search_into(query, request, &mut out)?;
        Ok(out)
    }

    /// The nearest rows of each row of `queries` `[n, dim]`, in parallel. `requests` holds one request for
    /// all, or one for each query.
    ///
    /// # Errors
    /// As [`AnnIndex::search_into`], for the first query in order that fails; [`SearchError::Requests`].
    fn search_batch(
        &self,
        queries: ArrayView2<'_, f32>,
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
        let n = queries.nrows();
        if requests.len() != 1 && requests.len() != n {
            return Err(SearchError::Requests { queries: n, requests: requests.len() });
        }
        let queries = queries.as_standard_layout();
        let rows = queries.as_slice().unwrap_or_default();
        let (dim, cols) = (self.dim(), queries.ncols());
        if cols != dim {
            return Err(SearchError::Dimension { expected: dim, got: cols });
        }
        let results: Vec<Result<Vec<Neighbor>, SearchError>> = parallelism.install(|| {
            (0..n)
                .into_par_iter()
                .map(|i| self.search(&rows[i * dim..(i + 1) * dim], &requests[i.min(requests.len() - 1)]))
                .collect()
        })?;
        results.into_iter().collect()
    }

    /// The rows nearest to a row of the index, which is itself among them unless the filter bans it.
    ///
    /// # Errors
    /// As [`AnnIndex::vector_into`] and [`AnnIndex::search_into`].
    fn search_by_id(&self, id: ItemId, request: &SearchRequest<'_>) -> Result<Vec<Neighbor>, SearchError> {
        let mut query = vec![0.0; self.dim()];
        self.vector_into(id, &mut query)?;
        self.search(&query, request)
    }
}

/// One answer of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Neighbor {
    /// The row.
    pub id: ItemId,
    /// Larger is nearer: dot product, cosine, or minus the squared distance.
    pub score: f32,
}

impl Neighbor {
    /// The row `id` with its score.
    #[must_use]
    #[inline]
    pub const fn new(id: ItemId, score: f32) -> Self {
        Self { id, score }
    }

    /// Orders nearest first: score descending, ties by ascending id.
    #[must_use]
    #[inline]
    pub fn nearest_first(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.id.cmp(&other.id))
    }
}

/// What is asked of an index: a value, never state on it.
///
/// ```
/// use embed_core::{Effort, Filter, SearchRequest};
///
/// let seen = [3, 17, 40]; // ascending
/// let request = SearchRequest::k(10).effort(Effort::Value(128)).filter(Filter::Deny(&seen));
/// assert!(!request.filter.allows(17));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SearchRequest<'a> {
    /// When the answer is complete.
    pub stop: Stop,
    /// How hard to look.
    pub effort: Effort,
    /// Which rows may be answers.
    pub filter: Filter<'a>,
}

impl<'a> SearchRequest<'a> {
    /// The `k` nearest rows, at the index's own effort, unfiltered.
    #[must_use]
    pub fn k(k: usize) -> Self {
        Self { stop: Stop::K(k), effort: Effort::Default, filter: Filter::All }
    }

    /// All rows within `radius` (see [`Stop::Radius`]).
    #[must_use]
    pub fn radius(radius: f32) -> Self {
        Self { stop: Stop::Radius(radius), effort: Effort::Default, filter: Filter::All }
    }

    /// The same with another effort.
    #[must_use]
    pub fn effort(self, effort: Effort) -> Self {
        Self { effort, ..self }
    }

    /// The same with another filter.
    #[must_use]
    pub fn filter(self, filter: Filter<'a>) -> Self {
        Self { filter, ..self }
    }

    /// Checks a query of `query.len()` components against an index of `dim`, and the request itself. Every
    /// index calls this first.
    ///
    /// # Errors
    /// [`SearchError::Dimension`], [`SearchError::NotFinite`], [`SearchError::UnsortedFilter`],
    /// [`SearchError::BadRadius`].
    pub fn check(&self, query: &[f32], dim: usize) -> Result<(), SearchError> {
        if query.len() != dim {
            return Err(SearchError::Dimension { expected: dim, got: query.len() });
        }
        if let Some(column) = query.iter().position(|x| !x.is_finite()) {
            return Err(SearchError::NotFinite { column, value: query[column] });
        }
        if let Stop::Radius(radius) = self.stop
            && !radius.is_finite()
        {
            return Err(SearchError::BadRadius { radius });
        }
        if let Filter::Deny(ids) | Filter::Allow(ids) = self.filter
            && let Some(position) = ids.windows(2).position(|pair| pair[0] >= pair[1])
        {
            return Err(SearchError::UnsortedFilter {
                position: position + 1,
                before: ids[position],
                id: ids[position + 1],
            });
        }
        Ok(())
    }
}

/// When the answer to a search is complete.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Stop {
    /// The k nearest rows.
    K(usize),
    /// Every row within a radius: a distance under L2, a least similarity under the other metrics.
    Radius(f32),
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Effort {
    /// What the index was built to use.
    #[default]
    Default,
    /// The family's own knob: HNSW's ef, IVF's nprobe, a forest's search_k; exact families have none.
    Value(usize),
    /// Enough for this recall, on an index that has been tuned.
    Recall(f32),
}

/// Which rows may be answers.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub enum Filter<'a> {
    /// All.
    #[default]
    All,
    /// All but these, ascending, each once.
    Deny(&'a [ItemId]),
    /// Only these, ascending, each once.
    Allow(&'a [ItemId]),
    /// Those whose bit is set.
    Bitmap(Bitmap<'a>),
    /// Those for which the predicate holds.
    Where(&'a (dyn Fn(ItemId) -> bool + Sync)),
}

impl Filter<'_> {
    /// How many of `n` rows may be answers, at most; predicates are not asked. O(1), O(log n) on a list, or
    /// O(n / 64) on a bitmap.
    #[must_use]
    pub fn at_most(&self, n: usize) -> usize {
        match self {
            Self::All | Self::Where(_) => n,
            Self::Deny(ids) => n - ids.partition_point(|&id| (id as usize) < n),
            Self::Allow(ids) => ids.partition_point(|&id| (id as usize) < n),
            Self::Bitmap(bits) => {
                let words = bits.0.iter().take(n.div_ceil(64));
                words.map(|word| word.count_ones() as usize).sum::<usize>().min(n)
            }
        }
    }

    /// Whether the row may be an answer. O(1), or O(log n) on a list of n.
    #[must_use]
    #[inline]
    pub fn allows(&self, id: ItemId) -> bool {
        match self {
            Self::All => true,
            Self::Deny(ids) => ids.binary_search(&id).is_err(),
            Self::Allow(ids) => ids.binary_search(&id).is_ok(),
            Self::Bitmap(bits) => bits.contains(id),
            Self::Where(holds) => holds(id),
        }
    }
}

impl std::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("All"),
            Self::Deny(ids) => write!(f, "Deny({} ids)", ids.len()),
            Self::Allow(ids) => write!(f, "Allow({} ids)", ids.len()),
            Self::Bitmap(bits) => write!(f, "Bitmap({} bits)", 64 * bits.0.len()),
            Self::Where(_) => f.write_str("Where(..)"),
        }
    }
}

/// A set of rows as bits: row `i` is bit `i % 64` of word `i / 64`; rows beyond the words are not in it.
#[derive(Debug, Clone, Copy)]
pub struct Bitmap<'a>(pub &'a [u64]);

impl Bitmap<'_> {
    /// Whether the row is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, id: ItemId) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }
}

/// Why a search got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A query or buffer of the wrong length.
    #[error("expected a vector of {expected} components, got {got}")]
    Dimension {
        /// Components of the index's vectors.
        expected: usize,
        /// Components given.
        got: usize,
    },
    /// A NaN or infinite component in the query.
    #[error("the query has {value} in column {column}")]
    NotFinite {
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A radius that is no number.
    #[error("radius {radius}: a finite number is needed")]
    BadRadius {
        /// The radius.
        radius: f32,
    },
    /// A request of a kind that the index does not know.
    #[error("the index knows no {what} of this kind")]
    Unsupported {
        /// The part of the request: its stop rule, effort, filter.
        what: &'static str,
    },
    /// A row that is not in the index: beyond all ids, without a trained vector, or removed.
    #[error(
        "row {id} is not in the index of {len} rows: it was never there, has no trained vector, or was removed"
    )]
    UnknownId {
        /// The row.
        id: ItemId,
        /// Rows of the index.
        len: usize,
    },
    /// A list filter out of order.
    #[error("the filter's ids must ascend: {id} at position {position} follows {before}")]
    UnsortedFilter {
        /// Position of the id.
        position: usize,
        /// The id before it.
        before: ItemId,
        /// The id.
        id: ItemId,
    },
    /// Neither one request nor one a query.
    #[error("{requests} requests for {queries} queries: give one, or one for each")]
    Requests {
        /// Number of queries.
        queries: usize,
        /// Number of requests.
        requests: usize,
    },
    /// A recall was asked of an index that was not tuned for it.
    #[error("recall {recall} was asked for, but the index has not been tuned")]
    Untuned {
        /// The recall asked for.
        recall: f32,
    },
    /// More was asked of an index than it was tuned for.
    #[error(
        "recall {recall} of {k} answers was asked for, but the index has been tuned for {tuned_recall} of {tuned_k} at most"
    )]
    BeyondTuning {
        /// The recall asked for.
        recall: f32,
        /// Answers asked for; of a radius, those of the largest k tuned for.
        k: usize,
        /// The best recall that was measured.
        tuned_recall: f32,
        /// Of so many answers.
        tuned_k: usize,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
    /// An index of another crate failed.
    #[error("the index failed")]
    Implementation {
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
}
