//! Many queries at once: a blocked matrix product that tells which rows to look at.

use embed_core::{AnnIndex, ItemId, Neighbor, Parallelism, SearchError, SearchRequest, gemm};
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::Flat;
use crate::scan::Collector;
use crate::scoring::{Scoring, bounds, check, norm, prepare};

/// Queries of a tile: many, because the rows are packed anew for each tile.
const QUERIES: usize = 512;
/// Rows of a tile: with 512 queries, 512 KiB of products, which stay in the second-level cache.
const ROWS: usize = 256;
/// Rows of a task; a task keeps its own best and starts without a threshold.
const TASK_ROWS: usize = 64 * ROWS;
/// With fewer queries the row kernels are faster than a matrix product.
const FEWEST: usize = 4;
/// Sums of products below this stay far from overflow.
const MOST: f32 = 1e36;

pub(super) fn search(
    index: &Flat,
    queries: ArrayView2<'_, f32>,
    requests: &[SearchRequest<'_>],
    parallelism: Parallelism,
) -> Result<Vec<Vec<Neighbor>>, SearchError> {
    let (n, dim) = queries.dim();
    if requests.len() != 1 && requests.len() != n {
        return Err(SearchError::Requests { queries: n, requests: requests.len() });
    }
    if dim != index.dim {
        return Err(SearchError::Dimension { expected: index.dim, got: dim });
    }
    let request = |q: usize| &requests[q.min(requests.len() - 1)];
    let mut prepared = Vec::with_capacity(n * dim);
    for (q, query) in queries.rows().into_iter().enumerate() {
        let query = query.as_standard_layout();
        let query = query.as_slice().unwrap_or_default();
        check(request(q), query, dim)?;
        prepared.extend_from_slice(&prepare(index.metric, query));
    }
    let n_rows = index.len();
    let longest = index.norms.iter().copied().fold(0.0, f32::max);
    let tasks: Vec<(usize, usize)> = (0..n)
        .step_by(QUERIES)
        .flat_map(|q| (0..n_rows).step_by(TASK_ROWS).map(move |row| (q, row)))
        .collect();
    let parts: Vec<Vec<Vec<Neighbor>>> = parallelism.install(|| {
        tasks
            .par_iter()
            .map_init(
                || vec![0.0; QUERIES * ROWS],
                |products, &(first, row)| {
                    let queries = &prepared[first * dim..(first + QUERIES).min(n) * dim];
                    let rows = row..(row + TASK_ROWS).min(n_rows);
                    task(index, longest, queries, |q| request(first + q), rows, products)
                },
            )
            .collect()
    })?;
    let mut out = vec![Vec::new(); n];
    let mut best = Vec::new();
    let mut parts = parts.into_iter();
    for first in (0..n).step_by(QUERIES) {
        let answers = &mut out[first..(first + QUERIES).min(n)];
        best.clear();
        best.extend((first..).take(answers.len()).map(|q| {
            let (k, least) = bounds(index.metric, request(q));
            Collector::new(k, least)
        }));
        for part in parts.by_ref().take(n_rows.div_ceil(TASK_ROWS)) {
            best.iter_mut().zip(&part).for_each(|(best, part)| best.absorb(part));
        }
        best.iter_mut().zip(answers).for_each(|(best, answer)| best.drain_into(answer));
    }
    Ok(out)
}

/// The best of some rows for some queries.
fn task<'r>(
    index: &Flat,
    longest: f32,
    queries: &[f32],
    request: impl Fn(usize) -> &'r SearchRequest<'r>,
    rows: std::ops::Range<usize>,
    products: &mut [f32],
) -> Vec<Vec<Neighbor>> {
    let dim = index.dim;
    let mut lines: Vec<Line<'_>> = queries
        .chunks(dim)
        .enumerate()
        .map(|(q, query)| Line::new(index, longest, query, request(q)))
        .collect();
    let by_product: Vec<usize> = (0..lines.len()).filter(|&q| lines[q].wants_product()).collect();
    if by_product.len() < FEWEST {
        for line in &mut lines {
            line.scan(rows.clone());
        }
    } else {
        for start in rows.clone().step_by(ROWS) {
            let end = (start + ROWS).min(rows.end);
            let width = end - start;
            multiply(
                queries,
                &index.table[start * dim..end * dim],
                dim,
                &mut products[..lines.len() * width],
            );
            for &q in &by_product {
                lines[q].take(start, &products[q * width..(q + 1) * width]);
            }
        }
        lines.iter_mut().filter(|line| !line.wants_product()).for_each(|line| line.scan(rows.clone()));
    }
    lines.into_iter().map(Line::finish).collect()
}

