use embed_core::kernel::{self, AdamStep, prefetch_row};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Step;
use super::dense::unbiased;
use crate::layers::{RowGradients, Table};
use crate::matrix::values_mut;

/// Touched rows are dealt into so many parts, whatever the threads.
const PARTS: usize = 32;

/// Touched rows that are asked for ahead.
const AHEAD: usize = 4;

/// How the rows of a table follow their gradients g. Rows that a batch does not touch do not move, and cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum TableOptimizer {
    /// `w ← w − η g`; no state.
    Sgd,
    /// `s ← s + |g|² / dim`, `w ← w − η g / (√s + ε)`: one value of state a row.
    RowAdagrad {
        /// ε
        epsilon: f32,
    },
    /// `s ← s + g²`, `w ← w − η g / (√s + ε)`, component by component.
    Adagrad {
        /// ε
        epsilon: f32,
    },
    /// Adam whose moments stand still while a row is not touched, with the bias of the step's number (as `SparseAdam` elsewhere).
    LazyAdam {
        /// β₁
        beta1: f32,
        /// β₂
        beta2: f32,
        /// ε
        epsilon: f32,
    },
    /// `v ← βᵏ v + (1 − β) g²`, k steps after the row was last touched, `w ← w − η g / (√v̂ + ε)` with the bias undone (Tieleman & Hinton
    /// 2012). This is what Adam over a whole table does to a row that is seldom touched: v forgets by the step, and the
    /// momentum of a gradient comes to η g / √v̂ in the end, which is taken at once. `dim + 1` values of state a row.
    RmsProp {
        /// β
        beta: f32,
        /// ε
        epsilon: f32,
    },
}

impl Default for TableOptimizer {
    /// Row-wise Adagrad with ε = 10⁻⁸.
    fn default() -> Self {
        Self::RowAdagrad { epsilon: 1e-8 }
    }
}

impl TableOptimizer {
    /// β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
    #[must_use]
    pub fn lazy_adam() -> Self {
        Self::LazyAdam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }

    /// RMSProp with β = 0.999 and ε = 10⁻⁸, those of Adam.
    #[must_use]
    pub fn rms_prop() -> Self {
        Self::RmsProp { beta: 0.999, epsilon: 1e-8 }
    }

    /// Values of state a row of `dim` components has.
    #[must_use]
    pub fn state_per_row(self, dim: usize) -> usize {
        match self {
            Self::Sgd => 0,
            Self::RowAdagrad { .. } => 1,
            Self::Adagrad { .. } => dim,
            Self::LazyAdam { .. } => 2 * dim,
            Self::RmsProp { .. } => dim + 1,
        }
    }

    /// One step of the rows that have gradients; these are forgotten afterwards. The gradients of a row are summed in the order
    /// they came, so the bits do not depend on the threads. O(entries · dim).
    pub fn step(self, table: &mut Table, step: Step) {
        let (dim, per_row) = (table.dim(), self.state_per_row(table.dim()));
        let rows = table.len();
        let Table { value, state, gradients } = table;
        state.resize(rows * per_row, 0.0);
        if gradients.starts.is_empty() {
            gradients.sort();
        }
        let parts = split(values_mut(value), state, gradients, dim, per_row);
        let gradients_of = &*gradients;
        parts
            .into_par_iter()
            .with_max_len(1)
            .for_each(|part| self.part(part, gradients_of, (dim, per_row), step));
        gradients.clear();
    }

