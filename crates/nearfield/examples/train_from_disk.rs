//! Trains item vectors from a file that is read anew in each pass, so that it may be larger than memory, and writes them
//! in word2vec's text format.
//!
//! `cargo run --release --example train_from_disk -- [FILE] [OUT]`
//!
//! Without a file, on a planted log written to a temporary folder.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs::File;

use nearfield::embed_core::formats::word2vec;
use nearfield::interactions::{FileSequences, ReadOptions};
use nearfield::prelude::*;
use nearfield::seqemb::Params;

mod planted;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = std::env::temp_dir();
    let mut arguments = std::env::args().skip(1);
    let file = match arguments.next() {
        Some(file) => file.into(),
        None => {
            let path = folder.join("nearfield-planted.csv");
            let log = planted::log(2000, 400, 8, 42).map_err(|error| error.to_string())?;
            log.write_csv(File::create(&path)?)?;
            path
        }
    };
    let out = arguments.next().map_or_else(|| folder.join("nearfield-planted.vec"), Into::into);
    let (sequences, counts, report) = FileSequences::scan(&file, &ReadOptions::default())?;
    println!("{}: {} interactions, {} items", file.display(), report.rows, counts.len());
    let params = Params { epochs: 2, ..Params::default() };
    let keys = sequences.item_keys().clone();
    let items = SkipGram::fit(&params, &sequences, keys, &mut Run::seeded(1))?;
    for (epoch, report) in items.report.epochs.iter().enumerate() {
        println!("pass {epoch}: {} items, loss {:.4}", report.items, report.loss);
    }
    word2vec::write_text(&out, &items.input)?;
    println!("{}", out.display());
    Ok(())
}
