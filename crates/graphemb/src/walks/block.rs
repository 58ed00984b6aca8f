use embed_core::SeededRng;

use super::plan::Plan;
use super::{first_order, second_order};
use crate::NodeId;

/// Walks of a block, at most: one random stream each.
pub(crate) const BLOCK: usize = 256;
/// Walkers that take turns, so that the memory of one is fetched while others move.
pub(crate) const WALKERS: usize = 32;

/// Walks of one block, in the order of their starts.
#[derive(Debug, Default)]
pub(crate) struct Block {
    length: usize,
    /// `[walks, length]`; what is after the end of a walk means nothing.
    nodes: Vec<NodeId>,
    lens: Vec<u32>,
}

impl Block {
    /// Takes one walk from each start. `number` names the random stream.
    pub(crate) fn fill(&mut self, plan: &Plan<'_>, seed: u64, number: u64, starts: &[NodeId]) {
        self.length = plan.length;
        self.lens.clear();
        self.lens.resize(starts.len(), 0);
        self.nodes.resize(starts.len() * plan.length, 0);
        let mut rng = SeededRng::stream(seed, "walks", number);
        let out = Out { length: self.length, nodes: &mut self.nodes, lens: &mut self.lens };
        match (plan.law.is_first_order() && !plan.extended, plan.aliases.is_some(), plan.extended) {
            (true, false, _) => first_order::walk::<false>(plan, starts, &mut rng, out),
            (true, true, _) => first_order::walk::<true>(plan, starts, &mut rng, out),
            (false, false, _) => second_order::walk::<false, false>(plan, starts, &mut rng, out),
            (false, true, false) => second_order::walk::<true, false>(plan, starts, &mut rng, out),
            (false, true, true) => second_order::walk::<true, true>(plan, starts, &mut rng, out),
        }
    }

    /// The walks.
    pub(crate) fn walks(&self) -> impl ExactSizeIterator<Item = &[NodeId]> {
        self.nodes.chunks(self.length.max(1)).zip(&self.lens).map(|(nodes, &len)| &nodes[..len as usize])
    }

    /// Steps of all walks.
    pub(crate) fn steps(&self) -> u64 {
        self.lens.iter().map(|&len| u64::from(len.saturating_sub(1))).sum()
    }

    /// One of the walks.
    pub(crate) fn get(&self, walk: usize) -> Option<&[NodeId]> {
        let len = *self.lens.get(walk)? as usize;
        self.nodes.get(walk * self.length..)?.get(..len)
    }
}

/// Where walks are written.
pub(crate) struct Out<'b> {
    pub(crate) length: usize,
    pub(crate) nodes: &'b mut [NodeId],
    pub(crate) lens: &'b mut [u32],
}
