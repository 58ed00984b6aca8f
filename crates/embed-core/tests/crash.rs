//! What is left of a file when saving does not come to its end: the old one, whole.
//!
//! The tests run this very program again as a child that saves in a loop and is killed, or that may not write
//! beyond a limit.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use embed_core::store::StoreError;
use embed_core::{Embeddings, SeededRng, Vocab};
use ndarray::Array2;

const TARGET: &str = "EMBED_CORE_TEST_TARGET";

/// Some hundred kilobytes whose values all are `value`, so that a mixture of two versions would show.
fn filled(value: f32) -> Embeddings {
    let keys = Vocab::from_keys((0..2000).map(|i| i.to_string())).unwrap();
    Embeddings::new(keys, Array2::from_elem((2000, 64), value)).unwrap()
}

/// This program, running only `test`, which is ignored otherwise.
fn child(test: &str, target: &Path, limit: &str) -> Command {
    let mut command = Command::new("sh");
    let program = env::current_exe().unwrap();
    let script = format!("{limit} exec \"$0\" --exact {test} --ignored --nocapture");
    command.arg("-c").arg(script).arg(program).env(TARGET, target);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Nothing when a child was not run by its test.
fn target() -> Option<PathBuf> {
    env::var_os(TARGET).map(PathBuf::from)
}

fn other_files(target: &Path) -> Vec<String> {
    fs::read_dir(target.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path() != target)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
#[ignore = "the child of the test below"]
fn child_that_saves_for_ever() {
    let Some(target) = target() else { return };
    for value in [1.0, 2.0].into_iter().cycle() {
        filled(value).save(&target).unwrap();
    }
}

#[test]
fn a_killed_process_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("items.nf");
    filled(0.0).save(&target).unwrap();
    let mut rng = SeededRng::stream(1, "when to kill", 0);
    for round in 0..6 {
        let before = fs::metadata(&target).unwrap().modified().unwrap();
        let mut process = child("child_that_saves_for_ever", &target, "").spawn().unwrap();
        let patience = Instant::now();
        while fs::metadata(&target).unwrap().modified().unwrap() == before {
            assert!(patience.elapsed() < Duration::from_secs(30), "the child saves nothing");
            assert!(process.try_wait().unwrap().is_none(), "the child ended");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(rng.below(20_000).into()));
        process.kill().unwrap();
        process.wait().unwrap();

        let items = Embeddings::open(&target).unwrap();
        let first = items.as_slice()[0];
        assert_eq!(items, filled(first), "round {round}");
        let left = other_files(&target);
        assert!(left.len() <= round + 1 && left.iter().all(|name| name.ends_with(".nf.tmp")), "{left:?}");
    }
}

#[test]
#[ignore = "the child of the test below"]
fn child_that_runs_out_of_room() {
    let Some(target) = target() else { return };
    let error = filled(1.0).save(target).unwrap_err();
    assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error:?}");
}

#[test]
fn without_room_the_old_file_stays_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("items.nf");
    filled(0.0).save(&target).unwrap();
    // A limit on the length of files, with its signal ignored, makes a write fail as a full disk does.
    let status =
        child("child_that_runs_out_of_room", &target, "trap '' XFSZ; ulimit -f 64;").status().unwrap();
    assert!(status.success(), "the child did not get the error: {status}");
    assert_eq!(Embeddings::open(&target).unwrap(), filled(0.0));
    assert_eq!(other_files(&target), [""; 0]);
}
