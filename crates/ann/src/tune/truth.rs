use embed_core::{AnnIndex, ItemId, Metric, Neighbor, Run, SearchRequest};
use ndarray::ArrayView2;

use super::TuneError;
use crate::{Flat, Vectors};

/// How near the true `k` nearest of some queries are, against which answers are measured.
///
/// An answer counts as found when its row is as near as the k-th true neighbour, whichever of equally near rows it
/// is; a hundred-thousandth of the score is left for rounding. Rows are scored by the vectors, whatever scores an
/// index gave.
///
/// ```
/// use ann::{IndexSpec, Truth};
/// use embed_core::{AnnIndex, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(2000, 16, 20, 1);
/// let queries = testkit::clustered(50, 16, 20, 2);
/// let mut run = Run::seeded(7);
/// let truth = Truth::exact(vectors.view(), queries.view(), Metric::L2, 10, &mut run)?;
/// let index = "SQ8".parse::<IndexSpec>()?.build(&vectors, Metric::L2, &mut run)?;
/// let found = index.search_batch(queries.view(), &[SearchRequest::k(10)], run.parallelism)?;
/// assert!(truth.recall(&found) > 0.9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Truth<'a> {
    vectors: Vectors<'a>,
    queries: ArrayView2<'a, f32>,
    metric: Metric,
    /// How many true neighbours each query has, and how near the last of them is.
    last: Vec<(usize, f32)>,
}

/// Part of a score that rounding may take.
const ROUNDING: f32 = 1e-5;

impl<'a> Truth<'a> {
    /// Searches exactly. O(n · queries · dim); memory: a copy of the vectors meanwhile.
    ///
    /// # Errors
    /// [`TuneError::NoQueries`]; [`TuneError::Build`] and [`TuneError::Search`] where vectors or queries are no
    /// numbers or of different lengths.
    pub fn exact(
        vectors: impl Into<Vectors<'a>>,
        queries: ArrayView2<'a, f32>,
        metric: Metric,
        k: usize,
        run: &mut Run<'_>,
    ) -> Result<Self, TuneError> {
        if queries.nrows() == 0 {
            return Err(TuneError::NoQueries);
        }
        let vectors = vectors.into();
        let flat = Flat::build(vectors.clone(), metric, run)?;
        let answers = flat.search_batch(queries, &[SearchRequest::k(k)], run.parallelism)?;
        let ids: Vec<Vec<ItemId>> =
            answers.iter().map(|answer| answer.iter().map(|n| n.id).collect()).collect();
        Self::of_ids(vectors, queries, metric, &ids)
    }

    /// Takes the true neighbours of each query as known.
    ///
    /// # Errors
    /// [`TuneError::NoQueries`], [`TuneError::OtherVectors`], [`TuneError::Lists`], [`TuneError::UnknownId`].
    pub fn of_ids(
        vectors: impl Into<Vectors<'a>>,
        queries: ArrayView2<'a, f32>,
        metric: Metric,
        ids: &[Vec<ItemId>],
    ) -> Result<Self, TuneError> {
        let vectors = vectors.into();
        let (rows, dim) = (vectors.id_bound(), vectors.dim());
        if queries.nrows() == 0 {
            return Err(TuneError::NoQueries);
        }
        if queries.ncols() != dim {
            let got_dim = queries.ncols();
            return Err(TuneError::OtherVectors { rows, dim, got_rows: queries.nrows(), got_dim });
        }
        if ids.len() != queries.nrows() {
            return Err(TuneError::Lists { queries: queries.nrows(), got: ids.len() });
        }
        let last = Vec::with_capacity(ids.len());
        let mut truth = Self { vectors, queries, metric, last };
        for (query, ids) in ids.iter().enumerate() {
            if let Some(position) = ids.iter().position(|&id| truth.vectors.get(id).is_none()) {
                return Err(TuneError::UnknownId { query, position, id: ids[position], rows });
            }
            // The farthest, in whatever order they are given.
            let last = truth.scores(query, ids.iter().copied()).fold(f32::INFINITY, f32::min);
            truth.last.push((ids.len(), last));
        }
        Ok(truth)
    }

    /// The mean recall of answers, one list a query; what a list has beyond k counts for nothing. 1 where there is
    /// no true neighbour.
    #[must_use]
    pub fn recall(&self, answers: &[Vec<Neighbor>]) -> f64 {
        let found = |(query, (answer, &(k, last))): (usize, (&Vec<Neighbor>, &(usize, f32)))| {
            if k == 0 {
                return 1.0;
            }
            let least = last - ROUNDING * last.abs().max(1.0);
            let ids = answer.iter().take(k).map(|n| n.id);
            let hits = self.scores(query, ids).filter(|&score| score >= least).count();
            #[expect(clippy::cast_precision_loss, reason = "answers are short")]
            let share = hits as f64 / k as f64;
            share
        };
        let sum: f64 = answers.iter().zip(&self.last).enumerate().map(found).sum();
        #[expect(clippy::cast_precision_loss, reason = "a mean needs no more digits")]
        let n = self.last.len() as f64;
        sum / n
    }

    fn scores<'s>(
        &'s self,
        query: usize,
        ids: impl Iterator<Item = ItemId> + 's,
    ) -> impl Iterator<Item = f32> + 's {
        let query = self.queries.row(query).to_vec();
        let mut row = vec![0.0; query.len()];
        ids.filter_map(move |id| {
            row.iter_mut().zip(self.vectors.get(id)?).for_each(|(slot, x)| *slot = *x);
            Some(self.metric.score(&query, &row))
        })
    }
}
