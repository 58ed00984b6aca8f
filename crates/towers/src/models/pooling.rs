use embed_core::SeededRng;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Pooling;
use crate::LayerError;
use crate::layers::weighing::{Entries, softmax, softmax_backward, weigh, weight_slopes};
use crate::layers::{
    Bag, Distinct, LayerNorm, LayerNormTape, Module, Param, Pool, PoolTape, QueryAttention,
    QueryAttentionTape, Segments, SelfAttention, SelfAttentionTape, Slot, Tensor, pool_rows,
    pool_rows_backward,
};
use crate::matrix::{Buffer, each_row, each_row_mut, row};

/// The layers of a [`Pooling`] that has some; the mean needs none.
#[derive(Debug, Clone, PartialEq)]
pub enum PoolingLayer {
    /// `mean of x + A(norm(x))`, x the items with their positions.
    SelfAttention {
        /// A
        attention: Box<SelfAttention>,
        /// Before A.
        norm: LayerNorm,
        /// A row for each place from the end.
        positions: Param,
    },
    /// Attention of one query.
    Query {
        /// The layer.
        attention: QueryAttention,
        /// The query where the user has none of their own.
        query: Param,
    },
    /// `Σ softmax(bias) x`, a bias for each number of places from what is asked for.
    Places {
        /// `[1, places]`; further away the last one counts.
        bias: Param,
        /// Whether it is learned.
        learned: bool,
    },
}

/// What a forward pass keeps.
#[derive(Debug, Clone, Default)]
pub struct PoolingTape {
    /// Items with their positions.
    placed: Buffer,
    normed: Buffer,
    attended: Buffer,
    dattended: Buffer,
    dnormed: Buffer,
    /// Queries of a batch and their gradients.
    queries: Buffer,
    norm: LayerNormTape,
    self_attention: SelfAttentionTape,
    query: QueryAttentionTape,
    pool: PoolTape,
    /// What each item counts, of places, and the gradients of their biases.
    shares: Buffer,
    dshares: Buffer,
}

impl PoolingLayer {
    /// The layers of a pooling, if it has any.
    ///
    /// # Errors
    /// As [`SelfAttention::new`]; [`LayerError::Setting`] for a power that is no number or below 0.
    pub fn new(
        pooling: Pooling,
        dim: usize,
        max_history: usize,
        rng: &mut SeededRng,
    ) -> Result<Option<Self>, LayerError> {
        Ok(match pooling {
            Pooling::Mean => None,
            Pooling::SelfAttention { heads } => Some(Self::SelfAttention {
                attention: Box::new(SelfAttention::new(dim, heads, false, rng)?),
                norm: LayerNorm::new(dim),
                positions: Param {
                    decays: false,
                    ..Param::weights(ndarray::Array2::zeros((max_history, dim)))
                },
            }),
            Pooling::Query => Some(Self::Query {
                attention: QueryAttention::new(dim, rng),
                query: Param::offsets(dim, 0.0),
            }),
            Pooling::Places => Some(Self::Places { bias: Param::offsets(max_history, 0.0), learned: true }),
            Pooling::Near { power } if !(power >= 0.0 && power.is_finite()) => {
                let expected = "a number not below 0";
                return Err(LayerError::Setting { name: "power of distances", got: power.into(), expected });
            }
            Pooling::Near { power } => {
                let mut bias = Param::offsets(max_history, 0.0);
                bias.value.iter_mut().enumerate().for_each(|(place, bias)| *bias = fallen(place, power));
                Some(Self::Places { bias, learned: false })
            }
        })
    }

