//! `nearfield train`, and the options of learning from sequences.

use serde_json::Value;

use crate::support::{FILES, Place, same, two_tastes};

/// Two new items beside those of a taste, a new user, and an item that is alone.
fn later() -> String {
    let mut csv = "user,item,time\n".to_owned();
    for (at, item) in
        ["tea-01", "tea-new", "tea-02", "tea-newer", "tea-03"].iter().cycle().take(60).enumerate()
    {
        csv += &format!("v{},{item},{}\n", at / 5, 100_000 + at);
    }
    csv + "u00,tea-new,200000\nlonely,only-me,3\n"
}

#[test]
fn a_saved_run_goes_on_with_new_items_and_keeps_the_old() {
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("later.csv", later());
    place.json("run --train log.csv --dim 8 --epochs 20 --out old");
    let object = place.json("train --model old --train later.csv --epochs 20 --rate 0.05 --out new");
    for (key, value) in [("n_items", 42), ("n_new_items", 2), ("n_lonely_items", 1), ("epochs_done", 20)] {
        assert_eq!(object[key], value, "{key}");
    }
    // An old item that did not come again has its vector still.
    let neighbours = |of: &str| -> Vec<String> {
        let words = format!("neighbors --vectors {of}/items.safetensors tin-05 -k 5");
        let found = place.json(&words);
        let list = found["results"][0]["neighbors"].as_array().unwrap();
        list.iter().map(|item| item["key"].to_string()).collect()
    };
    assert_eq!(neighbours("old"), neighbours("new"));
    // A new item goes with its kind, and old users are known with what is new of them.
    let found = place.json("recommend --model new --item tea-new -k 3");
    for item in found["items"].as_array().unwrap() {
        assert!(item["key"].as_str().unwrap().starts_with("tea"), "{found}");
    }
    place.json("recommend --model new --user u33");
    place.json("recommend --model new --user v2");
    // The command of run.json repeats it, and it can be gone on from.
    let saved: Value = serde_json::from_slice(&place.bytes("new/run.json")).unwrap();
    // Nothing is held out of a new log, so nothing is measured.
    let files: Vec<&str> = FILES.into_iter().filter(|&name| name != "evaluation.nf").collect();
    let before: Vec<Vec<u8>> = files.iter().map(|name| place.bytes(&format!("new/{name}"))).collect();
    place.json(saved["command"].as_str().unwrap().strip_prefix("nearfield ").unwrap());
    for (name, bytes) in files.iter().zip(before) {
        assert!(place.bytes(&format!("new/{name}")) == bytes, "{name} differs");
    }
    place.json("train --model new --train later.csv --epochs 1 --out newer");
}

#[test]
fn what_cannot_be_gone_on_from_is_said() {
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("one.csv", "user,item\na,b\n");
    place.json("run --train log.csv --dim 8 --epochs 1 --out old");
    for (words, says) in [
        ("train --model nothing --train log.csv --out new", "is not the folder of a run"),
        ("train --model old --train one.csv --out new", "nothing to learn from"),
        ("train --model old --train missing.csv --out new", "missing.csv"),
    ] {
        let answer = place.call(words);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stderr.contains(says), "{answer:?}");
    }
    assert!(!place.path("new").join("run.json").exists());
}

#[test]
fn every_option_of_sequences_stands_in_run_json_and_learns() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    for (options, setting, value) in [
        ("--architecture cbow --rate 0.3", "architecture", "\"Cbow\""),
        ("--window 3", "window", "{\"Sliding\":{\"dynamic\":true,\"size\":3}}"),
        ("--subsample 0.01", "subsample", "{\"Code\":0.01}"),
        ("--sampler uniform", "exclude", "\"Context\""),
        ("--sampler mixed", "exclude", "\"Context\""),
        ("--sampler hard", "exclude", "\"Sequence\""),
    ] {
        let object = place.json(&format!("run --train log.csv --dim 8 --epochs 20 -k 5 {options} --out out"));
        let recall = |of: &str| object[of]["recall@5"].as_f64().unwrap();
        assert!(recall("metrics") > recall("baseline"), "{options}: {object}");
        let saved: Value = serde_json::from_slice(&place.bytes("out/run.json")).unwrap();
        assert_eq!(saved["settings"]["params"][setting].to_string(), value, "{options}");
        assert!(saved["command"].as_str().unwrap().contains(options.split(" --").next().unwrap()), "{saved}");
    }
}

#[test]
fn a_checkpoint_is_gone_on_from() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let run = |more: &str| place.json(&format!("run --train log.csv --dim 8 --epochs 6 {more}"));
    run("--out whole");
    run("--out kept --checkpoint state.nf");
    same(&place.path("whole"), &place.path("kept"), &FILES);
    // All passes are done: it only has to be taken up, and gives the same.
    run("--out again --checkpoint state.nf");
    same(&place.path("whole"), &place.path("again"), &FILES);
    let answer = place.call("run --train log.csv --dim 8 --epochs 7 --out other --checkpoint state.nf");
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stderr.contains("the checkpoint is of a training with other settings"), "{answer:?}");
}
