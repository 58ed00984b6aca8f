use std::io::Write;

use embed_core::formats::{keys, npy, read_vectors};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Place, same, two_tastes};

/// Two circles of eight with chords, and one bridge.
fn circles() -> String {
    let mut text = "# two circles\n".to_owned();
    for circle in ["a", "b"] {
        for i in 0..8 {
            text += &format!("{circle}{i} {circle}{}\n{circle}{i} {circle}{}\n", (i + 1) % 8, (i + 3) % 8);
        }
    }
    text + "a0 b0\n"
}

const SMALL: &str = "--dim 8 --walks 10 --length 12 --window 3";

#[test]
fn nodes_of_an_edge_list_get_vectors_under_their_keys() {
    let place = Place::new();
    place.write("edges.txt", circles());
    for (method, more) in
        [("node2vec", "--p 0.25 --q 0.25"), ("deepwalk", ""), ("deepwalk", "--loss ns --epochs 3")]
    {
        for out in ["v.txt", "v.safetensors", "v.npy", "v.nf"] {
            let call = format!("embed-graph --edges edges.txt --method {method} {more} {SMALL} --out {out}");
            let said = place.json(&call);
            assert_eq!((said["nodes"].as_u64(), said["edges"].as_u64()), (Some(16), Some(33)), "{said}");
            let passes = if more.contains("epochs") { 3 } else { 1 };
            assert_eq!(said["walks"].as_u64(), Some(160 * passes));
            assert!(said["steps_per_second"].is_number() && said["train_seconds"].is_number());
            let vectors = read_vectors(place.path(out)).unwrap();
            assert_eq!((vectors.len(), vectors.dim()), (16, 8));
            if out == "v.npy" {
                let names = keys::read(place.path("v.npy.keys.txt")).unwrap();
                assert_eq!((names.len(), names.get("b7").is_some()), (16, true));
                assert_eq!(npy::read_f32(place.path("v.npy")).unwrap().dim(), (16, 8));
            } else {
                assert!(vectors.get("a5").is_some());
            }
        }
    }
}

#[test]
fn the_same_bytes_on_any_number_of_threads_and_from_a_checkpoint() {
    let place = Place::new();
    place.write("edges.txt", circles());
    for (out, more) in [("1.nf", "--threads 1"), ("2.nf", "--threads 2"), ("c.nf", "--checkpoint c.training")]
    {
        place.json(&format!("embed-graph --edges edges.txt --p 4 {SMALL} --epochs 2 --out {out} {more}"));
    }
    assert!(place.bytes("1.nf") == place.bytes("2.nf") && place.bytes("1.nf") == place.bytes("c.nf"));
    place.json(&format!(
        "embed-graph --edges edges.txt --p 4 {SMALL} --epochs 2 --out d.nf --checkpoint c.training"
    ));
    assert!(place.bytes("1.nf") == place.bytes("d.nf"));
    let other = place.call(&format!(
        "embed-graph --edges edges.txt --p 2 --seed 9 {SMALL} --epochs 2 --out d.nf --checkpoint c.training"
    ));
    assert!(other.stderr.contains("checkpoint is of a training with"), "{other:?}");
}

