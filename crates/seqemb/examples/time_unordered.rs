//! What the order of updates costs: skip-gram whose threads go through their own sequences, and train each pair as it is
//! drawn, without the parts and blocks that give the same bits on any number of threads. Prints one JSON line like
//! `time_training`.
//!
//! `cargo run --release -p seqemb --example time_unordered -- FILE [scheme=alone|atomics|locks] [threads=2] [dim=64] [negatives=5] [epochs=1]`
//!
//! Two schemes race soundly: `atomics` reads and writes rows word by word with relaxed atomics, `locks` keeps a lock a
//! row; both copy the rows of a prediction, train the copy with the same kernel, and copy it back, so an update may be lost
//! but never torn into undefined behaviour. `alone` trains the tables in place, which only one thread can: what it does, times
//! the threads, bounds every such scheme, as nobody waits and no line of memory moves between cores.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::cast_possible_truncation, reason = "halves of words; a few hundred pairs")]

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use embed_core::kernel::logistic::{Head, Lane, Pairs, Step, logistic_pairs, op};
use embed_core::kernel::prefetch_row;
use embed_core::{NegativeContext, NegativeSampler, SeededRng, Vocab};
use negsample::Popularity;

const WINDOW: u32 = 5;
/// Centres whose pairs are drawn together, so that rows can be asked for ahead of time.
const CENTRES: usize = 16;

/// A centre, and its pairs: each context with its negatives.
type Drawn = Vec<(u32, Vec<u32>)>;

/// Both tables, by a way to train on what was drawn.
trait Train: Sync {
    fn train(&self, drawn: &Drawn, predictions: usize, step: Step) -> f64;
}

/// A table that threads may copy rows from and to.
trait Rows<const L: usize>: Sync {
    fn ask(&self, row: u32);
    fn load(&self, row: u32, to: &mut [Lane; L]);
    fn store(&self, row: u32, from: &[Lane; L]);
}

struct Atomics(Vec<AtomicU64>);

impl<const L: usize> Rows<L> for Atomics {
    fn ask(&self, row: u32) {
        prefetch_row(&self.0, L * 8, row);
    }
    fn load(&self, row: u32, to: &mut [Lane; L]) {
        let from = &self.0[row as usize * L * 8..][..L * 8];
        for (to, from) in to.as_flattened_words().zip(from) {
            let word = from.load(Ordering::Relaxed);
            *to = [f32::from_bits(word as u32), f32::from_bits((word >> 32) as u32)];
        }
    }
    fn store(&self, row: u32, from: &[Lane; L]) {
        let to = &self.0[row as usize * L * 8..][..L * 8];
        for (to, from) in to.iter().zip(from.iter().flat_map(|lane| lane.0.as_chunks::<2>().0)) {
            to.store(u64::from(from[0].to_bits()) | u64::from(from[1].to_bits()) << 32, Ordering::Relaxed);
        }
    }
}

/// The components of a row, two at a time.
trait Words {
    fn as_flattened_words(&mut self) -> impl Iterator<Item = &mut [f32; 2]>;
}

impl<const L: usize> Words for [Lane; L] {
    fn as_flattened_words(&mut self) -> impl Iterator<Item = &mut [f32; 2]> {
        self.iter_mut().flat_map(|lane| lane.0.as_chunks_mut::<2>().0)
    }
}

struct Locks<const L: usize>(Vec<Mutex<[Lane; L]>>);

impl<const L: usize> Rows<L> for Locks<L> {
    fn ask(&self, row: u32) {
        prefetch_row(&self.0, 1, row);
    }
    fn load(&self, row: u32, to: &mut [Lane; L]) {
        *to = *self.0[row as usize].lock().unwrap_or_else(PoisonError::into_inner);
    }
    fn store(&self, row: u32, from: &[Lane; L]) {
        *self.0[row as usize].lock().unwrap_or_else(PoisonError::into_inner) = *from;
    }
}

/// Centres, outputs.
struct Racing<T>(T, T);

