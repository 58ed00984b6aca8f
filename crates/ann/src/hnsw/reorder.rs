//! Numbers the nodes as walks meet them: neighbours lie near each other in memory.

use std::cmp::Reverse;

use super::beam::NONE;
use super::build::{DraftLayer, node_id};

/// The old number of each node by its new one: breadth first from the entry within each set of nodes that end
/// at the same layer, so that the nodes of a layer are still the first ones. `layers` has the ground first.
/// O(n · m).
pub(super) fn breadth_first(layers: &[DraftLayer]) -> Vec<u32> {
    let n = layers.first().map_or(0, |ground| ground.frozen().len);
    let mut met = vec![false; n];
    let mut queue = Vec::with_capacity(n);
    for start in 0..n {
        if met[start] {
            continue;
        }
        met[start] = true;
        let mut next = queue.len();
        queue.push(node_id(start));
        while let Some(&node) = queue.get(next) {
            next += 1;
            for link in layers[0].frozen().of(node) {
                if !met[link as usize] {
                    met[link as usize] = true;
                    queue.push(link);
                }
            }
        }
    }
    let sizes: Vec<usize> = layers.iter().map(|layer| layer.frozen().len).collect();
    // Stable: within a set the order stays.
    queue.sort_by_key(|&node| Reverse(sizes.partition_point(|&size| (node as usize) < size)));
    queue
}

/// The new number of each node by its old one.
pub(super) fn inverse(order: &[u32]) -> Vec<u32> {
    let mut new = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &old)| new[old as usize] = node_id(i));
    new
}

/// The links of a layer under new numbers.
pub(super) fn renumbered<'a>(
    layer: &'a DraftLayer,
    order: &'a [u32],
    new: &'a [u32],
) -> impl Iterator<Item = u32> + 'a {
    let (frozen, width) = (layer.frozen(), layer.frozen().width);
    order[..frozen.len].iter().flat_map(move |&old| {
        let links = &layer.nodes[old as usize * width..(old as usize + 1) * width];
        links.iter().map(move |&link| new.get(link as usize).copied().unwrap_or(NONE))
    })
}