#[test]
fn weights_direction_adjacency_lists_and_relations_are_read() {
    let place = Place::new();
    place
        .write("w.tsv", "x\ty\t2.5\ny\tz\t1\nz\tx\t0.5\n")
        .write("adj.txt", "1 2 3\n2 1\n4\n")
        .write("kg.tsv", "tent\tis\tshelter\ntent\tneeds\tpegs\nhut\tis\tshelter\npegs\tmade of\tsteel\n");
    let nodes = |words: &str| {
        let said = place.json(&format!("embed-graph {words} {SMALL} --out v.txt"));
        (said["nodes"].as_u64().unwrap(), said["edges"].as_u64().unwrap(), said["isolated"].as_u64().unwrap())
    };
    assert_eq!(nodes("--edges w.tsv --weighted --directed"), (3, 3, 0));
    assert_eq!(nodes("--edges w.tsv --weighted --method node2vec+ --q 0.5"), (3, 3, 0));
    assert_eq!(nodes("--edges adj.txt --adjacency-list"), (4, 2, 1));
    assert_eq!(nodes("--edges kg.tsv --triples"), (5, 4, 0));
    assert_eq!(nodes("--edges kg.tsv --triples --relations is,needs=2"), (4, 3, 0));
    let plain = place.call(&format!("embed-graph --edges w.tsv {SMALL} --out v.txt"));
    assert!(plain.stderr.contains("more columns than are used"), "{plain:?}");
}

#[test]
fn graphs_of_a_log_are_built_and_embedded() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    let build = |words: &str| place.json(&format!("graph build --train log.csv {words}"));
    let jaccard = build("--similarity jaccard --top-k 5 --out g.nf");
    assert_eq!((jaccard["nodes"].as_u64(), jaccard["directed"].as_bool()), (Some(40), Some(false)));
    let edges = jaccard["edges"].as_u64().unwrap();
    assert!((100..=200).contains(&edges), "{jaccard}");
    let said = place.json(&format!("embed-graph --edges g.nf {SMALL} --out v.txt"));
    assert_eq!((said["nodes"].as_u64(), said["edges"].as_u64()), (Some(40), Some(edges)));
    assert!(read_vectors(place.path("v.txt")).unwrap().get("tea-03").is_some());

    // As text, and the same by a second run.
    build("--similarity jaccard --top-k 5 --out g.tsv");
    let again = place.json(&format!("embed-graph --edges g.tsv --weighted {SMALL} --out v.txt"));
    assert_eq!(again["edges"].as_u64(), Some(edges));
    build("--graph jaccard --top-k 5 --out again.nf --threads 1");
    assert!(place.bytes("g.nf") == place.bytes("again.nf"));

    let adjacency = build("--similarity adjacency --window 2 --out a.nf");
    assert_eq!((adjacency["directed"].as_bool(), adjacency["nodes"].as_u64()), (Some(true), Some(40)));
    let bipartite = build("--similarity bipartite --out b.nf");
    assert_eq!((bipartite["nodes"].as_u64(), bipartite["edges"].as_u64()), (Some(100), Some(480)));
    for kind in ["cosine", "co-count", "lift", "pmi"] {
        assert!(
            build(&format!("--similarity {kind} --min-support 2 --keep both --out k.nf"))["edges"].as_u64()
                > Some(0)
        );
    }
}

#[test]
fn run_learns_from_graphs_of_every_kind_and_recommends() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    for (method, more) in [
        ("node2vec", "--graph bipartite --p 0.5 --q 2"),
        ("deepwalk", "--graph jaccard --top-k 10"),
        ("node2vec", "--graph adjacency"),
    ] {
        let words = format!(
            "run --train log.csv --split ratio:0.2 --method {method} {more} --walks 20 --length 20 --epochs 6 --rate 0.05"
        );
        let said = place.json(&format!("{words} --out one --threads 1"));
        let (ours, popularity) = (&said["metrics"]["recall@10"], &said["baseline"]["recall@10"]);
        assert!(ours.as_f64().unwrap() > popularity.as_f64().unwrap(), "{method} {more}: {said}");
        place.json(&format!("{words} --out two --threads 2"));
        same(&place.path("one"), &place.path("two"), &crate::support::FILES);
        for whom in ["--user u01", "--item tin-03"] {
            let found = place.json(&format!("recommend --model one {whom} -k 5"));
            let keys: Vec<&str> =
                found["items"].as_array().unwrap().iter().map(|i| i["key"].as_str().unwrap()).collect();
            let own = keys.iter().filter(|key| key.starts_with("tin")).count();
            assert!(own >= 4, "{method} {more} {whom}: {keys:?}");
        }
        let manifest: serde_json::Value = serde_json::from_slice(&place.bytes("one/run.json")).unwrap();
        assert_eq!(manifest["settings"]["graph"]["walks"]["walks"], 20);
        assert!(manifest["command"].as_str().unwrap().contains("--walks 20"));
    }
    let stray = place.call("run --train log.csv --p 2");
    assert_eq!(stray.code, Some(2));
    assert!(stray.stderr.contains("--p is not an option of --method item2vec"), "{stray:?}");
}

