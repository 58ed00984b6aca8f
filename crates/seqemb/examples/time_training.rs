//! Times training on a file of sequences, one a line, items between blanks; prints one JSON line. What
//! `benches/peers/sgns.py` runs beside other libraries.
//!
//! `cargo run --release -p seqemb --example time_training -- [FILE] [dim=64] [negatives=5] [window=5] [epochs=1] [threads=2] [arch=sg|cbow] [rate=0.025]
//! [seed=1] [out=VECTORS]`; VECTORS gets the input table in word2vec's text format.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Instant;

use embed_core::formats::word2vec;
use embed_core::{Run, SeededRng, Sequences, Vocab};
use seqemb::{Architecture, Params, Preparation, Training, Window};

fn main() -> Result<(), Box<dyn Error>> {
    let mut params = Params { epochs: 1, preparation: Preparation::NONE, ..Params::default() };
    let (mut threads, mut seed, mut file, mut out) = (2, 1, None, None);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            None => file = Some(argument),
            Some(("dim", value)) => params.dim = value.parse()?,
            Some(("negatives", value)) => params.negatives = value.parse()?,
            Some(("window", value)) => {
                params.window = Window::Sliding { size: value.parse()?, dynamic: true }
            }
            Some(("epochs", value)) => params.epochs = value.parse()?,
            Some(("threads", value)) => threads = value.parse()?,
            Some(("seed", value)) => seed = value.parse()?,
            Some(("rate", value)) => params.rate = value.parse()?,
            Some(("out", value)) => out = Some(value.to_owned()),
            Some(("arch", "sg")) => params.architecture = Architecture::SkipGram,
            Some(("arch", "cbow")) => {
                params.architecture = Architecture::Cbow;
                params.rate = 0.05;
            }
            Some((name, _)) => return Err(format!("no setting {name}").into()),
        }
    }
    let (corpus, keys) = match file {
        Some(file) => read(&std::fs::read_to_string(file)?)?,
        None => read(&random(2000, 20, 5000))?,
    };
    let start = Instant::now();
    let mut training = Training::new(&params, &corpus, keys, seed)?;
    let passes = Instant::now();
    while training.epoch(&corpus, &mut Run::seeded(seed).threads(threads))? {}
    let passes = passes.elapsed().as_secs_f64();
    let items = training.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    let rate = |n: u64| n as f64 / seconds;
    println!(
        r#"{{"dim": {}, "negatives": {}, "threads": {threads}, "tokens": {}, "seconds": {seconds:.3}, "training_seconds": {passes:.3}, "tokens_per_s": {:.0}, "pairs_per_s": {:.0}, "loss": {:.4}}}"#,
        params.dim,
        params.negatives,
        corpus.n_tokens(),
        rate(items.report.items()),
        rate(items.report.pairs()),
        items.report.final_loss()
    );
    if let Some(out) = out {
        word2vec::write_text(out, &items.input)?;
    }
    Ok(())
}

fn read(text: &str) -> Result<(Sequences, Vocab), Box<dyn Error>> {
    let mut keys = Vocab::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        let row: Result<Vec<u32>, _> = line.split_whitespace().map(|key| keys.intern(key)).collect();
        rows.push(row?);
    }
    Ok((Sequences::from_rows(keys.len(), rows)?, keys))
}

/// Sequences with a long tail, as text.
fn random(sequences: u32, length: u32, n_items: u32) -> String {
    let mut rng = SeededRng::new(1);
    let mut text = String::new();
    for _ in 0..sequences {
        for _ in 0..length {
            let item = (0..3).map(|_| rng.below(n_items)).min().unwrap_or_default();
            text.push_str(&format!("{item} "));
        }
        text.push('\n');
    }
    text
}
