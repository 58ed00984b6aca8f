use embed_core::formats::npy;
use ndarray::{Array2, array};

use crate::support::Place;

fn place_with_vectors() -> Place {
    let place = Place::new();
    let vectors =
        Array2::from_shape_fn((300, 8), |(row, column)| ((row * 31 + column * 17) % 97) as f32 / 97.0);
    npy::write_f32(place.path("v.npy"), vectors.view()).unwrap();
    npy::write_f32(place.path("q.npy"), vectors.slice(ndarray::s![..10, ..])).unwrap();
    place
}

#[test]
fn an_index_is_built_and_searched() {
    let place = place_with_vectors();
    for (spec, metric) in [("Flat", "l2"), ("HNSW8", "cosine"), ("hnsw16", "ip")] {
        let built = place.json(&format!(
            "index build --vectors v.npy --spec {spec} --metric {metric} --out i.nf --threads 2"
        ));
        assert_eq!((built["n"].as_u64(), built["dim"].as_u64()), (Some(300), Some(8)));
        assert_eq!(built["spec"].as_str().unwrap().to_lowercase(), spec.to_lowercase());
        assert_eq!(built["metric"], metric);
        assert_eq!(built["bytes"].as_u64().unwrap(), place.bytes("i.nf").len() as u64);
        assert!(built["build_seconds"].is_number());
        let effort = if spec == "Flat" { "" } else { "--effort 64" };
        let search = "index search --index i.nf --queries q.npy -k 5 --out ids.npy --threads 1";
        let found = place.json(&format!("{search} {effort}"));
        assert_eq!((found["queries"].as_u64(), found["k"].as_u64()), (Some(10), Some(5)));
        assert!(found["seconds"].is_number() && found["qps"].is_number());
        let ids = npy::read_i64(place.path("ids.npy")).unwrap();
        let scores = npy::read_f32(place.path("ids.scores.npy")).unwrap();
        assert_eq!((ids.dim(), scores.dim()), ((10, 5), (10, 5)));
        assert!(scores.rows().into_iter().all(|row| row.iter().is_sorted_by(|a, b| a >= b)));
        if metric == "l2" {
            assert_eq!(ids.column(0).to_vec(), (0..10).collect::<Vec<i64>>());
        }
    }
}

#[test]
fn the_same_index_on_any_number_of_threads() {
    let place = place_with_vectors();
    for threads in [1, 2] {
        place.json(&format!(
            "index build --vectors v.npy --spec HNSW8 --out {threads}.nf --threads {threads}"
        ));
    }
    assert!(place.bytes("1.nf") == place.bytes("2.nf"));
}

#[test]
fn missing_neighbours_are_minus_one() {
    let place = Place::new();
    npy::write_f32(place.path("v.npy"), array![[1.0, 0.0], [0.0, 1.0]].view()).unwrap();
    place.json("index build --vectors v.npy --spec Flat --metric ip --out i.nf");
    let answer = place.call("index search --index i.nf --queries v.npy -k 3 --out ids.npy");
    assert_eq!(answer.code, Some(0));
    assert!(answer.stderr.contains("k 3 is more than the 2 vectors"), "{answer:?}");
    assert_eq!(npy::read_i64(place.path("ids.npy")).unwrap(), array![[0, 1, -1], [1, 0, -1]]);
}

#[test]
fn what_is_no_index_is_refused() {
    let place = place_with_vectors();
    place.json("index build --vectors v.npy --spec HNSW8 --out i.nf");
    let search = "index search --index i.nf --queries q.npy --out ids.npy";
    let whole = place.bytes("i.nf");
    for flipped in [0, 100, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 1;
        let answer = place.write("i.nf", bytes).call(search);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""), "byte {flipped}");
        assert!(answer.stderr.starts_with("error: i.nf: "), "{answer:?}");
    }
    let cut = place.write("i.nf", &whole[..whole.len() / 2]).call(search);
    assert!(cut.stderr.starts_with("error: i.nf: "), "{cut:?}");
    let foreign = place
        .write("i.nf", "not an index, but a text of more than sixty-four bytes, all in all\n")
        .call(search);
    assert!(foreign.stderr.contains("not a nearfield file"), "{foreign:?}");
    assert!(!place.path("ids.npy").exists());

    place.write("i.nf", whole);
    npy::write_f32(place.path("q.npy"), array![[1.0, 2.0]].view()).unwrap();
    let answer = place.call(search);
    assert_eq!(answer.stderr, "error: q.npy: expected a vector of 8 components, got 2\n");
    let spec = place.call("index build --vectors v.npy --spec HNWS32 --out j.nf");
    assert_eq!(spec.code, Some(2));
    assert!(spec.stderr.contains("the nearest is \"HNSW32\""), "{spec:?}");
    let own = place.call("index build --vectors v.npy --spec Flat --out v.npy");
    assert_eq!(own.code, Some(2));
    assert!(own.stderr.contains("would overwrite the input"), "{own:?}");
    let name = place.call("index search --index i.nf --queries v.npy --out ids.txt");
    assert_eq!(name.code, Some(2));
}

#[test]
fn bad_vectors_are_named() {
    let place = Place::new();
    npy::write_f32(place.path("nan.npy"), array![[1.0, f32::NAN]].view()).unwrap();
    let nan = place.call("index build --vectors nan.npy --spec Flat --out i.nf --json");
    assert_eq!(nan.code, Some(1));
    assert!(nan.object()["error"].as_str().unwrap().contains("NaN"), "{nan:?}");
    let twice = place.write("twice.txt", "2 2\na 1 0\na 0 1\n").call("neighbors --vectors twice.txt a");
    assert!(twice.stderr.contains("duplicate key \"a\""), "{twice:?}");
    let short = place.write("short.txt", "2 2\na 1 0\n").call("neighbors --vectors short.txt a");
    assert_eq!((short.code, short.stderr.lines().count()), (Some(1), 1), "{short:?}");
    let what = place.write("v.what", "1").call("neighbors --vectors v.what a");
    assert!(what.stderr.contains("unknown format"), "{what:?}");
}
