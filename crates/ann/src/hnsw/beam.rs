//! Best-first search in one layer of a graph: Algorithm 2 of the paper.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::key::{self, Key};

/// A node that does not exist; fills the ends of link lists.
pub(crate) const NONE: u32 = u32::MAX;

/// One layer: the links of nodes `0..len`, `width` each, those of a node ended by the first that is no node.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'g> {
    pub(crate) links: &'g [u32],
    pub(crate) width: usize,
    pub(crate) len: usize,
}

impl<'g> Layer<'g> {
    /// The links of a node: existing nodes only, whatever a damaged file says.
    #[inline]
    pub(crate) fn of(&self, node: u32) -> impl Iterator<Item = u32> + use<'g> {
        let start = node as usize * self.width;
        let (links, len) = (self.links.get(start..start + self.width).unwrap_or_default(), self.len);
        links.iter().copied().take_while(move |&link| (link as usize) < len)
    }
}

/// What a node costs to the query: smaller is nearer.
pub(crate) trait Costs {
    /// Asks the processor for the vector of a node.
    fn prefetch(&self, node: u32);

    /// The costs of nodes, each of which exists. `costs` has their number.
    fn costs(&self, nodes: &[u32], costs: &mut [f32]);

    /// The cost of one node.
    fn cost(&self, node: u32) -> f32 {
        let mut cost = [0.0];
        self.costs(&[node], &mut cost);
        cost[0]
    }
}

/// What a search needs besides the graph. Reused, so that a query costs nothing that grows with n.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// One bit a node; all clear but those of `touched`.
    visited: Vec<u64>,
    /// The nodes whose bits are set.
    pub(super) touched: Vec<u32>,
    costs: Vec<f32>,
    /// Of a walk over codes: the query's.
    pub(super) bytes: Vec<u8>,
    /// Nodes that get costs together.
    nodes: Vec<u32>,
    /// The nearest nodes so far, nearest first.
    pub(crate) pool: Vec<Key>,
    /// Of a filtered search: nodes to expand, nearest on top.
    frontier: BinaryHeap<Reverse<Key>>,
    /// Of a filtered search: the nearest allowed nodes so far, farthest on top.
    nearest: BinaryHeap<Key>,
}

/// What a filtered search is to find.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// So many allowed nodes at least, which are then the nearest found.
    pub(crate) ef: usize,
    /// And all allowed nodes up to this cost.
    pub(crate) within: f32,
    /// Most nodes to look at.
    pub(crate) budget: usize,
}

impl Scratch {
    /// Forgets the last search and makes room for `n` nodes.
    pub(super) fn begin(&mut self, n: usize) {
        for &node in &self.touched {
            self.visited[node as usize / 64] = 0;
        }
        self.touched.clear();
        self.pool.clear();
        if self.visited.len() < n.div_ceil(64) {
            self.visited.resize(n.div_ceil(64), 0);
        }
    }

    /// Visits the node a search starts from; its cost.
    pub(super) fn enter(&mut self, node: u32, of: &impl Costs) -> f32 {
        visit(&mut self.visited, node);
        self.touched.push(node);
        of.cost(node)
    }

    /// Visits a node's unvisited neighbours; they are the end of `touched`, from the
    /// index that is returned on, and `costs` has their costs.
    #[inline]
    pub(super) fn expand(&mut self, layer: Layer<'_>, node: u32, of: &impl Costs) -> usize {
        let first = self.touched.len();
        for link in layer.of(node) {
            if visit(&mut self.visited, link) {
                of.prefetch(link);
                self.touched.push(link);
            }
        }
        let fresh = &self.touched[first..];
        self.costs.resize(fresh.len(), 0.0);
        of.costs(fresh, &mut self.costs);
        first
    }

    /// Walks from `entry` to ever nearer neighbours until there is none nearer: Algorithm 2 with ef = 1.
    pub(crate) fn descend(&mut self, layer: Layer<'_>, entry: u32, of: &impl Costs) -> u32 {
        let mut best = key::new(of.cost(entry), entry);
        loop {
            self.nodes.clear();
            self.nodes.extend(layer.of(key::node(best)).inspect(|&link| of.prefetch(link)));
            self.costs.resize(self.nodes.len(), 0.0);
            of.costs(&self.nodes, &mut self.costs);
            let keys = self.nodes.iter().zip(&self.costs).map(|(&link, &cost)| key::new(cost, link));
            match keys.min() {
                Some(nearer) if nearer < best => best = nearer,
                _ => return key::node(best),
            }
        }
    }

