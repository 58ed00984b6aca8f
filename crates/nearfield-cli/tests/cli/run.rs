use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Answer, FILES, Place, same, two_tastes};

const SMALL: &str = "--dim 8 --epochs 4 --seed 5";

#[test]
fn the_object_has_what_scripts_rely_on() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let object = place.json(&format!("run --train log.csv {SMALL} -k 5,2 --threads 1 --out new/out"));
    for (key, value) in
        [("n_users", 60), ("n_items", 40), ("n_train", 420), ("n_test", 60), ("threads", 1), ("seed", 5)]
    {
        assert_eq!(object[key], value, "{key}");
    }
    for of in ["metrics", "baseline"] {
        for measure in ["recall", "ndcg", "hr", "mrr", "map", "precision", "coverage"] {
            for k in [2, 5] {
                let value = object[of][format!("{measure}@{k}")].as_f64().unwrap();
                assert!((0.0..=1.0).contains(&value), "{of} {measure}@{k}");
            }
        }
    }
    for rate in ["train_seconds", "tokens_per_second", "pairs_per_second"] {
        assert!(object[rate].as_f64().unwrap() > 0.0, "{rate}");
    }
    assert_eq!(object["cancelled"], false);
    let recall = |of: &str| object[of]["recall@5"].as_f64().unwrap();
    assert!(recall("metrics") > recall("baseline"), "{object}");

    let saved: Value = serde_json::from_slice(&place.bytes("new/out/run.json")).unwrap();
    assert_eq!(saved["format"], "nearfield-run");
    assert_eq!(saved["metrics"], object["metrics"]);
    assert_eq!(saved["inputs"][0]["bytes"], two_tastes().len());
    assert_eq!(saved["settings"]["params"]["rate"].to_string(), "0.1");
    // The command of run.json repeats the run.
    let command = saved["command"].as_str().unwrap().to_owned();
    let before: Vec<Vec<u8>> = FILES.iter().map(|name| place.bytes(&format!("new/out/{name}"))).collect();
    place.json(command.strip_prefix("nearfield ").unwrap());
    for (name, bytes) in FILES.iter().zip(before) {
        assert!(place.bytes(&format!("new/out/{name}")) == bytes, "{name} differs");
    }
}

#[test]
fn threads_change_nothing_and_the_seed_does() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let run = |more: &str| place.json(&format!("run --train log.csv --dim 8 --epochs 4 {more}"));
    let one = run("--threads 1 --out one --index HNSW8");
    let two = run("--threads 2 --out two --index HNSW8");
    same(&place.path("one"), &place.path("two"), &FILES);
    assert_eq!((&one["metrics"], &one["loss"]), (&two["metrics"], &two["loss"]));
    assert!(one["index_recall"].as_f64().unwrap() > 0.9);
    run("--threads 2 --out three --index HNSW8 --seed 43");
    assert!(place.bytes("two/items.safetensors") != place.bytes("three/items.safetensors"));
}

#[test]
fn formats_and_splits_meet_in_the_same_line() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let tabs = two_tastes().replace("user,item,time", "who,when,what");
    let swapped: String = tabs
        .lines()
        .map(|line| {
            let f: Vec<&str> = line.split(',').collect();
            if f[0] == "who" { "who;when;what\n".into() } else { format!("{};{};{}\n", f[0], f[2], f[1]) }
        })
        .collect();
    place.write("log.txt", swapped);
    place.json(&format!("run --train log.csv {SMALL} --out csv --k-core 2"));
    place.json(&format!(
        "run --train log.txt --format csv --delimiter ; --columns user=who,item=what,time=when {SMALL} --out other"
    ));
    same(&place.path("csv"), &place.path("other"), &["items.safetensors", "keys.txt"]);

    let ratio = place.json(&format!("run --train log.csv --split ratio:0.25 {SMALL} --out ratio"));
    assert_eq!((ratio["n_train"].as_u64(), ratio["n_test"].as_u64()), (Some(360), Some(120)));
    let time = place.call(&format!("run --train log.csv --split time:0.21 {SMALL} --out time --json"));
    assert_eq!(time.object()["n_cold_users"], 12, "later users are new");
    let (all, warm) = (&time.object()["metrics"]["hr@10"], &time.object()["warm"]);
    let share = warm["n_test_users"].as_f64().unwrap() / time.object()["n_test_users"].as_f64().unwrap();
    // Who has no history is recommended nothing.
    assert!((warm["metrics"]["hr@10"].as_f64().unwrap() * share - all.as_f64().unwrap()).abs() < 1e-9);
    assert!(time.stderr.contains("12 test users without items in training"), "{time:?}");
    let sessions = place.json(&format!("run --train log.csv --session-gap 1m {SMALL} --out gap"));
    assert_eq!(sessions["n_train"], 420);
    let bare = place.write("bare.csv", two_tastes().replace(",time", ",other"));
    let answer = bare.call(&format!("run --train bare.csv {SMALL} --out bare"));
    assert!(answer.stderr.contains("the log has no times"), "{answer:?}");
    let answer = bare.call(&format!("run --train bare.csv --session-gap 1h {SMALL} --out bare"));
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("no times"), "{answer:?}");
}

