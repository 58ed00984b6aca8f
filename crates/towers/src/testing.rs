//! Conformance suite of [`Encoder`]: what a foreign one must keep to be trained, served and saved. Behind the feature `testing`.
//!
//! ```
//! use embed_core::{ItemId, SeededRng, Sequences};
//! use towers::layers::Table;
//! use towers::models::{Histories, ItemTower, YouTubeDnn};
//! use towers::testing::{EncoderSuite, encoder};
//!
//! let mut rng = SeededRng::new(1);
//! let tables = vec![Table::normal(9, 4, 0.5, &mut rng)];
//! let tower = ItemTower::new(&YouTubeDnn::mean(4), 0, &mut rng)?;
//! let histories = Histories::new(Sequences::new(9));
//! encoder(&tower, &EncoderSuite::new("items by id", &tables, &histories, &[3u32, 1, 3]));
//! # Ok::<(), towers::LayerError>(())
//! ```

// A suite fails as a test does.
#![allow(clippy::panic, clippy::missing_panics_doc, reason = "a suite of tests")]

use embed_core::{Parallelism, SeededRng};
use ndarray::Array2;

use crate::layers::{Module, Slot, Table, Tensor};
use crate::matrix::{Buffer, values_mut};
use crate::models::{Context, Encoder, Histories};
use crate::train::values_of;

/// Input for the test of an encoder.
#[derive(Debug, Clone, Copy)]
pub struct EncoderSuite<'a, R> {
    /// Name of the encoder in messages.
    pub name: &'a str,
    /// Tables that the encoder knows by number.
    pub tables: &'a [Table],
    /// Histories of the users.
    pub histories: &'a Histories,
    /// Records of a batch.
    pub records: &'a [R],
    /// Difference between training and serving: normalisation over the batch, or dropout. Then inference is not compared with
    /// the forward pass.
    pub training_differs: bool,
    /// Largest difference of a gradient from finite differences, relative to the largest gradient of its array.
    pub tolerance: f32,
}

impl<'a, R> EncoderSuite<'a, R> {
    /// An encoder that computes the same in training and in serving, with gradients good to two per cent.
    #[must_use]
    pub fn new(name: &'a str, tables: &'a [Table], histories: &'a Histories, records: &'a [R]) -> Self {
        Self { name, tables, histories, records, training_differs: false, tolerance: 0.02 }
    }

    /// The same for one that computes something else in training.
    #[must_use]
    pub fn training_differs(self) -> Self {
        Self { training_differs: true, ..self }
    }
}

/// One forward pass, and the way back from `dout`.
struct Pass<E> {
    encoder: E,
    tables: Vec<Table>,
    out: Array2<f32>,
}

fn pass<R, E: Encoder<R> + Clone>(
    (encoder, tables): (&E, &[Table]),
    suite: &EncoderSuite<'_, R>,
    back: Option<&Array2<f32>>,
) -> Pass<E> {
    let (mut encoder, mut tables) = (encoder.clone(), tables.to_vec());
    let (mut out, mut tape) = (Buffer::new(), E::Tape::default());
    let cx = Context::new(suite.histories);
    let forward = encoder.forward(cx, &tables, suite.records, &mut out, &mut tape);
    assert!(forward.is_ok(), "{}: the forward pass failed: {forward:?}", suite.name);
    let (expected, got) = ((suite.records.len(), encoder.dim()), out.dim());
    assert_eq!(expected, got, "{}: a row for each record", suite.name);
    let rows = out.view().to_owned();
    if let Some(back) = back {
        let mut dout = Buffer::new();
        dout.assign(back.view());
        encoder.backward(&mut tables, &mut dout, &mut tape);
    }
    Pass { encoder, tables, out: rows }
}

fn infer<R, E: Encoder<R>>(encoder: &E, tables: &[Table], suite: &EncoderSuite<'_, R>) -> Array2<f32> {
    let mut out = Array2::zeros((suite.records.len(), encoder.dim()));
    encoder.infer(
        Context::new(suite.histories),
        tables,
        suite.records,
        out.view_mut(),
        &mut E::Tape::default(),
    );
    out
}

/// Values and gradients of every array that is learned, those of tables dense; none of what a layer keeps by itself.
fn gradients(encoder: &mut impl Module, tables: &mut [Table]) -> Vec<Option<Vec<f32>>> {
    let mut slots: Vec<Slot<'_>> = tables.iter_mut().map(Slot::Table).collect();
    encoder.slots(&mut slots);
    let dense = slots.into_iter().map(|slot| match slot {
        Slot::Param(param) => Some(param.gradient.iter().copied().collect()),
        Slot::Table(table) => {
            let mut dense = Array2::<f32>::zeros(table.value.raw_dim());
            table.gradients.sort();
            for n in 0..table.gradients.n_touched() {
                let id = table.gradients.entries[table.gradients.starts[n]].key as usize;
                let dim = dense.ncols();
                table.gradients.sum(n, &mut values_mut(&mut dense)[id * dim..][..dim]);
            }
            Some(dense.iter().copied().collect())
        }
        Slot::Kept(_) => None,
    });
    dense.collect()
}

