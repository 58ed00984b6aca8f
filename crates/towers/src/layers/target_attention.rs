use embed_core::SeededRng;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::segments::{Segments, each_segment_row};
use super::weighing::{Entries, add_spread, weigh, weight_slopes};
use super::{Mlp, MlpParams, MlpScratch, MlpTape, Module, Slot, Tensor};
use crate::LayerError;
use crate::matrix::{Buffer, row};

/// Pools each segment by what its rows have to do with a target: `y = Σ a(xᵢ, t) xᵢ`, with
/// `a` a small network on `[x, t, x − t, x ∘ t]`. The weights do not sum to 1: how much of a history speaks for a target is
/// kept.
///
/// Masked rows do not count; a segment that is empty or wholly masked gives zeros. O(rows · dim · width).
///
/// Zhou et al. 2018, "Deep interest network", section 4.3.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetAttention {
    unit: Mlp,
}

/// What a forward pass keeps: eight rows a row and the network's own.
#[derive(Debug, Clone, Default)]
pub struct TargetAttentionTape {
    features: Buffer,
    weights: Buffer,
    dweights: Buffer,
    dfeatures: Buffer,
    unit: MlpTape,
    scratch: MlpScratch,
}

impl TargetAttention {
    /// For rows and targets of `dim` columns.
    ///
    /// # Errors
    /// As [`Mlp::new`].
    pub fn new(params: &MlpParams, dim: usize, rng: &mut SeededRng) -> Result<Self, LayerError> {
        Ok(Self { unit: Mlp::new(params, 4 * dim, 1, rng)? })
    }

    /// Training: rows `x` of the segments and a target for each into `y` `[segments, dim]`. Seed and step say what is
    /// dropped.
    ///
    /// # Errors
    /// As [`Mlp::forward`].
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(
        &mut self,
        (x, targets): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
        segments: Segments<'_>,
        y: ArrayViewMut2<'_, f32>,
        drop: (u64, u64),
        tape: &mut TargetAttentionTape,
    ) -> Result<(), LayerError> {
        features(x, targets, segments, &mut tape.features);
        tape.weights.resize(x.nrows(), 1);
        if x.nrows() > 0 {
            self.unit.forward(tape.features.view(), tape.weights.view_mut(), drop, &mut tape.unit)?;
        }
        weigh(Entries::apart(x), segments, tape.weights.as_slice(), y);
        Ok(())
    }

    /// Serving.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn infer(
        &self,
        (x, targets): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
        segments: Segments<'_>,
        y: ArrayViewMut2<'_, f32>,
        tape: &mut TargetAttentionTape,
    ) {
        features(x, targets, segments, &mut tape.features);
        tape.weights.resize(x.nrows(), 1);
        self.unit.infer(tape.features.view(), tape.weights.view_mut(), &mut tape.scratch);
        weigh(Entries::apart(x), segments, tape.weights.as_slice(), y);
    }

    /// From the gradient of `y` to those of `x` and of the targets, which are overwritten; adds to those of the parameters.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn backward(
        &mut self,
        (x, targets): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
        segments: Segments<'_>,
        dy: ArrayView2<'_, f32>,
        (mut dx, dtargets): (ArrayViewMut2<'_, f32>, ArrayViewMut2<'_, f32>),
        tape: &mut TargetAttentionTape,
    ) {
        let (n, dim) = x.dim();
        weight_slopes(Entries::apart(x), segments, dy, &mut tape.dweights);
        tape.dfeatures.zero(n, 4 * dim);
        if n > 0 {
            let dfeatures = Some(tape.dfeatures.view_mut());
            self.unit.backward(tape.features.view(), tape.dweights.view(), dfeatures, &mut tape.unit);
        }
        let dfeatures = &tape.dfeatures;
        segments.each_mut(dx.view_mut(), |segment, dx, _: &mut ()| {
            let target = row(&targets, segment);
            for (i, dx) in segments.rows(segment).zip(dx.chunks_exact_mut(dim.max(1))) {
                let [own, _, difference, both] = quarters(dfeatures.row(i));
                let terms = own.iter().zip(difference).zip(both.iter().zip(target));
                dx.iter_mut().zip(terms).for_each(|(dx, ((o, d), (b, t)))| *dx = o + d + b * t);
            }
        });
        add_spread(segments, tape.weights.as_slice(), dy, dx);
        each_segment_row(dtargets, |segment, dt, _: &mut ()| {
            dt.fill(0.0);
            for i in segments.rows(segment) {
                let [_, own, difference, both] = quarters(dfeatures.row(i));
                let terms = own.iter().zip(difference).zip(both.iter().zip(row(&x, i)));
                dt.iter_mut().zip(terms).for_each(|(dt, ((o, d), (b, x)))| *dt += o - d + b * x);
            }
        });
    }
}

