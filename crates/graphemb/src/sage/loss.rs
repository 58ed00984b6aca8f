use embed_core::kernel::{axpy, dot};
use ndarray::ArrayView2;
use rayon::prelude::*;
use towers::{Buffer, product};

use super::aggregate::row;

/// Pairs whose losses one task sums.
const AT_ONCE: usize = 64;

/// Pairs and the negatives they share, as rows of the vectors of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs<'a> {
    pub(super) sources: &'a [u32],
    pub(super) targets: &'a [u32],
    pub(super) negatives: &'a [u32],
}

/// The loss of the paper (equation 1) over a batch, and room for its gradient:
/// `−ln σ(z_u · z_v / τ) − (Q / M) Σ ln σ(−z_u · z_n / τ)` for each pair, over those of the M negatives n that are neither u
/// nor v.
#[derive(Debug, Default)]
pub(super) struct Contrast {
    /// τ
    temperature: f32,
    /// Q
    weight: f32,
    sources: Buffer,
    negatives: Buffer,
    d_sources: Buffer,
    d_negatives: Buffer,
    /// Scores, then their gradients.
    scores: Buffer,
    /// Gradients of the scores of pairs.
    pairs: Vec<f32>,
}

impl Contrast {
    pub(super) fn new(temperature: f32, weight: f32) -> Self {
        Self { temperature, weight, ..Self::default() }
    }

    /// The sum of the losses of the pairs; the gradient of their mean goes into `dz`.
    pub(super) fn loss(&mut self, z: ArrayView2<'_, f32>, pairs: Pairs<'_>, dz: &mut Buffer) -> f64 {
        let (n, dim, temperature) = (pairs.sources.len(), z.ncols(), self.temperature);
        gather(z, pairs.sources, &mut self.sources);
        gather(z, pairs.negatives, &mut self.negatives);
        self.scores.resize(n, pairs.negatives.len());
        let (u, negatives) = (self.sources.view(), self.negatives.view());
        product(1.0 / temperature, u, negatives.t(), 0.0, self.scores.view_mut());
        self.pairs.resize(n, 0.0);
        let width = pairs.negatives.len().max(1);
        #[expect(clippy::cast_precision_loss, reason = "means")]
        let (scale, each) = (1.0 / (n as f32 * temperature), self.weight / width as f32);
        let losses: Vec<f64> = (self.scores.as_slice_mut().par_chunks_mut(AT_ONCE * width))
            .zip(self.pairs.par_chunks_mut(AT_ONCE))
            .enumerate()
            .map(|(block, (scores, gradients))| {
                let mut loss = 0.0;
                for (i, (scores, gradient)) in scores.chunks_mut(width).zip(gradients).enumerate() {
                    let i = block * AT_ONCE + i;
                    let (source, target) = (pairs.sources[i], pairs.targets[i]);
                    let score = dot(row(&z, source as usize), row(&z, target as usize)) / temperature;
                    loss += softplus(-score);
                    *gradient = -sigmoid(-score) * scale;
                    for (score, &negative) in scores.iter_mut().zip(pairs.negatives) {
                        if negative == source || negative == target {
                            *score = 0.0;
                        } else {
                            loss += f64::from(each) * softplus(*score);
                            *score = sigmoid(*score) * scale * each;
                        }
                    }
                }
                loss
            })
            .collect();
        self.d_sources.resize(n, dim);
        self.d_negatives.resize(pairs.negatives.len(), dim);
        product(1.0, self.scores.view(), negatives, 0.0, self.d_sources.view_mut());
        product(1.0, self.scores.view().reversed_axes(), u, 0.0, self.d_negatives.view_mut());
        dz.zero(z.nrows(), dim);
        for (i, (&source, &target)) in pairs.sources.iter().zip(pairs.targets).enumerate() {
            let to = dz.row_mut(source as usize);
            axpy(1.0, self.d_sources.row(i), to);
            axpy(self.pairs[i], row(&z, target as usize), to);
            axpy(self.pairs[i], row(&z, source as usize), dz.row_mut(target as usize));
        }
        for (i, &negative) in pairs.negatives.iter().enumerate() {
            axpy(1.0, self.d_negatives.row(i), dz.row_mut(negative as usize));
        }
        losses.iter().sum()
    }
}

fn gather(z: ArrayView2<'_, f32>, rows: &[u32], out: &mut Buffer) {
    out.resize(rows.len(), z.ncols());
    rows.iter().enumerate().for_each(|(i, &from)| out.row_mut(i).copy_from_slice(row(&z, from as usize)));
}

/// `ln(1 + eˣ)`
fn softplus(x: f32) -> f64 {
    f64::from(x.max(0.0) + (-x.abs()).exp().ln_1p())
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
