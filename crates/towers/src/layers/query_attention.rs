use embed_core::{SeededRng, kernel};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::segments::Segments;
use super::weighing::{Entries, softmax, softmax_backward, weigh, weight_slopes};
use super::{Distinct, Linear, Module, Slot, Tensor};
use crate::matrix::{Buffer, each_row, each_row_mut, row};

/// Pools each segment by attention of one query: `y = Σ αᵢ xᵢ`, `α = softmax(q · tanh(W xᵢ + b))` over the rows that count.
///
/// A segment that is empty or wholly masked gives zeros. Rows are those of distinct ids, which entries of the segments share: a key is made once.
/// O(rows · dim² + entries · dim).
///
/// Mao et al. 2021, "SimpleX", section 3.2 (user attention), where the query is the user's own vector; Yang et al. 2016.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryAttention {
    key: Linear,
}

/// What a forward pass keeps: two rows an id, and a weight an entry.
#[derive(Debug, Clone, Default)]
pub struct QueryAttentionTape {
    keys: Buffer,
    /// α, a column.
    weights: Buffer,
    dkeys: Buffer,
    slopes: Buffer,
}

impl QueryAttention {
    /// For rows and queries of `dim` columns.
    #[must_use]
    pub fn new(dim: usize, rng: &mut SeededRng) -> Self {
        Self { key: Linear::new(dim, dim, true, rng) }
    }

    /// The map to keys.
    pub(crate) fn key(&self) -> &Linear {
        &self.key
    }

    /// Training and serving: rows `x` of the distinct ids and a query for each segment into `y` `[segments, dim]`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        (x, of): (ArrayView2<'_, f32>, &Distinct),
        queries: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        y: ArrayViewMut2<'_, f32>,
        tape: &mut QueryAttentionTape,
    ) {
        assert_eq!((x.nrows(), y.nrows()), (of.ids().len(), segments.len()), "rows of ids and segments");
        tape.keys.resize(x.nrows(), x.ncols());
        tape.weights.resize(segments.n_rows(), 1);
        self.key.forward(x, tape.keys.view_mut());
        each_row_mut(tape.keys.view_mut(), |_, row| bend(row));
        let keys = Entries::shared(tape.keys.view(), of.places());
        segments.each_mut(tape.weights.view_mut(), |segment, weights, _: &mut ()| {
            let query = row(&queries, segment);
            for (i, weight) in segments.rows(segment).zip(weights) {
                *weight = kernel::dot(query, keys.get(i));
            }
        });
        softmax(segments, &mut tape.weights);
        weigh(Entries::shared(x, of.places()), segments, tape.weights.as_slice(), y);
    }

    /// From the gradient of `y` to those of `x` and of the queries, which are overwritten; adds to those of the parameters.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(
        &mut self,
        (x, of): (ArrayView2<'_, f32>, &Distinct),
        queries: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        dy: ArrayView2<'_, f32>,
        (mut dx, dqueries): (ArrayViewMut2<'_, f32>, ArrayViewMut2<'_, f32>),
        tape: &mut QueryAttentionTape,
    ) {
        weight_slopes(Entries::shared(x, of.places()), segments, dy, &mut tape.slopes);
        softmax_backward(segments, tape.weights.as_slice(), &mut tape.slopes);
        let slopes = tape.slopes.as_slice();
        weigh(Entries::shared(tape.keys.view(), of.places()), segments, slopes, dqueries);
        tape.dkeys.zero(x.nrows(), x.ncols());
        of.add_lists(slopes, queries, tape.dkeys.view_mut());
        each_row(tape.keys.view(), tape.dkeys.view_mut(), |keys, dkeys| {
            dkeys.iter_mut().zip(keys).for_each(|(d, k)| *d *= 1.0 - k * k);
        });
        self.key.backward(x, tape.dkeys.view(), Some(dx.view_mut()));
        of.add_lists(tape.weights.as_slice(), dy, dx);
    }
}

/// `tanh x = 1 − 2 / (e²ˣ + 1)`, to within 10⁻⁷.
fn bend(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x *= 2.0);
    let _ = kernel::exp_sum(x, 0.0);
    x.iter_mut().for_each(|x| *x = 1.0 - 2.0 / (*x + 1.0));
}

impl Module for QueryAttention {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        self.key.tensors(&format!("{path}.key"), out);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        self.key.slots(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Bag;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, s};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut bag = Bag::new();
        [&[5, 3, 5][..], &[], &[3, 0], &[7, 5, 1, 1]].iter().for_each(|list| bag.push(list));
        let mask = [true, false, true, false, false, true, true, true, true];
        let (offsets, mut of) = (bag.offsets(), Distinct::default());
        of.set(&bag);
        let segments = Segments::new(offsets, Some(&mask)).unwrap();
        let mut layer = QueryAttention::new(4, &mut SeededRng::new(1));
        let (x, q, dy) = (random(5, 4, 2), random(4, 4, 3), random(4, 4, 4));
        let (mut y, mut dx, mut dq) = (Array2::zeros((4, 4)), Array2::zeros((5, 4)), Array2::zeros((4, 4)));
        let mut tape = QueryAttentionTape::default();
        layer.forward((x.view(), &of), q.view(), segments, y.view_mut(), &mut tape);
        let way_back = (dx.view_mut(), dq.view_mut());
        layer.backward((x.view(), &of), q.view(), segments, dy.view(), way_back, &mut tape);
        let (w, b) = (layer.key.weight.clone(), layer.key.bias.clone().unwrap());
        let check = Check::new(&[&x, &q, &w.value, &b.value], |a| {
            let keys = (a[0].dot(&a[2].t()) + &a[3]).mapv(f64::tanh);
            let mut y = Wide::zeros((4, 4));
            for segment in 0..4 {
                let live = (offsets[segment]..offsets[segment + 1]).filter(|&i| mask[i]);
                let live: Vec<usize> = live.map(|i| of.places()[i] as usize).collect();
                let e: Vec<f64> = live.iter().map(|&i| keys.row(i).dot(&a[1].row(segment)).exp()).collect();
                let total: f64 = e.iter().sum();
                for (&i, e) in live.iter().zip(e) {
                    y.slice_mut(s![segment, ..]).scaled_add(e / total, &a[0].row(i));
                }
            }
            y
        });
        check.forward(&y);
        check.backward(&dy, &[&dx, &dq, &w.gradient, &b.gradient]);
    }
}