    fn part(self, part: Part<'_>, gradients: &RowGradients, (dim, per_row): (usize, usize), step: Step) {
        let (mut g, mut spare) = (vec![0.0; dim], vec![0.0; dim]);
        let keep = 1.0 - step.rate * step.decay;
        let first_row = u32::try_from(part.first_row).unwrap_or(u32::MAX);
        let adam = match self {
            Self::LazyAdam { beta1, beta2, epsilon } => unbiased(step, beta1, beta2, epsilon),
            Self::RmsProp { beta, epsilon } => unbiased(step, 0.0, beta, epsilon),
            _ => AdamStep { beta1: 0.0, beta2: 0.0, rate: 0.0, epsilon: 0.0 },
        };
        let last = part.touched.end;
        for n in part.touched {
            if n + AHEAD < last {
                let next = gradients.id(n + AHEAD) - first_row;
                prefetch_row(part.rows, dim, next);
                prefetch_row(part.state, per_row, next);
            }
            gradients.sum(n, &mut g);
            if step.scale != 1.0 {
                g.iter_mut().for_each(|g| *g *= step.scale);
            }
            let at = (gradients.id(n) - first_row) as usize;
            let w = &mut part.rows[at * dim..(at + 1) * dim];
            let state = &mut part.state[at * per_row..(at + 1) * per_row];
            if step.decay > 0.0 {
                w.iter_mut().for_each(|w| *w *= keep);
            }
            if step.l2 > 0.0 {
                kernel::axpy(step.l2, w, &mut g);
            }
            self.row(w, &g, (state, &mut spare), (step, adam));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a dimension")]
    fn row(
        self,
        w: &mut [f32],
        g: &[f32],
        (state, spare): (&mut [f32], &mut [f32]),
        (step, adam): (Step, AdamStep),
    ) {
        let rate = step.rate;
        match self {
            Self::Sgd => kernel::axpy(-rate, g, w),
            Self::RowAdagrad { epsilon } => {
                state[0] += kernel::dot(g, g) / g.len() as f32;
                kernel::axpy(-rate / (state[0].sqrt() + epsilon), g, w);
            }
            Self::Adagrad { epsilon } => {
                kernel::adagrad(w, g, state, rate, epsilon);
            }
            Self::LazyAdam { .. } => {
                let (first, second) = state.split_at_mut(w.len());
                kernel::adam(w, g, first, second, adam);
            }
            Self::RmsProp { beta, .. } => {
                let (last, second) = state.split_at_mut(1);
                forget(beta, step.number, &mut last[0], second);
                // Without momentum what would be the first moment is the gradient.
                kernel::adam(w, g, spare, second, adam);
            }
        }
    }
}

/// What β is to the power of the steps between the last touch and this one, taken from `second`; remembers this one.
#[expect(clippy::cast_precision_loss, reason = "beyond 2²⁴ steps a gap is off by one in 16 million")]
fn forget(beta: f32, number: u64, last: &mut f32, second: &mut [f32]) {
    let between = (number as f32 - *last - 1.0).max(0.0);
    *last = number as f32;
    if between > 0.0 {
        kernel::scale(second, beta.powf(between));
    }
}

/// Touched rows that one task owns.
struct Part<'a> {
    touched: std::ops::Range<usize>,
    first_row: usize,
    rows: &'a mut [f32],
    state: &'a mut [f32],
}

/// Cuts the table between touched rows into parts of about as many entries each.
fn split<'a>(
    mut rows: &'a mut [f32],
    mut state: &'a mut [f32],
    gradients: &RowGradients,
    dim: usize,
    per_row: usize,
) -> Vec<Part<'a>> {
    let n = gradients.n_touched();
    let per_part = gradients.entries.len().div_ceil(PARTS).max(1);
    let mut parts = Vec::with_capacity(PARTS + 1);
    let (mut first, mut first_row) = (0, 0);
    while first < n {
        let goal = gradients.starts[first] + per_part;
        let last = gradients.starts.partition_point(|&start| start < goal).clamp(first + 1, n);
        let end_row = gradients.id(last - 1) as usize + 1;
        let (here, after) = std::mem::take(&mut rows).split_at_mut((end_row - first_row) * dim);
        let (state_here, state_after) =
            std::mem::take(&mut state).split_at_mut((end_row - first_row) * per_row);
        parts.push(Part { touched: first..last, first_row, rows: here, state: state_here });
        (rows, state, first, first_row) = (after, state_after, last, end_row);
    }
    parts
}

/// The squared length of all gradients of a table's rows, summed in order. O(entries · dim).
#[must_use]
pub fn squared_norm(table: &mut Table) -> f64 {
    let dim = table.dim();
    let gradients = &mut table.gradients;
    if gradients.starts.is_empty() {
        gradients.sort();
    }
    let gradients = &*gradients;
    let blocks: Vec<f64> = (0..gradients.n_touched().div_ceil(256))
        .into_par_iter()
        .map(|block| {
            let mut g = vec![0.0; dim];
            let mut sum = 0.0f64;
            for n in block * 256..gradients.n_touched().min((block + 1) * 256) {
                gradients.sum(n, &mut g);
                sum += f64::from(kernel::dot(&g, &g));
            }
            sum
        })
        .collect();
    blocks.iter().sum()
}

