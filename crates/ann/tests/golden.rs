//! Files of every family that were written once and stay readable, with the answers they gave then.
//!
//! Where a format changes, `write_the_files_anew` (ignored) writes them; until a version is released that is all.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use ann::{Index, IndexSpec, Sample, TuneParams};
use embed_core::testkit::clustered;
use embed_core::{AnnIndex, Effort, Metric, Run, SearchRequest, Vocab};

/// Name of the file, family, metric.
const FILES: [(&str, &str, Metric); 11] = [
    ("flat", "Flat", Metric::Cosine),
    ("hnsw", "HNSW4", Metric::L2),
    ("hnsw-ip", "HNSW4", Metric::InnerProduct),
    ("hnsw-sq8", "HNSW4,SQ8", Metric::Cosine),
    ("ivf-flat", "IVF5,Flat", Metric::InnerProduct),
    ("ivf-sq8", "IVF5,SQ8", Metric::L2),
    ("ivf-pq-fast-refine", "IVF5,PQ3x4fs,Refine(Flat)", Metric::L2),
    ("ivf-pq-opq-refine", "OPQ2,IVF3,PQ2x4fs,Refine(SQ8)", Metric::Cosine),
    ("pq", "PQ2x8", Metric::InnerProduct),
    ("sq8", "SQ8", Metric::L2),
    ("forest", "RPForest3", Metric::L2),
];
const ROWS: u32 = 60;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The answers of a file, as text. Ids alone: scores agree to rounding across instruction sets.
fn answers(name: &str, index: &Index) -> String {
    let mut text = String::new();
    for id in [0, 17, ROWS - 1] {
        for effort in [Effort::Value(64), Effort::Recall(0.2)] {
            let found = index.search_by_id(id, &SearchRequest::k(5).effort(effort)).unwrap();
            let keys = index.keys().unwrap().unwrap();
            let named: Vec<&str> = found.iter().filter_map(|n| keys.key(n.id)).collect();
            writeln!(text, "{name} {id}: {}", named.join(" ")).unwrap();
        }
    }
    text
}

#[test]
fn files_stay_readable() {
    let mut text = String::new();
    for (name, spec, metric) in FILES {
        let index = Index::open_verified(folder().join(format!("{name}.nf"))).unwrap();
        assert_eq!((index.spec(), index.metric()), (spec.parse().unwrap(), metric), "{name}");
        assert_eq!((index.len(), index.dim()), (ROWS as usize, 6), "{name}");
        assert_eq!(index.efforts().is_empty(), name == "flat", "{name}");
        assert_eq!(
            index.to_bytes().unwrap(),
            fs::read(folder().join(format!("{name}.nf"))).unwrap(),
            "{name}"
        );
        text += &answers(name, &index);
    }
    assert_eq!(text, fs::read_to_string(folder().join("answers.txt")).unwrap());
}

#[test]
#[ignore = "writes the files of the test above"]
fn write_the_files_anew() {
    let vectors = clustered(ROWS as usize, 6, 6, 3);
    let queries = clustered(10, 6, 6, 4);
    let keys = || Vocab::from_keys((0..ROWS).map(|i| format!("key{i}"))).unwrap();
    fs::create_dir_all(folder()).unwrap();
    let mut text = String::new();
    for (name, spec, metric) in FILES {
        let family: IndexSpec = spec.parse().unwrap();
        let keyed = ann::Vectors::from(&vectors).keyed(keys());
        let mut index = family.build(keyed, metric, &mut Run::seeded(1)).unwrap();
        let sample = Sample::new(queries.view()).against(vectors.view());
        index.tune(sample, &TuneParams { recall: 0.3, k: 5 }, &mut Run::default()).unwrap();
        index.save(folder().join(format!("{name}.nf"))).unwrap();
        text += &answers(name, &index);
    }
    fs::write(folder().join("answers.txt"), text).unwrap();
}