fn quarters(row: &[f32]) -> [&[f32]; 4] {
    let quarter = row.len() / 4;
    [0, 1, 2, 3].map(|i| &row[i * quarter..(i + 1) * quarter])
}

fn features(x: ArrayView2<'_, f32>, targets: ArrayView2<'_, f32>, segments: Segments<'_>, out: &mut Buffer) {
    assert_eq!((x.nrows(), targets.nrows()), (segments.n_rows(), segments.len()), "rows of segments");
    let dim = x.ncols();
    out.resize(x.nrows(), 4 * dim);
    segments.each_mut(out.view_mut(), |segment, out, _: &mut ()| {
        let target = row(&targets, segment);
        for (i, out) in segments.rows(segment).zip(out.chunks_exact_mut((4 * dim).max(1))) {
            let x = row(&x, i);
            for (column, (x, t)) in x.iter().zip(target).enumerate() {
                out[column] = *x;
                out[dim + column] = *t;
                out[2 * dim + column] = x - t;
                out[3 * dim + column] = x * t;
            }
        }
    });
}

impl Module for TargetAttention {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        self.unit.tensors(&format!("{path}.unit"), out);
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        self.unit.slots(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::ActivationKind;
    use crate::layers::testing::{Check, Wide, random};
    use ndarray::{Array2, Axis, concatenate, s};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let offsets = [0, 3, 3, 5, 9];
        let mask = [true, false, true, false, false, true, true, true, true];
        let segments = Segments::new(&offsets, Some(&mask)).unwrap();
        let params = MlpParams { hidden: vec![5], activation: ActivationKind::Gelu, ..MlpParams::default() };
        let mut layer = TargetAttention::new(&params, 3, &mut SeededRng::new(1)).unwrap();
        let (x, t, dy) = (random(9, 3, 2), random(4, 3, 3), random(4, 3, 4));
        let (mut y, mut dx, mut dt) = (Array2::zeros((4, 3)), Array2::zeros((9, 3)), Array2::zeros((4, 3)));
        let mut tape = TargetAttentionTape::default();
        layer.forward((x.view(), t.view()), segments, y.view_mut(), (1, 0), &mut tape).unwrap();
        let way_back = (dx.view_mut(), dt.view_mut());
        layer.backward((x.view(), t.view()), segments, dy.view(), way_back, &mut tape);
        let weights: Vec<Array2<f32>> = layer
            .unit
            .layers()
            .flat_map(|(l, _)| [l.weight.value.clone(), l.bias.clone().unwrap().value])
            .collect();
        let gelu = |x: f64| {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        };
        let check = Check::new(&[&x, &t, &weights[0], &weights[1], &weights[2], &weights[3]], |a| {
            let mut y = Wide::zeros((4, 3));
            for segment in 0..4 {
                for i in (offsets[segment]..offsets[segment + 1]).filter(|&i| mask[i]) {
                    let (x, t) = (a[0].row(i), a[1].row(segment));
                    let features = concatenate![Axis(0), x, t, &x - &t, &x * &t].insert_axis(Axis(0));
                    let hidden = (features.dot(&a[2].t()) + &a[3]).mapv(gelu);
                    let weight = (hidden.dot(&a[4].t()) + &a[5])[[0, 0]];
                    y.slice_mut(s![segment, ..]).scaled_add(weight, &x);
                }
            }
            y
        });
        check.forward(&y);
        let gradients: Vec<&Array2<f32>> = (layer.unit.layers())
            .flat_map(|(l, _)| [&l.weight.gradient, &l.bias.as_ref().unwrap().gradient])
            .collect();
        check.backward(&dy, &[&dx, &dt, gradients[0], gradients[1], gradients[2], gradients[3]]);
        let mut served = Array2::zeros((4, 3));
        layer.infer((x.view(), t.view()), segments, served.view_mut(), &mut tape);
        assert!(served.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
