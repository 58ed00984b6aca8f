use embed_core::{ItemId, SampleError, SeededRng};

/// Draws from any discrete law in O(1): Vose's alias method (1991), one table look-up and two random numbers
/// a draw.
///
/// Memory: 8 bytes an item. Built in O(n) with f64 arithmetic; thresholds are kept with 32 bits, so a
/// probability is exact to 2⁻³² of the mean probability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasTable {
    /// Invariant: every alias is an item with a positive weight.
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    /// The slot's own item is kept when a random 32-bit number is below or equal to this; `NEVER` apart.
    keep: u32,
    alias: ItemId,
}

impl AliasTable {
    /// The table of a law given by weights `[n_items]`, not necessarily summing to one.
    ///
    /// # Errors
    /// - [`SampleError::BadWeight`] names a weight that is NaN, infinite or negative.
    /// - [`SampleError::NoItems`] when no weight is positive.
    /// - [`SampleError::TooManyItems`] beyond `u32::MAX` items.
    pub fn new(weights: &[f64]) -> Result<Self, SampleError> {
        let n = weights.len();
        if u32::try_from(n).is_err() {
            return Err(SampleError::TooManyItems { got: n, limit: u32::MAX as usize });
        }
        if let Some(item) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(SampleError::BadWeight { item, weight: weights[item] });
        }
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest <= 0.0 {
            return Err(SampleError::NoItems { items: n });
        }
        // Scaled by the largest first, so that a sum of huge weights does not overflow.
        let total: f64 = weights.iter().map(|w| w / largest).sum();
        #[expect(clippy::cast_precision_loss, reason = "n fits 32 bits")]
        let mut share: Vec<f64> = weights.iter().map(|w| w / largest / total * n as f64).collect();
        Ok(Self { slots: Self::fill(&mut share) })
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "n and thresholds fit 32 bits")]
    fn fill(share: &mut [f64]) -> Vec<Slot> {
        let full = u32::MAX;
        let mut slots: Vec<Slot> = (0..share.len() as u32).map(|item| Slot { keep: full, alias: item }).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..share.len() as u32).partition(|&item| share[item as usize] < 1.0);
        let heaviest = (0..share.len()).max_by(|&a, &b| share[a].total_cmp(&share[b])).unwrap_or(0) as u32;
        while let Some(low) = small.pop() {
            let Some(&high) = large.last() else {
                // Rounding left a small share without a partner: it is 1, unless its weight is zero.
                if share[low as usize] <= 0.0 {
                    slots[low as usize] = Slot { keep: 0, alias: heaviest };
                }
                continue;
            };
            let kept = share[low as usize];
            slots[low as usize] = Slot { keep: (kept * 4_294_967_296.0) as u32, alias: high };
            share[high as usize] -= 1.0 - kept;
            if share[high as usize] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        slots
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no item; never true of a table that was built.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Draws one item. An item of weight zero is never drawn.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the number of slots fits 32 bits")]
    pub fn draw(&self, rng: &mut SeededRng) -> ItemId {
        let item = rng.below(self.slots.len() as u32);
        let slot = self.slots[item as usize];
        // `keep` counts the 32-bit numbers that keep the item: 0 keeps none; a full slot is its own alias.
        if rand_u32(rng) < slot.keep { item } else { slot.alias }
    }
}

#[inline]
fn rand_u32(rng: &mut SeededRng) -> u32 {
    rand::RngCore::next_u32(rng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The probability of each item that the table stands for.
    fn law(table: &AliasTable) -> Vec<f64> {
        let n = table.len() as f64;
        let mut p = vec![0.0; table.len()];
        for (item, slot) in table.slots.iter().enumerate() {
            let keep = f64::from(slot.keep) / 4_294_967_296.0;
            p[item] += keep / n;
            p[slot.alias as usize] += (1.0 - keep) / n;
        }
        p
    }

    proptest! {
        #[test]
        fn the_table_stands_for_the_weights(
            weights in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..1.0, 0.0..1e6, 1e-300..1e-299, 1e300..1e307f64], 1..60)
        ) {
            prop_assume!(weights.iter().any(|w| *w > 0.0));
            let table = AliasTable::new(&weights).unwrap();
            let largest = weights.iter().copied().fold(0.0, f64::max);
            let total: f64 = weights.iter().map(|w| w / largest).sum();
            for (item, p) in law(&table).into_iter().enumerate() {
                let expected = weights[item] / largest / total;
                prop_assert!((p - expected).abs() < 1e-9, "item {item}: {p} instead of {expected}");
                prop_assert!(weights[item] > 0.0 || p == 0.0, "item {item} of weight zero has probability {p}");
            }
        }
    }

    #[test]
    fn weights_that_are_none_are_named() {
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(matches!(AliasTable::new(&[1.0, bad]), Err(SampleError::BadWeight { item: 1, .. })));
        }
        assert!(matches!(AliasTable::new(&[0.0, 0.0]), Err(SampleError::NoItems { items: 2 })));
        assert!(matches!(AliasTable::new(&[]), Err(SampleError::NoItems { items: 0 })));
    }
}