impl<const L: usize, T: Rows<L>> Train for (Racing<T>, [(); L]) {
    fn train(&self, drawn: &Drawn, predictions: usize, step: Step) -> f64 {
        let (centres, outputs) = (&self.0.0, &self.0.1);
        let mut centre = [Lane::default(); L];
        let mut block = vec![[Lane::default(); L]; predictions];
        let mut loss = 0.0;
        for (i, (row, ops)) in drawn.iter().enumerate() {
            centres.load(*row, &mut centre);
            for prediction in ops.chunks(predictions) {
                for (to, op) in block.iter_mut().zip(prediction) {
                    outputs.load(op >> 1, to);
                }
                let ops: Vec<u32> = (0u32..).zip(prediction).map(|(k, code)| op(k, code & 1 == 1)).collect();
                let heads = [Head { row: 0, end: ops.len() as u32 }];
                let pairs = Pairs { heads: &heads, ops: &ops };
                loss += logistic_pairs(&mut centre, block.as_flattened_mut(), L, &pairs, step);
                for (from, op) in block.iter().zip(prediction) {
                    outputs.store(op >> 1, from);
                }
            }
            centres.store(*row, &centre);
            if let Some((row, ops)) = drawn.get(i + 1) {
                centres.ask(*row);
                ops.iter().for_each(|op| outputs.ask(op >> 1));
            }
        }
        loss
    }
}

/// Both tables of one thread, changed in place.
struct Alone(Mutex<[Vec<Lane>; 2]>, usize);