/// Moves one value of an array, counted as [`gradients`] counts them.
fn moved<E: Module + Clone>(
    (encoder, tables): (&E, &[Table]),
    array: usize,
    at: usize,
    by: f32,
) -> (E, Vec<Table>) {
    let (mut encoder, mut tables) = (encoder.clone(), tables.to_vec());
    match array.checked_sub(tables.len()) {
        None => values_mut(&mut tables[array].value)[at] += by,
        Some(own) => values_of(&mut encoder)[own][at] += by,
    }
    (encoder, tables)
}

/// Tries an encoder: its gradients against finite differences, inference against the forward pass, the same bits on 1, 2 and 7
/// threads, and its arrays by name, by slot and from hand to hand.
///
/// # Panics
/// When the encoder breaks its contract; the message says how.
pub fn encoder<R: Sync, E: Encoder<R> + Clone>(encoder: &E, suite: &EncoderSuite<'_, R>) {
    let (name, tables) = (suite.name, suite.tables);
    let mut rng = SeededRng::new(5);
    let dout =
        Array2::from_shape_simple_fn((suite.records.len(), encoder.dim()), || 2.0 * rng.unit_f32() - 1.0);
    let mut first = pass((encoder, tables), suite, Some(&dout));
    let of_first = gradients(&mut first.encoder, &mut first.tables);

    for threads in [1, 2, 7] {
        let parallelism = std::num::NonZeroUsize::new(threads).map_or(Parallelism::All, Parallelism::Threads);
        let again = parallelism.install(|| {
            let mut again = pass((encoder, tables), suite, Some(&dout));
            (gradients(&mut again.encoder, &mut again.tables), again.out, infer(encoder, tables, suite))
        });
        let Ok((of_again, out, inferred)) = again else { continue };
        assert!(out == first.out && of_again == of_first, "{name}: other bits on {threads} threads");
        if !suite.training_differs {
            let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
            assert!(inferred.iter().zip(&out).all(near), "{name}: inference is not the forward pass");
        }
        assert!(inferred == infer(encoder, tables, suite), "{name}: inference differs from call to call");
    }

    check_gradients((encoder, tables), suite, (&dout, &of_first));
    check_arrays(encoder, suite);
}

/// Central differences of `Σ dout · out` at up to 24 places of each array.
fn check_gradients<R, E: Encoder<R> + Clone>(
    model: (&E, &[Table]),
    suite: &EncoderSuite<'_, R>,
    (dout, of_model): (&Array2<f32>, &[Option<Vec<f32>>]),
) {
    // A step may cross the kink of a ReLU, and then says the mean of two slopes; a short one is less exact and seldom does.
    const STEPS: [f32; 3] = [4e-3, 1e-3, 2.5e-4];
    let value = |(encoder, tables): (E, Vec<Table>)| -> f64 {
        let out = pass((&encoder, &tables), suite, None).out;
        out.iter().zip(dout).map(|(y, d)| f64::from(*y) * f64::from(*d)).sum()
    };
    // What the outputs are rounded by, in single precision.
    let out = pass(model, suite, None).out;
    let squares = out.iter().zip(dout).map(|(y, d)| f64::from(y * d).powi(2));
    let rounding = 1e-6 * squares.sum::<f64>().sqrt();
    for (array, gradient) in of_model.iter().enumerate() {
        let Some(gradient) = gradient else { continue };
        let largest = gradient.iter().fold(1e-3f32, |most, g| most.max(g.abs()));
        let step = gradient.len().div_ceil(24).max(1);
        for at in (0..gradient.len()).step_by(step) {
            let differences = STEPS.map(|step| {
                let (above, below) =
                    (value(moved(model, array, at, step)), value(moved(model, array, at, -step)));
                (above - below) / (2.0 * f64::from(step))
            });
            let near = |(expected, step): (&f64, f32)| {
                let off = (f64::from(gradient[at]) - expected).abs();
                off <= f64::from(suite.tolerance * largest) + rounding / (2.0 * f64::from(step))
            };
            assert!(
                differences.iter().zip(STEPS).any(near),
                "{}: gradient {at} of array {array} is {}, differences of ever shorter steps say {differences:?}",
                suite.name,
                gradient[at]
            );
        }
    }
}

/// Arrays by name are those of the slots, and make a model what it is.
fn check_arrays<R, E: Encoder<R> + Clone>(encoder: &E, suite: &EncoderSuite<'_, R>) {
    let (name, mut copy) = (suite.name, encoder.clone());
    let mut tensors: Vec<Tensor<'_>> = Vec::new();
    encoder.tensors("side", &mut tensors);
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), tensors.len(), "{name}: names of arrays are distinct");
    assert!(names.iter().all(|array| array.starts_with("side")), "{name}: names begin with the path");
    let slots = values_of(&mut copy);
    assert_eq!(slots.len(), tensors.len(), "{name}: as many arrays by name as slots");
    for (slot, tensor) in slots.into_iter().zip(&tensors) {
        let (rows, columns) = tensor.shape;
        assert_eq!((slot.len(), &*slot), (rows * columns, tensor.values), "{name}: {}", tensor.name);
        slot.fill(0.5);
    }
    for (slot, tensor) in values_of(&mut copy).into_iter().zip(&tensors) {
        slot.copy_from_slice(tensor.values);
    }
    let (own, given) = (infer(encoder, suite.tables, suite), infer(&copy, suite.tables, suite));
    assert!(own == given, "{name}: arrays handed over make the same model");
}