/// `products [queries, rows] = queries [_, dim] · rowsᵀ`.
fn multiply(queries: &[f32], rows: &[f32], dim: usize, products: &mut [f32]) {
    let (m, n) = (queries.len() / dim, rows.len() / dim);
    let shapes = (
        ArrayView2::from_shape((m, dim), queries),
        ArrayView2::from_shape((n, dim), rows),
        ArrayViewMut2::from_shape((m, n), products),
    );
    if let (Ok(a), Ok(b), Ok(c)) = shapes {
        gemm::gemm(1.0, a, b.reversed_axes(), 0.0, c);
    }
}

/// One query on its way through the rows.
struct Line<'a> {
    index: &'a Flat,
    query: &'a [f32],
    request: &'a SearchRequest<'a>,
    best: Collector,
    k: usize,
    /// Whether products tell anything: not for an allow-list, which names its rows, and not where sums may
    /// overflow in one order and not in another.
    by_product: bool,
    /// An upper bound of a row's score is `product · factor + weight(row) · slope + offset`.
    factor: f32,
    slope: f32,
    offset: f32,
}

impl<'a> Line<'a> {
    /// A product of the matrix kernel and one of the row kernel are both within `dim · 2⁻²⁴ |x| |y|` of the
    /// true one, in whatever order they sum. The bounds here allow several times the sum of both, so that no
    /// row whose score by the row kernel would enter is passed over.
    fn new(index: &'a Flat, longest: f32, query: &'a [f32], request: &'a SearchRequest<'a>) -> Self {
        let (k, least) = bounds(index.metric, request);
        #[expect(clippy::cast_precision_loss, reason = "a bound with room to spare")]
        let error = (index.dim + 16) as f32 * 4.0 * f32::EPSILON;
        #[expect(clippy::cast_possible_truncation, reason = "a bound with room to spare")]
        let length = norm(query) as f32;
        let (factor, slope, offset) = match Scoring::of(index.metric) {
            Scoring::Dot => (1.0, error * length, 0.0),
            // −|x − y|² = 2 x·y − |y|² − |x|², and 2 |x| |y| ≤ |x|² + |y|².
            Scoring::L2 => (2.0, 2.0 * error - 1.0, (2.0 * error - 1.0) * length * length),
        };
        // Products so small that they vanish have no relative error.
        #[expect(clippy::cast_precision_loss, reason = "a bound with room to spare")]
        let offset = offset + index.dim as f32 * f32::MIN_POSITIVE;
        let sums = longest.max(length);
        let by_product = sums * sums < MOST && !matches!(request.filter, embed_core::Filter::Allow(_));
        Self { index, query, request, best: Collector::new(k, least), k, by_product, factor, slope, offset }
    }

    fn wants_product(&self) -> bool {
        self.k > 0 && self.by_product
    }

    fn scan(&mut self, rows: std::ops::Range<usize>) {
        if self.k > 0 {
            let range = (row_id(rows.start), row_id(rows.end));
            self.index.stored().scan(self.query, self.request.filter, range, &mut self.best);
        }
    }

    /// Looks at the products with the rows from `start` on.
    fn take(&mut self, start: usize, products: &[f32]) {
        const LANES: usize = 32;
        let norms = &self.index.norms[start..start + products.len()];
        let squared = Scoring::of(self.index.metric) == Scoring::L2;
        for (block, (products, norms)) in products.chunks(LANES).zip(norms.chunks(LANES)).enumerate() {
            let bound = |product: f32, norm: f32| {
                let weight = if squared { norm * norm } else { norm };
                product * self.factor + weight * self.slope + self.offset
            };
            let threshold = self.best.threshold();
            // Not `bound >= threshold`: what is no number has to be looked at.
            #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN counts as above")]
            let above = |p: &f32, n: &f32, threshold: f32| !(bound(*p, *n) < threshold);
            let any = products.iter().zip(norms).fold(false, |any, (p, n)| any | above(p, n, threshold));
            if !any {
                continue;
            }
            for (i, (p, n)) in products.iter().zip(norms).enumerate() {
                if above(p, n, self.best.threshold()) {
                    let row = start + block * LANES + i;
                    let id = row_id(row);
                    if self.request.filter.allows(id) {
                        let stored = self.index.stored();
                        let vector = &stored.table[row * stored.dim..(row + 1) * stored.dim];
                        self.best.offer(id, stored.scoring.one(self.query, vector));
                    }
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Neighbor> {
        let mut out = Vec::new();
        self.best.drain_into(&mut out);
        out
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an index has at most u32::MAX rows")]
fn row_id(row: usize) -> ItemId {
    row as ItemId
}
