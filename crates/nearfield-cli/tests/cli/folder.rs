use crate::support::{Answer, FILES, Place, two_tastes};

const RUN: &str = "run --train log.csv --dim 4 --epochs 1";

#[test]
fn a_folder_of_others_is_never_overwritten() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    std::fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/notes.txt", "keep me").write("mine/run.json", "{}");
    for words in [format!("{RUN} --out mine"), "demo --out mine".to_owned(), format!("{RUN} --out log.csv")] {
        let answer = place.call(&words);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""), "{words}");
        assert!(answer.stderr.contains("mine") || answer.stderr.contains("log.csv"), "{answer:?}");
    }
    assert_eq!(std::fs::read_dir(place.path("mine")).unwrap().count(), 2);
    assert_eq!(place.bytes("mine/notes.txt"), b"keep me");
}

#[test]
fn an_empty_folder_and_an_earlier_run_may_be_written() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    std::fs::create_dir(place.path("empty")).unwrap();
    for _ in 0..2 {
        place.json(&format!("{RUN} --out empty"));
    }
    let mut names: Vec<String> = std::fs::read_dir(place.path("empty"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<&str> = FILES.to_vec();
    expected.extend(["run.json", "report.html"]);
    expected.sort_unstable();
    assert_eq!(names, expected);
}

/// A limit on the size of files stands in for a disk that is full.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_the_earlier_run() {
    let place = Place::new();
    place.write("log.csv", two_tastes());
    place.json(&format!("{RUN} --out out"));
    let before: Vec<Vec<u8>> = FILES.iter().map(|name| place.bytes(&format!("out/{name}"))).collect();
    let line = format!("trap '' XFSZ; ulimit -f 1; exec {} {RUN} --out out", env!("CARGO_BIN_EXE_nearfield"));
    let output = std::process::Command::new("bash").args(["-c", &line]).current_dir(place.path("")).output();
    let answer = Answer::of(output.unwrap());
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stderr.contains("too large"), "{answer:?}");
    for (name, bytes) in FILES.iter().zip(before) {
        assert!(place.bytes(&format!("out/{name}")) == bytes, "{name} changed");
    }
    let left = std::fs::read_dir(place.path("out")).unwrap().count();
    assert_eq!(left, FILES.len() + 2, "nothing half-written is left");
}
