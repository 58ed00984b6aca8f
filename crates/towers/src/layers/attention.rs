use std::ops::Range;

use embed_core::gemm::gemm;
use embed_core::{SeededRng, kernel};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};

use super::segments::Segments;
use super::{Linear, Module, Slot, Tensor};
use crate::LayerError;
use crate::matrix::Buffer;

/// Queries of a segment that are worked on at once: memory is this times the rows of a segment, not their square.
const QUERIES: usize = 64;

/// Multi-head self-attention within each segment:
/// `softmax(Q Kᵀ / √(d/h)) V` a head, heads side by side, times an output matrix.
///
/// Masked rows are attended to by no one and attend to nothing (they get the output's offset); so do all rows of a segment
/// that is wholly masked. Positions are added to the rows before. O(rows² · d) time and O(rows · d) memory a segment: the
/// weights are computed again on the way back.
///
/// Vaswani et al. 2017, section 3.2; with `causal` a row sees itself and what is before it (Kang & McAuley 2018).
#[derive(Debug, Clone, PartialEq)]
pub struct SelfAttention {
    heads: usize,
    /// Whether a row sees only itself and what is before it.
    pub causal: bool,
    /// Q, K and V `[3 dim, dim]`.
    qkv: Linear,
    output: Linear,
}

/// What a forward pass keeps: four rows a row.
#[derive(Debug, Clone, Default)]
pub struct SelfAttentionTape {
    qkv: Buffer,
    mixed: Buffer,
    dqkv: Buffer,
    dmixed: Buffer,
}

impl SelfAttention {
    /// For rows of `dim` columns, which `heads` divides.
    ///
    /// # Errors
    /// [`LayerError::Shape`] when it does not.
    pub fn new(dim: usize, heads: usize, causal: bool, rng: &mut SeededRng) -> Result<Self, LayerError> {
        if heads == 0 || dim == 0 || !dim.is_multiple_of(heads) {
            let expected = dim.next_multiple_of(heads.max(1)).max(1);
            return Err(LayerError::Shape { what: "columns, a multiple of the heads", expected, got: dim });
        }
        let qkv = Linear::new(dim, 3 * dim, true, rng);
        Ok(Self { heads, causal, qkv, output: Linear::new(dim, dim, true, rng) })
    }

    /// Heads, the map to Q, K and V, and the output's.
    pub(crate) fn parts_of(&self) -> (usize, &Linear, &Linear) {
        (self.heads, &self.qkv, &self.output)
    }

