//! Public data sets read as their README files count them. Needs `NEARFIELD_DATA`.

#![allow(clippy::print_stdout, reason = "the time of a read is for the eye")]

use std::sync::Arc;
use std::time::Instant;

use embed_core::testkit::real_data;
use embed_core::{SequenceSource, Vocab};
use interactions::{FileSequences, Format, Log, ReadOptions, Split, is_prefix_file, read_prefixes};

#[test]
fn gowalla() {
    let Some(folder) = real_data("gowalla") else { return };
    let start = Instant::now();
    let (train, test) = (folder.join("train.txt.gz"), folder.join("test.txt"));
    let [(train, report), (test, _)] = Log::read_train_test(train, test, &ReadOptions::default()).unwrap();
    println!("gowalla: {:?}", start.elapsed());
    assert_eq!((train.n_users(), train.n_items()), (29_858, 40_981));
    assert_eq!((train.len(), test.len(), report.rows), (810_128, 217_242, 810_128));
    assert!(report.gzip && Arc::ptr_eq(train.item_keys(), test.item_keys()));
    assert_eq!(train.k_core(1).1.interactions, 0);
    let (core, _) = train.k_core(10);
    assert!(core.user_counts().iter().chain(&core.item_counts()).all(|&count| count >= 10));

    let path = folder.join("train.txt.gz");
    let (sequences, counts, _) = FileSequences::scan(path, &ReadOptions::default()).unwrap();
    assert_eq!(sequences.size_hint(), Some((29_858, 810_128)));
    assert_eq!(counts.iter().sum::<u64>(), 810_128);
}

#[test]
fn movielens() {
    let Some(folder) = real_data("ml-100k") else { return };
    let (log, _) = Log::read(folder.join("ml-100k.inter.gz"), &ReadOptions::default()).unwrap();
    assert_eq!((log.n_users(), log.n_items(), log.len()), (943, 1_682, 100_000));
    assert!(
        log.times().is_some() && log.weights().is_some_and(|w| w.iter().all(|w| (1.0..=5.0).contains(w)))
    );
    let (train, test) = Split::Time(0.2).apply(&log, 0).unwrap();
    assert!(
        test.len().abs_diff(20_000) < 50
            && train.times().unwrap().iter().max() < test.times().unwrap().iter().min()
    );

    let path = real_data("ml-1m").unwrap().join("ratings_chronological.tsv.gz");
    let hint = Log::read(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(hint.contains("read the file without a header"), "{hint}");
    let columns = "user=0,item=1,weight=2".parse().unwrap();
    let options = ReadOptions { header: false, columns, ..ReadOptions::default() };
    let start = Instant::now();
    let (log, _) = Log::read(path, &options).unwrap();
    println!("ml-1m: {:?}", start.elapsed());
    assert_eq!((log.n_users(), log.n_items(), log.len()), (6_040, 3_706, 1_000_209));
    assert_eq!(Split::LastOut.apply(&log, 0).unwrap().1.len(), 6_040);
}

#[test]
fn diginetica() {
    let Some(folder) = real_data("diginetica") else { return };
    let options = ReadOptions { format: Format::Sessions, ..ReadOptions::default() };
    let path = folder.join("train_sessions.txt.gz");
    let (log, _) = Log::read(&path, &options).unwrap();
    assert_eq!((log.n_users(), log.len()), (186_670, 906_140));
    let items = Vocab::clone(log.item_keys());
    let tests = folder.join("test_prefixes.txt");
    assert!(is_prefix_file(&tests, &options).unwrap() && !is_prefix_file(&path, &options).unwrap());
    let (tasks, _) = read_prefixes(tests, &options, items).unwrap();
    assert_eq!((tasks.len(), tasks.item_keys().len()), (60_858, 43_097));
}