    /// The histories, whose distinct items are `x`, into one row each of `y`; `distances` say how far each entry is from what it is the history
    /// of, from 1, and where there are none they are counted from the end. `users` are the users' own vectors, if they have any.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        (x, of): (ArrayView2<'_, f32>, &Distinct),
        (bag, distances): (&Bag, &[u32]),
        users: Option<ArrayView2<'_, f32>>,
        y: ArrayViewMut2<'_, f32>,
        tape: &mut PoolingTape,
    ) {
        let Ok(segments) = Segments::new(bag.offsets(), None) else { return };
        let (n, dim) = (segments.n_rows(), x.ncols());
        let items = Entries::shared(x, of.places());
        match self {
            Self::SelfAttention { attention, norm, positions } => {
                for buffer in [&mut tape.placed, &mut tape.normed, &mut tape.attended] {
                    buffer.resize(n, dim);
                }
                segments.each_mut(tape.placed.view_mut(), |segment, placed, _: &mut ()| {
                    let rows = segments.rows(segment);
                    let end = rows.end;
                    for (i, to) in rows.zip(placed.chunks_exact_mut(dim.max(1))) {
                        to.copy_from_slice(items.get(i));
                        let place = row(&positions.value.view(), end - 1 - i);
                        to.iter_mut().zip(place).for_each(|(t, p)| *t += p);
                    }
                });
                norm.forward(tape.placed.view(), tape.normed.view_mut(), &mut tape.norm);
                attention.forward(
                    tape.normed.view(),
                    segments,
                    tape.attended.view_mut(),
                    &mut tape.self_attention,
                );
                each_row(tape.placed.view(), tape.attended.view_mut(), |x, y| {
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
                });
                pool_rows(tape.attended.view(), segments, Pool::Mean, y, &mut tape.pool);
            }
            Self::Query { attention, query } => {
                if users.is_none() {
                    tape.queries.resize(bag.len(), dim);
                    each_row_mut(tape.queries.view_mut(), |_, to| to.copy_from_slice(query.values()));
                }
                let queries = users.unwrap_or(tape.queries.view());
                attention.forward((x, of), queries, segments, y, &mut tape.query);
            }
            Self::Places { bias, .. } => {
                tape.shares.resize(n, 1);
                let bias = bias.values();
                segments.each_mut(tape.shares.view_mut(), |segment, shares, _: &mut ()| {
                    let entries = segments.rows(segment);
                    let end = entries.end;
                    entries
                        .zip(shares)
                        .for_each(|(i, share)| *share = bias[place(i, end, distances, bias.len())]);
                });
                softmax(segments, &mut tape.shares);
                weigh(items, segments, tape.shares.as_slice(), y);
            }
        }
    }

    /// The gradients of items, and of users' vectors, which are added to.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(
        &mut self,
        (x, of): (ArrayView2<'_, f32>, &Distinct),
        (bag, distances): (&Bag, &[u32]),
        users: Option<(ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>)>,
        dy: ArrayView2<'_, f32>,
        mut dx: ArrayViewMut2<'_, f32>,
        tape: &mut PoolingTape,
    ) {
        let Ok(segments) = Segments::new(bag.offsets(), None) else { return };
        let (n, dim) = (segments.n_rows(), x.ncols());
        let items = Entries::shared(x, of.places());
        match self {
            Self::SelfAttention { attention, norm, positions } => {
                tape.dattended.resize(n, dim);
                tape.dnormed.resize(n, dim);
                pool_rows_backward(segments, Pool::Mean, dy, tape.dattended.view_mut(), &tape.pool);
                attention.backward(
                    tape.normed.view(),
                    segments,
                    tape.dattended.view(),
                    tape.dnormed.view_mut(),
                    &mut tape.self_attention,
                );
                norm.backward(tape.placed.view(), &tape.norm, tape.dnormed.view_mut());
                each_row(tape.dnormed.view(), tape.dattended.view_mut(), |from, to| {
                    to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
                });
                for segment in 0..segments.len() {
                    let rows = segments.rows(segment);
                    let end = rows.end;
                    for i in rows {
                        let mut place = positions.gradient.row_mut(end - 1 - i);
                        place.iter_mut().zip(tape.dattended.row(i)).for_each(|(p, d)| *p += d);
                    }
                }
                dx.fill(0.0);
                of.add_entries(tape.dattended.view(), dx);
            }
            Self::Query { attention, query } => {
                tape.attended.resize(bag.len(), dim);
                let dqueries = &mut tape.attended;
                let queries = users.as_ref().map_or(tape.queries.view(), |(own, _)| *own);
                let way_back = (dx, dqueries.view_mut());
                attention.backward((x, of), queries, segments, dy, way_back, &mut tape.query);
                match users {
                    Some((_, dusers)) => each_row(dqueries.view(), dusers, |from, to| {
                        to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
                    }),
                    None => {
                        for i in 0..bag.len() {
                            query.gradient_mut().iter_mut().zip(dqueries.row(i)).for_each(|(g, d)| *g += d);
                        }
                    }
                }
            }
            Self::Places { bias, learned } => {
                if *learned {
                    weight_slopes(items, segments, dy, &mut tape.dshares);
                    softmax_backward(segments, tape.shares.as_slice(), &mut tape.dshares);
                    let (slopes, places) = (tape.dshares.as_slice(), bias.gradient_mut());
                    for segment in 0..segments.len() {
                        let entries = segments.rows(segment);
                        let end = entries.end;
                        entries.for_each(|i| places[place(i, end, distances, places.len())] += slopes[i]);
                    }
                }
                dx.fill(0.0);
                of.add_lists(tape.shares.as_slice(), dy, dx);
            }
        }
    }
}

/// `ln (place + 1)^−power`
#[expect(clippy::cast_precision_loss, reason = "places of a history")]
fn fallen(place: usize, power: f32) -> f32 {
    -power * ((place + 1) as f32).ln()
}

/// The place of an entry whose list ends before `end`, from 0.
fn place(entry: usize, end: usize, distances: &[u32], places: usize) -> usize {
    let distance = distances.get(entry).map_or(end - entry, |&distance| distance as usize);
    distance.clamp(1, places) - 1
}

