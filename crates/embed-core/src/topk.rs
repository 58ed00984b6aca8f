use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::{ItemId, Neighbor};

/// Keeps the k nearest of what is pushed: score descending, ties by ascending id, whatever the order of the
/// pushes. O(log k) for a candidate that enters, O(1) for one that does not.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    /// The farthest kept neighbour is on top.
    heap: BinaryHeap<FarthestFirst>,
}

#[derive(Debug, Clone, Copy)]
struct FarthestFirst(Neighbor);

impl Ord for FarthestFirst {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.nearest_first(&other.0)
    }
}

impl PartialOrd for FarthestFirst {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FarthestFirst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FarthestFirst {}

impl TopK {
    /// Keeps the `k` nearest. Memory grows with what is pushed, not with `k`.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    /// Offers a candidate; whether it was kept.
    #[inline]
    pub fn push(&mut self, id: ItemId, score: f32) -> bool {
        let new = FarthestFirst(Neighbor { id, score });
        if self.heap.len() < self.k {
            self.heap.push(new);
            return true;
        }
        match self.heap.peek_mut() {
            Some(mut farthest) if new < *farthest => {
                *farthest = new;
                true
            }
            _ => false,
        }
    }

    /// A candidate below this score cannot enter; `-inf` while there is room.
    #[must_use]
    #[inline]
    pub fn least_score(&self) -> f32 {
        match self.heap.peek() {
            Some(farthest) if self.heap.len() == self.k => farthest.0.score,
            _ if self.k == 0 => f32::INFINITY,
            _ => f32::NEG_INFINITY,
        }
    }

    /// Number of neighbours kept so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is kept so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Appends what is kept to `out`, nearest first, and empties the heap for the next use.
    pub fn drain_into(&mut self, out: &mut Vec<Neighbor>) {
        let start = out.len();
        out.extend(self.heap.drain().map(|kept| kept.0));
        out[start..].sort_unstable_by(Neighbor::nearest_first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_what_a_full_sort_keeps(scores in proptest::collection::vec(-3i8..3, 0..80), k in 0usize..20) {
            let all: Vec<Neighbor> =
                scores.iter().zip(0..).map(|(&s, id)| Neighbor { id, score: f32::from(s) }).collect();
            let mut expected = all.clone();
            expected.sort_by(Neighbor::nearest_first);
            expected.truncate(k);
            let mut top = TopK::new(k);
            for n in all.iter().rev() {
                let could_enter = n.score >= top.least_score();
                prop_assert!(!top.push(n.id, n.score) || could_enter);
            }
            let mut kept = Vec::new();
            top.drain_into(&mut kept);
            prop_assert_eq!(kept, expected);
            prop_assert!(top.is_empty());
        }
    }

    #[test]
    fn a_huge_k_reserves_nothing() {
        let mut top = TopK::new(usize::MAX);
        assert!(top.push(1, 0.5));
        assert_eq!(top.len(), 1);
    }
}
