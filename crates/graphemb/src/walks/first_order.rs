#![expect(clippy::cast_possible_truncation, reason = "a walk is at most 2¹⁶ nodes long")]

use embed_core::SeededRng;
use embed_core::kernel::prefetch_element;

use super::block::{Out, WALKERS};
use super::plan::Plan;
use crate::NodeId;

/// A walk under way.
#[derive(Debug, Clone, Copy, Default)]
struct Walker {
    /// Number of the walk in the block.
    walk: u32,
    at: NodeId,
    /// Where the next node lies in the neighbours.
    next: usize,
    /// Where its row starts.
    start: usize,
}

/// Walks whose steps do not depend on the way: uniform, or by weight. All walkers take a step together.
pub(crate) fn walk<const WEIGHTED: bool>(
    plan: &Plan<'_>,
    starts: &[NodeId],
    rng: &mut SeededRng,
    out: Out<'_>,
) {
    // A generator of its own, so that its state stays in registers.
    let mut local = rng.clone();
    let (nodes, neighbors) = (&plan.nodes[..], &plan.graph.neighbors[..]);
    let length = out.length;
    for (chunk, starts) in starts.chunks(WALKERS).enumerate() {
        let first = chunk * WALKERS;
        let mut walkers = [Walker::default(); WALKERS];
        let mut n = 0;
        for (walk, &start) in (0u32..).zip(starts) {
            let at = first + walk as usize;
            out.nodes[at * length] = start;
            out.lens[at] = length as u32;
            walkers[n] = Walker { walk, at: start, ..Walker::default() };
            n += 1;
            prefetch_element(nodes, start as usize);
        }
        let written = &mut out.nodes[first * length..];
        for step in 1..length {
            let mut i = 0;
            while i < n {
                let walker = &mut walkers[i];
                let node = nodes[walker.at as usize];
                if node.degree == 0 {
                    out.lens[first + walker.walk as usize] = step as u32;
                    n -= 1;
                    walkers[i] = walkers[n];
                    continue;
                }
                walker.start = node.start;
                walker.next = walker.start + local.below(node.degree) as usize;
                prefetch_element(neighbors, walker.next);
                if let (true, Some(aliases)) = (WEIGHTED, &plan.aliases) {
                    prefetch_element(aliases.cells(), walker.next);
                }
                i += 1;
            }
            if let (true, Some(aliases)) = (WEIGHTED, &plan.aliases) {
                for walker in &mut walkers[..n] {
                    let place = aliases.pick(walker.start, walker.next - walker.start, local.unit_f64());
                    walker.next = walker.start + place;
                    prefetch_element(neighbors, walker.next);
                }
            }
            for walker in &mut walkers[..n] {
                let next = neighbors[walker.next];
                written[walker.walk as usize * length + step] = next;
                walker.at = next;
                prefetch_element(nodes, next as usize);
            }
        }
    }
    *rng = local;
}
