use embed_core::gemm::gemm;
use embed_core::kernel;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::Objective;
use super::objective::count;
use crate::matrix::{Buffer, row};

/// Scores of a block of rows, at most: 1 MiB of them.
const BLOCK_SCORES: usize = 1 << 18;
/// Parts of a batch whose gradients of the candidates are summed apart, whatever the threads.
const PARTS: usize = 8;
/// Where fewer than one slope in so many is not 0, as beyond the margin of a contrastive loss, they are taken one by one.
const SPARSE: usize = 16;

/// How scores become logits and a loss: `l = scale · q · c − log_count(c)`, and then the objective.
#[derive(Debug, Clone, Copy)]
pub struct Contrast {
    /// The loss of a row.
    pub objective: Objective,
    /// 1 / τ
    pub scale: f32,
}

/// A matrix of vectors and where its gradient goes.
#[derive(Debug)]
pub struct Side<'a> {
    /// `[n, dim]`
    pub vectors: ArrayView2<'a, f32>,
    /// `[n, dim]`, overwritten.
    pub gradients: ArrayViewMut2<'a, f32>,
    /// What log Q correction subtracts, a value a row; empty for nothing.
    pub log_counts: &'a [f32],
}

/// What a batch came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Contrasted {
    /// Sum of the losses of the rows.
    pub loss: f64,
    /// Gradient of the mean loss by ln scale, for a learned temperature.
    pub scale_gradient: f64,
}

/// The mean loss of queries and positives, row by row, against candidates that all rows share, and its gradients.
///
/// `mask` sets to `-inf` the scores of a row's candidates that do not count: accidental hits. In-batch negatives are this with
/// the positives as the candidates, where each row masks its own positive.
///
/// Scores exist for a block of rows at a time, 1 MiB a thread; nothing of the size rows × candidates does, and nothing has to be
/// computed again on the way back, as loss and gradients of a row come from the same scores.
///
/// # Panics
/// When the shapes do not fit.
///
/// # Complexity
/// Three products of rows × candidates × dim. Memory: 1 MiB a thread and 8 gradients of the candidates.
///
/// # Determinism
/// The same bits on any number of threads.
pub fn contrast_shared(
    contrast: Contrast,
    queries: Side<'_>,
    positives: Side<'_>,
    candidates: Side<'_>,
    mask: &(dyn Fn(usize, &mut [f32]) + Sync),
) -> Contrasted {
    let (n, dim) = queries.vectors.dim();
    let width = candidates.vectors.nrows();
    assert_eq!(positives.vectors.dim(), (n, dim), "a positive for each query");
    if n == 0 {
        return Contrasted::default();
    }
    let per_part = n.div_ceil(PARTS);
    let rows_at_once = (BLOCK_SCORES / width.max(1)).clamp(8, 128).min(per_part);
    let Side { vectors: q, gradients: mut dq, .. } = queries;
    let Side { vectors: p, gradients: mut dp, log_counts: p_counts } = positives;
    let Side { vectors: c, gradients: mut dc, log_counts: c_counts } = candidates;
    let block = Block { contrast, weight: weight(n), c, c_counts, mask };
    let parts: Vec<(f64, Buffer)> = (q.axis_chunks_iter(Axis(0), per_part).into_par_iter())
        .zip(p.axis_chunks_iter(Axis(0), per_part).into_par_iter())
        .zip(dq.axis_chunks_iter_mut(Axis(0), per_part).into_par_iter())
        .zip(dp.axis_chunks_iter_mut(Axis(0), per_part).into_par_iter())
        .enumerate()
        .with_max_len(1)
        .map(|(part, (((q, p), mut dq), mut dp))| {
            let (mut scores, mut dc, mut loss) = (Buffer::new(), Buffer::new(), 0.0);
            dc.resize(width, dim);
            for first in (0..q.nrows()).step_by(rows_at_once) {
                let rows = ndarray::Slice::from(first..q.nrows().min(first + rows_at_once));
                let start = part * per_part + first;
                let (q, p) = (q.slice_axis(Axis(0), rows), p.slice_axis(Axis(0), rows));
                let dq = dq.slice_axis_mut(Axis(0), rows);
                let dp = dp.slice_axis_mut(Axis(0), rows);
                let counts = p_counts.get(start..).unwrap_or_default();
                let beta = if first == 0 { 0.0 } else { 1.0 };
                loss += block.work(start, (q, p, counts), (dq, dp), &mut scores, (beta, dc.view_mut()));
            }
            (loss, dc)
        })
        .collect();
    let parts_of = &parts;
    dc.axis_chunks_iter_mut(Axis(0), 64).into_par_iter().enumerate().for_each(|(chunk, mut dc)| {
        for (i, mut to) in dc.rows_mut().into_iter().enumerate() {
            let to = to.as_slice_mut().unwrap_or_default();
            to.fill(0.0);
            parts_of.iter().for_each(|(_, part)| kernel::axpy(1.0, part.row(chunk * 64 + i), to));
        }
    });
    // Σ of gradient times score over a row is the product of the query and its gradient.
    let along = |i: usize| f64::from(kernel::dot(row(&q, i), row(&dq.view(), i)));
    Contrasted { loss: parts.iter().map(|(loss, _)| loss).sum(), scale_gradient: (0..n).map(along).sum() }
}

