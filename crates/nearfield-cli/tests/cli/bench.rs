use std::fs;
use std::io::Write;

use embed_core::formats::npy;
use ndarray::{Array2, s};

use crate::support::Place;

/// 600 vectors of 6 components about 12 corners, and 40 queries.
fn place() -> (Place, Array2<f32>) {
    let place = Place::new();
    let all = embed_core::testkit::clustered(640, 6, 12, 3);
    npy::write_f32(place.path("v.npy"), all.slice(s![..600, ..])).unwrap();
    npy::write_f32(place.path("q.npy"), all.slice(s![600.., ..])).unwrap();
    (place, all)
}

#[test]
fn a_bench_says_recall_rate_time_and_memory() {
    let (place, _) = place();
    let call = "index bench --vectors v.npy --queries q.npy --threads 2";
    let bench = place.json(&format!("{call} --specs Flat,HNSW8,SQ8,IVF16,PQ3x4fs,Refine(Flat) --out b"));
    let results = bench["results"].as_array().unwrap();
    let names: Vec<&str> = results.iter().map(|family| family["spec"].as_str().unwrap()).collect();
    assert_eq!(names, ["Flat", "HNSW8,SQ8", "IVF16,PQ3x4fs,Refine(Flat)"]);
    for family in results {
        assert!(family["build_seconds"].as_f64().unwrap() > 0.0);
        assert!(family["bytes_per_vector"].as_f64().unwrap() >= 24.0);
        let curve = family["curve"].as_array().unwrap();
        for point in curve {
            for name in ["effort", "recall", "qps_single", "qps_batch", "p50_us", "p99_us"] {
                assert!(point[name].as_f64().unwrap() > 0.0, "{name} of {point}");
            }
        }
        assert!(curve.last().unwrap()["recall"].as_f64().unwrap() > 0.9, "{family}");
    }
    assert_eq!(results[0]["curve"][0]["recall"], 1.0);
    let page = fs::read_to_string(place.path("b/bench.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.matches("<svg").count() == 2);
    for word in ["HNSW8,SQ8", "recall@10", "a vector", "batch/s at 0.95", "</html>"] {
        assert!(page.contains(word), "{word}");
    }
    assert!(!page.contains("NaN") && !page.contains("<script"));
    let saved: serde_json::Value = serde_json::from_slice(&place.bytes("b/bench.json")).unwrap();
    assert_eq!(saved, bench);

    let text = place.call(&format!("{call} --specs HNSW8 --metric cosine -k 3"));
    assert!(text.stdout.contains("recall@3") && text.stdout.contains("HNSW8"), "{text:?}");
    let defaults = place.json(call);
    assert_eq!(defaults["results"].as_array().unwrap().len(), 6);
}

#[test]
fn the_truth_may_be_given() {
    let (place, _) = place();
    place.json("index build --vectors v.npy --spec Flat --out flat.nf");
    place.json("index search --index flat.nf --queries q.npy -k 10 --out truth.npy");
    let ids = npy::read_i64(place.path("truth.npy")).unwrap();
    let mut ivecs = Vec::new();
    for row in ids.rows() {
        ivecs.write_all(&10i32.to_le_bytes()).unwrap();
        row.iter().for_each(|&id| ivecs.write_all(&i32::try_from(id).unwrap().to_le_bytes()).unwrap());
    }
    place.write("truth.ivecs", &ivecs).write("truth.txt", "1");
    let call = "index bench --vectors v.npy --queries q.npy --specs IVF8,Flat";
    let recalls = |words: &str| -> Vec<f64> {
        let bench = place.json(&format!("{call} {words}"));
        let curve = bench["results"][0]["curve"].as_array().unwrap().clone();
        curve.iter().map(|point| point["recall"].as_f64().unwrap()).collect()
    };
    assert_eq!(recalls("--truth truth.npy"), recalls(""));
    assert_eq!(recalls("--truth truth.ivecs -k 5"), recalls("-k 5"));
    let fails = |words: &str, code, what: &str| {
        let answer = place.call(&format!("{call} {words}"));
        assert_eq!(answer.code, Some(code), "{answer:?}");
        assert!(answer.stderr.contains(what), "{what}: {answer:?}");
    };
    fails("--truth truth.npy -k 20", 1, "truth.npy has 10 true neighbours a query");
    fails("--truth truth.txt", 2, "neither .npy nor .ivecs");
    let mut wrong = ids;
    wrong[[3, 2]] = 600;
    npy::write_i64(place.path("truth.npy"), wrong.view()).unwrap();
    fails("--truth truth.npy", 1, "true neighbour 2 of query 3 is row 600");
    npy::write_i64(place.path("truth.npy"), wrong.slice(s![..5, ..])).unwrap();
    fails("--truth truth.npy", 1, "5 lists of true neighbours for 40 queries");
}

#[test]
fn every_format_can_be_measured() {
    let (place, all) = place();
    let mut fvecs = Vec::new();
    for row in all.rows() {
        fvecs.write_all(&6i32.to_le_bytes()).unwrap();
        row.iter().for_each(|x| fvecs.write_all(&x.to_le_bytes()).unwrap());
    }
    let byte = |(row, column): (usize, usize)| u8::try_from((row * 31 + column * 57 * row) % 251).unwrap();
    let bytes = Array2::from_shape_fn((640, 6), byte);
    let mut bvecs = Vec::new();
    for row in bytes.rows() {
        bvecs.write_all(&6i32.to_le_bytes()).unwrap();
        bvecs.extend(row);
    }
    let mut idx = vec![0, 0, 8, 2, 0, 0, 2, 128, 0, 0, 0, 6];
    idx.extend(&bytes);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&idx).unwrap();
    let mut text = "640 6\n".to_owned();
    for (row, vector) in all.rows().into_iter().enumerate() {
        text += &format!("w{row}");
        vector.iter().for_each(|x| text += &format!(" {x}"));
        text.push('\n');
    }
    let items = embed_core::Embeddings::new(
        embed_core::Vocab::from_keys((0..640).map(|i| i.to_string())).unwrap(),
        all.clone(),
    );
    embed_core::formats::write_vectors(place.path("a.safetensors"), &items.unwrap()).unwrap();
    place
        .write("a.fvecs", fvecs)
        .write("a.bvecs", bvecs)
        .write("a.idx", idx)
        .write("a.idx.gz", gz.finish().unwrap())
        .write("a.txt", text);
    for name in ["a.safetensors", "a.fvecs", "a.bvecs", "a.idx", "a.idx.gz", "a.txt"] {
        let bench = place.json(&format!("index bench --vectors {name} --queries {name} --specs Flat -k 4"));
        assert_eq!((bench["n"].as_u64(), bench["dim"].as_u64()), (Some(640), Some(6)), "{name}");
        assert_eq!(bench["results"][0]["curve"][0]["recall"], 1.0, "{name}");
    }
}

#[test]
fn bad_benches_are_named() {
    let (place, _) = place();
    npy::write_f32(place.path("narrow.npy"), ndarray::array![[1.0, 2.0]].view()).unwrap();
    npy::write_f32(place.path("none.npy"), Array2::<f32>::zeros((0, 6)).view()).unwrap();
    let bench = |words: &str| place.call(&format!("index bench --vectors v.npy {words}"));
    for (words, code, what) in [
        ("--queries narrow.npy", 1, "narrow.npy: expected a vector of 6 components, got 2"),
        ("--queries none.npy", 1, "the sample holds no query"),
        ("--queries missing.npy", 1, "missing.npy"),
        ("--queries q.npy --specs Flat,HNWS32", 2, "the nearest is \"HNSW32\""),
        ("--queries q.npy --specs IVF8", 2, "ends too early"),
        ("--queries q.npy --out q.npy/x", 1, "cannot write q.npy/x"),
    ] {
        let answer = bench(words);
        assert_eq!(answer.code, Some(code), "{words}: {answer:?}");
        assert!(answer.stderr.starts_with("error: ") && answer.stderr.contains(what), "{words}: {answer:?}");
        assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
    }
}

#[test]
fn a_tuned_index_is_searched_by_recall() {
    let (place, _) = place();
    place.json("index build --vectors v.npy --spec IVF20,SQ8 --out i.nf");
    let search = "index search --index i.nf --queries q.npy --out ids.npy";
    let untuned = place.call(&format!("{search} --recall 0.9"));
    assert_eq!(untuned.code, Some(1));
    assert!(untuned.stderr.contains("has not been tuned; nearfield index tune"), "{untuned:?}");
    let tune = "index tune --index i.nf --queries q.npy --recall 0.9";
    let codes = place.call(tune);
    assert!(codes.stderr.contains("keeps codes only"), "{codes:?}");
    let tuned = place.json(&format!("{tune} --vectors v.npy"));
    assert!(tuned["recall"].as_f64().unwrap() >= 0.9 && tuned["effort"].as_u64().unwrap() <= 20, "{tuned}");
    assert!(tuned["curve"].as_array().unwrap().len() > 1, "{tuned}");
    place.json(&format!("{search} --recall 0.9"));
    let beyond = place.call(&format!("{search} --recall 1.0 -k 30"));
    assert!(beyond.stderr.contains("of 30 answers was asked for"), "{beyond:?}");
    for (words, what) in
        [("--recall 0", "is not a share"), ("--recall 0.9 --effort 3", "cannot be used with")]
    {
        let answer = place.call(&format!("{search} {words}"));
        assert_eq!(answer.code, Some(2));
        assert!(answer.stderr.contains(what), "{answer:?}");
    }
    let own = place.call("index tune --index q.npy --queries q.npy");
    assert!(own.stderr.contains("would overwrite the input"), "{own:?}");
}