#[test]
fn bad_input_is_one_line_that_names_it() {
    let place = Place::new();
    place
        .write("good.txt", circles())
        .write("zero.txt", "a b 1\nb c 0\n")
        .write("negative.txt", "a b -2\n")
        .write("nan.txt", "a b 1\na c NaN\n")
        .write("empty.txt", "# nothing\n")
        .write("one.txt", "alone\n")
        .write("short.txt", "a b\nc\n")
        .write("edges.what", "1");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(circles().repeat(50).as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    place.write("cut.txt.gz", &packed[..packed.len() / 2]);
    let fails = |words: &str, code: i32, part: &str| {
        let answer = place.call(&format!("embed-graph {words} --out v.txt --json"));
        assert_eq!((answer.code, answer.stderr.lines().count()), (Some(code), 1), "{words}: {answer:?}");
        assert!(answer.stderr.contains(part), "{words}: {answer:?}");
        assert!(answer.object()["error"].as_str().unwrap().contains(part));
        assert!(!place.path("v.txt").exists(), "{words}");
    };
    fails("--edges zero.txt --weighted", 1, "zero.txt, line 2: weight \"0\"");
    fails("--edges negative.txt --weighted", 1, "negative.txt, line 1: weight \"-2\"");
    fails("--edges nan.txt --weighted", 1, "nan.txt, line 2: weight \"NaN\"");
    fails("--edges empty.txt", 1, "empty.txt: no edge in 1 lines");
    fails("--edges one.txt --adjacency-list", 1, "1 nodes and no edge to walk along");
    fails("--edges short.txt", 1, "short.txt, line 2: 1 fields");
    fails("--edges cut.txt.gz", 1, "damaged or cut off after line");
    fails("--edges none.txt", 1, "none.txt");
    for (name, value) in [("p", "0"), ("p", "-1"), ("q", "0"), ("q", "NaN"), ("p", "inf")] {
        fails(&format!("--edges good.txt --{name} {value}"), 2, &format!("{name} is {value}"));
    }
    fails("--edges good.txt --length 70000", 2, "length is 70000");
    fails("--edges good.txt --rate -1", 2, "-1");
    fails("--edges good.txt --relations is=0 --triples", 2, "not a finite number above 0");

    place.json(&format!("embed-graph --edges good.txt {SMALL} --out good.npy"));
    place.json("graph build --train good.txt --format user-items --out g.nf");
    let whole = place.bytes("g.nf");
    for at in [0, 70, whole.len() / 2, whole.len() - 70] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        place.write("bad.nf", bytes);
        let answer = place.call("embed-graph --edges bad.nf --out v.txt");
        assert_eq!(answer.code, Some(1), "byte {at}: {answer:?}");
        assert!(answer.stderr.contains("bad.nf"), "{answer:?}");
    }
    let option = place.call("embed-graph --edges g.nf --weighted --out v.txt");
    assert_eq!(option.code, Some(2));
    assert!(option.stderr.contains("--weighted is for text"), "{option:?}");
    let own = place.call("embed-graph --edges good.txt --out good.txt");
    assert!(own.stderr.contains("would overwrite the input"), "{own:?}");
    let ending = place.call("embed-graph --edges good.txt --out vectors.what");
    assert_eq!(ending.stderr.lines().count(), 1, "{ending:?}");
}
