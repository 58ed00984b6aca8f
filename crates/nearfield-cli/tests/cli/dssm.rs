use embed_core::formats::read_vectors;

use crate::support::{FILES, Place, same, two_tastes};

/// The items of the two tastes and two that nobody has had, each with its drink and a word in common with all.
fn features() -> String {
    let mut csv = "item,drink,words,year\n".to_owned();
    for taste in ["tea", "tin"] {
        for i in (0..20).chain([99]) {
            csv += &format!("{taste}-{i:02},{taste},thing|{taste} word,{}\n", 1990 + i % 30);
        }
    }
    csv
}

fn users() -> String {
    let rows = (0..60).map(|user| format!("u{user:02},likes {}\n", ["tea", "tin"][user % 2]));
    format!("user,likes\n{}", rows.collect::<String>())
}

const RUN: &str = "run --train log.csv --method dssm --item-features items.csv --user-features users.csv \
                   --feature-types year=number --dim 8 --epochs 12 --seed 5 -k 5";

fn place() -> Place {
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("items.csv", features()).write("users.csv", users());
    place
}

fn of_taste(answer: &serde_json::Value, taste: &str) -> usize {
    let items = answer["items"].as_array().unwrap();
    items.iter().filter(|item| item["key"].as_str().unwrap().starts_with(taste)).count()
}

#[test]
fn users_known_new_and_by_history_get_what_they_like_new_items_too() {
    let place = place();
    let object = place.json(&format!("{RUN} --out out --threads 2"));
    assert_eq!((object["n_items"].as_u64(), object["cancelled"].as_bool()), (Some(42), Some(false)));
    let recall = |of: &str| object[of]["recall@5"].as_f64().unwrap();
    assert!(recall("metrics") > recall("baseline"), "{object}");
    place.json(&format!("{RUN} --out one --threads 1"));
    same(&place.path("out"), &place.path("one"), &FILES);

    for more in ["--user u01", "--history tin-01,tin-02,tin-03"] {
        let answer = place.json(&format!("recommend --model out {more} -k 10"));
        assert!(of_taste(&answer, "tin") >= 8, "{more}: {answer}");
    }
    place.write("new.csv", "user,likes\nzoe,likes tin\nyan,likes what nobody knows\n");
    let answer = place.json("recommend --model out --user zoe --user-features new.csv -k 10");
    assert!(of_taste(&answer, "tin") >= 8, "{answer}");
    let all = place.json("recommend --model out --history tin-01,tin-02,tin-03 -k 18");
    assert!(all.to_string().contains("tin-99"), "a new item is recommended by its content: {all}");
    // A category that training has not seen is the unknown: there is an answer.
    assert_eq!(place.call("recommend --model out --user yan --user-features new.csv").code, Some(0));
}

#[test]
fn vectors_of_both_sides_are_made_and_towers_are_exported() {
    let place = place();
    place.json(&format!("{RUN} --out out"));
    place.json("embed --model out --side item --input items.csv --out again.nf");
    let (items, again) = (
        read_vectors(place.path("out/items.safetensors")).unwrap(),
        read_vectors(place.path("again.nf")).unwrap(),
    );
    assert_eq!(again.len(), 42);
    for key in ["tea-00", "tin-19", "tin-99"] {
        let pairs = items.get(key).unwrap().iter().zip(again.get(key).unwrap());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5), "{key}");
    }
    place
        .write("lines.txt", "zoe tin-01 tin-02\nyan tea-03\n")
        .write("new.csv", "user,likes\nzoe,likes tin\nu01,?\n");
    for input in ["lines.txt", "new.csv"] {
        let object = place.json(&format!("embed --model out --side user --input {input} --out users.nf"));
        assert_eq!((object["rows"].as_u64(), object["dim"].as_u64()), (Some(2), Some(8)), "{input}");
        assert!(read_vectors(place.path("users.nf")).unwrap().get("zoe").is_some());
    }
    place.json("export --model out --out exported");
    for name in ["user.onnx", "item.onnx", "weights.safetensors", "schema.json"] {
        assert!(!place.bytes(&format!("exported/{name}")).is_empty(), "{name}");
    }
    let schema: serde_json::Value = serde_json::from_slice(&place.bytes("exported/schema.json")).unwrap();
    assert_eq!(schema["codes"]["item drink"]["tin"], 2);
}

#[test]
fn what_does_not_fit_is_one_clear_line() {
    let place = place();
    place.json(&format!("{RUN} --out out"));
    place
        .write("short.csv", "item,drink\ntea-00,tea\n")
        .write("nan.csv", "item,drink,words,year\ntea-00,tea,a,NaN\n")
        .write("words.csv", "item,drink,words,year\ntea-00,tea,a,long ago\n")
        .write("bare.csv", "user,age\nzoe,3\n")
        .write("lines.txt", "zoe unheard-of\n");
    let refused = |words: &str, expected: &str| {
        let answer = place.call(words);
        assert!(matches!(answer.code, Some(1 | 2)), "{words}: {answer:?}");
        assert!(answer.stderr.contains(expected), "{words}: {}", answer.stderr);
        assert_eq!(answer.stderr.trim_end().lines().count(), 1, "{}", answer.stderr);
    };
    let embed = "embed --model out --out x.nf --side";
    refused(&format!("{embed} item --input short.csv"), "short.csv: no column words for the feature");
    refused(&format!("{embed} item --input nan.csv"), "nan.csv, line 2, column \"year\": found \"NaN\"");
    refused(
        &format!("{embed} item --input words.csv"),
        "column \"year\": found \"long ago\", expected a finite number",
    );
    refused(&format!("{embed} user --input lines.txt"), "unknown item \"unheard-of\"");
    refused("recommend --model out --user zoe --user-features bare.csv", "no column likes for the feature");
    refused("recommend --model out --user zoe", "unknown user \"zoe\"");
    refused("recommend --model out --history ,", "the history is empty");
    let types = RUN.replace("year=number", "age=number");
    refused(&format!("{types} --out y"), "no file of features has a column \"age\"");
    let number = RUN.replace("year=number", "drink=number");
    refused(
        &format!("{number} --out y"),
        "items.csv, line 2, column \"drink\": found \"tea\", expected a finite number",
    );
    refused(
        "run --train log.csv --item-features items.csv --out y",
        "--item-features is not an option of --method item2vec",
    );
    place.json("run --train log.csv --dim 8 --epochs 1 --out vectors");
    refused("export --model vectors --out z", "method item2vec has no towers to export");
    refused("embed --model vectors --side item --input items.csv --out z.nf", "knows no features");
}

#[test]
fn vectors_of_new_items_are_shorter_if_asked_for_and_their_length_counts() {
    let place = place();
    place.json(&format!("{RUN} --unseen 0.5 --out out"));
    let items = read_vectors(place.path("out/items.safetensors")).unwrap();
    for (key, expected) in [("tea-00", 1.0), ("tin-19", 1.0), ("tin-99", 0.5)] {
        let length = items.get(key).unwrap().iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((length - expected).abs() < 1e-5, "{key}: {length}");
    }
    let all = place.json("recommend --model out --history tin-01,tin-02,tin-03 -k 18");
    let best = all["items"].as_array().unwrap().iter().take(10);
    assert!(best.into_iter().all(|item| item["key"] != "tin-99"), "{all}");
    assert_ne!(place.call(&format!("{RUN} --unseen 1.5 --out none")).code, Some(0));
}
