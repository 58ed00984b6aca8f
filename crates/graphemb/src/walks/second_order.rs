#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the whole part of a number in [0, mass) is meant"
)]

use embed_core::SeededRng;
use embed_core::kernel::prefetch_element;

use super::adjacent::{Node, position, row};
use super::block::{Out, WALKERS};
use super::plan::Plan;
use crate::NodeId;

/// No node: the walk has just started.
const NONE: NodeId = NodeId::MAX;

/// A walk under way.
#[derive(Debug, Clone, Copy)]
struct Walker {
    /// Number of the walk in the block, and nodes of it so far.
    walk: u32,
    len: u32,
    last: NodeId,
    at: NodeId,
    last_node: Node,
    node: Node,
    /// What candidates are drawn from: one unit for each neighbour, and what the way back weighs above the envelope.
    mass: f64,
    /// Where the candidate lies in its row.
    place: usize,
    candidate: NodeId,
    coin: f64,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Accept,
    Reject,
    /// The candidate's chance depends on an edge.
    Look,
}

/// Walks by the second-order law of node2vec (or node2vec+), by rejection: a candidate is drawn by weight and accepted
/// with a probability that depends on the last node. In each round every walker draws one candidate.
pub(crate) fn walk<const WEIGHTED: bool, const EXTENDED: bool>(
    plan: &Plan<'_>,
    starts: &[NodeId],
    rng: &mut SeededRng,
    mut out: Out<'_>,
) {
    // A generator of its own, so that its state stays in registers.
    let mut local = rng.clone();
    let (nodes, neighbors, law) = (&plan.nodes[..], &plan.graph.neighbors[..], plan.law);
    let mut waiting = (0u32..).zip(starts.iter().copied());
    let mut walkers: Vec<Walker> = Vec::with_capacity(WALKERS);
    while walkers.len() < WALKERS {
        match begin(plan, &mut waiting, &mut out) {
            Some(walker) => walkers.push(walker),
            None => break,
        }
    }
    while !walkers.is_empty() {
        for walker in &mut walkers {
            let drawn = local.unit_f64() * walker.mass;
            // A whole part beyond the row is the way back.
            walker.place = drawn as usize;
            walker.coin = drawn - walker.place as f64;
            let at = walker.node.start + walker.place;
            prefetch_element(neighbors, at);
            if let (true, Some(aliases)) = (WEIGHTED, &plan.aliases) {
                prefetch_element(aliases.cells(), at);
            }
        }
        if let (true, Some(aliases)) = (WEIGHTED, &plan.aliases) {
            for walker in &mut walkers {
                if walker.place < walker.node.degree as usize {
                    let start = walker.node.start;
                    walker.place = aliases.pick(start, walker.place, walker.coin);
                    prefetch_element(neighbors, start + walker.place);
                    prefetch_element(&plan.graph.weights, start + walker.place);
                }
                walker.coin = local.unit_f64();
            }
        }
        for walker in &mut walkers {
            if walker.place >= walker.node.degree as usize {
                walker.candidate = walker.last;
                walker.fate = Fate::Accept;
                prefetch_element(nodes, walker.last as usize);
                continue;
            }
            let candidate = neighbors[walker.node.start + walker.place];
            walker.candidate = candidate;
            prefetch_element(nodes, candidate as usize);
            let threshold = if candidate == walker.last { law.back } else { law.low };
            walker.fate = if walker.coin < threshold || walker.last == NONE {
                Fate::Accept
            } else if candidate == walker.last {
                Fate::Reject
            } else {
                if !EXTENDED {
                    plan.edges.prefetch(walker.last, walker.last_node, candidate);
                }
                Fate::Look
            };
        }
        let mut i = 0;
        while i < walkers.len() {
            let walker = &mut walkers[i];
            i += 1;
            if walker.fate == Fate::Reject {
                continue;
            }
            let target = nodes[walker.candidate as usize];
            if walker.fate == Fate::Look {
                let chance = if EXTENDED {
                    extended_chance(plan, walker)
                } else {
                    let ends = ((walker.last, walker.last_node), (walker.candidate, target));
                    if plan.edges.has_edge(plan.graph, ends.0, ends.1) { law.near } else { law.far }
                };
                if walker.coin >= chance {
                    continue;
                }
            }
            out.nodes[walker.walk as usize * out.length + walker.len as usize] = walker.candidate;
            walker.len += 1;
            if target.degree == 0 || walker.len as usize == out.length {
                out.lens[walker.walk as usize] = walker.len;
                match begin(plan, &mut waiting, &mut out) {
                    Some(next) => *walker = next,
                    None => {
                        i -= 1;
                        walkers.swap_remove(i);
                    }
                }
                continue;
            }
            let extra = back_mass::<WEIGHTED>(plan, walker, target);
            walker.last = walker.at;
            walker.last_node = walker.node;
            walker.at = walker.candidate;
            walker.node = target;
            walker.mass = f64::from(target.degree) + extra;
        }
    }
    *rng = local;
}

