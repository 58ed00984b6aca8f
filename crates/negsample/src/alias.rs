use embed_core::SampleError;
use rand::RngCore;

/// Draws indices by weight in constant time: Walker's alias method (Walker 1977), tables built as by
/// Vose (1991).
///
/// Built in f64; what is left on either stack by rounding gets probability 1 of its own cell. An index of
/// weight 0 is never drawn. Memory: 8 bytes an index, both words in one cache line. A draw takes one 64-bit
/// number: its product with the number of cells gives the cell in the upper half and the coin in the lower.
/// The probability of an index is off by at most some 2⁻³² / n.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasTable {
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    /// The cell's own index is drawn when the 32-bit coin is below this.
    threshold: u32,
    alias: u32,
}

impl AliasTable {
    /// A table over indices `0..weights.len()`, probability `weights[i] / Σ weights`. O(n).
    ///
    /// # Errors
    /// - [`SampleError::NoItems`] when there is no weight above 0.
    /// - [`SampleError::BadWeight`] names the first NaN, infinite or negative weight, or the one at which the
    ///   sum overflows.
    /// - [`SampleError::TooManyItems`] beyond `u32::MAX` weights.
    pub fn new(weights: &[f64]) -> Result<Self, SampleError> {
        let limit = u32::MAX as usize;
        let n = u32::try_from(weights.len())
            .map_err(|_| SampleError::TooManyItems { got: weights.len(), limit })?;
        let mut total = 0.0f64;
        for (item, &weight) in weights.iter().enumerate() {
            total += weight;
            if weight.is_nan() || weight < 0.0 || !total.is_finite() {
                return Err(SampleError::BadWeight { item, weight });
            }
        }
        if total <= 0.0 {
            return Err(SampleError::NoItems { items: weights.len() });
        }
        // Divided first: n · weight could overflow, weight / total cannot.
        let mut scaled: Vec<f64> = weights.iter().map(|&w| w / total * f64::from(n)).collect();
        let mut cells: Vec<Cell> = (0..n).map(|i| Cell { threshold: u32::MAX, alias: i }).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) = (0..n).partition(|&i| scaled[i as usize] < 1.0);
        while let (Some(&less), Some(&more)) = (small.last(), large.last()) {
            small.pop();
            let share = scaled[less as usize];
            cells[less as usize] = Cell { threshold: coin_below(share), alias: more };
            let rest = (scaled[more as usize] + share) - 1.0;
            scaled[more as usize] = rest;
            if rest < 1.0 {
                large.pop();
                small.push(more);
            }
        }
        // Rounding may leave cells on either stack: they keep themselves. One of weight 0 would be drawn
        // then, so it points at the heaviest index.
        let heaviest = heaviest(weights);
        for &left in &small {
            if weights[left as usize] == 0.0 {
                cells[left as usize] = Cell { threshold: 0, alias: heaviest };
            }
        }
        Ok(Self { cells })
    }

    /// Draws an index from any generator.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the parts of a product are taken on purpose")]
    pub fn sample(&self, rng: &mut (impl RngCore + ?Sized)) -> u32 {
        let product = u128::from(rng.next_u64()) * self.cells.len() as u128;
        let index = (product >> 64) as usize;
        let coin = (product >> 32) as u32;
        let cell = self.cells[index];
        // No processor predicts the coin.
        std::hint::select_unpredictable(coin < cell.threshold, index as u32, cell.alias)
    }

    /// Number of indices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no index; never so for a table that was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is in [0, 1)")]
fn coin_below(share: f64) -> u32 {
    (share * 4_294_967_296.0) as u32
}

fn heaviest(weights: &[f64]) -> u32 {
    let mut best = 0;
    for (i, w) in (0u32..).zip(weights) {
        if *w > weights[best as usize] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::chi_square_holds;
    use embed_core::SeededRng;
    use proptest::prelude::*;

    #[test]
    fn weights_that_are_none_are_refused() {
        assert!(matches!(AliasTable::new(&[]), Err(SampleError::NoItems { items: 0 })));
        assert!(matches!(AliasTable::new(&[0.0, 0.0]), Err(SampleError::NoItems { items: 2 })));
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(matches!(AliasTable::new(&[1.0, bad]), Err(SampleError::BadWeight { item: 1, .. })));
        }
        assert!(matches!(
            AliasTable::new(&[f64::MAX, f64::MAX]),
            Err(SampleError::BadWeight { item: 1, .. })
        ));
    }

    /// The probabilities that a table stands for.
    fn law(table: &AliasTable) -> Vec<f64> {
        let n = table.len() as f64;
        let mut p = vec![0.0; table.len()];
        for (i, cell) in table.cells.iter().enumerate() {
            let own =
                if cell.alias as usize == i { 1.0 } else { f64::from(cell.threshold) / 4_294_967_296.0 };
            p[i] += own / n;
            p[cell.alias as usize] += (1.0 - own) / n;
        }
        p
    }

    proptest! {
        #[test]
        fn a_table_stands_for_its_weights(
            raw in proptest::collection::vec(prop_oneof![Just(0.0), 1e-9f64..1e9, 0.1f64..10.0], 1..200)
        ) {
            let total: f64 = raw.iter().sum();
            prop_assume!(total > 0.0);
            let table = AliasTable::new(&raw).unwrap();
            for (p, w) in law(&table).iter().zip(&raw) {
                prop_assert!((p - w / total).abs() < 1e-9, "{} instead of {}", p, w / total);
                prop_assert!(*w > 0.0 || *p == 0.0, "an item of weight 0 would be drawn");
            }
        }
    }

    #[test]
    fn draws_follow_the_weights() {
        let weights = [0.5, 0.0, 3.0, 1.0, 1e-12, 7.0];
        let table = AliasTable::new(&weights).unwrap();
        let mut rng = SeededRng::new(5);
        let mut counts = vec![0u64; weights.len()];
        for _ in 0..200_000 {
            counts[table.sample(&mut rng) as usize] += 1;
        }
        chi_square_holds(&counts, &weights);
    }
}
