use crate::support::{Answer, Place, two_tastes};

/// A call that fails says so once on stderr, and as an object on stdout only when asked to.
fn fails(place: &Place, words: &str, code: i32, parts: &[&str]) {
    let plain = place.call(words);
    assert_eq!((plain.code, plain.stdout.as_str()), (Some(code), ""), "{words}: {plain:?}");
    let line = plain.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with("error: "), "{words}: {plain:?}");
    assert_eq!(plain.stderr.matches("error: ").count(), 1, "{words}: {plain:?}");
    for part in parts {
        assert!(line.contains(part), "{words}: {part:?} is not in {line:?}");
    }
    let json: Answer = place.call(&format!("{words} --json"));
    assert_eq!(json.code, Some(code), "{words}");
    assert_eq!(format!("error: {}", json.object()["error"].as_str().unwrap()), line);
}

#[test]
fn files_that_are_no_logs() {
    let place = Place::new();
    place
        .write("empty.csv", "")
        .write("header.csv", "user,item\n")
        .write("latin.csv", b"user,item\nann,caf\xe9\n")
        .write("other.csv", "who,what\na,b\n")
        .write("short.csv", "user,item\na,b\na\n")
        .write("time.csv", "user,item,time\na,b,1\na,c,soon\n")
        .write("lonely.txt", "1\n2\n")
        .write("cut.parquet", "PAR1")
        .write("log.dat", "a b\n");
    let cases: [(&str, &[&str]); 10] = [
        ("missing.csv", &["missing.csv", "No such file"]),
        ("empty.csv", &["empty.csv", "empty"]),
        ("header.csv", &["header.csv", "no interaction"]),
        ("latin.csv", &["latin.csv", "line 2", "item", "UTF-8"]),
        ("other.csv", &["other.csv", "user", "who"]),
        ("short.csv", &["short.csv", "line 3", "fields"]),
        ("time.csv", &["time.csv", "line 3", "time", "soon"]),
        ("lonely.txt", &["lonely.txt", "users without items"]),
        ("cut.parquet", &["cut.parquet"]),
        ("log.dat", &["log.dat", "format"]),
    ];
    for (file, parts) in cases {
        fails(&place, &format!("run --train {file}"), 1, parts);
        assert!(!place.path("nearfield-out").exists(), "{file} leaves a folder");
    }
    fails(&place, "run --train .", 1, &[]);
    fails(&place, "run --train other.csv --columns user=who,item=waht", 1, &["waht"]);
}

#[test]
fn bad_rows_are_skipped_and_counted_on_demand() {
    let place = Place::new();
    place.write("log.csv", two_tastes() + "broken\n,tea-01,5\nu01,tea-02,never\n");
    fails(&place, "run --train log.csv --epochs 1", 1, &["log.csv", "line 482"]);
    let answer = place.call("run --train log.csv --epochs 1 --dim 4 --skip-bad-rows --json");
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.object()["n_train"], 420);
    assert!(answer.stderr.contains("3 bad rows skipped; the first: log.csv, line 482"), "{answer:?}");
}

#[test]
fn command_lines_that_make_no_sense() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    for (words, part) in [
        ("", "no command"),
        ("fly", "unrecognized subcommand"),
        ("run", "--train"),
        ("run --train log.csv --wings", "--wings"),
        ("run --train log.csv --split half", "half"),
        ("run --train log.csv --split ratio:2", "ratio:2"),
        ("run --train log.csv --split last --test log.csv", "--split"),
        ("run --train log.csv -k 0", "10,20"),
        ("run --train log.csv --dim 0", "--dim"),
        ("run --train log.csv --threads 5000", "--threads"),
        ("run --train log.csv --metric manhattan", "manhattan"),
        ("run --train log.csv --method magic", "magic"),
        ("run --train log.csv --index Flta", "Flat"),
        ("run --train log.csv --format xml", "xml"),
        ("run --train log.csv --columns user=a,who=b", "who=b"),
        ("run --train log.csv --session-gap soon", "30m"),
        ("run --train log.csv --delimiter ::", "::"),
        ("run --train log.csv --no-header --columns user=name", "name"),
        ("recommend --model out", "--item"),
        ("recommend --model out --item a --user b", "--user"),
        ("neighbors --vectors v.txt", "KEY"),
        ("index build --vectors v.txt --out i.nf", "--spec"),
    ] {
        fails(&place, words, 2, &[part]);
    }
    let help = place.call("--help");
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    assert!(help.stdout.contains("recommend"));
}

#[test]
fn what_leaves_nothing_to_learn_is_said() {
    let place = Place::new();
    place.write("log.csv", two_tastes()).write("one.csv", "user,item\na,x\nb,y\n");
    fails(&place, "run --train log.csv --k-core 1000", 1, &["1000"]);
    fails(&place, "run --train one.csv", 1, &["nothing would be held out"]);
    fails(&place, "recommend --model . --item x", 1, &["not the folder of a run"]);
}

#[test]
fn a_damaged_run_is_not_recommended_from() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    place.json("run --train log.csv --epochs 1 --dim 4");
    let call = "recommend --model nearfield-out --user u01";
    assert_eq!(place.call(call).code, Some(0));
    for name in ["model.nf", "index.nf", "histories.nf"] {
        let name = format!("nearfield-out/{name}");
        let whole = place.bytes(&name);
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 0x10;
        place.write(&name, bytes);
        fails(&place, call, 1, &[&name]);
        place.write(&name, whole);
    }
    std::fs::remove_file(place.path("nearfield-out/index.nf")).unwrap();
    fails(&place, call, 1, &["nearfield-out/index.nf"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_stdout_is_an_error() {
    let place = Place::new();
    place.write("v.txt", "2 2\na 1 0\nb 0 1\n");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        place.command().args(["neighbors", "--vectors", "v.txt", "a"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to stdout"));
}
