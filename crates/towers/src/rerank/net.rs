use embed_core::{ItemId, SeededRng, kernel};
use ndarray::ArrayView2;

use super::RerankParams;
use crate::LayerError;
use crate::layers::{
    Bag, Mlp, MlpScratch, MlpTape, Module, Param, Segments, Slot, Table, TargetAttention,
    TargetAttentionTape, Tensor,
};
use crate::matrix::{Buffer, each_row_mut};

/// `f([h, c, h ∘ c]) + w s`, h the history as candidate c weighs it, s what retrieval gave the candidate. f begins at 0, so the net
/// begins with retrieval's order.
#[derive(Debug, Clone)]
pub(super) struct Net {
    pub(super) items: Table,
    attention: TargetAttention,
    head: Mlp,
    /// w
    trust: Param,
}

/// What a pass keeps: histories are repeated for each of their candidates.
#[derive(Debug, Clone, Default)]
pub(super) struct NetTape {
    /// A history for each candidate.
    pub(super) bag: Bag,
    pub(super) candidates: Vec<ItemId>,
    /// What retrieval gave them.
    pub(super) retrieved: Vec<f32>,
    /// `[candidates, 1]`
    pub(super) logits: Buffer,
    pub(super) dlogits: Buffer,
    rows: Buffer,
    targets: Buffer,
    pooled: Buffer,
    z: Buffer,
    dz: Buffer,
    drows: Buffer,
    dtargets: Buffer,
    dpooled: Buffer,
    attention: TargetAttentionTape,
    head: MlpTape,
    scratch: MlpScratch,
}

impl Net {
    pub(super) fn new(params: &RerankParams, items: Table, rng: &mut SeededRng) -> Result<Self, LayerError> {
        let dim = items.dim();
        Ok(Self {
            attention: TargetAttention::new(&params.unit, dim, rng)?,
            head: Mlp::new(&params.head, 3 * dim, 1, rng)?.silent(),
            trust: Param::offsets(1, params.trust),
            items,
        })
    }

    fn gather(&self, tape: &mut NetTape) {
        let dim = self.items.dim();
        tape.rows.resize(tape.bag.ids().len(), dim);
        tape.targets.resize(tape.candidates.len(), dim);
        tape.pooled.resize(tape.candidates.len(), dim);
        self.items.gather(tape.bag.ids(), tape.rows.view_mut());
        self.items.gather(&tape.candidates, tape.targets.view_mut());
    }

    fn join(tape: &mut NetTape) {
        let (n, dim) = tape.targets.dim();
        tape.z.resize(n, 3 * dim);
        tape.logits.resize(n, 1);
        let (pooled, targets) = (&tape.pooled, &tape.targets);
        each_row_mut(tape.z.view_mut(), |i, z| {
            let (h, c) = (pooled.row(i), targets.row(i));
            z[..dim].copy_from_slice(h);
            z[dim..2 * dim].copy_from_slice(c);
            z[2 * dim..].iter_mut().zip(h.iter().zip(c)).for_each(|(z, (h, c))| *z = h * c);
        });
    }

    /// Logits of the candidates in the tape.
    pub(super) fn forward(&mut self, drop: (u64, u64), tape: &mut NetTape) -> Result<(), LayerError> {
        self.gather(tape);
        let segments = Segments::new(tape.bag.offsets(), None)?;
        let both = (tape.rows.view(), tape.targets.view());
        self.attention.forward(both, segments, tape.pooled.view_mut(), drop, &mut tape.attention)?;
        Self::join(tape);
        self.head.forward(tape.z.view(), tape.logits.view_mut(), drop, &mut tape.head)?;
        self.trust(tape);
        Ok(())
    }

    /// Adds w s to the logits.
    fn trust(&self, tape: &mut NetTape) {
        kernel::axpy(self.trust.value[[0, 0]], &tape.retrieved, tape.logits.as_slice_mut());
    }