/// What gradients of this squared length are to be multiplied by, so that their length is `most` at most.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a factor")]
pub fn clip_factor(squared_norm: f64, most: f32) -> f32 {
    let norm = squared_norm.sqrt();
    if norm > f64::from(most) { (f64::from(most) / norm) as f32 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::random;
    use embed_core::{Parallelism, SeededRng};

    const ALL: [TableOptimizer; 5] = [
        TableOptimizer::Sgd,
        TableOptimizer::RowAdagrad { epsilon: 1e-8 },
        TableOptimizer::Adagrad { epsilon: 1e-10 },
        TableOptimizer::LazyAdam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        TableOptimizer::RmsProp { beta: 0.999, epsilon: 1e-8 },
    ];

    fn trained(optimizer: TableOptimizer, threads: usize) -> Table {
        let mut table = Table::normal(500, 8, 0.1, &mut SeededRng::new(1));
        let mut rng = SeededRng::new(2);
        Parallelism::Threads(threads.try_into().unwrap())
            .install(|| {
                for number in 1..6 {
                    let ids: Vec<u32> = (0..300).map(|_| rng.below(400)).collect();
                    table.gradients.add_rows(&ids, random(300, 8, number).view());
                    optimizer.step(&mut table, Step { decay: 0.01, ..Step::new(0.1, number) });
                    assert!(table.gradients.is_empty());
                }
            })
            .unwrap();
        table
    }

    #[test]
    fn threads_do_not_change_a_bit_and_untouched_rows_stay() {
        let start = Table::normal(500, 8, 0.1, &mut SeededRng::new(1));
        for optimizer in ALL {
            let one = trained(optimizer, 1);
            for threads in [2, 7] {
                let other = trained(optimizer, threads);
                assert!(one.value == other.value && one.state == other.state, "{optimizer:?}");
            }
            assert_ne!(one.row(3), start.row(3));
            assert!((400..500).all(|id| one.row(id) == start.row(id)), "{optimizer:?}");
        }
    }

    /// With every row touched once a step, tables follow the dense optimisers.
    #[test]
    fn rows_follow_the_dense_optimisers() {
        use crate::layers::Param;
        use crate::optim::Optimizer;
        for (of_table, dense) in [
            (ALL[0], Optimizer::Sgd { momentum: 0.0 }),
            (ALL[2], Optimizer::Adagrad { epsilon: 1e-10 }),
            (ALL[3], Optimizer::default()),
            (ALL[4], Optimizer::Adam { beta1: 0.0, beta2: 0.999, epsilon: 1e-8 }),
        ] {
            let mut table = Table::from_rows(random(6, 4, 1));
            let mut param = Param::weights(random(6, 4, 1));
            for number in 1..5 {
                let gradient = random(6, 4, 10 + number);
                param.gradient.assign(&gradient);
                table.gradients.add_rows(&[0, 1, 2, 3, 4, 5], gradient.view());
                let step = Step { rate: 0.1, number, scale: 0.5, decay: 0.1, l2: 0.0 };
                of_table.step(&mut table, step);
                dense.step(&mut param, step);
            }
            assert!(table.value.iter().zip(&param.value).all(|(a, b)| (a - b).abs() < 1e-6), "{of_table:?}");
        }
    }

    #[test]
    fn row_wise_adagrad_is_as_published() {
        let mut table = Table::from_rows(ndarray::array![[1.0, 2.0]]);
        let optimizer = TableOptimizer::default();
        for (number, g) in [(1, [3.0f32, 4.0]), (2, [0.0, 2.0])] {
            table.gradients.add_rows(&[0], ndarray::arr2(&[g]).view());
            optimizer.step(&mut table, Step::new(0.1, number));
        }
        let (s1, s2) = (12.5f32, 14.5f32);
        let expected = [1.0 - 0.3 / s1.sqrt(), 2.0 - 0.4 / s1.sqrt() - 0.2 / s2.sqrt()];
        assert!(table.row(0).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(table.state, [s2]);
    }

    /// Steps that do not touch a row are steps without a gradient: the second moment forgets, and nothing moves.
    #[test]
    fn rms_prop_forgets_by_the_step() {
        let optimizer = TableOptimizer::RmsProp { beta: 0.9, epsilon: 0.0 };
        let mut table = Table::from_rows(ndarray::array![[1.0], [1.0]]);
        let (mut w, mut v) = (1.0f64, 0.0f64);
        for number in 1..=9u64 {
            let touched = [1, 2, 6, 9].contains(&number);
            let g = if touched { 0.3 * number as f64 } else { 0.0 };
            v = 0.9 * v + 0.1 * g * g;
            let unbiased = v / (1.0 - 0.9f64.powi(number as i32));
            w -= if touched { 0.1 * g / unbiased.sqrt() } else { 0.0 };
            table.gradients.add_rows(&[u32::from(!touched)], ndarray::array![[g as f32]].view());
            optimizer.step(&mut table, Step::new(0.1, number));
        }
        assert!((f64::from(table.row(0)[0]) - w).abs() < 1e-5, "{} for {w}", table.row(0)[0]);
    }

    #[test]
    fn l2_pulls_touched_rows_to_zero() {
        let mut table = Table::from_rows(ndarray::array![[2.0, -4.0], [1.0, 1.0]]);
        table.gradients.add_rows(&[0], ndarray::array![[1.0, 0.0]].view());
        TableOptimizer::Sgd.step(&mut table, Step { l2: 0.5, ..Step::new(0.1, 1) });
        assert_eq!(table.value, ndarray::array![[1.8, -3.8], [1.0, 1.0]]);
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let mut table = Table::from_rows(random(3, 2, 1));
        table.gradients.add_rows(&[2, 0, 2], ndarray::array![[1.0, 0.0], [0.0, 4.0], [2.0, 0.0]].view());
        let squared = squared_norm(&mut table);
        assert_eq!(squared, 25.0);
        assert_eq!([clip_factor(squared, 10.0), clip_factor(squared, 1.0)], [1.0, 0.2]);
    }
}
