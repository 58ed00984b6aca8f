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
    /// Invariant: the score of the farthest kept neighbour when `k` are kept, `-inf` before.
    least: f32,
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
        Self { k, heap: BinaryHeap::new(), least: f32::NEG_INFINITY }
    }

    /// Offers a candidate; whether it was kept. A NaN score, which is near to nothing, never is.
    #[inline]
    pub fn push(&mut self, id: ItemId, score: f32) -> bool {
        // Nearly all candidates of a long scan end here. A tie goes on: its id decides.
        score >= self.least && self.consider(FarthestFirst(Neighbor { id, score }))
    }

    fn consider(&mut self, new: FarthestFirst) -> bool {
        if self.heap.len() < self.k {
            self.heap.push(new);
        } else {
            match self.heap.peek_mut() {
                Some(mut farthest) if new < *farthest => *farthest = new,
                _ => return false,
            }
        }
        if self.heap.len() == self.k
            && let Some(farthest) = self.heap.peek()
        {
            self.least = farthest.0.score;
        }
        true
    }

    /// A candidate below this score cannot enter; `-inf` while there is room.
    #[must_use]
    #[inline]
    pub fn least_score(&self) -> f32 {
        if self.k == 0 { f32::INFINITY } else { self.least }
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
        self.least = f32::NEG_INFINITY;
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
    fn it_is_as_new_after_it_was_drained() {
        let (mut top, mut out) = (TopK::new(2), Vec::new());
        for scores in [[5.0, 7.0, 6.0], [1.0, -f32::INFINITY, 0.0], [0.0, -0.0, f32::NAN]] {
            assert_eq!(top.least_score(), f32::NEG_INFINITY);
            scores.into_iter().zip(0..).for_each(|(score, id)| _ = top.push(id, score));
            top.drain_into(&mut out);
        }
        let kept: Vec<(ItemId, f32)> = out.iter().map(|n| (n.id, n.score)).collect();
        assert_eq!(kept, [(1, 7.0), (2, 6.0), (0, 1.0), (2, 0.0), (0, 0.0), (1, 0.0)]);
        assert!(!TopK::new(0).push(1, 1.0) && TopK::new(0).least_score() == f32::INFINITY);
    }

    #[test]
    fn a_huge_k_reserves_nothing() {
        let mut top = TopK::new(usize::MAX);
        assert!(top.push(1, 0.5));
        assert_eq!(top.len(), 1);
    }
}
