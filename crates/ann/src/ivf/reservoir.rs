//! The best of many candidates, without a heap: a buffer that is cut to its better half whenever it is full.

use embed_core::{ItemId, Neighbor};

/// Keeps the `most` nearest of what is offered: score descending, ties by ascending id, whatever the order.
#[derive(Debug, Clone)]
pub(crate) struct Reservoir {
    /// Score and id in one number, larger is nearer.
    keys: Vec<u64>,
    most: usize,
    /// A score below this cannot enter.
    threshold: f32,
}

/// Least room of a buffer, so that few candidates do not mean many cuts.
const ROOM: usize = 32;

impl Reservoir {
    /// Room for `most`, from a least score on.
    pub(crate) fn new(most: usize, least: f32) -> Self {
        Self { keys: Vec::new(), most, threshold: if most == 0 { f32::INFINITY } else { least } }
    }

    #[inline]
    pub(crate) fn threshold(&self) -> f32 {
        self.threshold
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len().min(self.most)
    }

    /// Offers a row whose score is at least the threshold.
    #[inline]
    pub(crate) fn offer(&mut self, id: ItemId, score: f32) {
        if score >= self.threshold && self.most > 0 {
            self.keys.push(key(id, score));
            if self.keys.len() >= self.most.saturating_mul(2).max(ROOM) {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        if self.keys.len() > self.most {
            let (_, &mut last, _) = self.keys.select_nth_unstable_by(self.most - 1, |a, b| b.cmp(a));
            self.keys.truncate(self.most);
            self.threshold = self.threshold.max(score(last));
        }
    }

    /// What is kept, in no order.
    pub(crate) fn neighbors(&mut self) -> Vec<Neighbor> {
        self.cut();
        self.keys.iter().map(|&key| Neighbor::new(id(key), score(key))).collect()
    }

    /// The score of the last that is kept, or what it took to enter while there was room.
    pub(crate) fn least(&mut self) -> f32 {
        self.cut();
        if self.keys.len() < self.most {
            return self.threshold;
        }
        self.keys.iter().copied().min().map_or(self.threshold, score)
    }

    /// Appends what is kept to `out`, nearest first.
    pub(crate) fn drain_into(&mut self, out: &mut Vec<Neighbor>) {
        self.cut();
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        out.extend(self.keys.drain(..).map(|key| Neighbor::new(id(key), score(key))));
    }
}

/// Larger for a larger score in the order of `total_cmp`, then for a smaller id.
#[inline]
fn key(id: ItemId, score: f32) -> u64 {
    let bits = score.to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(ordered) << 32 | u64::from(!id)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the two halves")]
fn id(key: u64) -> ItemId {
    !(key as u32)
}

#[inline]
fn score(key: u64) -> f32 {
    let ordered = (key >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_a_full_sort_keeps(
            scores in proptest::collection::vec(-4i8..4, 0..200),
            most in 0usize..50,
        ) {
            let all: Vec<Neighbor> =
                scores.iter().zip(0..).map(|(&s, id)| Neighbor::new(id, f32::from(s) / 2.0)).collect();
            let mut expected = all.clone();
            expected.sort_by(Neighbor::nearest_first);
            expected.retain(|n| n.score >= -1.0);
            expected.truncate(most);
            let mut kept = Reservoir::new(most, -1.0);
            all.iter().for_each(|n| kept.offer(n.id, n.score));
            prop_assert_eq!(kept.len(), expected.len());
            let mut out = Vec::new();
            kept.drain_into(&mut out);
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn keys_hold_every_score() {
        for s in [0.0, -0.0, 1.5, -1.5, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, -3e38] {
            assert_eq!((score(key(7, s)).to_bits(), id(key(7, s))), (s.to_bits(), 7));
        }
        assert!(key(1, 0.0) > key(1, -0.0) && key(1, -1.0) > key(2, -1.0) && key(0, -1.0) < key(9, 1.0));
    }
}
