use embed_core::{ItemId, Metric, Neighbor, Run, kernel};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};

use super::SearchEvalError;
use crate::EmbeddingScorer;
use crate::exact::{Own, Unfinished, nearest};
use crate::number::float;

/// The exact answers of queries over rows, and what they are held against.
///
/// ```
/// use embed_core::{Metric, Neighbor, Run};
/// use evalmetrics::search::GroundTruth;
/// use ndarray::array;
///
/// let rows = array![[0.0], [1.0], [-1.0], [5.0]];
/// let truth = GroundTruth::exact(rows.view(), array![[0.1]].view(), Metric::L2, 2, &mut Run::default())?;
/// assert_eq!(truth.answer(0).map(|n| n.id).collect::<Vec<_>>(), [0, 1]);
/// assert_eq!(truth.recall(&[vec![0, 3]])?, [0.5]);
/// # Ok::<(), evalmetrics::search::SearchEvalError>(())
/// ```
///
/// Memory: a copy of the queries, and 8 bytes a neighbour. The rows are borrowed where they lie in order.
#[derive(Debug, Clone)]
pub struct GroundTruth<'a> {
    rows: CowArray<'a, f32, Ix2>,
    queries: Array2<f32>,
    metric: Metric,
    k: usize,
    /// Invariant: `k` for each query, scored by [`Metric::score`].
    answers: Vec<Neighbor>,
}

/// Components up to this size have products that are finite.
const LARGEST: f32 = 1e15;
/// Scores this near to the last of an answer, relative to what they are sums of, are ties with it.
const SLACK: f32 = 1e-6;

impl<'a> GroundTruth<'a> {
    /// The exact `k` nearest of `rows` `[n, dim]` for each of `queries` `[m, dim]`; all rows where there are
    /// fewer than `k`.
    ///
    /// O(m · n · dim) in matrix products of blocks. The same bits on any number of threads.
    ///
    /// # Errors
    /// [`SearchEvalError::Empty`], [`SearchEvalError::Zero`], [`SearchEvalError::TooMany`],
    /// [`SearchEvalError::Dimension`], [`SearchEvalError::Component`], [`SearchEvalError::Stopped`],
    /// [`SearchEvalError::Parallelism`].
    pub fn exact(
        rows: ArrayView2<'a, f32>,
        queries: ArrayView2<'_, f32>,
        metric: Metric,
        k: usize,
        run: &mut Run<'_>,
    ) -> Result<Self, SearchEvalError> {
        if k == 0 {
            return Err(SearchEvalError::Zero { name: "k" });
        }
        check("rows", "row", rows)?;
        check("queries", "query", queries)?;
        let (expected, got) = (rows.ncols(), queries.ncols());
        if expected != got {
            return Err(SearchEvalError::Dimension { expected, got });
        }
        let rows =
            if rows.is_standard_layout() { CowArray::from(rows) } else { CowArray::from(rows.to_owned()) };
        let k = k.min(rows.nrows());
        let queries = queries.as_standard_layout().into_owned();
        let scorer = match metric {
            Metric::Cosine => {
                EmbeddingScorer::of_finite(unit(queries.view()), unit(rows.view()), Metric::InnerProduct)
            }
            _ => EmbeddingScorer::of_finite(queries.view(), rows.view(), metric),
        };
        let ids: Vec<u32> = (0..).zip(queries.rows()).map(|(id, _)| id).collect();
        let answers = nearest(&scorer, &ids, rows.nrows(), k, Own::Other, run).map_err(|why| match why {
            Unfinished::Stopped { done } => {
                SearchEvalError::Stopped { done, total: ids.len(), unit: "queries" }
            }
            Unfinished::Threads(error) => SearchEvalError::Parallelism(error),
        })?;
        drop(scorer);
        let mut truth = Self { rows, queries, metric, k, answers };
        for query in 0..truth.n_queries() {
            for at in query * k..(query + 1) * k {
                truth.answers[at].score = truth.score(query, truth.answers[at].id);
            }
            truth.answers[query * k..(query + 1) * k].sort_unstable_by(Neighbor::nearest_first);
        }
        Ok(truth)
    }

    /// Number of queries.
    #[must_use]
    pub fn n_queries(&self) -> usize {
        self.queries.nrows()
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.rows.nrows()
    }

    /// Neighbours of an answer.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// The queries, `[m, dim]`.
    #[must_use]
    pub fn queries(&self) -> ArrayView2<'_, f32> {
        self.queries.view()
    }

    /// The exact answer of a query, nearest first; empty for a query that is not there.
    pub fn answer(&self, query: usize) -> impl ExactSizeIterator<Item = Neighbor> {
        let from = query.saturating_mul(self.k);
        self.answers.get(from..from.saturating_add(self.k)).unwrap_or_default().iter().copied()
    }

    /// Recall@k of each answer, one list of ids a query: the share of k that is in the first k of the list and
    /// scores no less than the last of the exact answer. So a row that ties with it counts, whichever
    /// of the tied rows exact search happened to take; a row that is there twice counts once. Scores are computed anew,
    /// from the rows themselves. O(answers · dim).
    ///
    /// # Errors
    /// [`SearchEvalError::Answers`], [`SearchEvalError::UnknownRow`].
    pub fn recall<A: AsRef<[ItemId]>>(&self, answers: &[A]) -> Result<Vec<f64>, SearchEvalError> {
        let (expected, got) = (self.n_queries(), answers.len());
        if expected != got {
            return Err(SearchEvalError::Answers { expected, got });
        }
        let n_rows = self.n_rows();
        let mut seen = Vec::new();
        let of_query = |(query, answer): (usize, &A)| {
            let answer = answer.as_ref();
            if let Some(&id) = answer.iter().find(|&&id| id as usize >= n_rows) {
                return Err(SearchEvalError::UnknownRow { query, id, n_rows });
            }
            let least = self.least(query);
            seen.clear();
            seen.extend(answer.iter().take(self.k));
            seen.sort_unstable();
            seen.dedup();
            let hits = seen.iter().filter(|&&id| self.score(query, id) >= least).count();
            Ok(float(hits) / float(self.k))
        };
        answers.iter().enumerate().map(of_query).collect()
    }

    /// The score that a hit has at least.
    fn least(&self, query: usize) -> f32 {
        let last = self.answers[(query + 1) * self.k - 1];
        let scale = match self.metric {
            Metric::Cosine => 1.0,
            Metric::L2 => last.score.abs(),
            // A product: rounding grows with both lengths.
            _ => {
                kernel::norm(row(&self.queries.view(), query))
                    * kernel::norm(row(&self.rows.view(), last.id as usize))
            }
        };
        last.score - SLACK * scale
    }

    fn score(&self, query: usize, id: ItemId) -> f32 {
        self.metric.score(row(&self.queries.view(), query), row(&self.rows.view(), id as usize))
    }
}

