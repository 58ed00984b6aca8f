//! Lloyd's k-means: sampled, seeded, on any number of threads the same bits.

mod assign;
mod hierarchy;
mod lloyd;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView2, ArrayViewMut1};

pub use self::assign::Assigner;
use self::lloyd::Points;
use crate::{ParallelismError, Progress, Run, SeededRng};

/// How [`KMeans::fit`] works.
///
/// ```
/// use embed_core::{KMeans, KMeansParams, Run, testkit};
///
/// let vectors = testkit::clustered(1000, 8, 5, 1);
/// let params = KMeansParams { iterations: 5, ..KMeansParams::new(20) };
/// let means = KMeans::fit(vectors.view(), &params, &mut Run::seeded(7))?;
/// assert_eq!(means.centroids.dim(), (20, 8));
/// # Ok::<(), embed_core::KMeansError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KMeansParams {
    /// Number of centroids, at least 1.
    pub k: usize,
    /// Rounds of assignment and update, at least 1; fewer where nothing changes any more.
    pub iterations: usize,
    /// Rows a centroid that are looked at, drawn at random where there are more; at least 1.
    pub sample: usize,
}

impl KMeansParams {
    /// Ten rounds over at most 128 rows a centroid.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, iterations: 10, sample: 128 }
    }

    fn check(&self) -> Result<(), KMeansError> {
        let fields = [("k", self.k), ("iterations", self.iterations), ("sample", self.sample)];
        match fields.into_iter().find(|&(_, value)| value == 0) {
            Some((name, _)) => Err(KMeansError::Zero { name }),
            None => Ok(()),
        }
    }
}

/// The centres of clusters.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KMeans {
    /// `[min(k, n), dim]`.
    pub centroids: Array2<f32>,
    /// Mean squared distance of the rows looked at from their centroid, before the last update.
    pub error: f64,
}

/// Why there are no centroids.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KMeansError {
    /// A parameter of 0.
    #[error("{name} must be at least 1")]
    Zero {
        /// The field of [`KMeansParams`].
        name: &'static str,
    },
    /// A NaN or infinite component.
    #[error("row {row} has {value} in column {column}")]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// The observer stopped the run.
    #[error("stopped after {done} of {total} rounds")]
    Cancelled {
        /// Rounds by then.
        done: usize,
        /// Rounds in all.
        total: usize,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}

/// Above so many centroids the first guess comes from a hierarchy: clusters of clusters.
const FLAT: usize = 512;
/// Rounds over all centroids that follow a hierarchy.
const POLISH: usize = 8;

impl KMeans {
    /// Centroids of rows `[n, dim]` under squared distance: Lloyd's rounds from rows drawn at random. With fewer
    /// rows than `k`, every row is a centroid. A centroid that no row is nearest to moves to a row that is far
    /// from its own.
    ///
    /// Above some hundred centroids, √k clusters are divided into their share each, and eight rounds over all
    /// centroids follow.
    ///
    /// O(iterations · sample · k² · dim) below that, as a matrix product. Memory: some 20 bytes a row of the sample,
    /// and 1 MiB and 128 rows a thread.
    ///
    /// *Determinism.* The same seed gives the same bits on any number of threads.
    ///
    /// # Errors
    /// [`KMeansError`]: a parameter of 0, a component that is not finite, a stop by the observer, or no threads.
    pub fn fit(
        vectors: ArrayView2<'_, f32>,
        params: &KMeansParams,
        run: &mut Run<'_>,
    ) -> Result<Self, KMeansError> {
        let (n, dim) = vectors.dim();
        let read = |row: usize, out: &mut [f32]| ArrayViewMut1::from(out).assign(&vectors.row(row));
        Self::fit_read(n, dim, &read, params, run)
    }

    /// [`KMeans::fit`] over `n` rows that `read` writes, by their numbers, whenever they are needed: a few times a
    /// round. Nothing is copied but a block of rows a thread.
    ///
    /// # Errors
    /// As [`KMeans::fit`].
    pub fn fit_read(
        n: usize,
        dim: usize,
        read: &(dyn Fn(usize, &mut [f32]) + Sync),
        params: &KMeansParams,
        run: &mut Run<'_>,
    ) -> Result<Self, KMeansError> {
        params.check()?;
        let rows = draw(n, params.k.saturating_mul(params.sample), run.seed);
        Self::of(&Points::read(rows, dim, read)?, params, run)
    }

    /// [`KMeans::fit`] over rows `[n, dim]` that are there, one after the other. All of them count, whatever
    /// [`KMeansParams::sample`] says, and they are in a random order: clusters start from the first.
    ///
    /// # Errors
    /// As [`KMeans::fit`].
    pub fn fit_all(
        rows: &[f32],
        dim: usize,
        params: &KMeansParams,
        run: &mut Run<'_>,
    ) -> Result<Self, KMeansError> {
        params.check()?;
        let n = rows.len().checked_div(dim).unwrap_or(0);
        Self::of(&Points::held(rows, n, dim)?, params, run)
    }

    fn of(points: &Points<'_>, params: &KMeansParams, run: &mut Run<'_>) -> Result<Self, KMeansError> {
        let (k, dim) = (params.k.min(points.len()), points.dim);
        let mut rounds = Rounds { done: 0, total: params.iterations, run };
        let (centroids, error) = if k > FLAT && k < points.len() {
            let first = hierarchy::centroids(points, k, params.iterations, &mut rounds)?;
            rounds.total += POLISH;
            lloyd::rounds(points, first, POLISH, &mut rounds)?
        } else {
            let first = points.first(k);
            lloyd::rounds(points, first, params.iterations, &mut rounds)?
        };
        let shape = (k, dim);
        Ok(Self { centroids: Array2::from_shape_vec(shape, centroids).unwrap_or_default(), error })
    }
}

/// At most `most` different rows in a random order.
fn draw(n: usize, most: usize, seed: u64) -> Vec<u32> {
    let mut rng = SeededRng::stream(seed, "k-means sample", 0);
    let mut rows: Vec<u32> = (0..=u32::MAX).take(n).collect();
    // A shuffle of the front alone.
    for front in 0..most.min(n) {
        let left = u32::try_from(n - front).unwrap_or(u32::MAX);
        rows.swap(front, front + rng.below(left) as usize);
    }
    rows.truncate(most);
    rows
}

/// Tells the observer how far the rounds are.
struct Rounds<'r, 'o> {
    done: usize,
    total: usize,
    run: &'r mut Run<'o>,
}

impl Rounds<'_, '_> {
    fn tick(&mut self) -> Result<(), KMeansError> {
        let (done, total) = (self.done, self.total);
        if !self.run.report(&Progress::new("k-means", done as u64, total as u64).unit("rounds")).goes_on() {
            return Err(KMeansError::Cancelled { done, total });
        }
        self.done += 1;
        Ok(())
    }
}