    /// From the gradients of the logits to those of everything.
    pub(super) fn backward(&mut self, tape: &mut NetTape) -> Result<(), LayerError> {
        let (n, dim) = tape.targets.dim();
        tape.dz.resize(n, 3 * dim);
        self.trust.gradient[[0, 0]] += kernel::dot(&tape.retrieved, tape.dlogits.as_slice());
        self.head.backward(tape.z.view(), tape.dlogits.view(), Some(tape.dz.view_mut()), &mut tape.head);
        tape.dpooled.resize(n, dim);
        let (dz, pooled, targets) = (&tape.dz, &tape.pooled, &tape.targets);
        let through = |to: &mut Buffer, own: usize, other: &Buffer| {
            each_row_mut(to.view_mut(), |i, to| {
                let (dz, other) = (dz.row(i), other.row(i));
                let terms = dz[own..own + dim].iter().zip(&dz[2 * dim..]).zip(other);
                to.iter_mut().zip(terms).for_each(|(to, ((own, both), other))| *to = own + both * other);
            });
        };
        through(&mut tape.dpooled, 0, targets);
        tape.drows.resize(tape.bag.ids().len(), dim);
        tape.dtargets.resize(n, dim);
        let segments = Segments::new(tape.bag.offsets(), None)?;
        let both = (tape.rows.view(), tape.targets.view());
        let way_back = (tape.drows.view_mut(), tape.dtargets.view_mut());
        self.attention.backward(both, segments, tape.dpooled.view(), way_back, &mut tape.attention);
        through(&mut tape.dpooled, dim, pooled);
        let gradients = &mut self.items.gradients;
        gradients.add_rows(tape.bag.ids(), tape.drows.view());
        gradients.add_rows(&tape.candidates, tape.dtargets.view());
        gradients.add_rows(&tape.candidates, tape.dpooled.view());
        Ok(())
    }

    /// Serving: logits of the candidates in the tape.
    pub(super) fn infer<'t>(&self, tape: &'t mut NetTape) -> Result<ArrayView2<'t, f32>, LayerError> {
        self.gather(tape);
        let segments = Segments::new(tape.bag.offsets(), None)?;
        let both = (tape.rows.view(), tape.targets.view());
        self.attention.infer(both, segments, tape.pooled.view_mut(), &mut tape.attention);
        Self::join(tape);
        self.head.infer(tape.z.view(), tape.logits.view_mut(), &mut tape.scratch);
        self.trust(tape);
        Ok(tape.logits.view())
    }
}

impl Module for Net {
    fn tensors<'a>(&'a self, path: &str, out: &mut Vec<Tensor<'a>>) {
        out.push(self.items.tensor(&format!("{path}items")));
        self.attention.tensors(&format!("{path}attention"), out);
        self.head.tensors(&format!("{path}head"), out);
        out.push(self.trust.tensor(path, "trust"));
    }

    fn slots<'a>(&'a mut self, out: &mut Vec<Slot<'a>>) {
        out.push(Slot::Table(&mut self.items));
        self.attention.slots(out);
        self.head.slots(out);
        out.push(Slot::Param(&mut self.trust));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{Check, Wide, arrays, random};
    use crate::layers::{ActivationKind, MlpParams};
    use ndarray::{Array1, Array2, Axis, concatenate};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let layers = MlpParams { hidden: vec![4], activation: ActivationKind::Gelu, ..MlpParams::default() };
        let params = RerankParams { unit: layers.clone(), head: layers, ..RerankParams::default() };
        let items = random(6, 3, 1);
        let mut net = Net::new(&params, Table::from_rows(items.clone()), &mut SeededRng::new(2)).unwrap();
        let mut tape =
            NetTape { candidates: vec![3, 5, 0], retrieved: vec![0.3, -0.2, 0.7], ..NetTape::default() };
        let histories: [&[ItemId]; 3] = [&[0, 1], &[2, 3, 2], &[]];
        histories.iter().for_each(|history| tape.bag.push(history));
        net.forward((1, 0), &mut tape).unwrap();
        let dy = random(3, 1, 9);
        tape.dlogits.assign(dy.view());
        net.backward(&mut tape).unwrap();
        let logits = tape.logits.view().to_owned();
        let arrays = arrays(&mut net);
        let gelu = |x: f64| {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        };
        let network = |a: &[Wide], x: Array1<f64>| {
            let hidden = (a[0].dot(&x) + a[1].row(0)).mapv(gelu);
            (a[2].dot(&hidden) + a[3].row(0))[0]
        };
        let inputs: Vec<&Array2<f32>> = arrays.iter().map(|(value, _)| value).collect();
        let check = Check::new(&inputs, |a| {
            let mut y = Wide::zeros((3, 1));
            for (row, (history, candidate)) in histories.iter().zip([3usize, 5, 0]).enumerate() {
                let c = a[0].row(candidate);
                let mut h = Array1::zeros(3);
                for &item in *history {
                    let x = a[0].row(item as usize);
                    let features = concatenate![Axis(0), x, c, &x - &c, &x * &c];
                    h.scaled_add(network(&a[1..5], features), &x);
                }
                let trusted = a[9][[0, 0]] * [0.3f32, -0.2, 0.7].map(f64::from)[row];
                y[[row, 0]] = network(&a[5..9], concatenate![Axis(0), h, c, &h * &c]) + trusted;
            }
            y
        });
        check.forward(&logits);
        let gradients: Vec<&Array2<f32>> = arrays.iter().map(|(_, gradient)| gradient).collect();
        check.backward(&dy, &gradients);
        let served = net.infer(&mut tape).unwrap().to_owned();
        assert!(served.iter().zip(&logits).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
