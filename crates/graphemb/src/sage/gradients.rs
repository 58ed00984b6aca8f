//! The gradient of a whole step against finite differences of an oracle in f64, through two layers.

use embed_core::SeededRng;
use ndarray::{Array1, Array2, Axis, concatenate};
use towers::layers::{Module, Slot};

use super::field::{Field, Neighborhoods};
use super::loss::{Contrast, Pairs};
use super::net::{Net, Pass};
use super::{Aggregator, SageLayer, SageParams};
use crate::{Graph, GraphOptions};

type Wide = Array2<f64>;

/// All that is learned, in the order of [`learned`], in f64.
struct Oracle<'a> {
    field: &'a Field,
    features: Wide,
    pools: bool,
    pairs: Pairs<'a>,
    temperature: f64,
    /// Of each negative.
    weight: f64,
}

impl Oracle<'_> {
    /// Mean loss of the pairs, written down naively.
    fn loss(&self, learned: &[Wide]) -> f64 {
        let (ids, mut weights) = (&learned[0], learned[1..].iter());
        let nodes: Vec<usize> = self.field.nodes.iter().map(|&node| node as usize).collect();
        let mut h = concatenate![Axis(1), self.features.select(Axis(0), &nodes), ids.select(Axis(0), &nodes)];
        for (k, hop) in self.field.hops.iter().enumerate() {
            let w = weights.next().unwrap();
            let said = if self.pools {
                let (pool, bias) = (weights.next().unwrap(), weights.next().unwrap());
                (h.dot(&pool.t()) + bias).mapv(|x| x.max(0.0))
            } else {
                h.clone()
            };
            let mut y = Wide::zeros((hop.outputs(), w.nrows()));
            for v in 0..hop.outputs() {
                let list: Vec<usize> = hop.lists.get(v).iter().map(|&u| u as usize).collect();
                let rows = said.select(Axis(0), &list);
                let pooled: Array1<f64> = if list.is_empty() {
                    Array1::zeros(said.ncols())
                } else if self.pools {
                    rows.map_axis(Axis(0), |column| column.iter().copied().fold(f64::MIN, f64::max))
                } else {
                    rows.mean_axis(Axis(0)).unwrap()
                };
                let mut row = w.dot(&concatenate![Axis(0), h.row(v), pooled]);
                if k + 1 < self.field.hops.len() {
                    row.mapv_inplace(|x| x.max(0.0));
                }
                let length = row.dot(&row).sqrt();
                if length > 0.0 {
                    row /= length;
                }
                y.row_mut(v).assign(&row);
            }
            h = y;
        }
        let score = |a: u32, b: u32| h.row(a as usize).dot(&h.row(b as usize)) / self.temperature;
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let mut loss = 0.0;
        for (&u, &v) in self.pairs.sources.iter().zip(self.pairs.targets) {
            loss += softplus(-score(u, v));
            for &n in self.pairs.negatives.iter().filter(|&&n| n != u && n != v) {
                loss += self.weight * softplus(score(u, n));
            }
        }
        loss / self.pairs.sources.len() as f64
    }
}

/// What is learned and its gradients, the ids first.
fn learned(net: &mut Net, n_nodes: usize) -> Vec<(Array2<f32>, Array2<f32>)> {
    let ids = net.ids.as_mut().unwrap();
    let before = ids.value.clone();
    // A step of plain descent at rate 1 shows the gradient.
    towers::optim::TableOptimizer::Sgd.step(ids, towers::optim::Step::new(1.0, 1));
    let gradient = &before - &ids.value;
    assert_eq!(gradient.nrows(), n_nodes);
    let mut out = vec![(before, gradient)];
    let mut slots = Vec::new();
    net.layers.iter_mut().for_each(|layer| layer.slots(&mut slots));
    for slot in slots {
        if let Slot::Param(param) = slot {
            out.push((param.value.clone(), param.gradient.clone()));
        }
    }
    out
}