/// The next walk with a step to take; walks that end at their start are written on the way.
fn begin(
    plan: &Plan<'_>,
    waiting: &mut impl Iterator<Item = (u32, NodeId)>,
    out: &mut Out<'_>,
) -> Option<Walker> {
    for (walk, start) in waiting {
        out.nodes[walk as usize * out.length] = start;
        let node = plan.nodes[start as usize];
        if node.degree > 0 && out.length > 1 {
            return Some(Walker {
                walk,
                len: 1,
                last: NONE,
                at: start,
                last_node: Node::default(),
                node,
                mass: f64::from(node.degree),
                place: 0,
                candidate: start,
                coin: 0.0,
                fate: Fate::Reject,
            });
        }
        out.lens[walk as usize] = 1;
    }
    None
}

/// What the way back from the candidate weighs above the envelope, in units of a neighbour of mean weight.
#[inline]
fn back_mass<const WEIGHTED: bool>(plan: &Plan<'_>, walker: &Walker, target: Node) -> f64 {
    let extra = plan.law.extra;
    if extra <= 0.0 {
        return 0.0;
    }
    let graph = plan.graph;
    let place = if graph.directed {
        match position(row(graph, target), walker.at) {
            Some(place) => target.start + place,
            None => return 0.0,
        }
    } else if walker.place < walker.node.degree as usize {
        walker.node.start + walker.place
    } else {
        // The way back was taken, whose place is not known: the edge is the one that led here before.
        match position(row(graph, target), walker.at) {
            Some(place) => target.start + place,
            None => return 0.0,
        }
    };
    match (WEIGHTED, &plan.aliases) {
        (true, Some(aliases)) => {
            let mean = aliases.totals[walker.candidate as usize] / f64::from(target.degree);
            extra * f64::from(graph.weights[place]) / mean
        }
        _ => extra,
    }
}

/// The chance of a candidate under node2vec+: near with a strong edge from the last node, far without any, between
/// the two with a weak one; the lower of the two when the edge to the candidate is weak as well.
fn extended_chance(plan: &Plan<'_>, walker: &Walker) -> f64 {
    let law = plan.law;
    let place = position(row(plan.graph, walker.last_node), walker.candidate);
    let from_last = match place {
        Some(place) => f64::from(plan.graph.weights[walker.last_node.start + place]),
        None => 0.0,
    };
    let threshold = |node: NodeId| f64::from(plan.thresholds[node as usize]);
    let strong = threshold(walker.candidate);
    if place.is_some() && from_last >= strong {
        return law.near;
    }
    let weight = f64::from(plan.graph.weights[walker.node.start + walker.place]);
    if weight < threshold(walker.at) {
        return law.low;
    }
    law.far + (law.near - law.far) * from_last / strong
}