impl Train for Alone {
    fn train(&self, drawn: &Drawn, _: usize, step: Step) -> f64 {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [centres, outputs] = &mut *tables;
        let (mut heads, mut all) = (Vec::new(), Vec::new());
        for (row, ops) in drawn {
            all.extend_from_slice(ops);
            heads.push(Head { row: *row, end: all.len() as u32 });
        }
        logistic_pairs(centres, outputs, self.1, &Pairs { heads: &heads, ops: &all }, step)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut dim, mut negatives, mut epochs, mut threads) = (64usize, 5usize, 1usize, 2usize);
    let (mut scheme, mut file) = ("alone".to_owned(), None);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            None => file = Some(argument),
            Some(("dim", value)) => dim = value.parse()?,
            Some(("negatives", value)) => negatives = value.parse()?,
            Some(("epochs", value)) => epochs = value.parse()?,
            Some(("threads", value)) => threads = value.parse()?,
            Some(("scheme", value)) => scheme = value.to_owned(),
            Some((name, _)) => return Err(format!("no setting {name}").into()),
        }
    }
    let text = std::fs::read_to_string(file.ok_or("a file is needed")?)?;
    let mut keys = Vocab::new();
    let mut sequences = Vec::new();
    for line in text.lines() {
        sequences.push(line.split_whitespace().map(|key| keys.intern(key)).collect::<Result<Vec<_>, _>>()?);
    }
    let mut counts = vec![0u64; keys.len()];
    sequences.iter().flatten().for_each(|&item| counts[item as usize] += 1);
    let items: usize = sequences.iter().map(Vec::len).sum();

    let lanes = Lane::per_row(dim);
    let mut rng = SeededRng::new(1);
    let mut input = vec![Lane::default(); keys.len() * lanes];
    let output = input.clone();
    for x in input.iter_mut().flat_map(|lane| &mut lane.0) {
        *x = (2.0 * rng.unit_f32() - 1.0) / dim as f32;
    }
    let tables: Box<dyn Train> = match (scheme.as_str(), lanes) {
        ("alone", _) => {
            threads = 1;
            Box::new(Alone(Mutex::new([input, output]), lanes))
        }
        ("atomics", 4) => Box::new((Racing(atomics(&input), atomics(&output)), [(); 4])),
        ("atomics", 8) => Box::new((Racing(atomics(&input), atomics(&output)), [(); 8])),
        ("locks", 4) => Box::new((Racing(locks::<4>(&input), locks::<4>(&output)), [(); 4])),
        ("locks", 8) => Box::new((Racing(locks::<8>(&input), locks::<8>(&output)), [(); 8])),
        _ => return Err("a scheme is alone, atomics or locks, and races at d = 64 and 128".into()),
    };
    let sampler = Popularity::new(&counts, 0.75)?;
    let start = Instant::now();
    let totals = std::thread::scope(|scope| {
        let each = sequences.len().div_ceil(threads);
        let workers: Vec<_> = sequences
            .chunks(each)
            .map(|own| scope.spawn(|| worker(own, epochs, negatives, &sampler, tables.as_ref())))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut total = Total::default();
    for worker in totals {
        total.pairs += worker.pairs;
        total.loss += worker.loss;
        total.predictions += worker.predictions;
    }
    println!(
        r#"{{"scheme": "{scheme}", "dim": {dim}, "negatives": {negatives}, "threads": {threads}, "training_seconds": {seconds:.3}, "tokens_per_s": {:.0}, "pairs_per_s": {:.0}, "loss": {:.4}}}"#,
        (items * epochs) as f64 / seconds,
        total.pairs as f64 / seconds,
        total.loss / total.predictions as f64,
    );
    Ok(())
}

/// What a worker did: pairs in all, and in the last epoch predictions and the sum of their losses.
#[derive(Default)]
struct Total {
    pairs: usize,
    predictions: usize,
    loss: f64,
}

/// Goes through its sequences.
fn worker(
    sequences: &[Vec<u32>],
    epochs: usize,
    negatives: usize,
    sampler: &Popularity,
    tables: &dyn Train,
) -> Total {
    let mut rng = SeededRng::new(sequences.first().map_or(0, |first| first[0].into()));
    let items = (sequences.iter().map(Vec::len).sum::<usize>() * epochs) as f32;
    let (mut total, mut done) = (Total::default(), 0usize);
    let mut drawn: Drawn = vec![(0, Vec::new()); CENTRES];
    let mut filled = 0;
    for (epoch, sequence) in (1..=epochs).flat_map(|epoch| sequences.iter().map(move |row| (epoch, row))) {
        for (at, &centre) in sequence.iter().enumerate() {
            let reach = 1 + rng.below(WINDOW) as usize;
            let near = at.saturating_sub(reach)..sequence.len().min(at + reach + 1);
            let (row, ops) = &mut drawn[filled];
            *row = centre;
            ops.clear();
            for &context in sequence[near].iter().filter(|&&item| item != centre) {
                ops.push(op(context, true));
                let first = ops.len();
                ops.resize(first + negatives, 0);
                let _ = sampler.sample_into(&NegativeContext::default(), &mut rng, &mut ops[first..]);
                // A hit of the context would undo it, and becomes item 0 or 1.
                ops[first..].iter_mut().for_each(|item| {
                    *item = op(if *item == context { u32::from(context == 0) } else { *item }, false);
                });
            }
            total.pairs += ops.len();
            total.predictions += usize::from(epoch == epochs) * (ops.len() / (1 + negatives));
            filled += 1;
            done += 1;
            if filled == CENTRES {
                let step = Step { rate: 0.025 * (1.0 - done as f32 / items).max(0.004), clamp: 10.0 };
                let loss = tables.train(&drawn, 1 + negatives, step);
                total.loss += if epoch == epochs { loss } else { 0.0 };
                filled = 0;
            }
        }
    }
    total
}

fn atomics(rows: &[Lane]) -> Atomics {
    let words = rows.iter().flat_map(|lane| lane.0.as_chunks::<2>().0);
    Atomics(
        words.map(|[a, b]| AtomicU64::new(u64::from(a.to_bits()) | u64::from(b.to_bits()) << 32)).collect(),
    )
}

fn locks<const L: usize>(rows: &[Lane]) -> Locks<L> {
    Locks(rows.as_chunks::<L>().0.iter().map(|row| Mutex::new(*row)).collect())
}
