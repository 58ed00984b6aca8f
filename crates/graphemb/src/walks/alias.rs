use crate::Graph;

/// Alias tables of all rows back to back (Walker 1977, built as by Vose 1991 in f64): 8 bytes an entry, 4 a node.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    /// Threshold of the own neighbour in the upper half, place of the other in its row in the lower.
    cells: Vec<u64>,
    /// The sum of each row's weights.
    pub(crate) totals: Vec<f64>,
}

impl Aliases {
    pub(crate) fn new(graph: &Graph) -> Self {
        let mut cells = Vec::with_capacity(graph.n_entries());
        let mut totals = Vec::with_capacity(graph.n_nodes());
        let mut scratch = Scratch::default();
        for node in (0..).take(graph.n_nodes()) {
            totals.push(scratch.row(graph.weights(node), &mut cells));
        }
        Self { cells, totals }
    }

    /// The table, to be prefetched.
    pub(crate) fn cells(&self) -> &[u64] {
        &self.cells
    }

    /// The place in its row that is drawn: of the row from `start` the place `at`, or the other one of its cell when
    /// `coin` in [0, 1) is beyond the threshold.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    pub(crate) fn pick(&self, start: usize, at: usize, coin: f64) -> usize {
        let cell = self.cells[start + at];
        let threshold = (cell >> 32) as f64 * (1.0 / 4_294_967_295.0);
        if coin < threshold { at } else { (cell as u32) as usize }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.cells[..]) + size_of_val(&self.totals[..])
    }
}

/// Buffers for one row.
#[derive(Debug, Default)]
struct Scratch {
    scaled: Vec<f64>,
    small: Vec<u32>,
    large: Vec<u32>,
}

impl Scratch {
    /// Appends the cells of a row and gives the sum of its weights.
    fn row(&mut self, weights: &[f32], cells: &mut Vec<u64>) -> f64 {
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let n = weights.len() as f64;
        let first = cells.len();
        let Self { scaled, small, large } = self;
        scaled.clear();
        small.clear();
        large.clear();
        for (at, &weight) in (0u32..).zip(weights) {
            let share = f64::from(weight) / total * n;
            scaled.push(share);
            if share < 1.0 {
                small.push(at);
            } else {
                large.push(at);
            }
            cells.push(cell(1.0, at));
        }
        while let (Some(&less), Some(&more)) = (small.last(), large.last()) {
            small.pop();
            let share = scaled[less as usize];
            cells[first + less as usize] = cell(share, more);
            let rest = (scaled[more as usize] + share) - 1.0;
            scaled[more as usize] = rest;
            if rest < 1.0 {
                large.pop();
                small.push(more);
            }
        }
        // Rounding may leave cells on either stack: they keep themselves.
        total
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is in [0, 1]")]
fn cell(share: f64, other: u32) -> u64 {
    ((share * 4_294_967_295.0) as u64) << 32 | u64::from(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GraphOptions;

    #[test]
    fn cells_stand_for_the_weights() {
        let weights = [0.5f32, 3.0, 1e-6, 1.0, 7.5, 0.25];
        let edges = (1..).zip(weights).map(|(target, weight)| (0u32, target, weight));
        let options = GraphOptions { directed: true, weighted: true, ..GraphOptions::default() };
        let graph = Graph::from_weighted_edges(8, edges, &options).unwrap();
        let aliases = Aliases::new(&graph);
        let mut law = [0.0f64; 6];
        for at in 0..6 {
            const COINS: usize = 100_000;
            for coin in 0..COINS {
                law[aliases.pick(0, at, (coin as f64 + 0.5) / COINS as f64)] += 1.0 / (6 * COINS) as f64;
            }
        }
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        assert_eq!(aliases.totals[0], total);
        for (p, w) in law.iter().zip(weights) {
            assert!((p - f64::from(w) / total).abs() < 1e-5, "{p} for {w}");
        }
    }
}
