use crate::support::{Place, two_tastes};

const LOGS: &str = "--train train.csv --test test.csv";

/// Three users over items a to e.
fn place() -> Place {
    let place = Place::new();
    place
        .write("train.csv", "user,item\nu,a\nu,b\nv,c\nw,a\nw,c\n")
        .write("test.csv", "user,item\nu,c\nv,d\nw,b\nw,e\n")
        .write("v.txt", "4 2\na 1 0\nb 0.9 0.1\nc 0.5 0.5\nd 0 1\n");
    place
}

#[test]
fn vectors_from_anywhere() {
    let place = place();
    let answer = place.call(&format!("eval --vectors v.txt {LOGS} -k 1,2 --json"));
    assert_eq!(answer.code, Some(0), "{answer:?}");
    // By cosine u (between a and b) gets c; v (c) gets b, which is no hit, then d or a; w (a and c) gets b.
    let object = answer.object();
    assert_eq!(object["metrics"]["hr@1"], 2.0 / 3.0, "{object}");
    assert_eq!(object["metrics"]["recall@1"].as_f64().unwrap(), (1.0 + 0.0 + 0.5) / 3.0);
    assert_eq!((object["n_unknown_items"].as_u64(), object["n_unreachable"].as_u64()), (Some(1), Some(1)));
    assert!(answer.stderr.contains("1 item of the logs (\"e\")"), "{answer:?}");
    assert!(object["intervals"]["hr@1"][0].as_f64().unwrap() <= 2.0 / 3.0);
    assert!(object["beyond"]["verdict"].is_string() && object["baseline"]["hr@1"].is_number(), "{object}");
    let table = place.call(&format!("eval --vectors v.txt {LOGS} -k 1,2")).stdout;
    assert!(table.contains("recall@2") && table.contains("popularity"), "{table}");

    // The same numbers in other clothes: binary, npy with keys, safetensors of a run.
    let npy = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }";
    let mut bytes = npy.to_vec();
    bytes.resize(127, b' ');
    bytes.push(b'\n');
    let mut binary = b"4 2\n".to_vec();
    for (key, row) in [("a", [1.0f32, 0.0]), ("b", [0.9, 0.1]), ("c", [0.5, 0.5]), ("d", [0.0, 1.0])] {
        binary.extend_from_slice(format!("{key} ").as_bytes());
        for x in row {
            bytes.extend_from_slice(&x.to_le_bytes());
            binary.extend_from_slice(&x.to_le_bytes());
        }
        binary.push(b'\n');
    }
    place.write("v.npy", &bytes).write("v.bin", binary).write("keys.txt", "a\nb\nc\nd\n");
    for vectors in ["v.bin", "v.npy --keys keys.txt"] {
        let other = place.json(&format!("eval --vectors {vectors} {LOGS} -k 1,2"));
        assert_eq!(other["metrics"], object["metrics"], "{vectors}");
    }
    // Vectors of users instead of means of histories.
    place.write("users.txt", "2 2\nu 0.5 0.5\nw 0.9 0.1\n");
    let answer = place.call(&format!("eval --vectors v.txt --users users.txt {LOGS} -k 1 --json"));
    assert_eq!(answer.object()["metrics"]["hr@1"], 2.0 / 3.0, "{answer:?}");
    assert!(answer.stderr.contains("no vector of 1 test user (\"v\")"), "{answer:?}");
}

#[test]
fn a_run_measured_again_is_the_run() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let split: Vec<String> = two_tastes().lines().skip(1).map(str::to_owned).collect();
    let (mut train, mut test) = ("user,item,time\n".to_owned(), "user,item,time\n".to_owned());
    for (i, line) in split.iter().enumerate() {
        let part = if i % 8 == 7 { &mut test } else { &mut train };
        part.push_str(line);
        part.push('\n');
    }
    place.write("train.csv", train).write("test.csv", test);
    let run = place.json("run --train train.csv --test test.csv --dim 8 --epochs 4 --out run");
    let words = "eval --vectors run/items.safetensors --against output --metric ip --out again";
    let again = place.json(&format!("{words} {LOGS}"));
    assert_eq!(again["metrics"], run["metrics"]);
    assert_eq!(again["baseline"], run["baseline"]);
    let same = place.json("compare run again");
    assert_eq!((same["n_users"].as_u64(), same["n_users_a"].as_u64()), (Some(60), Some(60)));
    for figure in same["figures"].as_array().unwrap() {
        assert_eq!(
            (figure["difference"].as_f64(), figure["alike"].as_u64()),
            (Some(0.0), Some(60)),
            "{figure}"
        );
        assert_eq!(figure["significant"], false);
    }
    let page = place.json("report --runs run again --out both.html");
    assert!(page["sections"].as_array().unwrap().iter().any(|section| section == "quality"), "{page}");
}

