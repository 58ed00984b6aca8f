use std::cmp::Reverse;
use std::collections::BinaryHeap;

use embed_core::ItemId;

/// The Huffman tree of counts: items that come often have short paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Huffman {
    /// Where each item's path ends in `steps`; it starts where that of the item before ends.
    ends: Vec<usize>,
    /// Inner node times two, plus one where the path takes the branch that the node predicts. From the root on.
    steps: Vec<u32>,
    n_nodes: usize,
}

impl Huffman {
    /// Items with count 0 have no place in the tree and an empty path. O(n log n). Equal counts go by id, so the tree is
    /// the same everywhere.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "twice the number of items, which are ids, is checked"
    )]
    pub(crate) fn new(counts: &[u64]) -> Option<Self> {
        if counts.len() > (u32::MAX / 4) as usize {
            return None;
        }
        let leaves: Vec<ItemId> = (0..).zip(counts).filter(|(_, n)| **n > 0).map(|(i, _)| i).collect();
        // Numbers of the tree's vertices: leaves in order of their ids, then inner nodes in order of their making.
        let n_nodes = leaves.len().saturating_sub(1);
        let mut parent = vec![(0u32, false); leaves.len() + n_nodes];
        let mut heap: BinaryHeap<Reverse<(u64, u32)>> = leaves
            .iter()
            .enumerate()
            .map(|(leaf, &item)| Reverse((counts[item as usize], leaf as u32)))
            .collect();
        for node in 0..n_nodes {
            let (Some(Reverse(less)), Some(Reverse(more))) = (heap.pop(), heap.pop()) else { break };
            parent[less.1 as usize] = (node as u32, true);
            parent[more.1 as usize] = (node as u32, false);
            heap.push(Reverse((less.0.saturating_add(more.0), (leaves.len() + node) as u32)));
        }
        let (mut ends, mut steps) = (Vec::with_capacity(counts.len()), Vec::new());
        let mut leaf = 0;
        for &count in counts {
            if count > 0 {
                let start = steps.len();
                let mut vertex = leaf;
                // The last inner node is the root.
                while vertex + 1 < parent.len() {
                    let (node, branch) = parent[vertex];
                    steps.push(node << 1 | u32::from(branch));
                    vertex = leaves.len() + node as usize;
                }
                steps[start..].reverse();
                leaf += 1;
            }
            ends.push(steps.len());
        }
        Some(Self { ends, steps, n_nodes })
    }

    /// Inner nodes.
    pub(crate) fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// The way to an item: nodes, and whether it takes the branch that the node predicts.
    pub(crate) fn path(&self, item: ItemId) -> impl Iterator<Item = (u32, bool)> + '_ {
        let start = match item {
            0 => 0,
            item => self.ends[item as usize - 1],
        };
        self.steps[start..self.ends[item as usize]].iter().map(|step| (step >> 1, step & 1 == 1))
    }

    /// Mean length of a path over all occurrences, rounded up.
    pub(crate) fn mean_length(&self, counts: &[u64]) -> usize {
        let lengths = (0..).zip(counts).map(|(item, &n)| (self.path(item).count() as u128) * u128::from(n));
        let total: u128 = counts.iter().map(|&n| u128::from(n)).sum();
        (lengths.sum::<u128>().div_ceil(total.max(1))).max(1) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tree_known_by_hand() {
        // 1 + 2 → node 0 (3), 3 + 3 → node 1 (6), 6 + 9 → node 2.
        let tree = Huffman::new(&[2, 9, 0, 1, 3]).unwrap();
        let path = |item| tree.path(item).collect::<Vec<_>>();
        assert_eq!(tree.n_nodes(), 3);
        assert_eq!(path(1), [(2, false)]);
        assert_eq!(path(2), []);
        assert_eq!(path(4), [(2, true), (1, true)]);
        assert_eq!(path(3), [(2, true), (1, false), (0, true)]);
        assert_eq!(path(0), [(2, true), (1, false), (0, false)]);
        assert_eq!(Huffman::new(&[5]).unwrap().path(0).count(), 0);
        assert_eq!(Huffman::new(&[]).unwrap().n_nodes(), 0);
    }

    proptest! {
        #[test]
        fn paths_are_a_code_of_least_length(counts in proptest::collection::vec(0u64..1000, 1..60)) {
            let tree = Huffman::new(&counts).unwrap();
            let seen: Vec<u32> = (0..).zip(&counts).filter(|(_, n)| **n > 0).map(|(i, _)| i).collect();
            prop_assume!(seen.len() > 1);
            // Kraft's sum of a full tree is 1, and the mean length is within a bit of the entropy.
            let total: u64 = counts.iter().sum();
            let (mut kraft, mut mean, mut entropy) = (0.0, 0.0, 0.0);
            for &item in &seen {
                let p = counts[item as usize] as f64 / total as f64;
                let length = tree.path(item).count() as f64;
                kraft += (-length).exp2();
                mean += p * length;
                entropy -= p * p.log2();
            }
            prop_assert!((kraft - 1.0).abs() < 1e-9);
            prop_assert!(mean >= entropy - 1e-9 && mean < entropy + 1.0);
            // No two items part at no node: where both paths name the same node first differently.
            for (a, b) in seen.iter().zip(&seen[1..]) {
                let parted = tree.path(*a).zip(tree.path(*b)).find(|(x, y)| x != y);
                prop_assert!(parted.is_some_and(|(x, y)| x.0 == y.0 && x.1 != y.1));
            }
        }
    }
}
