//! What is left of an index file when the process is killed while it saves: the old one or the new one, whole.
//!
//! The test runs this very program again as a child that saves in a loop until it is killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use ann::{Changed, IndexSpec};
use embed_core::testkit::clustered;
use embed_core::{AnnIndex, AnnIndexMut, Metric, Run, SeededRng};

const TARGET: &str = "ANN_TEST_TARGET";
const SPECS: [&str; 3] = ["HNSW8,SQ8", "IVF16,PQ4x4fs,Refine(Flat)", "RPForest8"];

/// Some hundred kilobytes, of another family and other vectors for each
/// turn; all but the first with changes.
fn index(turn: usize) -> Changed {
    let spec: IndexSpec = SPECS[turn % SPECS.len()].parse().unwrap();
    let vectors = clustered(2500, 8, 9, turn as u64);
    let mut index = Changed::from(spec.build(&vectors, Metric::L2, &mut Run::seeded(1)).unwrap());
    if turn > 0 {
        index.add_batch(vectors.view()).unwrap();
        (0..800).for_each(|id| assert!(index.remove(3 * id).unwrap()));
    }
    index
}

#[test]
#[ignore = "the child of the test below"]
fn child_that_saves_for_ever() {
    let Some(target) = env::var_os(TARGET).map(PathBuf::from) else { return };
    let indexes: Vec<Changed> = (0..SPECS.len()).map(index).collect();
    for index in indexes.iter().cycle() {
        index.save(&target).unwrap();
    }
}

#[test]
fn a_killed_process_leaves_a_whole_index() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("index.nf");
    let files: Vec<Vec<u8>> = (0..SPECS.len()).map(|turn| index(turn).to_bytes().unwrap()).collect();
    index(0).save(&target).unwrap();
    // A reader that has the old file open goes on with it, whatever happens to the name.
    let reader = Changed::open(&target).unwrap();
    let mut rng = SeededRng::stream(1, "when to kill", 0);
    for round in 0..5 {
        let before = fs::metadata(&target).unwrap().modified().unwrap();
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_saves_for_ever", "--ignored"])
            .env(TARGET, &target)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let patience = Instant::now();
        while fs::metadata(&target).unwrap().modified().unwrap() == before {
            assert!(patience.elapsed() < Duration::from_secs(60), "the child saves nothing");
            assert!(process.try_wait().unwrap().is_none(), "the child ended");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(rng.below(20_000).into()));
        process.kill().unwrap();
        process.wait().unwrap();
        Changed::open_verified(&target).unwrap();
        assert!(files.contains(&fs::read(&target).unwrap()), "round {round}: a mixture");
        assert_eq!((reader.len(), reader.to_bytes().unwrap() == files[0]), (2500, true));
        reader.verify().unwrap();
    }
}
