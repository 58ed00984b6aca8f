use crate::support::{Place, two_tastes};

const SMALL: &str = "--dim 8 --epochs 4 --seed 5";

/// The sections of a page, in order.
fn sections(html: &str) -> Vec<&str> {
    html.split("<section id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect()
}

fn labels() -> String {
    let of = |taste: &str| (0..20).map(|i| format!("{taste}-{i:02},{taste}\n")).collect::<String>();
    format!("item,taste\n{}{}", of("tea"), of("tin"))
}

#[test]
fn a_run_leaves_a_page_and_several_make_one() {
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("labels.csv", labels() + "coffee,none\n");
    place.json(&format!("run --train log.csv {SMALL} --out a"));
    place.json(&format!("run --train log.csv {SMALL} --out b --negatives 3"));
    place.json(&format!("run --train log.csv {SMALL} --out c --negatives 9"));
    let own = String::from_utf8(place.bytes("a/report.html")).unwrap();
    let expected = ["quality", "map", "data", "training", "exposure", "buckets", "repeat"];
    assert_eq!(sections(&own), expected);
    assert!(own.contains("<th>cores</th>"), "the machine");
    assert!(own.contains("<pre>nearfield run --train log.csv"), "the command");

    let bench = r#"{"vectors": "v.npy", "n": 600, "dim": 8, "n_queries": 40, "metric": "l2", "k": 10, "threads": 2,
        "seed": 42, "results": [{"spec": "Flat", "build_seconds": 0.1, "bytes_per_vector": 32.0, "curve":
        [{"effort": 1, "recall": 0.9, "qps_single": 900.0, "qps_batch": 2000.0, "p50_us": 1.0, "p99_us": 2.0}]}]}"#;
    std::fs::create_dir(place.path("bench")).unwrap();
    place.write("bench/bench.json", bench);
    let answer = place.call("report --runs a b c bench --out all.html --labels labels.csv --map pca --json");
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stderr.contains("1 label of items") && answer.stderr.contains("\"coffee\""), "{answer:?}");
    let object = answer.object();
    let all = String::from_utf8(place.bytes("all.html")).unwrap();
    assert_eq!(object["bytes"].as_u64(), Some(all.len() as u64));
    let found = sections(&all);
    assert_eq!(
        found,
        ["quality", "map", "data", "training", "exposure", "buckets", "search", "sweeps", "repeat"]
    );
    assert!(found.iter().zip(object["sections"].as_array().unwrap()).all(|(a, b)| *a == b));
    // The same folders, the same page.
    place.json("report --runs a b c bench --out again.html --labels labels.csv --map pca --threads 1");
    assert!(place.bytes("again.html") == place.bytes("all.html"));
}

#[test]
fn what_is_no_run_is_refused() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    place.json(&format!("run --train log.csv {SMALL} --out a"));
    std::fs::create_dir(place.path("empty")).unwrap();
    for (words, part) in [
        ("report --runs empty", "empty is not the folder of a run"),
        ("report --runs a missing", "missing is not the folder of a run"),
        ("report --runs a --labels log.csv", "labels none of the items"),
        ("report --runs a --out no/such/folder.html", "no/such"),
    ] {
        let answer = place.call(words);
        assert_eq!(answer.code, Some(1), "{words}: {answer:?}");
        assert!(answer.stderr.contains(part), "{words}: {answer:?}");
        assert!(!place.path("report.html").exists(), "{words}");
    }
    let mut bytes = place.bytes("a/evaluation.nf");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    place.write("a/evaluation.nf", bytes);
    let answer = place.call("report --runs a");
    assert!(answer.code == Some(1) && answer.stderr.contains("a/evaluation.nf"), "{answer:?}");
    place.write("a/bench.json", "{\"results\": 7}");
    let answer = place.call("report --runs a");
    assert!(answer.code == Some(1) && answer.stderr.contains("a/bench.json"), "{answer:?}");
}

/// The page in a real browser: no complaint, no request, and what people do with it works.
#[test]
#[cfg(unix)]
fn the_page_works_in_a_browser() {
    use serde_json::json;

    let Some(browser) = crate::browser::browser() else {
        eprintln!("NEARFIELD_BROWSER is not set: left out");
        return;
    };
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("labels.csv", labels());
    place.json(&format!("run --train log.csv {SMALL} --out a"));
    place.json(&format!("run --train log.csv {SMALL} --out b --negatives 3"));
    place.json("report --runs a b --labels labels.csv");
    let mut page = crate::browser::Page::new(&browser);
    page.open(&place.path("report.html"));
    page.wait_for("document.querySelector('[data-map]').dataset.drawn === '40'");
    assert_eq!(page.value("document.querySelectorAll('svg.chart').length > 6"), true);

    // Search an item, go to its nearest neighbour, and come back by a click on the map.
    page.click("#map-find");
    page.type_and_enter("tea-07");
    page.wait_for("document.querySelector('[data-map]').dataset.chosen === 'tea-07'");
    assert_eq!(page.value("document.querySelectorAll('.near button').length"), 10);
    let nearest = page.value("document.querySelector('.near span').textContent");
    page.click(".near button");
    page.wait_for(&format!("document.querySelector('[data-map]').dataset.chosen === {nearest}"));
    // The map comes to rest with the item in the middle.
    std::thread::sleep(std::time::Duration::from_millis(900));
    page.click("#map-find");
    page.press("Escape", 27);
    page.wait_for("document.querySelector('[data-map]').dataset.chosen === ''");
    page.click("[data-map] canvas");
    page.wait_for(&format!("document.querySelector('[data-map]').dataset.chosen === {nearest}"));
    let before = page.value("document.querySelector('[data-map] canvas').toDataURL()");
    page.click("[data-zoom='1.8']");
    page.wait_for(&format!("document.querySelector('[data-map] canvas').toDataURL() !== {before}"));

    // Light, dark, a phone, paper.
    let light = page.value("getComputedStyle(document.body).backgroundColor");
    page.call(
        "Emulation.setEmulatedMedia",
        json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }),
    );
    assert_ne!(page.value("getComputedStyle(document.body).backgroundColor"), light);
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    page.call("Emulation.setDeviceMetricsOverride", metrics);
    assert_eq!(page.value("document.documentElement.scrollWidth <= 390"), true, "nothing beside the screen");
    let paper = page.call("Page.printToPDF", json!({}));
    assert!(paper["data"].as_str().unwrap().len() > 20_000);
    assert_eq!(page.complaints, Vec::<String>::new());
}