fn row<'v>(vectors: &ArrayView2<'v, f32>, at: usize) -> &'v [f32] {
    let dim = vectors.ncols();
    vectors.to_slice().map_or(&[], |all| &all[at * dim..(at + 1) * dim])
}

fn unit(vectors: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut rows = vectors.to_owned();
    for row in rows.rows_mut().into_iter().filter_map(ndarray::ArrayViewMut1::into_slice) {
        kernel::normalize(row);
    }
    rows
}

fn check(
    plural: &'static str,
    what: &'static str,
    vectors: ArrayView2<'_, f32>,
) -> Result<(), SearchEvalError> {
    let (got, limit) = (vectors.nrows(), ItemId::MAX as usize);
    if got == 0 || vectors.ncols() == 0 {
        return Err(SearchEvalError::Empty { what: plural });
    }
    if got > limit {
        return Err(SearchEvalError::TooMany { what: plural, got, limit });
    }
    let bad = |value: f32| !value.is_finite() || value.abs() > LARGEST;
    match vectors.indexed_iter().find(|(_, value)| bad(**value)) {
        Some(((row, column), &value)) => Err(SearchEvalError::Component { what, row, column, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Filter, testkit};
    use ndarray::array;

    #[test]
    fn answers_are_exact_and_earn_all() {
        let rows = testkit::clustered(3000, 7, 5, 1);
        let queries = testkit::clustered(40, 7, 5, 2);
        for metric in Metric::ALL {
            let truth =
                GroundTruth::exact(rows.view(), queries.view(), metric, 10, &mut Run::default()).unwrap();
            let mut ids = Vec::new();
            for query in 0..40 {
                let vector = queries.row(query).to_vec();
                let exact = testkit::exact_top_k(rows.view(), metric, &vector, 10, Filter::All);
                let got: Vec<Neighbor> = truth.answer(query).collect();
                assert_eq!(testkit::recall(&exact, &got), 1.0, "{metric}");
                ids.push(exact.iter().map(|n| n.id).collect::<Vec<_>>());
            }
            assert!(truth.recall(&ids).unwrap().iter().all(|&recall| recall == 1.0));
            ids.iter_mut().for_each(|list| list.truncate(4));
            assert!(truth.recall(&ids).unwrap().iter().all(|&recall| recall == 0.4));
        }
    }

    #[test]
    fn ties_count_and_repeats_count_once() {
        let rows = array![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [3.0, 3.0]];
        let queries = array![[0.0, 0.0]];
        let truth =
            GroundTruth::exact(rows.view(), queries.view(), Metric::L2, 2, &mut Run::default()).unwrap();
        let of = |ids: &[u32]| truth.recall(&[ids]).unwrap()[0];
        assert_eq!((of(&[0, 1]), of(&[3, 2]), of(&[1, 4]), of(&[2, 2]), of(&[])), (1.0, 1.0, 0.5, 0.5, 0.0));
        assert_eq!(of(&[4, 4, 0, 1]), 0.0, "what is beyond k does not count");
        assert!(matches!(
            truth.recall(&[[9u32]]),
            Err(SearchEvalError::UnknownRow { query: 0, id: 9, n_rows: 5 })
        ));
        let none: [&[u32]; 0] = [];
        assert!(matches!(truth.recall(&none), Err(SearchEvalError::Answers { expected: 1, got: 0 })));
    }

    #[test]
    fn bad_input_is_named() {
        let fails = |rows: &Array2<f32>, queries: &Array2<f32>, k| {
            GroundTruth::exact(rows.view(), queries.view(), Metric::L2, k, &mut Run::default()).unwrap_err()
        };
        let one = array![[1.0f32]];
        assert!(matches!(fails(&one, &one, 0), SearchEvalError::Zero { name: "k" }));
        assert!(matches!(fails(&Array2::zeros((0, 1)), &one, 1), SearchEvalError::Empty { what: "rows" }));
        assert!(matches!(
            fails(&one, &array![[1.0, 2.0]], 1),
            SearchEvalError::Dimension { expected: 1, got: 2 }
        ));
        assert!(matches!(
            fails(&one, &array![[f32::NAN]], 1),
            SearchEvalError::Component { what: "query", .. }
        ));
        assert!(matches!(fails(&array![[1e30]], &one, 1), SearchEvalError::Component { what: "row", .. }));
    }
}
