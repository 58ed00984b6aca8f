//! No flag lies: every option of every command changes what comes out, or is refused with what it is for.
//!
//! The options are those that `--help` shows. For each of them and each mode of its command (a method, a kind of graph, a
//! kind of input) the command is called with and without the option, in a folder of its own, and all that it leaves there
//! and prints is compared. Settings that are only written down, in `run.json` and in `model.nf`, count for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use embed_core::formats::npy;
use ndarray::Array2;
use serde_json::Value;

use crate::support::{Answer, Place};

/// Options whose effect does not show in what a command leaves, each with the reason.
const EXEMPT: [(&str, &str, &str); 8] = [
    ("", "threads", "changes how fast it is, and no result"),
    ("", "json", "every call here has it: it says how results are printed"),
    ("", "help", "prints the help"),
    ("", "version", "prints the version"),
    ("index bench", "build-threads", "changes how fast it is, and no result"),
    ("index bench", "seed", "same seed, same index: kept by families that draw nothing, too"),
    ("index build", "seed", "same seed, same index: kept by families that draw nothing, too"),
    ("graph build", "seed", "same seed, same graph: kept by kinds that draw nothing, too"),
];

/// Values to try for an option, and options of which one set must stand beside it, where it has no meaning alone.
type Probe = (&'static str, &'static [&'static str], &'static [&'static str]);

/// A command with its modes, in all of which all its options are tried.
struct Walk<'a> {
    command: &'a str,
    /// Options of every call.
    base: &'a str,
    modes: &'a [&'a str],
    probes: &'a [&'a [Probe]],
    /// The options that are tried; all where none is named.
    only: &'a [&'a str],
    /// Options that are not tried.
    skip: &'a [&'a str],
    /// Files that a command changes: each call gets copies.
    copies: &'a [&'a str],
}

const WALK: Walk<'_> =
    Walk { command: "", base: "", modes: &[], probes: &[], only: &[], skip: &[], copies: &[] };

/// Finding about an option in a mode.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Used,
    /// It makes the mode.
    OfMode,
    /// With the message.
    Refused(String),
    /// Accepted, and nothing changed.
    Lie(String),
}

/// A command line by its options: later ones take the place of earlier ones.
#[derive(Clone, Default)]
struct Words(Vec<(String, String)>);

impl Words {
    fn of(parts: &[&str]) -> Self {
        let mut words = Self::default();
        for part in parts {
            let mut own: Vec<(String, String)> = Vec::new();
            for word in part.split_whitespace() {
                match (word.strip_prefix('-'), own.last_mut()) {
                    (Some(name), _) => {
                        let name = name.trim_start_matches('-');
                        own.push((name.split('=').next().unwrap().to_owned(), word.to_owned()));
                    }
                    (None, Some((_, text))) => write!(text, " {word}").unwrap(),
                    (None, None) => own.push((String::new(), word.to_owned())),
                }
            }
            words.0.retain(|(name, _)| own.iter().all(|(other, _)| name != other));
            words.0.extend(own);
        }
        words
    }

    fn has(&self, option: &str) -> bool {
        self.0.iter().any(|(name, _)| name == option)
    }

    fn without(&self, option: &str) -> Self {
        Self(self.0.iter().filter(|(name, _)| name != option).cloned().collect())
    }

