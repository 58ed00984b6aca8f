//! Training from files larger than memory: a file read anew in each pass teaches what the same log in memory teaches.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fmt::Write;

use nearfield::embed_core::{Flow, Progress};
use nearfield::interactions::{FileSequences, ReadOptions};
use nearfield::prelude::*;
use nearfield::seqemb::{Architecture, Params, Preparation, Window};

#[path = "../examples/planted/mod.rs"]
mod planted;

#[test]
fn a_file_teaches_what_the_log_in_memory_does() {
    let log = planted::log(300, 120, 6, 7).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut lines, mut rows) = (String::new(), "user,item\n".to_owned());
    for (user, history) in log.histories().rows().enumerate() {
        if history.is_empty() {
            continue;
        }
        write!(lines, "u{user}").unwrap();
        for &item in history {
            let key = log.item_keys().key(item).unwrap();
            write!(lines, " {key}").unwrap();
            writeln!(rows, "u{user},{key}").unwrap();
        }
        lines.push('\n');
    }
    let files = [folder.path().join("log.txt"), folder.path().join("log.csv")];
    std::fs::write(&files[0], &lines).unwrap();
    std::fs::write(&files[1], &rows).unwrap();
    let (sequences, keys) = {
        let (log, _) = Log::read(&files[0], &ReadOptions::default()).unwrap();
        (log.sequences(), log.item_keys().clone())
    };
    let window = Window::Sliding { size: 3, dynamic: true };
    for architecture in [Architecture::SkipGram, Architecture::Cbow] {
        let preparation = Preparation { min_count: 2, ..Preparation::default() };
        let params = Params { dim: 8, epochs: 4, window, architecture, preparation, ..Params::default() };
        let in_memory = SkipGram::fit(&params, &sequences, keys.clone(), &mut Run::seeded(1)).unwrap();
        for path in &files {
            let (source, ..) = FileSequences::scan(path, &ReadOptions::default()).unwrap();
            let vocab = source.item_keys().clone();
            let streamed = SkipGram::fit(&params, &source, vocab, &mut Run::seeded(1)).unwrap();
            assert!(streamed == in_memory, "{}, {architecture:?}", path.display());
        }
    }
    // A file that is cut short between two passes ends the training with an error that names it.
    let (source, ..) = FileSequences::scan(&files[0], &ReadOptions::default()).unwrap();
    let mut cut = |_: &Progress<'_>| {
        std::fs::write(&files[0], "").unwrap();
        Flow::Continue
    };
    let params = Params { dim: 128, negatives: 200, epochs: 30, ..Params::default() };
    let vocab = source.item_keys().clone();
    let error = SkipGram::fit(&params, &source, vocab, &mut Run::seeded(1).observed(&mut cut)).unwrap_err();
    assert!(std::error::Error::source(&error).is_some() || error.to_string().contains("log.txt"), "{error}");
}
