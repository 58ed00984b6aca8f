#![expect(clippy::cast_possible_truncation, reason = "nodes of a batch are numbered by u32")]

use embed_core::SeededRng;
use rayon::prelude::*;

use super::lists::Lists;
use crate::{Graph, NodeId};

/// Nodes whose neighbours one stream draws.
const BLOCK: usize = 128;

/// The nodes that a batch needs: those of each layer are the first ones of the layer below, so that one numbering
/// serves all (Algorithm 2 of the paper).
#[derive(Debug, Default)]
pub(super) struct Field {
    /// Distinct nodes; those that vectors are wanted of come first.
    pub(super) nodes: Vec<NodeId>,
    /// From the features upwards.
    pub(super) hops: Vec<Hop>,
}

/// What one layer sees.
#[derive(Debug, Default)]
pub(super) struct Hop {
    /// Rows it reads and rows it writes.
    pub(super) inputs: usize,
    /// The neighbours of each row it writes, among the rows it reads.
    pub(super) lists: Lists,
    /// For each row it reads, which rows have it as a neighbour.
    pub(super) back: Lists,
}

impl Hop {
    pub(super) fn outputs(&self) -> usize {
        self.lists.len()
    }
}

/// Draws neighbourhoods. 4 bytes a node of the graph.
#[derive(Debug)]
pub(super) struct Neighborhoods<'g> {
    graph: &'g Graph,
    /// Sample of each layer.
    sizes: Vec<usize>,
    seed: u64,
    /// Streams used so far.
    streams: u64,
    /// The number of each node in the field; `NONE` outside of it.
    numbers: Vec<u32>,
    drawn: Vec<NodeId>,
    lens: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl<'g> Neighborhoods<'g> {
    /// The rows of `graph` must have been checked.
    pub(super) fn new(graph: &'g Graph, sizes: Vec<usize>, seed: u64) -> Self {
        let numbers = vec![NONE; graph.n_nodes()];
        Self { graph, sizes, seed, streams: 0, numbers, drawn: Vec::new(), lens: Vec::new() }
    }

    /// Begins a field with `nodes`, and says under which number each stands. Repeated nodes are one.
    pub(super) fn start(&mut self, nodes: &[NodeId], field: &mut Field, numbers: &mut Vec<u32>) {
        field.nodes.clear();
        numbers.clear();
        numbers.extend(nodes.iter().map(|&node| number(&mut self.numbers, &mut field.nodes, node)));
    }

    /// Draws the neighbours that each layer needs.
    pub(super) fn finish(&mut self, field: &mut Field) {
        field.hops.resize_with(self.sizes.len(), Hop::default);
        for layer in (0..self.sizes.len()).rev() {
            let outputs = field.nodes.len();
            self.draw(&field.nodes, self.sizes[layer]);
            let hop = &mut field.hops[layer];
            hop.lists.clear();
            for (drawn, &len) in self.drawn.chunks(self.sizes[layer]).zip(&self.lens).take(outputs) {
                let (numbers, nodes) = (&mut self.numbers, &mut field.nodes);
                hop.lists.push(drawn[..len as usize].iter().map(|&node| number(numbers, nodes, node)));
            }
            hop.inputs = field.nodes.len();
            hop.lists.transpose(hop.inputs, &mut hop.back);
        }
        field.nodes.iter().for_each(|&node| self.numbers[node as usize] = NONE);
    }

    /// `size` neighbours of each node, or all, without repeats.
    fn draw(&mut self, nodes: &[NodeId], size: usize) {
        self.drawn.resize(nodes.len() * size, 0);
        self.lens.resize(nodes.len(), 0);
        let (graph, seed, first) = (self.graph, self.seed, self.streams);
        self.streams += nodes.len().div_ceil(BLOCK) as u64;
        (self.drawn.par_chunks_mut(BLOCK * size).zip(self.lens.par_chunks_mut(BLOCK)))
            .zip(nodes.par_chunks(BLOCK))
            .enumerate()
            .for_each(|(block, ((drawn, lens), nodes))| {
                let mut rng = SeededRng::stream(seed, "sage neighbours", first + block as u64);
                for ((drawn, len), &node) in drawn.chunks_mut(size).zip(lens).zip(nodes) {
                    *len = choose(graph.neighbors(node), drawn, &mut rng) as u32;
                }
            });
    }
}

/// The number of a node in the field, which it gets if it has none.
fn number(numbers: &mut [u32], nodes: &mut Vec<NodeId>, node: NodeId) -> u32 {
    let number = &mut numbers[node as usize];
    if *number == NONE {
        *number = nodes.len() as u32;
        nodes.push(node);
    }
    *number
}

/// As many of `from` as `out` holds, each subset with the same probability (Floyd's algorithm: Bentley & Floyd 1987), or
/// all. Says how many.
fn choose(from: &[NodeId], out: &mut [NodeId], rng: &mut SeededRng) -> usize {
    if from.len() <= out.len() {
        out[..from.len()].copy_from_slice(from);
        return from.len();
    }
    let first = from.len() - out.len();
    for n in 0..out.len() {
        let last = (first + n) as u32;
        let place = rng.below(last + 1);
        out[n] = if out[..n].contains(&place) { last } else { place };
    }
    out.iter_mut().for_each(|place| *place = from[*place as usize]);
    out.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GraphOptions;

    #[test]
    fn every_subset_is_drawn_alike() {
        let mut rng = SeededRng::new(1);
        let mut counts = [0u64; 32];
        let mut out = [0; 2];
        for _ in 0..20_000 {
            assert_eq!(choose(&[0, 1, 2, 3, 4], &mut out, &mut rng), 2);
            counts[out.iter().fold(0, |set, &node| set | 1 << node)] += 1;
        }
        let counts: Vec<u64> =
            (0..32usize).filter(|set| set.count_ones() == 2).map(|set| counts[set]).collect();
        assert_eq!(counts.iter().sum::<u64>(), 20_000, "two distinct nodes each time");
        let test = embed_core::testkit::chi_square(&counts, &[2000.0; 10]);
        assert!(!test.rejects(1e-4), "{test:?}");
        assert_eq!((choose(&[7, 9], &mut [0; 3], &mut rng), choose(&[], &mut out, &mut rng)), (2, 0));
    }

    #[test]
    fn nodes_of_a_layer_are_the_first_of_the_one_below() {
        let mut rng = SeededRng::new(2);
        let edges: Vec<_> = (0..900).map(|_| (rng.below(300), rng.below(300))).collect();
        let graph = Graph::from_edges(301, edges, &GraphOptions::default()).unwrap();
        let (mut field, mut numbers) = (Field::default(), Vec::new());
        let mut around = Neighborhoods::new(&graph, vec![4, 3], 5);
        for _ in 0..3 {
            around.start(&[7, 300, 9, 7], &mut field, &mut numbers);
            around.finish(&mut field);
            assert_eq!((&numbers[..], &field.nodes[..3]), (&[0, 1, 2, 0][..], &[7, 300, 9][..]));
            assert_eq!(field.hops[1].outputs(), 3);
            assert_eq!(field.hops[0].outputs(), field.hops[1].inputs);
            assert_eq!(field.hops[0].inputs, field.nodes.len());
            for (hop, size) in field.hops.iter().zip([4, 3]) {
                for row in 0..hop.outputs() {
                    let list = hop.lists.get(row);
                    let node = field.nodes[row];
                    assert_eq!(list.len(), graph.degree(node).min(size));
                    assert!(list.iter().all(|&i| graph.has_edge(node, field.nodes[i as usize])));
                }
            }
            let mut distinct = field.nodes.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), field.nodes.len());
        }
    }
}