impl Module for PoolingLayer {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        match self {
            Self::SelfAttention { attention, norm, positions } => {
                attention.tensors(&format!("{path}.attention"), out);
                norm.tensors(&format!("{path}.norm"), out);
                out.push(positions.tensor(path, "positions"));
            }
            Self::Query { attention, query } => {
                attention.tensors(&format!("{path}.attention"), out);
                out.push(query.tensor(path, "query"));
            }
            Self::Places { bias, learned: true } => out.push(bias.tensor(path, "places")),
            Self::Places { .. } => {}
        }
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        match self {
            Self::SelfAttention { attention, norm, positions } => {
                attention.slots(out);
                norm.slots(out);
                out.push(Slot::Param(positions));
            }
            Self::Query { attention, query } => {
                attention.slots(out);
                out.push(Slot::Param(query));
            }
            Self::Places { bias, learned: true } => out.push(Slot::Param(bias)),
            Self::Places { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, s};

    #[test]
    fn gradients_of_places_agree_with_finite_differences() {
        check_places(&[]);
        check_places(&[2, 1, 1, 4, 9, 1, 2, 3]);
    }

    #[test]
    fn what_is_near_counts_as_a_power_of_its_distance() {
        let pooling = Pooling::Near { power: 0.5 };
        let mut layer = PoolingLayer::new(pooling, 1, 9, &mut SeededRng::new(1)).unwrap().unwrap();
        let (mut bag, mut of) = (Bag::new(), Distinct::default());
        bag.push(&[3, 5, 3]);
        bag.push(&[5, 7]);
        of.set(&bag);
        let (x, dy) = (ndarray::array![[1.0], [10.0], [100.0]], ndarray::array![[1.0], [2.0]]);
        let (mut y, mut dx, mut tape) =
            (Array2::zeros((2, 1)), Array2::zeros((3, 1)), PoolingTape::default());
        let lists = (&bag, &[4, 1, 9, 2, 1][..]);
        layer.forward((x.view(), &of), lists, None, y.view_mut(), &mut tape);
        layer.backward((x.view(), &of), lists, None, dy.view(), dx.view_mut(), &mut tape);
        let [w4, w1, w9, w2] = [4.0f32, 1.0, 9.0, 2.0].map(|k| 1.0 / k.sqrt());
        let (first, second) = (w4 + w1 + w9, w2 + w1);
        let expected = [(w4 + 10.0 * w1 + w9) / first, (10.0 * w2 + 100.0 * w1) / second];
        assert!(y.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-4), "{y} {expected:?}");
        let expected = [(w4 + w9) / first, w1 / first + 2.0 * w2 / second, 2.0 * w1 / second];
        assert!(dx.iter().zip(expected).all(|(d, e)| (d - e).abs() < 1e-5), "{dx} {expected:?}");
        let mut slots = Vec::new();
        layer.slots(&mut slots);
        assert!(slots.is_empty(), "nothing is learned");
        layer.forward((x.view(), &of), (&bag, &[]), None, y.view_mut(), &mut tape);
        assert!((y[[1, 0]] - (10.0 * w2 + 100.0 * w1) / second).abs() < 1e-4, "from the end");
    }

    fn check_places(distances: &[u32]) {
        let mut layer = PoolingLayer::new(Pooling::Places, 3, 6, &mut SeededRng::new(1)).unwrap().unwrap();
        let mut bag = Bag::new();
        [&[1, 2, 3][..], &[], &[2], &[5, 6, 1, 8]].iter().for_each(|row| bag.push(row));
        let mut of = Distinct::default();
        of.set(&bag);
        let (x, dy, weights) = (random(6, 3, 1), random(4, 3, 2), random(1, 6, 3));
        let PoolingLayer::Places { bias, .. } = &mut layer else { unreachable!("asked for") };
        bias.value.assign(&weights);
        let (mut y, mut dx, mut tape) =
            (Array2::zeros((4, 3)), Array2::zeros((6, 3)), PoolingTape::default());
        layer.forward((x.view(), &of), (&bag, distances), None, y.view_mut(), &mut tape);
        layer.backward((x.view(), &of), (&bag, distances), None, dy.view(), dx.view_mut(), &mut tape);
        let at = |i: usize, end: usize| distances.get(i).map_or(end - 1 - i, |&d| (d as usize).min(6) - 1);
        let check = Check::new(&[&x, &weights], |a| {
            let mut y = Wide::zeros((4, 3));
            for (segment, ends) in bag.offsets().windows(2).enumerate() {
                let e: Vec<f64> = (ends[0]..ends[1]).map(|i| a[1][[0, at(i, ends[1])]].exp()).collect();
                let total: f64 = e.iter().sum();
                for (i, e) in (ends[0]..ends[1]).zip(e) {
                    y.slice_mut(s![segment, ..]).scaled_add(e / total, &a[0].row(of.places()[i] as usize));
                }
            }
            y
        });
        let PoolingLayer::Places { bias, .. } = &layer else { unreachable!("asked for") };
        check.forward(&y);
        check.backward(&dy, &[&dx, &bias.gradient]);
    }
}