#[test]
fn given_tests_keep_their_denominators() {
    let place = Place::new();
    place.write("train.txt", "0 1 2 3\n1 2 3 4\n2 1 4\n3\n").write("test.txt", "0 4\n1 9 1\n3 2\n");
    let answer = place.call(&format!("run --train train.txt --test test.txt {SMALL} -k 1,4 --json"));
    let object = answer.object();
    assert_eq!((object["n_items"].as_u64(), object["n_users"].as_u64()), (Some(5), Some(4)));
    assert_eq!((object["n_test"].as_u64(), object["n_test_unseen"].as_u64()), (Some(4), Some(1)));
    // User 0 can find 4, user 1 can find 1 of two, user 3 has no history.
    let recall = object["metrics"]["recall@4"].as_f64().unwrap();
    assert!((recall - (1.0 + 0.5) / 3.0).abs() < 1e-9, "{object}");
    // With what they have masked, 4 and 1 are all that is recommended, of the five items there are.
    assert_eq!(object["metrics"]["coverage@4"], 2.0 / 5.0);
    for part in ["1 test user without items", "beside others"] {
        assert!(answer.stderr.contains(part), "{part}: {answer:?}");
    }
}

#[test]
fn sessions_are_scored_by_the_next_item() {
    let place = Place::new();
    let sessions: String = (0..80).map(|i| ["a b c d\n", "p q r s\n"][i % 2]).collect();
    place.write("train.txt", sessions).write("test.txt", "a b\tc\np\tq\nz\ta\n");
    let object = place.json(&format!("run --train train.txt --test test.txt --format sessions {SMALL} -k 4"));
    assert_eq!((object["n_users"].as_u64(), object["n_test"].as_u64()), (Some(80), Some(3)));
    assert_eq!(object["n_items"], 9);
    assert_eq!(object["metrics"]["hr@4"], 2.0 / 3.0);
    assert!(place.call("recommend --model nearfield-out --item a").stdout.contains('b'));
    let user = place.call("recommend --model nearfield-out --user 1");
    assert!(user.stderr.contains("learned from sessions"), "{user:?}");
    let last = place.json(&format!("run --train train.txt --format sessions {SMALL} -k 4"));
    assert_eq!((last["n_train"].as_u64(), last["n_test"].as_u64()), (Some(240), Some(80)));
    place.write("test.txt", "a b c\n");
    let answer = place.call(&format!("run --train train.txt --test test.txt --format sessions {SMALL}"));
    assert!(answer.stderr.contains("a tab and the item that comes next"), "{answer:?}");
}

#[test]
fn repeats_are_masked_unless_kept() {
    let place = Place::new();
    let log: String =
        (0..30).flat_map(|u| ["a", "b", "a"].map(|i| format!("u{u}\t{i}{}\n", u % 3))).collect();
    place.write("log.tsv", log);
    let masked = place.call(&format!("run --train log.tsv --no-header {SMALL} -k 6 --json"));
    assert_eq!(masked.object()["metrics"]["recall@6"], 0.0);
    assert!(masked.stderr.contains("30 test interactions with an item that the user has"), "{masked:?}");
    let kept = place.json(&format!("run --train log.tsv --no-header {SMALL} -k 6 --keep-seen"));
    assert_eq!(kept["metrics"]["recall@6"], 1.0);
}

