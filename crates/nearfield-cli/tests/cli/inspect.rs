use crate::support::Place;

fn place() -> Place {
    let place = Place::new();
    // Two bundles of directions.
    let vector = |i: u32, turn: f64| {
        let angle = turn + f64::from(i) * 0.01;
        format!("{} {} {}", angle.cos(), angle.sin(), f64::from(i % 3) * 0.05)
    };
    let mut text = "40 3\n".to_owned();
    for i in 0..20 {
        text += &format!("north{i} {}\nsouth{i} {}\n", vector(i, 0.0), vector(i, 2.0));
    }
    let labels: String = (0..20).map(|i| format!("north{i}\tn\nsouth{i}\ts\n")).collect();
    place.write("v.txt", text).write("labels.tsv", format!("item\tside\n{labels}east\te\n"));
    place
}

#[test]
fn vectors_are_described() {
    let place = place();
    let answer = place.call("inspect --vectors v.txt --labels labels.tsv --keys north3 south4 -k 5 --json");
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let object = answer.object();
    assert_eq!((object["n_items"].as_u64(), object["dim"].as_u64()), (Some(40), Some(3)));
    let labels = &object["labels"];
    assert!(labels["coherence"]["gap"].as_f64().unwrap() > 0.5, "{labels}");
    assert_eq!(labels["agreement"]["share"], 1.0, "{labels}");
    assert!(labels["silhouette"]["mean"].as_f64().unwrap() > 0.5, "{labels}");
    assert_eq!(object["label_names"][0], "n");
    assert!(answer.stderr.contains("\"east\""), "{answer:?}");
    let neighbors = object["neighbors"].as_array().unwrap();
    assert_eq!(neighbors.len(), 2);
    for near in neighbors[0]["neighbors"].as_array().unwrap() {
        assert!(near["key"].as_str().unwrap().starts_with("north"), "{near}");
    }
    let table = place.call("inspect --vectors v.txt --labels labels.tsv --keys north3").stdout;
    for part in ["effective rank", "silhouette", "near north3"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let again = place.call("inspect --vectors v.txt --labels labels.tsv --keys north3 --threads 1").stdout;
    assert_eq!(again, table);
}

#[test]
fn bad_questions_are_refused() {
    let place = place();
    place.write("one.txt", "1 2\na 1 0\n").write("none.csv", "x,y\n");
    for (words, parts) in [
        ("inspect --vectors v.txt --keys north33", &["north33", "did you mean"][..]),
        ("inspect --vectors missing.txt", &["missing.txt"]),
        ("inspect --vectors one.txt", &["1"]),
        ("inspect --vectors v.txt --labels none.csv", &["none.csv", "labels none"]),
    ] {
        let answer = place.call(words);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""), "{words}: {answer:?}");
        for part in parts {
            assert!(answer.stderr.contains(part), "{words}: {part}: {answer:?}");
        }
    }
}
