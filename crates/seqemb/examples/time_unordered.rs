//! What the order of updates costs: skip-gram on one thread, pairs trained as they are drawn, without the parts and blocks
//! that let threads work at the same time and give the same bits. Twice its rate bounds what two racing threads could
//! reach, as nothing is sorted, nobody waits and no line of memory moves between cores. Prints one JSON line like
//! `time_training`.
//!
//! `cargo run --release -p seqemb --example time_unordered -- FILE [dim=64] [negatives=5] [epochs=1]`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use embed_core::kernel::logistic::{Head, Lane, Pairs, Step, logistic_pairs, op};
use embed_core::{NegativeContext, NegativeSampler, SeededRng, Vocab};
use negsample::Popularity;

const WINDOW: u32 = 5;
/// Centres whose pairs go to the kernel together, so that it can ask for rows ahead of time.
const CENTRES: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut dim, mut negatives, mut epochs, mut file) = (64usize, 5usize, 1usize, None);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            None => file = Some(argument),
            Some(("dim", value)) => dim = value.parse()?,
            Some(("negatives", value)) => negatives = value.parse()?,
            Some(("epochs", value)) => epochs = value.parse()?,
            Some((name, _)) => return Err(format!("no setting {name}").into()),
        }
    }
    let text = std::fs::read_to_string(file.ok_or("a file is needed")?)?;
    let mut keys = Vocab::new();
    let (mut items, mut ends) = (Vec::new(), Vec::new());
    for line in text.lines() {
        for key in line.split_whitespace() {
            items.push(keys.intern(key)?);
        }
        ends.push(items.len());
    }
    let mut counts = vec![0u64; keys.len()];
    items.iter().for_each(|&item| counts[item as usize] += 1);

    let start = Instant::now();
    let lanes = Lane::per_row(dim);
    let mut rng = SeededRng::new(1);
    let mut input = vec![Lane::default(); keys.len() * lanes];
    let mut output = input.clone();
    for x in input.iter_mut().flat_map(|lane| &mut lane.0) {
        *x = (rng.unit_f32() - 0.5) / dim as f32;
    }
    let sampler = Popularity::new(&counts, 0.75)?;
    let (mut heads, mut ops, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
    let (mut loss, mut pairs, total) = (0.0, 0usize, (items.len() * epochs) as f32);
    let mut done = 0usize;
    for _ in 0..epochs {
        let mut first = 0;
        for &end in &ends {
            let sequence = &items[first..end];
            first = end;
            for at in 0..sequence.len() {
                let reach = 1 + rng.below(WINDOW) as usize;
                let near = at.saturating_sub(reach)..sequence.len().min(at + reach + 1);
                let contexts = sequence[near].iter().filter(|&&item| item != sequence[at]);
                for &context in contexts {
                    ops.push(op(context, true));
                    drawn.resize(negatives, 0);
                    sampler.sample_into(&NegativeContext::default(), &mut rng, &mut drawn)?;
                    ops.extend(drawn.iter().filter(|&&item| item != context).map(|&item| op(item, false)));
                }
                heads.push(Head { row: sequence[at], end: u32::try_from(ops.len())? });
                done += 1;
                if heads.len() == CENTRES {
                    let step = Step { rate: 0.025 * (1.0 - done as f32 / total).max(0.004), clamp: 10.0 };
                    let these = Pairs { heads: &heads, ops: &ops };
                    loss += logistic_pairs(&mut input, &mut output, lanes, &these, step);
                    pairs += ops.len();
                    heads.clear();
                    ops.clear();
                }
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = |n: usize| n as f64 / seconds;
    println!(
        r#"{{"dim": {dim}, "negatives": {negatives}, "threads": 1, "seconds": {seconds:.3}, "tokens_per_s": {:.0}, "pairs_per_s": {:.0}, "loss_per_pair": {:.4}}}"#,
        rate(items.len() * epochs),
        rate(pairs),
        loss / pairs as f64,
    );
    Ok(())
}