#[expect(clippy::cast_precision_loss, reason = "a mean over a batch")]
pub(super) fn weight(n: usize) -> f32 {
    1.0 / n as f32
}

/// What all blocks of rows have in common.
struct Block<'a> {
    contrast: Contrast,
    /// 1 / rows
    weight: f32,
    c: ArrayView2<'a, f32>,
    c_counts: &'a [f32],
    mask: &'a (dyn Fn(usize, &mut [f32]) + Sync),
}

impl Block<'_> {
    /// Rows `first..` of the batch; gives the sum of their losses.
    fn work(
        &self,
        first: usize,
        (q, p, p_counts): (ArrayView2<'_, f32>, ArrayView2<'_, f32>, &[f32]),
        (mut dq, mut dp): (ArrayViewMut2<'_, f32>, ArrayViewMut2<'_, f32>),
        scores: &mut Buffer,
        (beta, dc): (f32, ArrayViewMut2<'_, f32>),
    ) -> f64 {
        let Contrast { objective, scale } = self.contrast;
        let alpha = scale * self.weight;
        let mut loss = 0.0f64;
        scores.resize(q.nrows(), self.c.nrows());
        gemm(scale, q, self.c.t(), 0.0, scores.view_mut());
        let (mut slopes, mut live) = (Vec::with_capacity(q.nrows()), 0);
        for i in 0..q.nrows() {
            let scores = scores.row_mut(i);
            scores.iter_mut().zip(self.c_counts).for_each(|(s, count)| *s -= count);
            (self.mask)(first + i, scores);
            let positive = scale * kernel::dot(row(&q, i), row(&p, i)) - p_counts.get(i).unwrap_or(&0.0);
            let (own, slope) = objective.row(positive, scores);
            loss += f64::from(own);
            slopes.push(slope);
            live += count(scores, |slope| slope != 0.0) as usize;
        }
        if live < scores.as_slice().len() / SPARSE {
            sparse_products(alpha, scores, (q, self.c), dq.view_mut(), (beta, dc));
        } else {
            gemm(alpha, scores.view(), self.c, 0.0, dq.view_mut());
            gemm(alpha, scores.view().t(), q, beta, dc);
        }
        for (i, slope) in slopes.into_iter().enumerate() {
            let (mut dq, mut dp) = (dq.row_mut(i), dp.row_mut(i));
            kernel::axpy(alpha * slope, row(&p, i), dq.as_slice_mut().unwrap_or_default());
            let dp = dp.as_slice_mut().unwrap_or_default();
            dp.fill(0.0);
            kernel::axpy(alpha * slope, row(&q, i), dp);
        }
        loss
    }
}

