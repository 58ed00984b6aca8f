use embed_core::{ItemId, Neighbor};

/// Streams the scores of one user, items ascending, and keeps what the measures need of them: the items above
/// the k-th largest score, and how many share it. One pass, O(n) compares and about `k ln(n/k)` insertions on
/// scores in random order; at most `2k` entries of 8 bytes and `k` ids.
#[derive(Debug, Default)]
pub(crate) struct Selector {
    k: usize,
    /// Invariant: -inf, or at least `k` items score as much or more.
    threshold: f32,
    /// Invariant: every item above the threshold so far.
    above: Vec<Neighbor>,
    /// Items at the threshold so far; 0 while it is -inf.
    tied: usize,
    /// The first `k` of them, ascending.
    tied_ids: Vec<ItemId>,
}

const LANES: usize = 32;

impl Selector {
    pub(crate) fn restart(&mut self, k: usize) {
        self.k = k;
        self.threshold = f32::NEG_INFINITY;
        self.above.clear();
        self.tied = 0;
        self.tied_ids.clear();
    }

    /// Takes the scores of items `first..`; an item at -inf is not a candidate.
    ///
    /// The error is the first item whose score is NaN or +inf.
    #[inline]
    pub(crate) fn scan(&mut self, first: ItemId, scores: &[f32]) -> Result<(), ItemId> {
        let (chunks, rest) = scores.as_chunks::<LANES>();
        let mut ids = (first..).step_by(LANES);
        // The chunks lead: the first side of a zip is the one that loses an item at the end.
        for (chunk, id) in chunks.iter().zip(ids.by_ref()) {
            if reaches(chunk, self.threshold) {
                self.take(id, chunk)?;
            }
        }
        self.take(ids.next().unwrap_or(first), rest)
    }

    #[inline(never)]
    fn take(&mut self, first: ItemId, scores: &[f32]) -> Result<(), ItemId> {
        for (id, &score) in (first..).zip(scores) {
            if score > self.threshold {
                if score == f32::INFINITY {
                    return Err(id);
                }
                // Adding 0 makes -0 into 0: they are equal here, and `total_cmp` would part them.
                self.above.push(Neighbor::new(id, score + 0.0));
                if self.above.len() >= 2 * self.k.max(LANES) {
                    self.raise();
                }
            } else if score == self.threshold {
                if score > f32::NEG_INFINITY {
                    self.tied += 1;
                    if self.tied_ids.len() < self.k {
                        self.tied_ids.push(id);
                    }
                }
            } else if score.is_nan() {
                return Err(id);
            }
        }
        Ok(())
    }

    /// Moves the threshold to the k-th largest score so far.
    fn raise(&mut self) {
        let (_, kth, _) = self.above.select_nth_unstable_by(self.k - 1, Neighbor::nearest_first);
        let threshold = kth.score;
        self.threshold = threshold;
        self.tied_ids.clear();
        self.tied_ids.extend(self.above.iter().filter(|n| n.score == threshold).map(|n| n.id));
        self.tied = self.tied_ids.len();
        self.tied_ids.sort_unstable();
        self.tied_ids.truncate(self.k);
        self.above.retain(|n| n.score > threshold);
    }

    /// Ends the stream: puts the first k in order.
    pub(crate) fn finish(&mut self) {
        if self.above.len() >= self.k {
            self.raise();
        }
        self.above.sort_unstable_by(Neighbor::nearest_first);
    }

    /// How many items score more than `score`, and how many exactly so; none when `score` is out of the first
    /// k whatever the order of ties. After [`Selector::finish`].
    pub(crate) fn place(&self, score: f32) -> Option<(usize, usize)> {
        if score > self.threshold {
            let above = self.above.partition_point(|n| n.score > score);
            let size = self.above[above..].iter().take_while(|n| n.score == score).count();
            Some((above, size))
        } else if score == self.threshold && self.tied > 0 {
            Some((self.above.len(), self.tied))
        } else {
            None
        }
    }

    /// The first k items with their scores, ties by ascending id. After [`Selector::finish`].
    pub(crate) fn neighbors(&self) -> impl Iterator<Item = Neighbor> + Clone {
        let tied = self.tied_ids.iter().map(|&id| Neighbor::new(id, self.threshold));
        self.above.iter().copied().chain(tied).take(self.k)
    }
}

/// Whether any score is not below the threshold; a NaN is not. Without branches, for the vector units.
#[inline]
fn reaches(scores: &[f32; LANES], threshold: f32) -> bool {
    let mut any = 0u32;
    for &score in scores {
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "`!(a < b)` holds for NaN, `a >= b` does not")]
        {
            any |= u32::from(!(score < threshold));
        }
    }
    any != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn select(scores: &[f32], k: usize, tile: usize) -> Result<Selector, ItemId> {
        let mut selector = Selector::default();
        selector.restart(k);
        for (first, part) in (0..).step_by(tile).zip(scores.chunks(tile)) {
            selector.scan(first, part)?;
        }
        selector.finish();
        Ok(selector)
    }

    fn ids(selector: &Selector) -> Vec<ItemId> {
        selector.neighbors().map(|n| n.id).collect()
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_sort(
            values in proptest::collection::vec(-6i8..7, 1..400), k in 1usize..60, tile in 1usize..90, fine in any::<bool>()
        ) {
            let scores: Vec<f32> = values.iter().enumerate().map(|(i, &v)| match v {
                -6 => f32::NEG_INFINITY,
                0 if i % 2 == 0 => -0.0,
                v if fine => f32::from(v) + (i * 37 % 101) as f32 * 1e-3,
                v => f32::from(v),
            }).collect();
            let mut sorted: Vec<(f32, u32)> = scores.iter().copied().zip(0..).filter(|p| p.0 > f32::NEG_INFINITY).collect();
            sorted.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap().then(a.1.cmp(&b.1)));
            let selector = select(&scores, k, tile).unwrap();
            prop_assert_eq!(ids(&selector), sorted.iter().take(k).map(|p| p.1).collect::<Vec<_>>());
            for &score in &scores {
                let above = scores.iter().filter(|&&s| s > score).count();
                let size = scores.iter().filter(|&&s| s == score).count();
                let within = score > f32::NEG_INFINITY && above < k;
                let place = selector.place(score);
                prop_assert_eq!(place.filter(|p| p.0 < k), within.then_some((above, size)));
            }
        }
    }

    #[test]
    fn rising_equal_and_bad_scores() {
        let rising: Vec<f32> = (0..5000u16).map(f32::from).collect();
        assert_eq!(ids(&select(&rising, 3, 512).unwrap()), [4999, 4998, 4997]);
        let equal = select(&[1.0; 5000], 3, 700).unwrap();
        assert_eq!(ids(&equal), [0, 1, 2]);
        assert_eq!(equal.place(1.0), Some((0, 5000)));
        for bad in [f32::NAN, f32::INFINITY] {
            let mut scores = rising.clone();
            scores[77] = bad;
            assert_eq!(select(&scores, 3, 512).unwrap_err(), 77);
        }
    }
}