#[test]
fn gradients_agree_with_finite_differences_through_two_layers() {
    const N: u32 = 30;
    let mut rng = SeededRng::new(3);
    let edges: Vec<_> = (0..70).map(|_| (rng.below(N - 1), rng.below(N - 1))).collect();
    let graph = Graph::from_edges(N as usize, edges, &GraphOptions::default()).unwrap();
    let features = Array2::from_shape_simple_fn((N as usize, 3), || 2.0 * rng.unit_f32() - 1.0);
    for (aggregator, temperature) in
        [(Aggregator::Mean, 1.0), (Aggregator::Mean, 0.3), (Aggregator::MaxPool { hidden: 7 }, 0.5)]
    {
        let params = SageParams {
            aggregator,
            layers: vec![SageLayer { width: 6, sample: 3 }, SageLayer { width: 5, sample: 4 }],
            id_dim: 2,
            ..SageParams::default()
        };
        let mut net = Net::new(&params, N as usize, 3, 9);
        let mut around = Neighborhoods::new(&graph, vec![3, 4], 2);
        let (mut field, mut numbers) = (Field::default(), Vec::new());
        // Repeats, a negative that is a target, one that is a source, and a node without neighbours.
        let nodes = [1, 4, 4, 8, 2, 9, 1, 29, 9, 11, 4, 12];
        around.start(&nodes, &mut field, &mut numbers);
        around.finish(&mut field);
        let pairs = Pairs { sources: &numbers[..4], targets: &numbers[4..8], negatives: &numbers[8..] };
        let mut pass = Pass::default();
        net.forward(features.view(), &field, 0.0, &mut SeededRng::new(1), &mut pass);
        let mut gradient = std::mem::take(&mut pass.gradient);
        let loss = Contrast::new(temperature, 2.8).loss(pass.vectors(), pairs, &mut gradient);
        pass.gradient = gradient;
        net.backward(&field, &mut pass);

        let oracle = Oracle {
            field: &field,
            features: features.mapv(f64::from),
            pools: aggregator != Aggregator::Mean,
            pairs,
            temperature: temperature.into(),
            weight: 0.7,
        };
        let got = learned(&mut net, N as usize);
        let mut wide: Vec<Wide> = got.iter().map(|(value, _)| value.mapv(f64::from)).collect();
        let expected = oracle.loss(&wide);
        assert!((loss / 4.0 - expected).abs() < 1e-5, "{aggregator:?}: loss {loss} for {expected}");
        let mut largest = 0.0f64;
        for (which, (value, gradient)) in got.iter().enumerate() {
            for at in ndarray::indices_of(value).into_iter() {
                const H: f64 = 1e-6;
                let middle = wide[which][at];
                wide[which][at] = middle + H;
                let above = oracle.loss(&wide);
                wide[which][at] = middle - H;
                let slope = (above - oracle.loss(&wide)) / (2.0 * H);
                wide[which][at] = middle;
                let got = f64::from(gradient[at]);
                assert!(
                    (got - slope).abs() < 2e-5 * slope.abs().max(1.0),
                    "{aggregator:?}: array {which} at {at:?}: {got} for {slope}"
                );
                largest = largest.max(slope.abs());
            }
        }
        assert!(largest > 0.05, "{aggregator:?}: gradients of at most {largest} show nothing");
    }
}

#[test]
fn hidden_ids_get_no_gradient() {
    let graph = Graph::from_edges(6, [(0, 1), (2, 3), (4, 5)], &GraphOptions::default()).unwrap();
    let features = Array2::ones((6, 1));
    let params = SageParams { id_dim: 3, ..SageParams::default() };
    let mut net = Net::new(&params, 6, 1, 1);
    let mut around = Neighborhoods::new(&graph, vec![5, 5], 2);
    let (mut field, mut numbers) = (Field::default(), Vec::new());
    around.start(&[0, 1, 2, 3, 4, 5], &mut field, &mut numbers);
    around.finish(&mut field);
    let mut pass = Pass::default();
    net.forward(features.view(), &field, 0.5, &mut SeededRng::new(4), &mut pass);
    let inputs = pass.inputs.view().split_at(Axis(1), 1).1.to_owned();
    let hidden: Vec<usize> = (0..6).filter(|&i| inputs.row(i).iter().all(|x| *x == 0.0)).collect();
    assert!((1..6).contains(&hidden.len()), "{hidden:?}");
    let pairs = Pairs { sources: &[0, 2], targets: &[1, 3], negatives: &[4, 5] };
    let mut gradient = std::mem::take(&mut pass.gradient);
    Contrast::new(1.0, 1.0).loss(pass.vectors(), pairs, &mut gradient);
    pass.gradient = gradient;
    net.backward(&field, &mut pass);
    let (_, gradient) = &learned(&mut net, 6)[0];
    let still: Vec<usize> = (0..6).filter(|&i| gradient.row(i).iter().all(|x| *x == 0.0)).collect();
    assert_eq!(still, hidden);
}
