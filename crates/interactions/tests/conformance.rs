//! Sequences from files and logs against the suite of their trait.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::sync::Arc;

use embed_core::testkit::{SequenceSuite, sequence_source};
use embed_core::{Sequences, Vocab};
use interactions::{BadRows, FileSequences, Format, Log, ReadOptions};

/// Sixty users with one to four items of nine.
fn rows() -> Vec<Vec<u32>> {
    (0..60u32).map(|user| (0..=user % 4).map(|at| (user * user + 5 * at) % 9).collect()).collect()
}

/// Keys whose ids are not in the order of their first rows.
fn keys() -> Arc<Vocab> {
    Arc::new(Vocab::from_keys((0..9).map(|item| format!("item{item}"))).unwrap())
}

fn lines(with_user: bool) -> String {
    let line = |(user, items): (usize, &Vec<u32>)| {
        let user = with_user.then(|| format!("u{user}"));
        user.into_iter().chain(items.iter().map(|item| format!("item{item}"))).collect::<Vec<_>>().join(" ")
            + "\n"
    };
    rows().iter().enumerate().map(line).collect()
}

fn table(separator: char) -> String {
    let row = |(user, items): (usize, &Vec<u32>)| {
        items.iter().map(|item| format!("u{user}{separator}item{item}\n")).collect::<String>()
    };
    format!("user{separator}item\n") + &rows().iter().enumerate().map(row).collect::<String>()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

fn test(name: &str, bytes: &[u8], options: &ReadOptions, items: Arc<Vocab>, expected: &Sequences) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let open = || FileSequences::open(&path, options, items.clone()).unwrap();
    sequence_source(|| Box::new(open()), &SequenceSuite::new(name).holding(expected));
    // Ids in the order of first rows, and a size that is known.
    let scan = || FileSequences::scan(&path, options).unwrap().0;
    sequence_source(|| Box::new(scan()), &SequenceSuite::new(name));
}

#[test]
fn sequences_of_a_file() {
    let expected = Sequences::from_rows(9, rows()).unwrap();
    let sessions = ReadOptions { format: Format::Sessions, ..ReadOptions::default() };
    for (name, text, options) in [
        ("users.txt", lines(true), &ReadOptions::default()),
        ("sessions.txt", lines(false), &sessions),
        ("log.csv", table(','), &ReadOptions::default()),
        ("log.tsv", table('\t'), &ReadOptions::default()),
    ] {
        test(name, text.as_bytes(), options, keys(), &expected);
        test(&format!("{name}.gz"), &gzip(&text), options, keys(), &expected);
    }
}

/// A table of other items is read, and shows nothing.
#[test]
fn a_file_without_sequences() {
    let skip = ReadOptions { bad_rows: BadRows::SkipAndCount, ..ReadOptions::default() };
    let others = Arc::new(Vocab::from_keys(["tent", "stove"]).unwrap());
    test("log.csv", table(',').as_bytes(), &skip, others, &Sequences::new(2));
}

/// Of a session line with an unknown item nothing is kept; of a table, what is known.
#[test]
fn bad_rows_are_skipped_whenever_the_file_is_read() {
    let few = Arc::new(Vocab::from_keys(["b", "a"]).unwrap());
    let skip = ReadOptions { bad_rows: BadRows::SkipAndCount, ..ReadOptions::default() };
    let of_lines = Sequences::from_rows(2, [&[1, 0][..], &[0]]).unwrap();
    test("x.txt", b"u a b\nv\nw c a\nu b\n", &skip, few.clone(), &of_lines);
    let of_rows = Sequences::from_rows(2, [&[1, 0][..], &[1]]).unwrap();
    test("x.csv", b"user,item\nu,a\nu,b\nv,c\nw,c\nw,a\n", &skip, few, &of_rows);
}

#[test]
fn sequences_of_a_log() {
    let (log, _) = Log::read_from(table(',').as_bytes(), "log.csv", &ReadOptions::default()).unwrap();
    let expected = log.sequences();
    assert_eq!(expected.len(), 60);
    sequence_source(|| Box::new(log.sequences()), &SequenceSuite::new("Log::sequences").holding(&expected));
}
