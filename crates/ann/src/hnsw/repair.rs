//! Makes every node reachable. Choosing diverse links can leave a node without a path to it; most of all a
//! short vector under inner product, which is nobody's nearest.

use std::collections::HashMap;

use embed_core::{Progress, Run};
use rayon::prelude::*;

use super::build::{Draft, DraftLayer, node_id};
use super::select::Candidate;
use crate::BuildError;

/// Least number of nodes that are attached in a round.
const ROUND: usize = 256;
/// How far to look for a node with room from one without.
const STEPS: usize = 64;
/// With more lost nodes than one in so many, they are hung up in trees.
const FEW: usize = 64;

/// Lost nodes, each of which hangs from the nearest node that is not lost, through those that came before it.
///
/// Under inner product most nodes may be nobody's nearest. Linked straight from the few that are, they would
/// fill the lists that every walk reads; so a list has room for one, and its tree for the others.
struct Trees {
    /// The tree of a node, if it has one.
    roots: HashMap<u32, usize>,
    /// The nodes of each tree in the order in which they came, and how many of the first have no room.
    trees: Vec<(Vec<u32>, usize)>,
}

impl Trees {
    /// Hangs a node into the tree of the nearest place that has one or has room for one; whether there is one.
    fn hang(&mut self, ground: &mut DraftLayer, node: u32, places: &[Candidate]) -> bool {
        let holds = |place: &&Candidate| self.roots.contains_key(&place.node) || ground.has_room(place.node);
        let Some(&place) = places.iter().find(holds) else { return false };
        let link = Candidate { node, distance: place.distance };
        let Some(&tree) = self.roots.get(&place.node) else {
            push(ground, place.node, link);
            self.roots.insert(place.node, self.trees.len());
            self.roots.insert(node, self.trees.len());
            self.trees.push((vec![node], 0));
            return true;
        };
        self.roots.insert(node, tree);
        let (nodes, full) = &mut self.trees[tree];
        while !ground.has_room(nodes[*full]) {
            // The last to come had room for its like, or it was full of links to nodes that are no longer lost.
            if *full + 1 == nodes.len() {
                return false;
            }
            *full += 1;
        }
        push(ground, nodes[*full], link);
        nodes.push(node);
        true
    }
}

/// Links every node that no path leads to from its nearest node that has room; how many there were before.
/// O(n · m), and a search for each such node.
pub(super) fn repair(draft: &mut Draft<'_>, run: &mut Run<'_>) -> Result<usize, BuildError> {
    let n = draft.layers.first().map_or(0, |ground| ground.frozen().len);
    if n == 0 {
        return Ok(0);
    }
    let mut reached = vec![false; n];
    spread(&draft.layers[0], &mut reached, 0);
    let lost: Vec<u32> = (0..n).filter(|&node| !reached[node]).map(node_id).collect();
    let mut trees = Trees { roots: HashMap::new(), trees: Vec::new() };
    let mut done = 0;
    while done < lost.len() {
        if !run.report(&Progress::new("repair", done as u64, lost.len() as u64).unit("vectors")).goes_on() {
            return Err(BuildError::Cancelled { done: n - lost.len() + done, total: n });
        }
        // A round at most doubles what is reached, so that its nodes have places to go to.
        let size = ROUND.max(done).min(lost.len() - done);
        let round: Vec<u32> = lost[done..done + size].to_vec();
        done += size;
        let places: Vec<Vec<Candidate>> = run.parallelism.install(|| {
            let place =
                |&node: &u32| if reached[node as usize] { Vec::new() } else { draft.nearest(node, draft.ef) };
            round.par_iter().map(place).collect()
        })?;
        for (&node, places) in round.iter().zip(&places) {
            if !reached[node as usize] {
                let hung = lost.len() > n / FEW && trees.hang(&mut draft.layers[0], node, places);
                if !hung {
                    attach(&mut draft.layers[0], node, places);
                }
                spread(&draft.layers[0], &mut reached, node);
            }
        }
    }
    Ok(lost.len())
}

/// Marks all that a node leads to.
fn spread(ground: &DraftLayer, reached: &mut [bool], from: u32) {
    let mut stack = vec![from];
    reached[from as usize] = true;
    while let Some(node) = stack.pop() {
        for link in ground.links(node) {
            if !reached[link.node as usize] {
                reached[link.node as usize] = true;
                stack.push(link.node);
            }
        }
    }
}

/// Links `node` from the nearest of `places` that has room. Where none has, a path of last links is followed
/// to one that has; at its end `node` is put between the nearest place and its last link, which loses nobody.
fn attach(ground: &mut DraftLayer, node: u32, places: &[Candidate]) {
    let Some(&nearest) = places.first() else { return };
    let end = |ground: &DraftLayer, node| ground.links(node).last();
    let mut place = places.iter().copied().find(|place| ground.has_room(place.node));
    if place.is_none() {
        let path = std::iter::successors(Some(nearest), |place| end(ground, place.node));
        place = path.take(STEPS).find(|place| ground.has_room(place.node));
    }
    let link = Candidate { node, distance: nearest.distance };
    if let Some(last) = push(ground, place.unwrap_or(nearest).node, link) {
        push(ground, node, last);
    }
}

/// Adds a link, in place of the last where there is no room; the one that had to go.
fn push(ground: &mut DraftLayer, node: u32, link: Candidate) -> Option<Candidate> {
    let mut links: Vec<Candidate> = ground.links(node).collect();
    let gone = if ground.has_room(node) { None } else { links.pop() };
    links.push(link);
    ground.set(node, &links);
    gone
}
