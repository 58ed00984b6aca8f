use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Answer, Place, two_tastes};

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A run that would take for ever, at work.
fn long_run(place: &Place) -> Child {
    place.write("log.csv", two_tastes());
    let words = "run --train log.csv --dim 16 --epochs 4000000 --json --threads 1 --out out";
    let mut child = place
        .command()
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The folder is claimed after the command listens for Ctrl-C.
    let start = Instant::now();
    while !place.path("out").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the run does not start");
        assert!(child.try_wait().unwrap().is_none(), "the run ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(2));
    child
}

#[test]
fn what_a_stopped_training_has_is_kept() {
    let place = Place::new();
    let child = long_run(&place);
    interrupt(&child);
    let answer = Answer::of(child.wait_with_output().unwrap());
    assert_eq!(answer.code, Some(130), "{answer:?}");
    let object = answer.object();
    assert_eq!(object["cancelled"], true);
    assert!(object["epochs_done"].as_u64().unwrap() < 4_000_000);
    assert_eq!(object["metrics"], serde_json::json!({}));
    assert!(answer.stderr.contains("stopped; what was learned until then is in out"), "{answer:?}");
    let found = place.json("recommend --model out --user u01");
    assert_eq!(found["items"].as_array().unwrap().len(), 10);
    let saved: serde_json::Value = serde_json::from_slice(&place.bytes("out/run.json")).unwrap();
    assert_eq!(saved["cancelled"], true);
}
