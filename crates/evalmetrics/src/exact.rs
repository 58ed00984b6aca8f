//! Exact neighbours by matrix products of blocks.

use embed_core::{Flow, ItemId, Neighbor, ParallelismError, Progress, Run};
use rayon::prelude::*;

use crate::EmbeddingScorer;
use crate::ranking::select::Selector;

/// Queries in one block of products, and rows in one tile of them.
const BLOCK: usize = 256;
const TILE: usize = 2048;
/// Blocks between two reports to the observer.
const BLOCKS_AT_ONCE: usize = 32;

/// Whose neighbours are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// Queries and rows are the same vectors, and no vector is its own neighbour.
    Excluded,
    /// Queries are other vectors.
    Other,
}

/// Why there are no neighbours.
pub(crate) enum Unfinished {
    Stopped { done: usize },
    Threads(ParallelismError),
}

/// The `k` nearest of `n_rows` rows of each of `queries`, nearest first, ties by ascending id, back to back. Scores are finite, and
/// there are `k` rows for each.
pub(crate) fn nearest(
    scorer: &EmbeddingScorer<'_>,
    queries: &[u32],
    n_rows: usize,
    k: usize,
    own: Own,
    run: &mut Run<'_>,
) -> Result<Vec<Neighbor>, Unfinished> {
    let mut neighbors = Vec::with_capacity(queries.len() * k);
    for window in queries.chunks(BLOCK * BLOCKS_AT_ONCE) {
        let done = neighbors.len() / k;
        let progress = Progress::new("neighbours", done as u64, queries.len() as u64).unit("items");
        if run.report(&progress) == Flow::Stop {
            return Err(Unfinished::Stopped { done });
        }
        let block = |scratch: &mut Scratch, block: &[u32]| scratch.nearest(scorer, block, n_rows, k, own);
        let blocks: Vec<Vec<Neighbor>> = run
            .parallelism
            .install(|| window.par_chunks(BLOCK).map_init(Scratch::default, block).collect())
            .map_err(Unfinished::Threads)?;
        neighbors.extend(blocks.into_iter().flatten());
    }
    Ok(neighbors)
}

/// One thread's buffers.
#[derive(Default)]
struct Scratch {
    scores: Vec<f32>,
    selectors: Vec<Selector>,
}

impl Scratch {
    fn nearest(
        &mut self,
        scorer: &EmbeddingScorer<'_>,
        queries: &[u32],
        n_rows: usize,
        k: usize,
        own: Own,
    ) -> Vec<Neighbor> {
        self.selectors.resize_with(queries.len(), Selector::default);
        self.selectors.iter_mut().for_each(|selector| selector.restart(k));
        for first in (0..n_rows).step_by(TILE) {
            let tile = first..n_rows.min(first + TILE);
            let width = tile.len();
            self.scores.resize(queries.len() * width, 0.0);
            scorer.products_into(queries, tile, &mut self.scores);
            #[expect(clippy::cast_possible_truncation, reason = "callers see to the number of rows")]
            let first = first as ItemId;
            let rows = self.scores.chunks_exact_mut(width).zip(&mut self.selectors);
            for (&query, (row, selector)) in queries.iter().zip(rows) {
                if own == Own::Excluded
                    && let Some(own) = row.get_mut(query.wrapping_sub(first) as usize)
                {
                    *own = f32::NEG_INFINITY;
                }
                // No score is refused: they are finite.
                let _ = selector.scan(first, row);
            }
        }
        let mut out = Vec::with_capacity(queries.len() * k);
        for selector in &mut self.selectors {
            selector.finish();
            out.extend(selector.neighbors());
        }
        out
    }
}
