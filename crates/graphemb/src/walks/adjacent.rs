#![expect(
    clippy::cast_possible_truncation,
    reason = "a degree is at most the number of nodes, a u32; a word of the filter is below their number"
)]

use embed_core::kernel::prefetch_element;

use crate::{Graph, NodeId};

/// A node as a walk needs it: 16 bytes, in one cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(16))]
pub(crate) struct Node {
    /// Where its row starts.
    pub(crate) start: usize,
    /// Number of its neighbours.
    pub(crate) degree: u32,
    /// Number of its bitmap plus 1; 0 when it has none.
    hub: u32,
}

/// Answers whether there is an edge, mostly from one cache line.
///
/// A node with more than n/32 neighbours has a bitmap over all nodes, which takes no more memory than its row. For the
/// others a filter of 12 bits an edge (a Bloom filter in words of 64 bits) says no to all but some 2 % of the pairs
/// without an edge; what is left is looked for in a row.
#[derive(Debug, Default)]
pub(crate) struct Adjacent {
    words_per_hub: usize,
    bitmaps: Vec<u64>,
    filter: Vec<u64>,
    directed: bool,
}

const FILTER_BITS: usize = 12;

/// The nodes of a graph, and the test for edges between them when a law asks for it.
pub(crate) fn nodes_and_edges(graph: &Graph, with_edges: bool) -> (Vec<Node>, Adjacent) {
    let n = graph.n_nodes();
    let mut edges = Adjacent { directed: graph.directed, ..Adjacent::default() };
    if with_edges {
        edges.words_per_hub = n.div_ceil(64);
        edges.filter = vec![0; (graph.n_edges() as usize * FILTER_BITS).div_ceil(64) + 1];
    }
    let mut nodes = Vec::with_capacity(n);
    for id in (0..).take(n) {
        let range = graph.range(id as usize);
        let mut node = Node { start: range.start, degree: range.len() as u32, hub: 0 };
        if with_edges && range.len() > n / 32 {
            edges.add_hub(graph.neighbors(id));
            node.hub = (edges.bitmaps.len() / edges.words_per_hub) as u32;
        }
        nodes.push(node);
    }
    if with_edges {
        edges.fill(graph, &nodes);
    }
    (nodes, edges)
}

impl Adjacent {
    fn add_hub(&mut self, row: &[NodeId]) {
        let start = self.bitmaps.len();
        self.bitmaps.resize(start + self.words_per_hub, 0);
        for &id in row {
            self.bitmaps[start + id as usize / 64] |= 1 << (id % 64);
        }
    }

    fn fill(&mut self, graph: &Graph, nodes: &[Node]) {
        for (source, node) in (0..).zip(nodes) {
            for &target in graph.neighbors(source) {
                let by_filter = node.hub == 0 && (self.directed || nodes[target as usize].hub == 0);
                if by_filter && (self.directed || source <= target) {
                    let (word, mask) = self.place(source, target);
                    self.filter[word] |= mask;
                }
            }
        }
    }

    /// The word of the filter, and its bits, for a pair.
    #[inline]
    fn place(&self, source: NodeId, target: NodeId) -> (usize, u64) {
        let (a, b) = if self.directed { (source, target) } else { (source.min(target), source.max(target)) };
        let hash = ((u64::from(a) << 32) | u64::from(b)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let hash = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let word = ((u128::from(hash) * self.filter.len() as u128) >> 64) as usize;
        let bit = |shift: u32| 1 << ((hash >> shift) & 63);
        let mask = bit(0) | bit(6) | bit(12) | bit(18);
        (word, mask)
    }

    /// Where the bitmap of a hub has the bit of a node.
    #[inline]
    fn bit(&self, hub: u32, id: NodeId) -> usize {
        (hub as usize - 1) * self.words_per_hub + id as usize / 64
    }

    /// Asks for what [`Adjacent::has_edge`] will look at first. `source` is a node of number `from`.
    #[inline]
    pub(crate) fn prefetch(&self, from: NodeId, source: Node, to: NodeId) {
        if source.hub > 0 {
            prefetch_element(&self.bitmaps, self.bit(source.hub, to));
        } else {
            prefetch_element(&self.filter, self.place(from, to).0);
        }
    }

    /// Whether there is an edge from one node to another.
    #[inline]
    pub(crate) fn has_edge(
        &self,
        graph: &Graph,
        (from, source): (NodeId, Node),
        (to, target): (NodeId, Node),
    ) -> bool {
        if source.hub > 0 {
            return (self.bitmaps[self.bit(source.hub, to)] >> (to % 64)) & 1 > 0;
        }
        if !self.directed && target.hub > 0 {
            return (self.bitmaps[self.bit(target.hub, from)] >> (from % 64)) & 1 > 0;
        }
        let (word, mask) = self.place(from, to);
        if self.filter[word] & mask != mask {
            return false;
        }
        if self.directed || source.degree <= target.degree {
            holds(row(graph, source), to)
        } else {
            holds(row(graph, target), from)
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.bitmaps[..]) + size_of_val(&self.filter[..])
    }
}

/// The neighbours of a node.
#[inline]
pub(crate) fn row(graph: &Graph, node: Node) -> &[NodeId] {
    &graph.neighbors[node.start..node.start + node.degree as usize]
}

/// Whether an ascending row holds an id; without branches that depend on it.
#[inline]
fn holds(row: &[NodeId], id: NodeId) -> bool {
    position(row, id).is_some()
}

/// Where an ascending row holds an id.
#[inline]
pub(crate) fn position(mut row: &[NodeId], id: NodeId) -> Option<usize> {
    let mut base = 0;
    while row.len() > 1 {
        let half = row.len() / 2;
        let upper = row[half] <= id;
        base += if upper { half } else { 0 };
        row = if upper { &row[half..] } else { &row[..half] };
    }
    (row.first() == Some(&id)).then_some(base)
}