#[test]
fn lists_from_anywhere() {
    let place = place();
    place
        .write("lists.txt", "u c d\nw b d\nx a\n")
        .write("lists.csv", "user,item,score\nu,d,0.1\nu,c,0.7\nw,d,-2\nw,b,1e3\nx,a,0\n");
    for (file, new) in [("lists.txt", 1), ("lists.csv", 1)] {
        let answer = place.call(&format!("eval --recommendations {file} {LOGS} -k 1,2 --json"));
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let object = answer.object();
        // u finds c, v has no list, w finds one of two.
        assert_eq!(object["metrics"]["recall@1"], (1.0 + 0.0 + 0.5) / 3.0, "{file}: {object}");
        assert_eq!(object["metrics"]["hr@2"], 2.0 / 3.0);
        for part in [
            "1 list of users who are not in the test left out: \"x\"",
            "1 test user without a list count as misses: \"v\"",
        ] {
            assert!(answer.stderr.contains(part), "{file}: {part}: {answer:?}");
        }
        assert_eq!(object["n_test_users"], 2 + new);
    }
    let alone = place.json("eval --recommendations lists.txt --test test.csv -k 1");
    assert!(alone["baseline"].is_null() && alone["metrics"]["hr@1"].is_number());
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let place = place();
    place
        .write("twice.txt", "u c d c\n")
        .write("nan.csv", "user,item,score\nu,c,NaN\n")
        .write("others.txt", "x a b\n")
        .write("strange.txt", "1 2\nzebra 1 0\n")
        .write("nan.txt", "2 2\na 1 nan\nb 0 1\n")
        .write("wide.txt", "1 3\nu 1 2 3\n")
        .write("keys.txt", "a\nb\n");
    for (words, code, parts) in [
        ("--recommendations twice.txt", 1, &["twice.txt", "\"u\"", "\"c\"", "ranks 1 and 3"][..]),
        ("--recommendations nan.csv", 1, &["nan.csv", "line 2", "NaN"]),
        ("--recommendations others.txt", 1, &["others.txt", "none of the users"]),
        ("--vectors strange.txt", 1, &["strange.txt", "none of the items"]),
        ("--vectors nan.txt", 1, &["nan.txt"]),
        ("--vectors v.txt --users wide.txt", 1, &["wide.txt", "3 components", "of 2"]),
        ("--vectors v.txt --keys keys.txt", 1, &["keys.txt", "2 keys for 4 vectors"]),
        ("--vectors v.txt --recommendations twice.txt", 2, &["cannot be used with"]),
        ("", 2, &["--vectors"]),
    ] {
        let answer = place.call(&format!("eval {words} {LOGS}"));
        assert_eq!(answer.code, Some(code), "{words}: {answer:?}");
        for part in parts {
            assert!(answer.stderr.contains(part), "{words}: {part}: {answer:?}");
        }
    }
    let answer = place.call("eval --vectors v.txt --test test.csv");
    assert!(answer.code == Some(2) && answer.stderr.contains("--train"), "{answer:?}");
}

#[test]
fn runs_are_compared_user_by_user() {
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("other.csv", two_tastes().replace("u0", "x0"));
    let run = |file: &str, more: &str| place.json(&format!("run --train {file} --dim 8 --seed 5 {more}"));
    run("log.csv", "--epochs 30 --out good");
    run("log.csv", "--epochs 1 --rate 0.0001 --out bad");
    run("other.csv", "--epochs 1 --out other");
    let found = place.json("compare good bad");
    let recall = found["figures"].as_array().unwrap().iter().find(|f| f["figure"] == "recall@20").unwrap();
    assert!(recall["difference"].as_f64().unwrap() > 0.0, "{recall}");
    assert!(recall["low"].as_f64() <= recall["difference"].as_f64(), "{recall}");
    let counts = ["a_better", "alike", "b_better"].map(|name| recall[name].as_u64().unwrap());
    assert_eq!(counts.iter().sum::<u64>(), 60);
    let table = place.call("compare good bad").stdout;
    assert!(table.contains("recall@20") && table.contains("60 shared test users"), "{table}");
    // Ten users have the same name in the other log.
    let part = place.call("compare good other");
    assert!(part.stderr.contains("left out"), "{part:?}");
    for (words, message) in
        [("compare good .", "not the folder of a run"), ("compare good missing", "missing")]
    {
        let answer = place.call(words);
        assert!(answer.code == Some(1) && answer.stderr.contains(message), "{words}: {answer:?}");
    }
    std::fs::remove_file(place.path("bad/evaluation.nf")).unwrap();
    let answer = place.call("compare good bad");
    assert!(answer.code == Some(1) && answer.stderr.contains("no figures of single users"), "{answer:?}");
}

#[test]
fn next_items_of_sessions() {
    let place = Place::new();
    place
        .write("train.txt", "a b\na b c\nc d\n")
        .write("test.txt", "a\tb\na b\tb\nc\td\nd\te\n")
        .write("v.txt", "4 2\na 1 0\nb 0.9 0.1\nc 0.1 0.9\nd 0 1\n");
    let call = "eval --train train.txt --test test.txt --format sessions -k 1,2";
    // What was seen may come again: a finds itself before b, a b itself, c itself before d; of e nothing is known.
    let seen = place.json(&format!("{call} --vectors v.txt"));
    assert_eq!((seen["n_test"].as_u64(), seen["n_test_users"].as_u64()), (Some(4), Some(4)), "{seen}");
    assert_eq!((seen["metrics"]["hr@1"].as_f64(), seen["metrics"]["hr@2"].as_f64()), (Some(0.0), Some(0.75)));
    let masked = place.json(&format!("{call} --vectors v.txt --keep-seen=false"));
    // The repeat of the second task cannot be found then.
    assert_eq!(masked["metrics"]["hr@1"].as_f64(), Some(0.5), "{masked}");
    // Lists are for tasks by their number.
    place.write("lists.txt", "1 b a\n2 b\n3 a d\n");
    let lists = place.json(&format!("{call} --recommendations lists.txt"));
    assert_eq!(
        (lists["metrics"]["hr@1"].as_f64(), lists["metrics"]["hr@2"].as_f64()),
        (Some(0.5), Some(0.75))
    );
    let answer = place.call("eval --vectors v.txt --train train.txt --test train.txt --format sessions");
    assert!(
        answer.code == Some(1) && answer.stderr.contains("train.txt: a test file for sessions"),
        "{answer:?}"
    );
}
