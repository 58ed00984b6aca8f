use embed_core::{Csr, Progress, Run};
use rayon::prelude::*;

use super::baskets::Baskets;
use super::similar::Similar;
use crate::{
    Graph, GraphBuilder, GraphOptions, ItemGraphParams, ItemGraphReport, Keep, LogGraphError, ParallelEdges,
    SelfLoops,
};

/// Items of a task, and of a report to the observer.
const TASK: usize = 64;
const REPORT: usize = 1 << 13;

/// The graph of items that the same users have: each item with the items most like it, weighted by how alike they are.
///
/// `histories` holds one row a user; order and repeats within it do not matter. Users are gone through item by item,
/// by an inverted index, so only pairs that some user has are ever looked at.
///
/// ```
/// use embed_core::{Csr, Run};
/// use graphemb::{ItemGraphParams, item_graph};
///
/// let histories = Csr::from_rows([&[0, 1][..], &[1, 0, 2], &[2, 3]]);
/// let (graph, _) = item_graph(&histories, 4, &ItemGraphParams::default(), &mut Run::seeded(1))?;
/// assert_eq!(graph.weight(0, 1), Some(1.0)); // the same two users
/// assert_eq!(graph.weight(0, 2), Some(1.0 / 3.0)); // one of three
/// # Ok::<(), graphemb::LogGraphError>(())
/// ```
///
/// The observer sees `similarities`, in items.
///
/// # Errors
/// - [`LogGraphError::Count`] for a setting out of its range.
/// - [`LogGraphError::UnknownItem`] names the first item that is not below `n_items`.
/// - [`LogGraphError::TooMany`] beyond u32 users or items.
/// - [`LogGraphError::Stopped`] when the observer ends the run.
///
/// # Complexity
/// O(Σ |I_u|²) over users' items, at most `max_user_items` each, and 16 bytes for each of the `top_k` of every item.
/// Memory: 8 bytes an interaction, 4 bytes an item a thread.
///
/// # Determinism
/// The same seed gives the same graph on any number of threads; without users above `max_user_items` the seed does not
/// matter.
pub fn item_graph(
    histories: &Csr,
    n_items: usize,
    params: &ItemGraphParams,
    run: &mut Run<'_>,
) -> Result<(Graph, ItemGraphReport), LogGraphError> {
    params.validate()?;
    let parallelism = run.parallelism;
    parallelism.install(|| build(histories, n_items, params, run))?
}

fn build(
    histories: &Csr,
    n_items: usize,
    params: &ItemGraphParams,
    run: &mut Run<'_>,
) -> Result<(Graph, ItemGraphReport), LogGraphError> {
    let mut report = ItemGraphReport::default();
    let baskets = Baskets::new(histories, n_items, params.max_user_items, run.seed, &mut report)?;
    let similar = Similar::new(&baskets, params, report.users);
    let options = GraphOptions {
        directed: params.keep == Keep::Own,
        weighted: true,
        // An edge from each side, of the same weight.
        parallel: ParallelEdges::Max,
        self_loops: SelfLoops::Keep,
    };
    let mut builder = GraphBuilder::new(n_items, &options)?;
    let mut own = Vec::new();
    for start in (0..n_items).step_by(REPORT) {
        let end = (start + REPORT).min(n_items);
        let tasks = (start..end).into_par_iter().step_by(TASK);
        let found: Vec<_> = tasks.map(|item| similar.of(item..(item + TASK).min(end))).collect();
        for (item, other, score) in found.into_iter().flatten() {
            if params.keep == Keep::Both {
                own.push((item, other, score));
            } else {
                builder.push(item, other, score)?;
            }
        }
        let progress = Progress::new("similarities", end as u64, n_items as u64).unit("items");
        if !run.report(&progress).goes_on() && end < n_items {
            return Err(LogGraphError::Stopped);
        }
    }
    drop(similar);
    // Pairs come in ascending order, so each looks its mirror image up.
    for &(item, other, score) in &own {
        if item < other && own.binary_search_by_key(&(other, item), |&(a, b, _)| (a, b)).is_ok() {
            builder.push(item, other, score)?;
        }
    }
    let (graph, _) = builder.build()?;
    report.isolated = graph.n_isolated() as u64;
    Ok((graph, report))
}
