//! Gradients of layers against finite differences of an oracle in f64.

use embed_core::SeededRng;
use ndarray::Array2;

use super::{Module, Slot};

pub(crate) type Wide = Array2<f64>;

/// Uniform in ±1.
pub(crate) fn random(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut rng = SeededRng::new(seed);
    Array2::from_shape_simple_fn((rows, columns), || 2.0 * rng.unit_f32() - 1.0)
}

/// A function of some matrices, written down naively in f64.
pub(crate) struct Check<F> {
    inputs: Vec<Wide>,
    oracle: F,
}

impl<F: Fn(&[Wide]) -> Wide> Check<F> {
    pub(crate) fn new(inputs: &[&Array2<f32>], oracle: F) -> Self {
        Self { inputs: inputs.iter().map(|a| a.mapv(f64::from)).collect(), oracle }
    }

    /// The layer's output is the oracle's.
    #[track_caller]
    pub(crate) fn forward(&self, got: &Array2<f32>) {
        near(got, &(self.oracle)(&self.inputs), "output");
    }

    /// The layer's gradients are those of the oracle.
    #[track_caller]
    pub(crate) fn backward(&self, dy: &Array2<f32>, got: &[&Array2<f32>]) {
        for (i, (got, expected)) in got.iter().zip(self.gradients(dy)).enumerate() {
            near(got, &expected, &format!("gradient of input {i}"));
        }
    }

    /// Central differences of `Σ dy · y` for each element of each input.
    pub(crate) fn gradients(&self, dy: &Array2<f32>) -> Vec<Wide> {
        const H: f64 = 1e-5;
        let dy = dy.mapv(f64::from);
        let mut inputs = self.inputs.clone();
        let value = |inputs: &[Wide]| (&dy * &(self.oracle)(inputs)).sum();
        (0..inputs.len())
            .map(|i| {
                let mut gradient = Wide::zeros(inputs[i].raw_dim());
                for (row, column) in ndarray::indices_of(&gradient) {
                    let at = inputs[i][[row, column]];
                    inputs[i][[row, column]] = at + H;
                    let above = value(&inputs);
                    inputs[i][[row, column]] = at - H;
                    let below = value(&inputs);
                    inputs[i][[row, column]] = at;
                    gradient[[row, column]] = (above - below) / (2.0 * H);
                }
                gradient
            })
            .collect()
    }
}

#[track_caller]
pub(crate) fn near(got: &Array2<f32>, expected: &Wide, what: &str) {
    assert_eq!(got.dim(), expected.dim(), "{what}");
    let scale = expected.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    for (at, expected) in expected.indexed_iter() {
        let got = f64::from(got[at]);
        assert!((got - expected).abs() <= 2e-5 * scale, "{what}: {got} for {expected} at {at:?}");
    }
}

/// Values and gradients of every array of a model, in order, those of tables dense.
pub(crate) fn arrays(model: &mut impl Module) -> Vec<(Array2<f32>, Array2<f32>)> {
    let mut slots = Vec::new();
    model.slots(&mut slots);
    let dense = slots.into_iter().map(|slot| match slot {
        Slot::Param(param) => (param.value.clone(), param.gradient.clone()),
        Slot::Table(table) => {
            let mut dense = Array2::zeros(table.value.raw_dim());
            table.gradients.sort();
            for n in 0..table.gradients.n_touched() {
                let id = table.gradients.entries[table.gradients.starts[n]].key;
                table.gradients.sum(n, dense.row_mut(id as usize).as_slice_mut().unwrap());
            }
            (table.value.clone(), dense)
        }
        Slot::Kept(_) => unreachable!("running statistics have no gradient"),
    });
    dense.collect()
}
