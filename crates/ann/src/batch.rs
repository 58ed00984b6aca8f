//! Batches of queries that share search memory: a thread takes it once for many queries.

use embed_core::{Neighbor, Parallelism, SearchError, SearchRequest};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Most queries that one thread answers in a row.
const BLOCK: usize = 64;

/// Answers one query.
pub(crate) type Search<'s> =
    dyn FnMut(&[f32], &SearchRequest<'_>, &mut Vec<Neighbor>) -> Result<(), SearchError> + 's;

/// What `AnnIndex::search_batch` gives. `with` takes search memory and hands a search that uses it to its
/// argument.
pub(crate) fn batch(
    dim: usize,
    queries: ArrayView2<'_, f32>,
    requests: &[SearchRequest<'_>],
    parallelism: Parallelism,
    with: impl Fn(&mut dyn FnMut(&mut Search<'_>)) + Sync,
) -> Result<Vec<Vec<Neighbor>>, SearchError> {
    let n = queries.nrows();
    if requests.len() != 1 && requests.len() != n {
        return Err(SearchError::Requests { queries: n, requests: requests.len() });
    }
    let queries = queries.as_standard_layout();
    let rows = queries.as_slice().unwrap_or_default();
    if queries.ncols() != dim {
        return Err(SearchError::Dimension { expected: dim, got: queries.ncols() });
    }
    let mut results = vec![Vec::new(); n];
    let size = (n / (8 * parallelism.count())).clamp(1, BLOCK);
    let block = |(block, results): (usize, &mut [Vec<Neighbor>])| {
        let mut outcome = Ok(());
        with(&mut |search| {
            let mut all = (block * size..).zip(&mut *results);
            outcome = all.try_for_each(|(i, out)| {
                search(&rows[i * dim..(i + 1) * dim], &requests[i.min(requests.len() - 1)], out)
            });
        });
        outcome
    };
    if parallelism.count() == 1 {
        results.chunks_mut(size).enumerate().try_for_each(block)?;
    } else {
        let outcomes: Vec<Result<(), SearchError>> =
            parallelism.install(|| results.par_chunks_mut(size).enumerate().map(block).collect())?;
        outcomes.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(results)
}