    /// Training and serving: `x` `[rows, dim]` into `y`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        x: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        y: ArrayViewMut2<'_, f32>,
        tape: &mut SelfAttentionTape,
    ) {
        let (n, dim) = x.dim();
        assert_eq!((n, dim), (segments.n_rows(), self.qkv.inputs()), "rows of segments");
        tape.qkv.resize(n, 3 * dim);
        tape.mixed.resize(n, dim);
        self.qkv.forward(x, tape.qkv.view_mut());
        let qkv = tape.qkv.view();
        segments.each_mut(tape.mixed.view_mut(), |segment, mixed, scores: &mut Buffer| {
            self.attend(qkv, segments, segment, mixed, scores);
        });
        self.output.forward(tape.mixed.view(), y);
    }

    fn attend(
        &self,
        qkv: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        segment: usize,
        mixed: &mut [f32],
        scores: &mut Buffer,
    ) {
        let rows = segments.rows(segment);
        let dim = self.output.inputs();
        let Ok(mut mixed) = ArrayViewMut2::from_shape((rows.len(), dim), mixed) else { return };
        let qkv = rows_of(qkv, rows.clone());
        for head in 0..self.heads {
            let [q, k, v] = self.parts(qkv, head);
            let width = dim / self.heads;
            for first in (0..rows.len()).step_by(QUERIES) {
                let last = rows.len().min(first + QUERIES);
                self.weights(rows_of(q, first..last), k, segments, rows.start, first, scores);
                let out = part_of(&mut mixed, first..last, head * width..(head + 1) * width);
                gemm(1.0, scores.view(), v, 0.0, out);
            }
        }
    }

    /// Columns of Q, K and V that belong to a head.
    fn parts<'a>(&self, qkv: ArrayView2<'a, f32>, head: usize) -> [ArrayView2<'a, f32>; 3] {
        let dim = self.output.inputs();
        let width = dim / self.heads;
        [0, 1, 2].map(|part| {
            let first = part * dim + head * width;
            qkv.slice_axis_move(Axis(1), Slice::from(first..first + width))
        })
    }

    /// The attention of queries `first..` of a segment that begins at row `start`, `[queries, rows]`.
    #[expect(clippy::cast_precision_loss, reason = "a width")]
    fn weights(
        &self,
        q: ArrayView2<'_, f32>,
        k: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        start: usize,
        first: usize,
        scores: &mut Buffer,
    ) {
        let (queries, rows) = (q.nrows(), k.nrows());
        scores.resize(queries, rows);
        gemm(1.0 / (q.ncols() as f32).sqrt(), q, k.t(), 0.0, scores.view_mut());
        for query in 0..queries {
            let row = scores.row_mut(query);
            let seen = if self.causal { first + query + 1 } else { rows };
            row[seen..].fill(0.0);
            let row = &mut row[..seen];
            for (i, x) in row.iter_mut().enumerate() {
                if !segments.counts(start + i) {
                    *x = f32::NEG_INFINITY;
                }
            }
            let largest = kernel::max(row);
            if largest == f32::NEG_INFINITY || !segments.counts(start + first + query) {
                row.fill(0.0);
                continue;
            }
            let scale = 1.0 / kernel::exp_sum(row, largest);
            row.iter_mut().for_each(|x| *x *= scale);
        }
    }

    /// From the gradient of `y` to that of `x`, which is overwritten; adds to those of the parameters.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(
        &mut self,
        x: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        dy: ArrayView2<'_, f32>,
        dx: ArrayViewMut2<'_, f32>,
        tape: &mut SelfAttentionTape,
    ) {
        let (n, dim) = x.dim();
        tape.dmixed.resize(n, dim);
        tape.dqkv.resize(n, 3 * dim);
        self.output.backward(tape.mixed.view(), dy, Some(tape.dmixed.view_mut()));
        let (qkv, dmixed, this) = (tape.qkv.view(), tape.dmixed.view(), &*self);
        segments.each_mut(tape.dqkv.view_mut(), |segment, dqkv, scratch: &mut [Buffer; 2]| {
            this.attend_backward(qkv, segments, segment, dmixed, dqkv, scratch);
        });
        self.qkv.backward(x, tape.dqkv.view(), Some(dx));
    }

    #[expect(clippy::cast_precision_loss, reason = "a width")]
    fn attend_backward(
        &self,
        qkv: ArrayView2<'_, f32>,
        segments: Segments<'_>,
        segment: usize,
        dmixed: ArrayView2<'_, f32>,
        dqkv: &mut [f32],
        [scores, slopes]: &mut [Buffer; 2],
    ) {
        let rows = segments.rows(segment);
        let (len, dim) = (rows.len(), self.output.inputs());
        dqkv.fill(0.0);
        let Ok(mut dqkv) = ArrayViewMut2::from_shape((len, 3 * dim), dqkv) else { return };
        let (qkv, dmixed) = (rows_of(qkv, rows.clone()), rows_of(dmixed, rows.clone()));
        let width = dim / self.heads;
        let scale = 1.0 / (width as f32).sqrt();
        for head in 0..self.heads {
            let [q, k, v] = self.parts(qkv, head);
            let columns = |part: usize| part * dim + head * width..part * dim + (head + 1) * width;
            for first in (0..len).step_by(QUERIES) {
                let last = len.min(first + QUERIES);
                let q = rows_of(q, first..last);
                let dout = rows_of(dmixed, first..last)
                    .slice_axis_move(Axis(1), Slice::from(head * width..(head + 1) * width));
                self.weights(q, k, segments, rows.start, first, scores);
                gemm(1.0, scores.view().t(), dout, 1.0, part_of(&mut dqkv, 0..len, columns(2)));
                slopes.resize(last - first, len);
                gemm(1.0, dout, v.t(), 0.0, slopes.view_mut());
                for query in 0..last - first {
                    let (weights, slopes) = (scores.row(query), slopes.row_mut(query));
                    let mean = kernel::dot(weights, slopes);
                    slopes.iter_mut().zip(weights).for_each(|(s, w)| *s = w * (*s - mean));
                }
                gemm(scale, slopes.view(), k, 0.0, part_of(&mut dqkv, first..last, columns(0)));
                gemm(scale, slopes.view().t(), q, 1.0, part_of(&mut dqkv, 0..len, columns(1)));
            }
        }
    }
}

fn rows_of<'a>(matrix: ArrayView2<'a, f32>, rows: Range<usize>) -> ArrayView2<'a, f32> {
    matrix.slice_axis_move(Axis(0), Slice::from(rows))
}