    /// Fills `pool` with the `ef` nearest nodes that a best-first search from `entry` finds, each of them
    /// expanded. One sorted pool serves as both queues of the paper: the next node to expand is its first that
    /// has not been.
    pub(crate) fn search(&mut self, layer: Layer<'_>, entry: u32, ef: usize, of: &impl Costs) {
        self.begin(layer.len);
        let cost = self.enter(entry, of);
        self.pool.push(key::new(cost, entry));
        let mut next = 0;
        while let Some(nearest) = self.pool.get_mut(next) {
            next += 1;
            if key::is_expanded(*nearest) {
                continue;
            }
            *nearest = key::expanded(*nearest);
            let node = key::node(*nearest);
            let first = self.expand(layer, node, of);
            for (&fresh, &cost) in self.touched[first..].iter().zip(&self.costs) {
                if let Some(position) = insert(&mut self.pool, key::new(cost, fresh), ef) {
                    next = next.min(position);
                }
            }
        }
    }

    /// Fills `pool` with the allowed nodes that are wanted, in no order. Nodes that are not allowed are walked
    /// over like the others. False when the budget was spent first.
    pub(crate) fn search_filtered(
        &mut self,
        layer: Layer<'_>,
        entry: u32,
        wanted: Wanted,
        of: &impl Costs,
        allowed: impl Fn(u32) -> bool,
    ) -> bool {
        self.begin(layer.len);
        self.frontier.clear();
        self.nearest.clear();
        let cost = self.enter(entry, of);
        self.consider(key::new(cost, entry), wanted, &allowed);
        while let Some(Reverse(next)) = self.frontier.pop() {
            if !self.leads_on(next, wanted) {
                break;
            }
            if self.touched.len() > wanted.budget {
                return false;
            }
            let first = self.expand(layer, key::node(next), of);
            for i in 0..self.costs.len() {
                self.consider(key::new(self.costs[i], self.touched[first + i]), wanted, &allowed);
            }
        }
        // What left `nearest` because others are nearer, but lies within, is in the pool already.
        let within = |key: &Key| key::cost(*key) <= wanted.within;
        let nearest = self.nearest.drain().filter(|key| !within(key));
        self.pool.extend(nearest);
        true
    }

    /// Gives the nodes in the pool other costs, and sorts it by them.
    pub(super) fn rescore(&mut self, costs: impl FnOnce(&[u32], &mut [f32])) {
        self.nodes.clear();
        self.nodes.extend(self.pool.iter().map(|&key| key::node(key)));
        self.costs.resize(self.pool.len(), 0.0);
        costs(&self.nodes, &mut self.costs);
        let keys = self.nodes.iter().zip(&self.costs).map(|(&node, &cost)| key::new(cost, node));
        self.pool.clear();
        self.pool.extend(keys);
        self.pool.sort_unstable();
    }

    /// Whether a node is near enough that its neighbours may be wanted.
    #[inline]
    fn leads_on(&self, key: Key, wanted: Wanted) -> bool {
        self.nearest.len() < wanted.ef
            || self.nearest.peek().is_some_and(|&farthest| key < farthest)
            || key::cost(key) <= wanted.within
    }

    #[inline]
    fn consider(&mut self, key: Key, wanted: Wanted, allowed: &impl Fn(u32) -> bool) {
        if !self.leads_on(key, wanted) {
            return;
        }
        self.frontier.push(Reverse(key));
        if allowed(key::node(key)) {
            if key::cost(key) <= wanted.within {
                self.pool.push(key);
            }
            self.nearest.push(key);
            if self.nearest.len() > wanted.ef {
                self.nearest.pop();
            }
        }
    }
}

/// Marks a node; whether it was not marked before.
#[inline]
fn visit(visited: &mut [u64], node: u32) -> bool {
    let word = &mut visited[node as usize / 64];
    let bit = 1 << (node % 64);
    let new = *word & bit == 0;
    *word |= bit;
    new
}

/// Puts a key where it belongs among the `most` smallest; where that is, if it is among them.
#[inline]
pub(super) fn insert(pool: &mut Vec<Key>, key: Key, most: usize) -> Option<usize> {
    if pool.len() >= most {
        if pool.last().is_none_or(|&last| key >= last) {
            return None;
        }
        pool.pop();
    }
    let position = pool.partition_point(|&other| other < key);
    pool.insert(position, key);
    Some(position)
}
