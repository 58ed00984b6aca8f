//! The suite of [`Embedder`].

use ndarray::Array2;

use super::{THREADS, demand_same_keys, must, refusal, threads};
use crate::{EmbedError, Embedder};

/// What an embedder is tested on by [`embedder`].
#[derive(Debug, Clone, Copy)]
pub struct EmbedderSuite<'a, In: ?Sized> {
    /// What the embedder is called in messages.
    pub name: &'a str,
    /// Inputs that have a vector; at least one.
    pub inputs: &'a [&'a In],
    /// Inputs that have none: an empty history, an unknown item.
    pub refused: &'a [&'a In],
    /// Largest difference of a batch's vectors from those of single calls; 0 demands the same bits.
    pub batch_tolerance: f32,
}

impl<'a, In: ?Sized> EmbedderSuite<'a, In> {
    /// A suite that demands the same bits of batches.
    #[must_use]
    pub fn new(name: &'a str, inputs: &'a [&'a In], refused: &'a [&'a In]) -> Self {
        Self { name, inputs, refused, batch_tolerance: 0.0 }
    }
}

/// Tests an embedder: shapes, finite vectors, the same bits from the same input, whatever was in the buffer,
/// an error for each refused input and wrong buffer, batches on 1, 2 and 7 threads in any layout, a description (space,
/// metric, keys) that stays the same, and the same answers behind pointers.
///
/// # Panics
/// When the embedder breaks the contract; the message says how.
pub fn embedder<In: ?Sized + Sync>(embedder: &dyn Embedder<In>, suite: &EmbedderSuite<'_, In>) {
    let (name, dim) = (suite.name, embedder.dim());
    assert!(dim > 0, "{name}: dim is 0");
    assert!(!suite.inputs.is_empty(), "{name}: the suite needs an input");
    let (space, metric, keys) = (embedder.space(), embedder.metric(), embedder.keys());
    let single: Vec<Vec<f32>> = (suite.inputs.iter().enumerate())
        .map(|(i, input)| {
            let vector = must(embedder.embed(input), format!("{name}: input {i}"));
            assert_eq!(vector.len(), dim, "{name}: components of the vector of input {i}");
            assert!(vector.iter().all(|x| x.is_finite()), "{name}: vector of input {i} is {vector:?}");
            for fill in [f32::NAN, 7.0] {
                let mut out = vec![fill; dim];
                must(embedder.embed_into(input, &mut out), format!("{name}: input {i}"));
                let same = out.iter().zip(&vector).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{name}: input {i} gave {vector:?}, into a buffer of {fill} {out:?}");
            }
            vector
        })
        .collect();
    for (i, input) in suite.refused.iter().enumerate() {
        let result = embedder.embed(input);
        assert!(result.is_err(), "{name}: refused input {i} has the vector {result:?}");
    }
    for got in [0, dim - 1, dim + 1, 2 * dim] {
        let result = embedder.embed_into(suite.inputs[0], &mut vec![0.0; got]);
        assert!(
            matches!(result, Err(EmbedError::Dimension { expected, got: g }) if expected == dim && g == got),
            "{name}: a buffer of {got} for {dim} must be EmbedError::Dimension, got {result:?}"
        );
    }
    batches(embedder, suite, &single);
    behind_pointers!(dyn Embedder<In> + '_, embedder, |pointer: &dyn Embedder<In>, kind: &str| {
        forwarded(pointer, embedder, suite, &format!("{name} behind {kind}"));
    });
    let now = (embedder.dim(), embedder.space(), embedder.metric());
    assert_eq!(now, (dim, space, metric), "{name}: (dim, space, metric) changed between calls");
    demand_same_keys(embedder.keys().as_ref(), keys.as_ref(), format!("{name}, later"));
}

/// Everything that an embedder says, said by a pointer to it.
fn forwarded<In: ?Sized + Sync>(
    pointer: &dyn Embedder<In>,
    embedder: &dyn Embedder<In>,
    suite: &EmbedderSuite<'_, In>,
    what: &str,
) {
    let described = |e: &dyn Embedder<In>| (e.dim(), e.space(), e.metric());
    assert_eq!(described(pointer), described(embedder), "{what}: (dim, space, metric)");
    demand_same_keys(pointer.keys().as_ref(), embedder.keys().as_ref(), what);
    let (dim, n) = (embedder.dim(), suite.inputs.len());
    let bits = |vector: &[f32]| vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (i, input) in suite.inputs.iter().enumerate() {
        let alone = must(embedder.embed(input), what);
        let mut out = vec![f32::NAN; dim];
        must(pointer.embed_into(input, &mut out), what);
        assert_eq!(bits(&out), bits(&alone), "{what}: embed_into of input {i}");
        let vector = must(pointer.embed(input), what);
        assert_eq!(bits(&vector), bits(&alone), "{what}: embed of input {i}");
    }
    let batch = |e: &dyn Embedder<In>| {
        let mut out = Array2::from_elem((n, dim), f32::NAN);
        must(e.embed_batch_into(suite.inputs, threads(2), out.view_mut()), what);
        bits(out.as_slice().unwrap_or_default())
    };
    assert_eq!(batch(pointer), batch(embedder), "{what}: embed_batch_into");
    for refused in suite.refused {
        assert_eq!(
            refusal(pointer.embed(refused)),
            refusal(embedder.embed(refused)),
            "{what}: a refused input"
        );
    }
    let short = |e: &dyn Embedder<In>| refusal(e.embed_into(suite.inputs[0], &mut vec![0.0; dim + 1]));
    assert_eq!(short(pointer), short(embedder), "{what}: a wrong buffer");
    let wide = |e: &dyn Embedder<In>| {
        refusal(e.embed_batch_into(suite.inputs, threads(2), Array2::zeros((n, dim + 1)).view_mut()))
    };
    assert_eq!(wide(pointer), wide(embedder), "{what}: a batch into a wrong matrix");
}

fn batches<In: ?Sized + Sync>(
    embedder: &dyn Embedder<In>,
    suite: &EmbedderSuite<'_, In>,
    single: &[Vec<f32>],
) {
    // Enough rows that each of 7 threads gets some, in an order that is not the inputs'.
    let picks: Vec<usize> = (0..50).map(|i| (i * i + 3 * i) % single.len()).collect();
    let inputs: Vec<&In> = picks.iter().map(|&i| suite.inputs[i]).collect();
    let (name, dim) = (suite.name, embedder.dim());
    let mut first: Option<Array2<f32>> = None;
    for t in THREADS {
        for column_major in [false, true] {
            let mut out = if column_major {
                Array2::from_elem((dim, inputs.len()), f32::NAN).reversed_axes()
            } else {
                Array2::from_elem((inputs.len(), dim), f32::NAN)
            };
            let what = format!("{name}: batch of {} on {t} threads", inputs.len());
            must(embedder.embed_batch_into(&inputs, threads(t), out.view_mut()), &what);
            for (row, &i) in out.rows().into_iter().zip(&picks) {
                let near = |(a, b): (&f32, &f32)| {
                    a.to_bits() == b.to_bits() || (a - b).abs() <= suite.batch_tolerance
                };
                assert!(
                    row.iter().zip(&single[i]).all(near),
                    "{what}: input {i} gave {row}, alone {:?}",
                    single[i]
                );
            }
            let first = first.get_or_insert_with(|| out.clone());
            assert_eq!(&out, first, "{what}: differs from the batch on 1 thread");
        }
        for shape in [(inputs.len(), dim + 1), (inputs.len() + 1, dim), (0, dim)] {
            let result = embedder.embed_batch_into(&inputs, threads(t), Array2::zeros(shape).view_mut());
            assert!(
                matches!(result, Err(EmbedError::Shape { expected, got }) if got == shape && expected == (inputs.len(), dim)),
                "{name}: a batch into {shape:?} must be EmbedError::Shape, got {result:?}"
            );
        }
        for refused in suite.refused {
            let mut inputs = inputs.clone();
            inputs[20] = refused;
            let mut out = Array2::zeros((inputs.len(), dim));
            let (batch, alone) =
                (embedder.embed_batch_into(&inputs, threads(t), out.view_mut()), embedder.embed(refused));
            assert_eq!(
                batch.map_err(|e| e.to_string()).err(),
                alone.map_err(|e| e.to_string()).err(),
                "{name}: a refused input gives a batch the error that it gives alone"
            );
        }
    }
    let empty = embedder.embed_batch_into(&[], threads(2), Array2::zeros((0, dim)).view_mut());
    must(empty, format!("{name}: a batch of nothing"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::panics;
    use crate::{KeyTable, Metric, Space, Vocab};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Mean and largest of a list.
    struct Toy(Fault, AtomicU32);

    #[derive(PartialEq)]
    enum Fault {
        None,
        Adds,
        Counts,
        TakesEmpty,
        TakesShort,
        MovesToAnotherSpace,
        ForgetsItsMetric,
        GrowsKeys,
    }

    impl Toy {
        fn calls(&self) -> u64 {
            self.1.load(Ordering::Relaxed).into()
        }
    }

    impl Embedder<[f32]> for Toy {
        fn dim(&self) -> usize {
            2
        }

        fn space(&self) -> Space {
            Space::from_id(if self.0 == Fault::MovesToAnotherSpace { self.calls() } else { 1 })
        }

        fn metric(&self) -> Option<Metric> {
            (self.0 != Fault::ForgetsItsMetric || self.calls() == 0).then_some(Metric::Cosine)
        }

        fn keys(&self) -> Option<KeyTable> {
            let n = if self.0 == Fault::GrowsKeys { self.calls() } else { 3 };
            Some(Vocab::from_keys((0..n).map(|key| key.to_string())).unwrap().into())
        }

        fn embed_into(&self, input: &[f32], out: &mut [f32]) -> Result<(), EmbedError> {
            if out.len() != 2 && self.0 != Fault::TakesShort {
                return Err(EmbedError::Dimension { expected: 2, got: out.len() });
            }
            if input.is_empty() && self.0 != Fault::TakesEmpty {
                return Err(EmbedError::Empty { what: "list" });
            }
            let calls = self.1.fetch_add(1, Ordering::Relaxed);
            let mean = input.iter().sum::<f32>() / input.len().max(1) as f32;
            let most = input.iter().copied().fold(0.0, f32::max);
            for (o, x) in out.iter_mut().zip([mean, most]) {
                *o = match self.0 {
                    Fault::Adds => *o + x,
                    Fault::Counts => x + calls as f32,
                    _ => x,
                };
            }
            Ok(())
        }
    }

    fn test(fault: Fault) {
        let inputs: [&[f32]; 3] = [&[1.0, 2.0], &[5.0], &[0.5, 0.25, 0.0]];
        embedder(&Toy(fault, AtomicU32::new(0)), &EmbedderSuite::new("toy", &inputs, &[&[]]));
    }

    #[test]
    fn a_correct_embedder_passes() {
        test(Fault::None);
    }

    #[test]
    fn every_fault_is_found() {
        for (fault, message) in [
            (Fault::Adds, "into a buffer"),
            (Fault::Counts, "into a buffer"),
            (Fault::TakesEmpty, "refused input 0"),
            (Fault::TakesShort, "EmbedError::Dimension"),
            (Fault::MovesToAnotherSpace, "changed between calls"),
            (Fault::ForgetsItsMetric, "changed between calls"),
            (Fault::GrowsKeys, "later: keys are"),
        ] {
            let said = panics(|| test(fault));
            assert!(said.contains(message), "{message}: {said}");
        }
    }
}