    fn line(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Files and printed result of a call, without times and without settings that are only written down.
#[derive(Debug, PartialEq)]
struct Outcome {
    code: Option<i32>,
    printed: Value,
    files: BTreeMap<String, Vec<u8>>,
    /// Not compared.
    said: Said,
}

#[derive(Debug)]
struct Said(String);

impl PartialEq for Said {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Walk<'_> {
    fn call(&self, place: &Place, words: &Words) -> Outcome {
        let folder = place.path("call");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for name in self.copies {
            fs::copy(place.path(name), folder.join(name)).unwrap();
        }
        let line = format!("{} {} --json", self.command, words.line());
        let mut command = place.command();
        command.current_dir(&folder).args(line.split_whitespace());
        let answer = Answer::of(command.output().unwrap());
        let printed = answer.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let mut files = BTreeMap::new();
        collect(&folder, "", &mut files);
        Outcome {
            code: answer.code,
            printed: scrubbed(printed.unwrap_or_default()),
            files,
            said: Said(answer.stderr),
        }
    }

    fn probe(&self, option: &str) -> &Probe {
        let mut probes = self.probes.iter().flat_map(|probes| probes.iter());
        probes
            .find(|(name, ..)| *name == option)
            .unwrap_or_else(|| panic!("--{option} of {} is new: give it a value to try", self.command))
    }

    /// Finding about an option in a mode where all else gives `alone`.
    fn verdict(&self, place: &Place, mode: &str, option: &str, alone: &Outcome) -> Verdict {
        let here = Words::of(&[self.base, mode]);
        if Words::of(&[mode]).has(option) {
            return Verdict::OfMode;
        }
        if here.has(option) {
            let without = self.call(place, &here.without(option));
            return if without == *alone { Verdict::Lie(here.line()) } else { Verdict::Used };
        }
        let (_, values, beside) = self.probe(option);
        let given = |value: &str| match value {
            "" => format!("--{option}"),
            value if value.starts_with('=') => format!("--{option}{value}"),
            value => format!("--{option} {value}"),
        };
        let of_mode = Words::of(&[mode]);
        let free = |words: &&&str| Words::of(&[words]).0.iter().all(|(name, _)| !of_mode.has(name));
        let mut beside: Vec<&str> = beside.iter().filter(free).copied().collect();
        if beside.is_empty() {
            beside.push("");
        }
        let mut used = false;
        for more in beside {
            let before = Words::of(&[self.base, mode, more]);
            let before_it = if more.is_empty() { None } else { Some(self.call(place, &before)) };
            let before_it = before_it.as_ref().unwrap_or(alone);
            let calls = values
                .iter()
                .map(|value| self.call(place, &Words::of(&[self.base, mode, more, &given(value)])));
            let calls: Vec<Outcome> = calls.collect();
            if calls.iter().all(|call| refusal(call).is_some()) {
                continue;
            }
            if calls.iter().all(|call| call == before_it) {
                return Verdict::Lie(format!("{} {}", before.line(), given(values[0])));
            }
            used = true;
        }
        if used {
            return Verdict::Used;
        }
        let bare = self.call(place, &Words::of(&[self.base, mode, &given(values[0])]));
        match refusal(&bare) {
            Some(message) if message.contains(&format!("--{option}")) => Verdict::Refused(message),
            _ => Verdict::Lie(format!("{} {}: {:?}", here.line(), given(values[0]), bare.said)),
        }
    }

    /// Findings about every option in every mode, by option.
    fn walk(&self, place: &Place) -> BTreeMap<String, Vec<(String, Verdict)>> {
        let mut verdicts: BTreeMap<String, Vec<(String, Verdict)>> = BTreeMap::new();
        let options = options(place, self.command);
        let mut seen: Vec<Outcome> = Vec::new();
        for mode in self.modes {
            let alone = self.call(place, &Words::of(&[self.base, mode]));
            assert_eq!(alone.code, Some(0), "{} {} {mode}: {}", self.command, self.base, alone.said.0);
            seen.push(alone);
            let alone = seen.last().unwrap();
            for option in &options {
                let exempt = |(command, name, _): &(&str, &str, &str)| {
                    name == option && (command.is_empty() || *command == self.command)
                };
                let left_out = !self.only.is_empty() && !self.only.contains(&option.as_str());
                if left_out || EXEMPT.iter().any(exempt) || self.skip.contains(&option.as_str()) {
                    continue;
                }
                let verdict = self.verdict(place, mode, option, alone);
                verdicts.entry(option.clone()).or_default().push(((*mode).to_owned(), verdict));
            }
        }
        let lies: Vec<String> = verdicts
            .iter()
            .flat_map(|(option, modes)| modes.iter().map(move |(mode, verdict)| (option, mode, verdict)))
            .filter_map(|(option, mode, verdict)| match verdict {
                Verdict::Lie(line) => Some(format!("--{option} with {mode:?}: {line}")),
                _ => None,
            })
            .collect();
        assert!(lies.is_empty(), "{}: nothing came of\n{}", self.command, lies.join("\n"));
        for (option, modes) in &verdicts {
            let of_mode = modes.iter().filter(|(_, verdict)| *verdict == Verdict::OfMode).count();
            if of_mode == modes.len() {
                let differ = |(i, one): (usize, &Outcome)| !seen[..i].contains(one);
                assert!(seen.iter().enumerate().all(differ), "two values of --{option} give the same");
            }
            let used = of_mode > 0 || modes.iter().any(|(_, verdict)| *verdict == Verdict::Used);
            assert!(used, "--{option} is used by nothing: {modes:?}");
        }
        verdicts
    }
}

/// Message of a refusal, if that is what happened.
fn refusal(outcome: &Outcome) -> Option<String> {
    const WORDS: [&str; 6] = [
        "is not an option of",
        " needs ",
        "does nothing with",
        "cannot be used with",
        "is for text",
        "unexpected argument",
    ];
    let said = &outcome.said.0;
    (outcome.code == Some(2) && WORDS.iter().any(|words| said.contains(words))).then(|| said.clone())
}

/// The long options that the help of a command shows.
fn options(place: &Place, command: &str) -> Vec<String> {
    let help = place.call(&format!("{command} --help")).stdout;
    let named = |line: &str| {
        let line = line.trim_start();
        let line = line
            .split_once(", --")
            .filter(|(short, _)| short.len() == 2)
            .map_or_else(|| line.strip_prefix("--"), |(_, long)| Some(long))?;
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(line.len());
        Some(line[..end].to_owned())
    };
    let found: Vec<String> = help.lines().filter_map(named).collect();
    assert!(found.contains(&"json".to_owned()), "{help}");
    found
}

/// The files under a folder.
fn collect(folder: &Path, under: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    // Pages show times; models and manifests repeat settings.
    const LEFT_OUT: [&str; 3] = ["report.html", "bench.html", "model.nf"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let whole = format!("{under}{name}");
        if path.is_dir() {
            collect(&path, &format!("{whole}/"), files);
        } else if LEFT_OUT.contains(&name) {
            files.insert(whole, Vec::new());
        } else {
            let bytes = fs::read(&path).unwrap();
            let json = name.ends_with(".json").then(|| serde_json::from_slice(&bytes).unwrap());
            files.insert(whole, json.map_or(bytes, |json| scrubbed(json).to_string().into_bytes()));
        }
    }
}

/// Results alone.
fn scrubbed(mut value: Value) -> Value {
    const LEFT_OUT: [&str; 7] = ["command", "settings", "machine", "timing", "threads", "out", "next"];
    let timed = |key: &str| ["seconds", "_second", "qps", "p50", "p99"].iter().any(|part| key.contains(part));
    match &mut value {
        Value::Object(object) => {
            object.retain(|key, _| !LEFT_OUT.contains(&key.as_str()) && !timed(key));
            object.values_mut().for_each(|value| *value = scrubbed(value.take()));
        }
        Value::Array(array) => array.iter_mut().for_each(|value| *value = scrubbed(value.take())),
        _ => {}
    }
    value
}

/// A log of two tastes with an hour's rest in each history, a user and an item that come once.
fn rows() -> Vec<String> {
    let mut rows = vec!["u98,tea-00,5".to_owned(), "u01,rare,7".to_owned()];
    for user in 0..32 {
        let taste = ["tea", "tin"][user % 2];
        for i in 0..8 {
            let time = 100_000 * user + 60 * i + if i < 3 { 0 } else { 3600 };
            rows.push(format!("u{user:02},{taste}-{:02},{time}", (user / 2 * 7 + i * (3 + user / 8)) % 20));
        }
    }
    rows
}

fn log(header: &str, rows: &[String]) -> String {
    format!("{header}{}\n", rows.join("\n"))
}

/// Every file that a call may read.
fn place() -> Place {
    let (place, rows) = (Place::new(), rows());
    let (test, train): (Vec<String>, Vec<String>) =
        rows.iter().cloned().enumerate().partition_map(|i| i % 8 == 1);
    let csv = log("user,item,time\n", &rows);
    let line = |user: usize, at: usize| -> String {
        let taste = ["tea", "tin"][user % 2];
        (0..6).map(|i| format!(" {taste}-{:02}", (user + at + i * 3) % 20)).collect()
    };
    let lists: String = (0..32).map(|user| format!("u{user:02}{}\n", line(user, 2))).collect();
    let histories: String = (0..32).map(|user| format!("u{user:02}{}\n", line(user, 0))).collect();
    place
        .write("log.csv", &csv)
        .write("log.dat", &csv)
        .write("semi.csv", csv.replace(',', ";"))
        .write("bare.csv", log("", &rows))
        .write("bad.csv", format!("{csv}only-a-user\n"))
        .write("named.csv", log("who,what,when\n", &rows))
        .write("train.csv", log("user,item,time\n", &train))
        .write("test.csv", log("user,item,time\n", &test))
        .write("bad-test.csv", format!("{}only-a-user\n", log("user,item,time\n", &test)))
        .write("later.csv", csv.replace("tin-03", "new").replace("u05", "w05"))
        .write("lists.txt", lists)
        .write("histories.txt", histories)
        .write("edges.txt", edges(" 0.5", " 3"))
        .write("triples.txt", edges(" likes", " knows").replace('\n', " 2\n"));
    let mut items = "item,drink,year\nextra,tea,1999\n".to_owned();
    let mut labels = String::new();
    for i in 0..20 {
        for taste in ["tea", "tin"] {
            writeln!(items, "{taste}-{i:02},{taste},{}", 1990 + i).unwrap();
            writeln!(labels, "{taste}-{i:02},{taste}").unwrap();
        }
    }
    let users = |shift: usize| {
        let row = |user: usize| format!("u{user:02},{}\n", ["tea", "tin"][(user + shift) % 2]);
        format!("user,likes\n{}", (0..32).map(row).collect::<String>())
    };
    let candidate = |user: usize| {
        let taste = ["tea", "tin"][user % 2];
        format!("u{user:02}\t{taste}-01\t{taste}-05\ttin-07\ttea-11\n")
    };
    place
        .write("items.csv", items)
        .write("labels.csv", labels)
        .write("users.csv", users(0))
        .write("other-users.csv", users(1))
        .write("candidates.tsv", (0..9).map(candidate).collect::<String>());
    place
}

/// A ring of nodes with chords, in two kinds of lines.
fn edges(thin: &str, thick: &str) -> String {
    let ring = (0..24).map(|i| format!("n{i}{thin} n{}\n", (i + 1) % 24));
    let chords = (0..24).step_by(3).map(|i| format!("n{i}{thick} n{}\n", (i * 5 + 7) % 24));
    let lines: String = ring.chain(chords).collect();
    if thin.contains(char::is_alphabetic) {
        return lines;
    }
    let weight_last = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        format!("{} {} {}\n", words[0], words[2], words[1])
    };
    lines.lines().map(weight_last).collect()
}

/// `Iterator::partition` by the number of a row.
trait PartitionMap {
    fn partition_map(self, of: impl Fn(usize) -> bool) -> (Vec<String>, Vec<String>);
}

impl<I: Iterator<Item = (usize, String)>> PartitionMap for I {
    fn partition_map(self, of: impl Fn(usize) -> bool) -> (Vec<String>, Vec<String>) {
        let (some, others): (Vec<_>, Vec<_>) = self.partition(|(i, _)| of(*i));
        let rows = |rows: Vec<(usize, String)>| rows.into_iter().map(|(_, row)| row).collect();
        (rows(some), rows(others))
    }
}

const ALONE: &[&str] = &[""];

const LAYOUT: &[Probe] = &[
    ("format", &["csv"], &["--train ../log.dat"]),
    ("columns", &["user=who,item=what,time=when"], &["--train ../named.csv"]),
    ("no-header", &[""], &["--train ../bare.csv"]),
    ("delimiter", &[";"], &["--train ../semi.csv"]),
    ("skip-bad-rows", &[""], &["--train ../bad.csv"]),
    ("seed", &["7"], ALONE),
];

const SEQUENCES: &[Probe] = &[
    ("session-gap", &["10m"], &["", "--graph adjacency"]),
    ("index", &["HNSW8"], ALONE),
    ("architecture", &["cbow", "skip-gram"], ALONE),
    ("window", &["1", "basket"], ALONE),
    ("negatives", &["2"], ALONE),
    ("exponent", &["0.2"], ALONE),
    ("rate", &["0.2"], ALONE),
    ("subsample", &["0.001"], ALONE),
    ("sampler", &["uniform", "mixed", "hard"], ALONE),
    ("checkpoint", &["state.nf"], ALONE),
];

const RUN: &[Probe] = &[
    ("test", &["../test.csv"], ALONE),
    ("split", &["ratio:0.3"], ALONE),
    ("k-core", &["2"], ALONE),
    ("metric", &["ip", "cosine"], ALONE),
    ("k", &["3"], ALONE),
    ("keep-seen", &[""], ALONE),
    ("candidates", &["../candidates.tsv"], ALONE),
    ("graph", &["jaccard"], ALONE),
    ("top-k", &["1"], &["--graph jaccard"]),
    ("p", &["0.1"], ALONE),
    ("q", &["8"], ALONE),
    ("walks", &["3"], ALONE),
    ("length", &["5"], ALONE),
    ("pooling", &["near", "query"], ALONE),
    ("max-history", &["2"], ALONE),
    ("view", &["before", "others"], ALONE),
    ("loss", &["bpr"], ALONE),
    ("sampled", &["7"], ALONE),
    ("temperature", &["0.7"], ALONE),
    ("batch", &["16"], ALONE),
    ("table-rate", &["0.01"], ALONE),
    ("early-stop", &[""], ALONE),
    ("user-features", &["../users.csv"], ALONE),
    ("item-features", &["../items.csv"], ALONE),
    ("feature-types", &["year=number", "year=category"], &["--item-features ../items.csv"]),
    ("id-dropout", &["0.9"], ALONE),
    ("unseen", &["0.5"], &["--item-features ../items.csv"]),
    ("layers", &["8"], ALONE),
    ("no-ids", &[""], &["--item-features ../items.csv"]),
];

const SMALL: &str = "--train ../log.csv --dim 4 --epochs 2 --out out";

#[test]
fn every_method_uses_or_refuses_every_option() {
    let place = place();
    let walk = Walk {
        command: "run",
        base: SMALL,
        modes: &[
            "--method item2vec",
            "--method deepwalk",
            "--method node2vec",
            "--method mf",
            "--method youtube-dnn",
            "--method dssm",
            "--method contrastive",
        ],
        probes: &[LAYOUT, SEQUENCES, RUN],
        ..WALK
    };
    let verdicts = walk.walk(&place);
    assert_eq!(verdicts["method"].len(), 7);
    // A refusal names the method, and the methods that use the option: those, and no others.
    for (option, modes) in &verdicts {
        let used: BTreeSet<&str> =
            modes.iter().filter(|(_, v)| *v == Verdict::Used).map(|(mode, _)| &mode[9..]).collect();
        for (mode, verdict) in modes {
            let Verdict::Refused(message) = verdict else { continue };
            let start = format!("error: --{option} is not an option of {mode}: it is of ");
            let of = message.strip_prefix(&start).unwrap_or_else(|| panic!("{option} {mode}: {message}"));
            let expected = match option.as_str() {
                // Of sequences, which walks have where what follows what is their graph.
                "session-gap" => vec!["--method item2vec or --graph adjacency"],
                _ => of.trim_end().split(", ").collect(),
            };
            if option == "session-gap" {
                assert_eq!((of.trim_end(), used.len()), (expected[0], 3), "{used:?}");
            } else {
                assert_eq!(expected.into_iter().collect::<BTreeSet<_>>(), used, "--{option} {mode}");
            }
        }
    }
}

#[test]
fn options_of_methods_hold_beside_each_other() {
    let place = place();
    let walk = Walk {
        command: "run",
        base: SMALL,
        modes: &[
            "--method item2vec --sampler uniform",
            "--method item2vec --sampler mixed",
            "--method item2vec --sampler hard",
            "--method item2vec --architecture cbow",
            "--method item2vec --window 2",
            "--method deepwalk --graph jaccard",
            "--method node2vec --graph adjacency",
            "--method mf --loss ccl",
            "--method youtube-dnn --loss ccl --pooling near",
            "--method youtube-dnn --loss log --pooling places",
            "--method youtube-dnn --pooling query --metric ip",
            "--method youtube-dnn --pooling self-attention --sampled 0",
            "--method contrastive --loss bpr",
            "--method dssm --loss ccl --item-features ../items.csv",
            "--method dssm --no-ids --item-features ../items.csv",
            "--method dssm --metric cosine --item-features ../items.csv",
            "--method dssm --user-features ../users.csv --layers 8",
        ],
        probes: &[LAYOUT, SEQUENCES, RUN],
        // Read before a method is asked.
        skip: &[
            "train",
            "test",
            "split",
            "format",
            "columns",
            "no-header",
            "delimiter",
            "skip-bad-rows",
            "k-core",
            "out",
        ],
        ..WALK
    };
    walk.walk(&place);
}

#[test]
fn every_kind_of_log_uses_or_refuses_every_option() {
    let place = place();
    let lines = String::from_utf8(place.bytes("histories.txt")).unwrap();
    let sessions: String = lines.lines().map(|line| line[4..].to_owned() + "\n").collect();
    place
        .write("sessions.txt", sessions + "rare tea-01\n")
        .write("tasks.txt", "tea-01 tea-04\ttea-07\ntin-02\ttin-05\ntin-08 tin-02\ttin-08\n")
        .write("more-tasks.txt", "tea-01 tea-04\ttea-07\n");
    let walk = Walk {
        command: "run",
        base: "--dim 4 --epochs 2 --out out",
        modes: &[
            "--train ../sessions.txt --test ../tasks.txt --format sessions",
            "--train ../sessions.txt --format sessions",
            "--train ../histories.txt",
            "--train ../train.csv --test ../test.csv",
        ],
        probes: &[
            &[
                ("test", &["../more-tasks.txt"], ALONE),
                ("keep-seen", &["", "=false"], ALONE),
                ("columns", &["user=1,item=0"], ALONE),
            ],
            LAYOUT,
            SEQUENCES,
            RUN,
        ],
        // What files hold a row that is bad, or need a name for their format, is tried elsewhere; the rest learns.
        only: &[
            "test",
            "split",
            "columns",
            "no-header",
            "delimiter",
            "k-core",
            "session-gap",
            "keep-seen",
            "candidates",
            "k",
        ],
        ..WALK
    };
    let verdicts = walk.walk(&place);
    let header = &verdicts["no-header"];
    assert!(header[..3].iter().all(|(_, verdict)| matches!(verdict, Verdict::Refused(_))), "{header:?}");
}

#[test]
fn options_of_histories_are_refused_where_nothing_makes_one() {
    let place = place();
    place.write("years.csv", "item,year\ntea-00,1.5\ntea-01,2.5\ntin-00,3.5\n");
    let bare = "run --train log.csv --dim 4 --epochs 1 --method dssm --no-ids --out out \
                --user-features users.csv --item-features years.csv --feature-types year=number";
    place.json(bare);
    for option in ["--pooling near", "--max-history 3", "--view others"] {
        let answer = place.call(&format!("{bare} {option}"));
        let says = format!("{} is not an option of --no-ids without", option.split(' ').next().unwrap());
        assert!(answer.code == Some(2) && answer.stderr.contains(&says), "{option}: {answer:?}");
    }
}

#[test]
fn a_training_that_goes_on_uses_or_refuses_every_option() {
    let place = place();
    place.json("run --train log.csv --dim 4 --epochs 1 --out run");
    let walk = Walk {
        command: "train",
        base: "--model ../run --train ../log.csv --epochs 2 --out out",
        modes: &["", "--sampler uniform", "--architecture cbow"],
        probes: &[LAYOUT, SEQUENCES],
        ..WALK
    };
    walk.walk(&place);
}

#[test]
fn every_kind_of_graph_uses_or_refuses_every_option() {
    const PROBES: &[Probe] = &[
        ("session-gap", &["10m"], ALONE),
        ("top-k", &["1"], ALONE),
        ("min-support", &["3"], ALONE),
        ("max-user-items", &["3"], ALONE),
        ("keep", &["both", "own"], &["--top-k 2"]),
        ("window", &["2"], ALONE),
    ];
    let place = place();
    let walk = Walk {
        command: "graph build",
        base: "--train ../log.csv --out out.txt",
        modes: &[
            "--similarity jaccard",
            "--similarity cosine",
            "--similarity co-count",
            "--similarity lift",
            "--similarity pmi",
            "--similarity adjacency",
            "--similarity bipartite",
        ],
        probes: &[LAYOUT, PROBES],
        ..WALK
    };
    walk.walk(&place);
}

#[test]
fn every_walk_uses_or_refuses_every_option() {
    const PROBES: &[Probe] = &[
        ("weighted", &[""], ALONE),
        ("directed", &[""], ALONE),
        ("adjacency-list", &[""], ALONE),
        ("triples", &[""], &["--edges ../triples.txt"]),
        ("relations", &["likes", "likes=2"], &["--triples --edges ../triples.txt"]),
        ("header", &[""], ALONE),
        ("p", &["0.1"], ALONE),
        ("q", &["8"], ALONE),
        ("window", &["2"], ALONE),
        ("negatives", &["2"], ALONE),
        ("loss", &["ns", "hs"], ALONE),
        ("rate", &["0.2"], ALONE),
        ("checkpoint", &["state.nf"], ALONE),
        ("seed", &["7"], ALONE),
    ];
    let place = place();
    place.json("graph build --train log.csv --out g.nf");
    let walk = Walk {
        command: "embed-graph",
        base: "--edges ../edges.txt --dim 4 --walks 3 --length 8 --epochs 2 --out out.txt",
        modes: &[
            "--method deepwalk",
            "--method node2vec --p 0.5",
            "--method node2vec+ --q 0.5 --weighted",
            "--method deepwalk --loss ns",
            "--method node2vec --loss hs --p 0.5",
            "--method node2vec --edges ../g.nf",
        ],
        probes: &[PROBES],
        ..WALK
    };
    walk.walk(&place);
}

#[test]
fn every_kind_of_answer_uses_or_refuses_every_option_of_eval() {
    const PROBES: &[Probe] = &[
        ("vectors", &["../v.txt"], ALONE),
        ("recommendations", &["../lists.txt"], ALONE),
        ("keys", &["../keys.txt"], ALONE),
        ("users", &["../u.txt"], ALONE),
        ("table", &["output"], ALONE),
        ("against", &["output"], ALONE),
        ("metric", &["ip", "l2"], ALONE),
        ("train", &["../train.csv"], ALONE),
        ("format", &["csv"], &["--test ../log.dat"]),
        ("columns", &["user=who,item=what,time=when"], &["--test ../named.csv"]),
        ("no-header", &[""], ALONE),
        ("delimiter", &[";"], &["--test ../semi.csv"]),
        ("skip-bad-rows", &[""], &["--test ../bad-test.csv"]),
        ("k", &["3"], ALONE),
        ("keep-seen", &[""], ALONE),
    ];
    let place = place();
    place.json("run --train log.csv --dim 4 --epochs 2 --out run");
    place.json("embed --model run --side user --input histories.txt --out u.txt");
    let keys = String::from_utf8(place.bytes("run/keys.txt")).unwrap();
    let backwards: Vec<&str> = keys.lines().rev().collect();
    let vectors = |(i, key): (usize, &str)| format!("{key} {} {}\n", i % 7, (i * 5) % 11);
    let n = backwards.len();
    place
        .write("keys.txt", backwards.join("\n") + "\n")
        .write("v.txt", format!("{n} 2\n{}", keys.lines().enumerate().map(vectors).collect::<String>()));
    let walk = Walk {
        command: "eval",
        base: "--test ../test.csv --out out",
        modes: &[
            "--vectors ../v.txt --train ../train.csv",
            "--vectors ../run/items.safetensors --train ../train.csv",
            "--vectors ../run/items.safetensors --train ../train.csv --against output",
            "--vectors ../run/items.safetensors --train ../train.csv --against output --users ../u.txt",
            "--recommendations ../lists.txt",
            "--recommendations ../lists.txt --train ../train.csv",
        ],
        probes: &[PROBES],
        ..WALK
    };
    walk.walk(&place);
}

#[test]
fn every_index_uses_or_refuses_every_option() {
    const PROBES: &[Probe] = &[
        ("metric", &["ip", "cosine"], ALONE),
        ("table", &["output"], ALONE),
        ("k", &["3"], ALONE),
        ("effort", &["1", "200"], ALONE),
        ("recall", &["0.3"], ALONE),
        ("vectors", &["../other.npy"], ALONE),
        ("truth", &["../truth.npy"], ALONE),
        ("specs", &["SQ8"], ALONE),
        ("out", &["out"], ALONE),
    ];
    let place = place();
    place.json("run --train log.csv --dim 32 --epochs 1 --out run");
    // Numbers without order, by the minimal standard generator.
    let mut state = 1u64;
    let vectors = Array2::from_shape_simple_fn((600, 32), || {
        state = state * 48_271 % 0x7FFF_FFFF;
        state as f32 / 0x7FFF_FFFF as f32
    });
    npy::write_f32(place.path("v.npy"), vectors.view()).unwrap();
    npy::write_f32(place.path("other.npy"), vectors.slice(ndarray::s![..;-1, ..]).view()).unwrap();
    npy::write_f32(place.path("q.npy"), vectors.slice(ndarray::s![..40, ..])).unwrap();
    let mut ids = 0..;
    let truth = Array2::from_shape_simple_fn((40, 10), || ids.next().unwrap());
    npy::write_i64(place.path("truth.npy"), truth.view()).unwrap();
    for (name, spec) in
        [("flat", "Flat"), ("sq8", "SQ8"), ("hnsw", "HNSW2"), ("ivf", "IVF40,Flat"), ("forest", "RPForest2")]
    {
        place.json(&format!("index build --vectors v.npy --spec {spec} --out {name}.nf"));
    }
    place.json("index tune --index hnsw.nf --queries q.npy --recall 0.9");
    let built = Walk {
        command: "index build",
        base: "--vectors ../v.npy --spec HNSW4 --out i.nf",
        modes: &["", "--spec Flat", "--spec IVF4,Flat", "--vectors ../run/items.safetensors"],
        probes: &[PROBES],
        ..WALK
    };
    built.walk(&place);
    let searched = Walk {
        command: "index search",
        base: "--index ../sq8.nf --queries ../q.npy --out ids.npy",
        modes: &[
            "",
            "--index ../hnsw.nf",
            "--index ../ivf.nf",
            "--index ../forest.nf",
            "--index ../hnsw.nf --queries ../run/items.safetensors",
        ],
        ..built
    };
    searched.walk(&place);
    // An exact index has every recall that is asked for, and no effort.
    place.json("index search --index flat.nf --queries q.npy --out ids.npy --recall 0.95");
    let effort = place.call("index search --index flat.nf --queries q.npy --out ids.npy --effort 3");
    let says = "--effort is not an option of flat.nf, which is Flat: it is of HNSW";
    assert!(effort.code == Some(2) && effort.stderr.contains(says), "{effort:?}");
    let tuned = Walk {
        command: "index tune",
        base: "--index hnsw.nf --queries ../q.npy",
        modes: &["", "--index ivf.nf", "--queries ../run/items.safetensors"],
        copies: &["hnsw.nf", "ivf.nf"],
        ..built
    };
    tuned.walk(&place);
    let measured = Walk {
        command: "index bench",
        base: "--vectors ../v.npy --queries ../q.npy --specs PQ2x4fs",
        modes: &["", "--vectors ../run/items.safetensors --queries ../run/items.safetensors"],
        ..built
    };
    measured.walk(&place);
}

#[test]
fn what_looks_at_results_uses_or_refuses_every_option() {
    const PROBES: &[Probe] = &[
        ("k", &["3"], ALONE),
        ("metric", &["ip", "l2"], ALONE),
        ("table", &["output"], ALONE),
        ("labels", &["../labels.csv"], ALONE),
        ("keys", &["tea-00"], ALONE),
        ("sample", &["10"], ALONE),
        ("seed", &["7"], &["", "--sample 10"]),
        ("item", &["tea-00"], ALONE),
        ("history", &["tea-00"], ALONE),
        ("user", &["u02"], ALONE),
        ("user-features", &["../other-users.csv"], ALONE),
        ("keep-seen", &[""], ALONE),
        ("map", &["pca"], ALONE),
        ("out", &["out"], ALONE),
    ];
    let place = place();
    place.json("run --train log.csv --dim 4 --epochs 2 --out run");
    place.json("run --train log.csv --dim 4 --epochs 3 --out other");
    place.json("run --train log.csv --dim 4 --epochs 2 --method dssm --user-features users.csv --item-features items.csv --out dssm");
    place.json("eval --recommendations lists.txt --test test.csv --out lists");
    place.json("embed --model run --side user --input histories.txt --out v.txt");
    let walk = |command: &str, base: &str, modes: &[&str]| {
        Walk { command, base, modes, probes: &[PROBES], ..WALK }.walk(&place);
    };
    let vectors = "--vectors ../run/items.safetensors";
    walk("neighbors", &format!("tea-00 {vectors}"), &["", "u01 --vectors ../v.txt"]);
    walk("inspect", vectors, &[""]);
    walk(
        "recommend",
        "--model ../run -k 40",
        &["--item tea-00 tea-01", "--history tin-00,tin-03", "--user u01", "--user u01 --model ../dssm"],
    );
    walk("embed", "--model ../run --side user --input ../histories.txt --out u.txt", &[""]);
    walk("embed", "--model ../dssm --side item --input ../items.csv --out i.txt", &[""]);
    walk("export", "--model ../dssm --out out", &[""]);
    walk("report", "--runs ../run --out page.html", &["", "--runs ../lists"]);
    walk("compare", "../run ../other", &[""]);
}
