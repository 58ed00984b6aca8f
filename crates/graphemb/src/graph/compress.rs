use rayon::prelude::*;

use super::build::merged;
use crate::{GraphError, NodeId, ParallelEdges};

/// Compressed rows.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) offsets: Vec<u64>,
    pub(super) neighbors: Vec<NodeId>,
    pub(super) weights: Vec<f32>,
    pub(super) n_loops: u64,
}

/// Rows sorted by target, parallel edges in one.
pub(super) fn compress(n_nodes: usize, edges: Vec<(NodeId, NodeId)>, directed: bool) -> Rows {
    let mut scattered = scatter(n_nodes, edges, directed, |_, target| target);
    let mut offsets = Vec::with_capacity(n_nodes + 1);
    offsets.push(0u64);
    let (mut kept, mut n_loops) = (0, 0);
    for node in 0..n_nodes {
        let start = kept;
        for at in scattered.offsets[node]..scattered.offsets[node + 1] {
            let target = scattered.entries[at];
            if kept == start || scattered.entries[kept - 1] != target {
                n_loops += u64::from(target as usize == node);
                scattered.entries[kept] = target;
                kept += 1;
            }
        }
        offsets.push(kept as u64);
    }
    let mut neighbors = scattered.entries;
    neighbors.truncate(kept);
    neighbors.shrink_to_fit();
    Rows { offsets, neighbors, weights: Vec::new(), n_loops }
}

/// Rows sorted by target, parallel edges merged.
pub(super) fn compress_weighted(
    n_nodes: usize,
    edges: Vec<(NodeId, NodeId)>,
    weights: Vec<f32>,
    directed: bool,
    parallel: ParallelEdges,
) -> Result<Rows, GraphError> {
    // Weights are positive, so their bits are in the order of the numbers.
    let scattered = scatter(n_nodes, edges, directed, |edge, target| {
        u64::from(target) << 32 | u64::from(weights[edge].to_bits())
    });
    drop(weights);
    let mut offsets = Vec::with_capacity(n_nodes + 1);
    offsets.push(0u64);
    let mut rows = Rows { offsets, neighbors: Vec::new(), weights: Vec::new(), n_loops: 0 };
    for (node, pair) in (0..).zip(scattered.offsets.windows(2)) {
        for same in scattered.entries[pair[0]..pair[1]].chunk_by(|a, b| a >> 32 == b >> 32) {
            let target = halves(same[0]).0;
            let weight = merged(parallel, same.iter().map(|&entry| f32::from_bits(halves(entry).1)));
            if !weight.is_finite() {
                return Err(GraphError::WeightOverflow { source_node: node, target_node: target });
            }
            rows.n_loops += u64::from(target == node);
            rows.neighbors.push(target);
            rows.weights.push(weight);
        }
        rows.offsets.push(rows.neighbors.len() as u64);
    }
    Ok(rows)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
fn halves(entry: u64) -> (u32, u32) {
    ((entry >> 32) as u32, entry as u32)
}

struct Scattered<T> {
    offsets: Vec<usize>,
    /// The entries of each row, sorted.
    entries: Vec<T>,
}

/// Deals the edges to the rows of their sources (and, undirected, of their targets) and sorts each row.
fn scatter<T: Copy + Default + Ord + Send>(
    n_nodes: usize,
    edges: Vec<(NodeId, NodeId)>,
    directed: bool,
    entry: impl Fn(usize, NodeId) -> T,
) -> Scattered<T> {
    let mut offsets = vec![0usize; n_nodes + 1];
    for &(source, target) in &edges {
        offsets[source as usize + 1] += 1;
        if !directed && source != target {
            offsets[target as usize + 1] += 1;
        }
    }
    for node in 0..n_nodes {
        offsets[node + 1] += offsets[node];
    }
    let mut next = offsets.clone();
    let mut entries = vec![T::default(); offsets[n_nodes]];
    let mut put = |row: NodeId, value: T| {
        let slot = &mut next[row as usize];
        entries[*slot] = value;
        *slot += 1;
    };
    for (edge, &(source, target)) in edges.iter().enumerate() {
        put(source, entry(edge, target));
        if !directed && source != target {
            put(target, entry(edge, source));
        }
    }
    drop(edges);
    sort_rows(&offsets, &mut entries);
    Scattered { offsets, entries }
}

/// Sorts the entries of each row, halves of the rows in parallel.
fn sort_rows<T: Ord + Send>(offsets: &[usize], entries: &mut [T]) {
    let n_rows = offsets.len() - 1;
    if n_rows <= 1 || entries.len() <= 1 << 14 {
        let mut rest = entries;
        for pair in offsets.windows(2) {
            let (row, after) = rest.split_at_mut(pair[1] - pair[0]);
            if n_rows == 1 {
                row.par_sort_unstable();
            } else {
                row.sort_unstable();
            }
            rest = after;
        }
        return;
    }
    // Where half of the entries lie before, but at least one row on each side.
    let half = offsets[0] + entries.len() / 2;
    let middle = offsets.partition_point(|&offset| offset < half).clamp(1, n_rows - 1);
    let (left, right) = entries.split_at_mut(offsets[middle] - offsets[0]);
    rayon::join(|| sort_rows(&offsets[..=middle], left), || sort_rows(&offsets[middle..], right));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use embed_core::SeededRng;

    use super::*;
    use crate::{Graph, GraphOptions, SelfLoops};

    /// Many edges, so that rows are sorted in parallel, against a map.
    #[test]
    fn rows_are_those_of_a_map() {
        let mut rng = SeededRng::new(3);
        let edges: Vec<(u32, u32, f32)> = (0..120_000)
            .map(|_| {
                let hub = rng.below(4) == 0;
                let source = if hub { 7 } else { rng.below(500) };
                (source, rng.below(500), (1 + rng.below(8)) as f32 * 0.5)
            })
            .collect();
        for (directed, parallel) in
            [(true, ParallelEdges::Sum), (false, ParallelEdges::Sum), (false, ParallelEdges::Max)]
        {
            let mut map: BTreeMap<(u32, u32), f32> = BTreeMap::new();
            let mut put = |a, b, w: f32| {
                map.entry((a, b))
                    .and_modify(|old| {
                        *old = if parallel == ParallelEdges::Sum { *old + w } else { old.max(w) }
                    })
                    .or_insert(w);
            };
            for &(a, b, w) in &edges {
                put(a, b, w);
                if !directed && a != b {
                    put(b, a, w);
                }
            }
            let options = GraphOptions { directed, weighted: true, parallel, self_loops: SelfLoops::Keep };
            let graph = Graph::from_weighted_edges(600, edges.iter().copied(), &options).unwrap();
            let rows: Vec<_> = (0..600)
                .flat_map(|a| {
                    graph.neighbors(a).iter().zip(graph.weights(a)).map(move |(&b, &w)| ((a, b), w))
                })
                .collect();
            assert_eq!(rows, map.clone().into_iter().collect::<Vec<_>>());
            let plain = GraphOptions { weighted: false, ..options };
            let plain = Graph::from_weighted_edges(600, edges.iter().copied(), &plain).unwrap();
            assert_eq!((&plain.offsets, &plain.neighbors), (&graph.offsets, &graph.neighbors));
            let loops = map.keys().filter(|(a, b)| a == b).count() as u64;
            assert_eq!((plain.n_self_loops(), graph.n_self_loops(), graph.n_isolated()), (loops, loops, 100));
        }
    }
}