#[test]
fn a_pipe_that_closes_is_no_error() {
    let place = Place::new();
    place.write("v.txt", "2 2\na 1 0\nb 0 1\n");
    let mut child = place
        .command()
        .args(["neighbors", "--vectors", "v.txt", "a"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let answer = Answer::of(child.wait_with_output().unwrap());
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(!answer.stderr.contains("panicked"));
}

#[test]
fn gzip_is_unpacked_and_a_cut_one_refused() {
    let place = Place::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(two_tastes().as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    place.write("log.csv.gz", &packed).write("cut.csv.gz", &packed[..packed.len() / 2]);
    assert_eq!(place.json(&format!("run --train log.csv.gz {SMALL}"))["n_users"], 60);
    let cut = place.call(&format!("run --train cut.csv.gz {SMALL} --out cut"));
    assert_eq!((cut.code, cut.stdout.as_str()), (Some(1), ""));
    assert!(cut.stderr.contains("cut.csv.gz") && cut.stderr.contains("gzip"), "{cut:?}");
    assert!(!place.path("cut").exists());
}

#[test]
fn settings_of_the_method_are_taken_and_repeated() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let run = "run --train log.csv --dim 8 --epochs 2 --window 3 --negatives 4 --exponent -0.5 --rate 0.07 --out out";
    let object = place.json(run);
    assert_eq!(object["curve"].as_array().unwrap().len(), 2);
    assert_eq!(object["curve"][1]["loss"], object["loss"]);
    let saved: Value = serde_json::from_slice(&place.bytes("out/run.json")).unwrap();
    let params = &saved["settings"]["params"];
    assert_eq!(params["window"]["Sliding"]["size"], 3);
    assert_eq!((&params["negatives"], &params["exponent"]), (&4.into(), &(-0.5).into()));
    let command = saved["command"].as_str().unwrap();
    assert!(command.contains("--window 3 --negatives 4 --exponent -0.5 --rate 0.07"), "{command}");
}

#[test]
fn a_positive_is_ranked_among_given_candidates() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    // Tea is what u00 has: any tea is above what others drink from. Repeats are asked about once, and what nobody knows is last.
    place.write(
        "near.tsv",
        "u00\ttea-00\ttin-01\ttin-02\ttin-02\ttea-00\tnone\nu01\ttin-00\ttea-01\ttea-02\n",
    );
    place.write("far.tsv", "u00\tnone\ttea-00\ttea-01\n");
    let run = |file: &str| {
        let object =
            place.json(&format!("run --train log.csv --dim 8 --epochs 20 -k 1,3 --candidates {file}"));
        object["candidates"].clone()
    };
    let near = run("near.tsv");
    assert_eq!((near["n_lines"].as_u64(), near["negatives"].as_f64()), (Some(2), Some(2.5)), "{near}");
    assert_eq!((near["at"][0]["k"].as_u64(), near["at"][0]["hr"].as_f64()), (Some(1), Some(1.0)), "{near}");
    assert_eq!(near["at"][1]["ndcg"].as_f64(), Some(1.0), "{near}");
    let far = run("far.tsv");
    // Third of three: 1 / log2(4).
    assert_eq!((far["at"][0]["hr"].as_f64(), far["at"][1]["hr"].as_f64()), (Some(0.0), Some(1.0)), "{far}");
    assert_eq!(far["at"][1]["ndcg"].as_f64(), Some(0.5), "{far}");
    for (text, what) in
        [("u99\ta\tb\n", "line 1: user \"u99\""), ("u00\ttea-00\n", "line 1: a user"), ("", "no lines")]
    {
        place.write("bad.tsv", text);
        let answer = place.call("run --train log.csv --dim 8 --epochs 1 --candidates bad.tsv");
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stderr.contains("bad.tsv") && answer.stderr.contains(what), "{what}: {answer:?}");
    }
}