/// `dq = alpha · s · c` and `dc = alpha · sᵀ · q + beta · dc`, beta 0 or 1, of an s that is 0 nearly everywhere. O(rows · candidates + live ·
/// dim).
fn sparse_products(
    alpha: f32,
    s: &Buffer,
    (q, c): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    mut dq: ArrayViewMut2<'_, f32>,
    (beta, mut dc): (f32, ArrayViewMut2<'_, f32>),
) {
    /// Slopes that are looked at together.
    const LANES: usize = 32;
    if beta == 0.0 {
        dc.fill(0.0);
    }
    for (i, mut dq) in dq.rows_mut().into_iter().enumerate() {
        let dq = dq.as_slice_mut().unwrap_or_default();
        dq.fill(0.0);
        for (at, slopes) in s.row(i).chunks(LANES).enumerate() {
            // A sign of 0 does not count.
            if slopes.iter().fold(0, |bits, slope| bits | slope.to_bits()) << 1 == 0 {
                continue;
            }
            for (j, slope) in (at * LANES..).zip(slopes).filter(|(_, slope)| **slope != 0.0) {
                kernel::axpy(alpha * slope, row(&c, j), dq);
                kernel::axpy(alpha * slope, row(&q, i), dc.row_mut(j).as_slice_mut().unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, random};
    use crate::losses::{Hits, contrast_own};
    use embed_core::Parallelism;
    use ndarray::{Array2, array};

    const ALL: [Objective; 4] = [
        Objective::Softmax,
        Objective::Bpr,
        Objective::Contrastive { margin: 0.2, weight: 3.0 },
        Objective::Logistic,
    ];

    fn naive(objective: Objective, p: f64, n: &[f64]) -> f64 {
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        match objective {
            Objective::Softmax => -(p.exp() / (p.exp() + n.iter().map(|n| n.exp()).sum::<f64>())).ln(),
            Objective::Bpr => n.iter().map(|n| -sigma(p - n).ln()).sum::<f64>() / n.len().max(1) as f64,
            Objective::Contrastive { margin, weight } => {
                let excess: f64 = n.iter().map(|n| (n - f64::from(margin)).max(0.0)).sum();
                1.0 - p + f64::from(weight) * excess / n.len().max(1) as f64
            }
            Objective::Logistic => -sigma(p).ln() - n.iter().map(|n| sigma(-n).ln()).sum::<f64>(),
        }
    }

    struct Result {
        dq: Array2<f32>,
        dp: Array2<f32>,
        dc: Array2<f32>,
        contrasted: Contrasted,
    }

    fn shared(
        objective: Objective,
        scale: f32,
        [q, p, c]: [&Array2<f32>; 3],
        ids: (&[u32], &[u32]),
    ) -> Result {
        let mut hits = Hits::default();
        hits.set(ids.1.iter().copied());
        let count = |id: &u32| 0.1 * *id as f32;
        let (p_counts, c_counts): (Vec<f32>, Vec<f32>) =
            (ids.0.iter().map(count).collect(), ids.1.iter().map(count).collect());
        let [mut dq, mut dp, mut dc] = [q, p, c].map(|a| Array2::from_elem(a.raw_dim(), f32::NAN));
        let contrasted = contrast_shared(
            Contrast { objective, scale },
            Side { vectors: q.view(), gradients: dq.view_mut(), log_counts: &[] },
            Side { vectors: p.view(), gradients: dp.view_mut(), log_counts: &p_counts },
            Side { vectors: c.view(), gradients: dc.view_mut(), log_counts: &c_counts },
            &|i, scores| hits.mask(&ids.0[i..=i], scores),
        );
        Result { dq, dp, dc, contrasted }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (q, p, c) = (random(19, 4, 1), random(19, 4, 2), random(11, 4, 3));
        let own: Vec<u32> = (0..19).map(|i| i % 7).collect();
        let ids: Vec<u32> = (0..11).map(|j| j * 2 % 9).collect();
        for objective in ALL {
            let scale = 1.5;
            let got = shared(objective, scale, [&q, &p, &c], (&own, &ids));
            let check = Check::new(&[&q, &p, &c, &array![[scale]]], |a| {
                let mut loss = 0.0;
                for i in 0..19 {
                    let logit = |v: ndarray::ArrayView1<'_, f64>, id: u32| {
                        a[3][[0, 0]] * a[0].row(i).dot(&v) - f64::from(0.1 * id as f32)
                    };
                    let negatives: Vec<f64> =
                        (0..11).filter(|&j| ids[j] != own[i]).map(|j| logit(a[2].row(j), ids[j])).collect();
                    loss += naive(objective, logit(a[1].row(i), own[i]), &negatives) / 19.0;
                }
                Wide::from_elem((1, 1), loss)
            });
            let mean = (got.contrasted.loss / 19.0) as f32;
            check.forward(&array![[mean]]);
            let by_scale = array![[(got.contrasted.scale_gradient / f64::from(scale)) as f32]];
            check.backward(&array![[1.0]], &[&got.dq, &got.dp, &got.dc, &by_scale]);
        }
    }

    #[test]
    fn own_candidates_are_shared_ones_that_happen_to_be_the_same() {
        let (q, p, c) = (random(9, 5, 1), random(9, 5, 2), random(4, 5, 3));
        let all: Vec<&[f32]> =
            (0..9).flat_map(|_| c.rows().into_iter().map(|r| r.to_slice().unwrap())).collect();
        let rows = Array2::from_shape_vec((36, 5), all.concat()).unwrap();
        let (own, ids): (Vec<u32>, Vec<u32>) = ((0..9).map(|i| i % 3).collect(), vec![0, 4, 2, 8]);
        for objective in ALL {
            let expected = shared(objective, 2.0, [&q, &p, &c], (&own, &ids));
            let [mut dq, mut dp, mut dc] = [&q, &p, &rows].map(|a| Array2::from_elem(a.raw_dim(), f32::NAN));
            let count = |id: &u32| 0.1 * *id as f32;
            let p_counts: Vec<f32> = own.iter().map(count).collect();
            let c_counts: Vec<f32> = (0..9).flat_map(|_| ids.iter().map(count)).collect();
            let contrasted = contrast_own(
                Contrast { objective, scale: 2.0 },
                Side { vectors: q.view(), gradients: dq.view_mut(), log_counts: &[] },
                Side { vectors: p.view(), gradients: dp.view_mut(), log_counts: &p_counts },
                Side { vectors: rows.view(), gradients: dc.view_mut(), log_counts: &c_counts },
                &|i, scores| {
                    scores
                        .iter_mut()
                        .zip(&ids)
                        .filter(|(_, id)| **id == own[i])
                        .for_each(|(s, _)| *s = f32::NEG_INFINITY);
                },
            );
            let near = |a: &Array2<f32>, b: &Array2<f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near(&dq, &expected.dq) && near(&dp, &expected.dp), "{objective:?}");
            let summed = Array2::from_shape_fn((4, 5), |(j, k)| (0..9).map(|i| dc[[4 * i + j, k]]).sum());
            assert!(near(&summed, &expected.dc), "{objective:?}");
            assert!((contrasted.loss - expected.contrasted.loss).abs() < 1e-4);
            assert!((contrasted.scale_gradient - expected.contrasted.scale_gradient).abs() < 1e-4);
        }
    }

    #[test]
    fn products_of_few_slopes_are_those_of_all() {
        let (q, c) = (random(9, 5, 1), random(70, 5, 2));
        let mut slopes = Buffer::new();
        slopes.zero(9, 70);
        for (i, j, slope) in [(0, 0, 2.0), (0, 69, -1.0), (3, 31, 0.5), (3, 32, 4.0), (8, 69, 3.0)] {
            slopes.row_mut(i)[j] = slope;
        }
        slopes.row_mut(5)[7] = -0.0;
        let before = random(70, 5, 3);
        for beta in [0.0, 1.0] {
            let (mut dq, mut dc) = (Array2::from_elem((9, 5), f32::NAN), before.clone());
            sparse_products(0.3, &slopes, (q.view(), c.view()), dq.view_mut(), (beta, dc.view_mut()));
            let expected = (slopes.view().dot(&c) * 0.3, slopes.view().t().dot(&q) * 0.3 + &before * beta);
            let near = |a: &Array2<f32>, b: &Array2<f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near(&dq, &expected.0) && near(&dc, &expected.1));
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let (q, c) = (random(700, 16, 1), random(700, 16, 2));
        let ids: Vec<u32> = (0..700).map(|i| i * 7 % 300).collect();
        let run = |threads: usize| {
            let parallelism = Parallelism::Threads(threads.try_into().unwrap());
            parallelism.install(|| shared(Objective::Softmax, 10.0, [&q, &c, &c], (&ids, &ids))).unwrap()
        };
        let one = run(1);
        for threads in [2, 7] {
            let other = run(threads);
            assert!(one.dq == other.dq && one.dp == other.dp && one.dc == other.dc);
            assert_eq!(one.contrasted, other.contrasted);
        }
    }
}