fn part_of<'a>(
    matrix: &'a mut ArrayViewMut2<'_, f32>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> ArrayViewMut2<'a, f32> {
    matrix.slice_axis_mut(Axis(0), Slice::from(rows)).slice_axis_move(Axis(1), Slice::from(columns))
}

impl Module for SelfAttention {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        self.qkv.tensors(&format!("{path}.qkv"), out);
        self.output.tensors(&format!("{path}.output"), out);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        self.qkv.slots(out);
        self.output.slots(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, s};

    const OFFSETS: [usize; 5] = [0, 3, 3, 5, 9];
    const MASK: [bool; 9] = [true, false, true, false, false, true, true, true, true];

    /// A row at a time, a head at a time.
    fn naive(a: &[Wide], heads: usize, causal: bool) -> Wide {
        let (x, dim) = (&a[0], a[0].ncols());
        let qkv = x.dot(&a[1].t()) + &a[2];
        let mut mixed = Wide::zeros(x.raw_dim());
        let width = dim / heads;
        for segment in OFFSETS.windows(2) {
            for (i, head) in (segment[0]..segment[1]).flat_map(|i| (0..heads).map(move |h| (i, h))) {
                let seen: Vec<usize> =
                    (segment[0]..segment[1]).filter(|&j| MASK[j] && (!causal || j <= i)).collect();
                if !MASK[i] {
                    continue;
                }
                let columns = |part: usize| part * dim + head * width..part * dim + (head + 1) * width;
                let q = qkv.slice(s![i, columns(0)]);
                let e: Vec<f64> = (seen.iter())
                    .map(|&j| (q.dot(&qkv.slice(s![j, columns(1)])) / (width as f64).sqrt()).exp())
                    .collect();
                let total: f64 = e.iter().sum();
                let mut out = mixed.slice_mut(s![i, head * width..(head + 1) * width]);
                for (&j, e) in seen.iter().zip(e) {
                    out.scaled_add(e / total, &qkv.slice(s![j, columns(2)]));
                }
            }
        }
        mixed.dot(&a[3].t()) + &a[4]
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (heads, causal) in [(1, false), (2, false), (2, true)] {
            let mut layer = SelfAttention::new(4, heads, causal, &mut SeededRng::new(1)).unwrap();
            let segments = Segments::new(&OFFSETS, Some(&MASK)).unwrap();
            let (x, dy) = (random(9, 4, 2), random(9, 4, 3));
            let (mut y, mut dx) = (Array2::zeros((9, 4)), Array2::zeros((9, 4)));
            let mut tape = SelfAttentionTape::default();
            layer.forward(x.view(), segments, y.view_mut(), &mut tape);
            layer.backward(x.view(), segments, dy.view(), dx.view_mut(), &mut tape);
            let of = |linear: &Linear| (linear.weight.clone(), linear.bias.clone().unwrap());
            let ((w, b), (o, c)) = (of(&layer.qkv), of(&layer.output));
            let check =
                Check::new(&[&x, &w.value, &b.value, &o.value, &c.value], |a| naive(a, heads, causal));
            check.forward(&y);
            check.backward(&dy, &[&dx, &w.gradient, &b.gradient, &o.gradient, &c.gradient]);
        }
    }

    #[test]
    fn long_segments_are_worked_on_in_blocks() {
        let layer = SelfAttention::new(4, 2, false, &mut SeededRng::new(1)).unwrap();
        let x = random(200, 4, 2);
        let mut y = Array2::zeros((200, 4));
        let segments = Segments::new(&[0, 200], None).unwrap();
        layer.forward(x.view(), segments, y.view_mut(), &mut SelfAttentionTape::default());
        // Attention does not know an order: reversed rows give reversed rows.
        let mut backwards = x.clone();
        backwards.invert_axis(ndarray::Axis(0));
        let backwards = backwards.as_standard_layout().into_owned();
        let mut z = Array2::zeros((200, 4));
        layer.forward(backwards.view(), segments, z.view_mut(), &mut SelfAttentionTape::default());
        z.invert_axis(ndarray::Axis(0));
        assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn heads_must_divide_the_columns() {
        for (dim, heads) in [(4, 3), (4, 0), (0, 1)] {
            let result = SelfAttention::new(dim, heads, false, &mut SeededRng::new(1));
            assert!(matches!(result, Err(LayerError::Shape { .. })), "{dim}, {heads}");
        }
    }
}
