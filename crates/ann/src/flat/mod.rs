//! Exact search by looking at every row.

mod batch;

use embed_core::{
    ItemId, Metric, Neighbor, Parallelism, Progress, Run, SearchError, SearchRequest, Space, kernel,
};
use ndarray::ArrayView2;

use crate::aligned::Aligned;
use crate::id_map::Names;
use crate::implement::by_row;
use crate::scan::{Collector, Stored};
use crate::scoring::{Scoring, bounds, check, norm, prepare};
use crate::{BuildError, Vectors};

/// Exact search: scores every row that the filter allows.
///
/// One query runs over the rows with the vector kernels; a batch is a blocked matrix product with a fused
/// top-k, whose survivors are scored again by the kernels. Both give the same answers, bit for bit, and the
/// effort of a request changes nothing.
///
/// A query costs O(n · dim). Memory: 4 · dim + 4 bytes a row. Under cosine the rows are kept at length 1,
/// zero vectors as they are: they score 0.
///
/// ```
/// use ann::Flat;
/// use embed_core::{AnnIndex, Metric, Run, SearchRequest};
/// use ndarray::array;
///
/// let vectors = array![[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]];
/// let index = Flat::build(&vectors, Metric::L2, &mut Run::default())?;
/// let nearest = index.search(&[1.0, 0.0], &SearchRequest::k(2))?;
/// assert_eq!((nearest[0].id, nearest[0].score, nearest[1].id), (0, -1.0, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Flat {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    /// Invariant: a whole number of rows of `dim` values.
    pub(crate) table: Aligned<f32>,
    /// Length of each row.
    pub(crate) norms: Aligned<f32>,
    pub(crate) space: Space,
    pub(crate) names: Names,
}

impl Flat {
    /// Most rows: `u32::MAX` itself is no row.
    pub const MAX_ROWS: usize = u32::MAX as usize;

    /// Copies vectors `[n, dim]` into an index. O(n · dim); nothing is random.
    ///
    /// # Errors
    /// - [`BuildError::ZeroDim`], [`BuildError::TooManyRows`], [`BuildError::Keys`] for the shape.
    /// - [`BuildError::NotFinite`] names the first NaN or infinite component.
    /// - [`BuildError::Cancelled`] when the observer stops the run.
    pub fn build<'v>(
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        run: &mut Run<'_>,
    ) -> Result<Self, BuildError> {
        let vectors = vectors.into();
        vectors.check(metric, Self::MAX_ROWS)?;
        let (n, dim) = (vectors.len(), vectors.dim());
        let at = |done: usize| Progress::new("index", done as u64, n as u64).unit("vectors");
        if !run.report(&at(0)).goes_on() {
            return Err(BuildError::Cancelled { done: 0, total: n });
        }
        let table = stored_rows(&vectors, metric, 0..n);
        #[expect(clippy::cast_possible_truncation, reason = "a bound for errors, which allows for rounding")]
        let norms = Aligned::new(n, |out| {
            out.iter_mut().zip(table.chunks(dim)).for_each(|(out, row)| *out = norm(row) as f32);
        });
        if !run.report(&at(n)).goes_on() {
            return Err(BuildError::Cancelled { done: n, total: n });
        }
        Ok(Self { metric, dim, table, norms, space: vectors.space, names: vectors.names() })
    }

    pub(crate) fn stored(&self) -> Stored<'_> {
        Stored { scoring: Scoring::of(self.metric), dim: self.dim, table: &self.table, order: None }
    }
}

/// The rows as they are stored, in the order given: at length 1 under cosine.
pub(crate) fn stored_rows(
    vectors: &Vectors<'_>,
    metric: Metric,
    order: impl ExactSizeIterator<Item = usize>,
) -> Aligned<f32> {
    let dim = vectors.dim();
    Aligned::new(order.len() * dim, |table| {
        for (slot, row) in table.chunks_exact_mut(dim).zip(order) {
            slot.iter_mut().zip(vectors.row(row)).for_each(|(slot, x)| *slot = *x);
            if metric == Metric::Cosine {
                kernel::normalize(slot);
            }
        }
    })
}

/// A row of a table, for [`AnnIndex::vector_into`].
pub(crate) fn copy_row(stored: &Stored<'_>, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
    if out.len() != stored.dim {
        return Err(SearchError::Dimension { expected: stored.dim, got: out.len() });
    }
    let len = stored.len();
    if id as usize >= len {
        return Err(SearchError::UnknownId { id, len });
    }
    let Some(position) = stored.position(id) else {
        let position = stored.order.map_or(0, |order| order.positions[id as usize] as usize);
        return Err(SearchError::Implementation { source: Box::new(crate::Damaged { id, position, len }) });
    };
    let start = position as usize * stored.dim;
    out.copy_from_slice(&stored.table[start..start + stored.dim]);
    Ok(())
}

by_row!(
    /// An exact family accepts every effort, and is tuned for every recall.
    Flat
);

impl Flat {
    fn n_rows(&self) -> usize {
        self.table.len() / self.dim
    }

    fn row_into(&self, row: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        copy_row(&self.stored(), row, out)
    }

    fn search_rows(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        check(request, query, self.dim)?;
        exact(&self.stored(), self.metric, &prepare(self.metric, query), request, out);
        Ok(())
    }

    fn search_rows_batch(
        &self,
        queries: ArrayView2<'_, f32>,
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
        batch::search(self, queries, requests, parallelism)
    }
}

/// Appends the exact answer for a prepared query.
pub(crate) fn exact(
    stored: &Stored<'_>,
    metric: Metric,
    query: &[f32],
    request: &SearchRequest<'_>,
    out: &mut Vec<Neighbor>,
) {
    let (k, least) = bounds(metric, request);
    if k == 0 {
        return;
    }
    let mut best = Collector::new(k, least);
    let n = u32::try_from(stored.rows()).unwrap_or(u32::MAX);
    stored.scan(query, request.filter, (0, n), &mut best);
    best.drain_into(out);
}
