//! The table of which option applies to what, behind the check of a command line and behind the help.

use std::fmt;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use embed_core::formats;
use nearfield::interactions::Format;

use crate::error::CliError;

/// A condition on the rest of a command line, under which an option has an effect.
#[derive(Debug, Clone, Copy)]
enum When {
    /// An option has one of these values, given or by default.
    Is(&'static str, &'static [&'static str]),
    /// An option has none of these values.
    IsNot(&'static str, &'static [&'static str]),
    /// One of these options is given.
    With(&'static [&'static str]),
    /// These options are not all given together.
    Without(&'static [&'static str]),
    /// One of these options names a file of a kind, which its name tells.
    File(&'static [&'static str], &'static str, fn(&Path) -> bool),
    /// One of these conditions holds.
    Any(&'static [When]),
}

use When::{Any, File, Is, IsNot, With, Without};

/// Options of a command and the conditions that must all hold for them to have an effect.
type Row = (&'static [&'static str], &'static [When]);

const ALWAYS: &[When] = &[];
const WALKS: &[&str] = &["deepwalk", "node2vec"];
const SEQUENCES: &[&str] = &["item2vec", "deepwalk", "node2vec"];
const TOWERS: &[&str] = &["mf", "youtube-dnn", "dssm", "contrastive"];
const HISTORIES: &[&str] = &["youtube-dnn", "dssm", "contrastive"];
const DSSM: When = Is("method", &["dssm"]);
const SIMILAR: &[&str] = &["jaccard", "cosine", "co-count", "lift", "pmi"];
const FEATURES: When = With(&["user-features", "item-features"]);
const FORMAT: When = IsNot("format", &["parquet", "user-items", "sessions"]);
const DELIMITED: fn(&Path) -> bool =
    |path| !matches!(Format::of(path), Some(Format::Parquet | Format::UserItems | Format::Sessions));
const CSV: When = Is("format", &["csv", "tsv"]);
const DELIMITER: When = With(&["delimiter"]);
const HEADER: &[When] = &[FORMAT, Any(&[CSV, DELIMITER, File(&["train"], "delimited text", DELIMITED)])];
const HEADERS: &[When] =
    &[FORMAT, Any(&[CSV, DELIMITER, File(&["train", "test"], "delimited text", DELIMITED)])];
const TENSORS: fn(&Path) -> bool = |path| formats::Format::of(path) == Some(formats::Format::Safetensors);
const NEGATIVES: When = Any(&[Is("loss", &["ns"]), Is("method", &["node2vec", "node2vec+"])]);

/// `nearfield run`.
const RUN: &[Row] = &[
    (&["train", "test", "split", "format", "columns", "delimiter", "skip-bad-rows", "k-core"], ALWAYS),
    (&["method", "dim", "epochs", "index", "metric", "k", "keep-seen", "candidates"], ALWAYS),
    (&["seed", "threads", "out"], ALWAYS),
    (&["no-header"], HEADERS),
    (&["session-gap"], &[Any(&[Is("method", &["item2vec"]), Is("graph", &["adjacency"])])]),
    (&["architecture", "window", "negatives", "rate", "subsample"], &[Is("method", SEQUENCES)]),
    (&["exponent"], &[Is("method", SEQUENCES), IsNot("sampler", &["uniform"])]),
    (&["sampler", "checkpoint"], &[Is("method", &["item2vec"])]),
    (&["graph", "walks", "length"], &[Is("method", WALKS)]),
    (&["p", "q"], &[Is("method", &["node2vec"])]),
    (&["top-k"], &[Is("method", WALKS), Is("graph", SIMILAR)]),
    (&["pooling", "max-history", "view"], &[Is("method", HISTORIES)]),
    (&["loss", "sampled", "temperature", "batch", "table-rate", "early-stop"], &[Is("method", TOWERS)]),
    (&["user-features", "item-features", "layers", "no-ids"], &[DSSM]),
    (&["feature-types"], &[DSSM, FEATURES]),
    (&["id-dropout"], &[DSSM, Without(&["no-ids"])]),
    (&["unseen"], &[DSSM, With(&["item-features"]), Without(&["no-ids"]), IsNot("metric", &["cosine"])]),
];

/// `nearfield train`.
const TRAIN: &[Row] = &[
    (&["model", "train", "format", "columns", "delimiter", "skip-bad-rows", "session-gap"], ALWAYS),
    (&["epochs", "architecture", "window", "negatives", "rate", "subsample"], ALWAYS),
    (&["sampler", "checkpoint", "index", "seed", "threads", "out"], ALWAYS),
    (&["no-header"], HEADER),
    (&["exponent"], &[IsNot("sampler", &["uniform"])]),
];

/// `nearfield graph build`.
const GRAPH_BUILD: &[Row] = &[
    (&["train", "format", "columns", "delimiter", "skip-bad-rows", "similarity"], ALWAYS),
    (&["seed", "threads", "out"], ALWAYS),
    (&["no-header"], HEADER),
    (&["top-k", "min-support", "max-user-items", "keep"], &[Is("similarity", SIMILAR)]),
    (&["session-gap", "window"], &[Is("similarity", &["adjacency"])]),
];

/// `nearfield embed-graph`. Options of text files are refused for graph files where the file is opened.
const EMBED_GRAPH: &[Row] = &[
    (&["edges", "weighted", "directed", "adjacency-list", "triples", "relations", "header"], ALWAYS),
    (&["method", "dim", "walks", "length", "window", "epochs", "loss", "rate", "checkpoint"], ALWAYS),
    (&["seed", "threads", "out"], ALWAYS),
    (&["p", "q"], &[Is("method", &["node2vec", "node2vec+"])]),
    // DeepWalk's authors have hierarchical softmax, which has no negatives.
    (&["negatives"], &[NEGATIVES, IsNot("loss", &["hs"])]),
];

/// `nearfield eval`.
const EVAL: &[Row] = &[
    (&["vectors", "recommendations", "train", "test", "k", "out", "threads"], ALWAYS),
    (&["format", "columns", "delimiter", "skip-bad-rows"], ALWAYS),
    (&["no-header"], HEADERS),
    (&["keys", "users", "metric"], &[With(&["vectors"])]),
    (
        &["table"],
        // Vectors of users take the place of histories, so of two tensors one alone is read.
        &[With(&["vectors"]), File(&["vectors"], ".safetensors", TENSORS), Without(&["users", "against"])],
    ),
    (&["against"], &[With(&["vectors"]), File(&["vectors"], ".safetensors", TENSORS)]),
    // Lists are taken as they are: what they leave out is their maker's choice, and popularity's needs a log.
    (&["keep-seen"], &[With(&["train"])]),
];

/// The rows of a command, by its path.
fn rows(command: &str) -> &'static [Row] {
    const OF_VECTORS: Row = (&["table"], &[File(&["vectors"], ".safetensors", TENSORS)]);
    match command {
        "run" => RUN,
        "train" => TRAIN,
        "graph build" => GRAPH_BUILD,
        "embed-graph" => EMBED_GRAPH,
        "eval" => EVAL,
        "demo" => &[(&["out", "seed", "threads"], ALWAYS)],
        "neighbors" => &[(&["vectors", "keys", "k", "metric"], ALWAYS), OF_VECTORS],
        "recommend" => &[
            (&["model", "item", "history", "user", "k", "keep-seen"], ALWAYS),
            (&["user-features"], &[With(&["user"])]),
        ],
        "embed" => &[(&["model", "side", "input", "out", "threads"], ALWAYS)],
        "export" => &[(&["model", "out"], ALWAYS)],
        "index build" => &[(&["vectors", "spec", "metric", "out", "seed", "threads"], ALWAYS), OF_VECTORS],
        // Whether an index has an effort is known when it is opened.
        "index search" => &[
            (&["index", "queries", "k", "effort", "recall", "out", "threads"], ALWAYS),
            (&["table"], &[File(&["queries"], ".safetensors", TENSORS)]),
        ],
        "index tune" => &[
            (&["index", "queries", "vectors", "recall", "k", "threads"], ALWAYS),
            (&["table"], &[File(&["queries", "vectors"], ".safetensors", TENSORS)]),
        ],
        "index bench" => &[
            (&["vectors", "queries", "truth", "specs", "metric", "k", "seed", "out"], ALWAYS),
            (&["build-threads", "threads"], ALWAYS),
            (&["table"], &[File(&["vectors", "queries"], ".safetensors", TENSORS)]),
        ],
        "inspect" => &[
            (&["vectors", "labels", "keys", "k", "metric", "sample", "seed", "threads"], ALWAYS),
            OF_VECTORS,
        ],
        "compare" => &[(&["a", "b", "seed", "threads"], ALWAYS)],
        "report" => &[(&["runs", "out", "labels", "map", "threads"], ALWAYS)],
        _ => &[],
    }
}

/// A command line of one command.
#[derive(Clone, Copy)]
struct Line<'a> {
    command: &'a Command,
    matches: &'a ArgMatches,
}

impl Line<'_> {
    fn id(&self, option: &str) -> Option<&str> {
        self.command.get_arguments().find(|arg| name(arg) == option).map(|arg| arg.get_id().as_str())
    }

    fn given(&self, option: &str) -> bool {
        let source = self.id(option).and_then(|id| self.matches.value_source(id));
        source == Some(ValueSource::CommandLine)
    }

    /// The value of an option, given or by default.
    fn value(&self, option: &str) -> Option<String> {
        let mut values = self.matches.get_raw(self.id(option)?)?;
        values.next().map(|value| value.to_string_lossy().into_owned())
    }

    fn holds(&self, when: &When) -> bool {
        let one_of = |option: &str, words: &[&str]| {
            self.value(option).is_some_and(|value| words.contains(&value.as_str()))
        };
        match when {
            Is(option, words) => one_of(option, words),
            IsNot(option, words) => !one_of(option, words),
            With(options) => options.iter().any(|option| self.given(option)),
            Without(options) => !options.iter().all(|option| self.given(option)),
            File(options, _, is) => {
                options.iter().filter_map(|option| self.value(option)).any(|path| is(Path::new(&path)))
            }
            Any(conditions) => conditions.iter().any(|when| self.holds(when)),
        }
    }

    /// Options that a condition depends on, with their values, as far as there are some.
    fn deciding(&self, when: &When) -> Vec<String> {
        let options: Vec<&str> = match when {
            Is(option, _) | IsNot(option, _) => vec![option],
            With(options) | Without(options) | File(options, ..) => options.to_vec(),
            Any(conditions) => {
                return conditions.iter().flat_map(|when| self.deciding(when)).collect();
            }
        };
        let word = |option: &str| match self.value(option) {
            Some(value) if value != "true" && value != "false" && value != "auto" => {
                Some(format!("--{option} {value}"))
            }
            _ => self.given(option).then(|| format!("--{option}")),
        };
        options.into_iter().filter_map(word).collect()
    }

    /// The refusal of an option, where a condition does not hold.
    fn refused(&self, option: &str, when: &When) -> CliError {
        let (option, with) = (format!("--{option}"), self.deciding(when).join(" "));
        match when {
            IsNot(..) | Without(..) => CliError::DoesNothing { option, with },
            Is(_, of) if !with.is_empty() => CliError::NotAnOption { option, with, of: of.join(", ") },
            _ if !with.is_empty() => CliError::NotAnOption { option, with, of: when.to_string() },
            _ => CliError::NeedsOption { option, needs: when.to_string() },
        }
    }
}

/// The condition as the help has it.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dashed = |options: &[&str], between: &str| {
            options.iter().map(|option| format!("--{option}")).collect::<Vec<_>>().join(between)
        };
        match self {
            Is(option, words) => write!(f, "--{option} {}", words.join(", ")),
            IsNot(option, words) => write!(f, "not with --{option} {}", words.join(", ")),
            With(options) => f.write_str(&dashed(options, " or ")),
            Without(options) => write!(f, "not with {}", dashed(options, " and ")),
            File(options, kind, _) => write!(f, "{kind} in {}", dashed(options, " or ")),
            Any(conditions) => {
                let words: Vec<String> = conditions.iter().map(ToString::to_string).collect();
                f.write_str(&words.join(" or "))
            }
        }
    }
}

/// The name of an argument: its long option, or what a positional one is called.
fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or(arg.get_id().as_str())
}

/// Check of a command line: the first option that has no effect beside the others is refused.
///
/// # Errors
/// [`CliError::NotAnOption`], [`CliError::NeedsOption`], [`CliError::DoesNothing`].
pub(super) fn check(command: &Command, matches: &ArgMatches) -> Result<(), CliError> {
    let (mut line, mut path) = (Line { command, matches }, Vec::new());
    while let Some((name, matches)) = line.matches.subcommand() {
        let Some(command) = line.command.find_subcommand(name) else { break };
        line = Line { command, matches };
        path.push(name);
    }
    for (options, conditions) in rows(&path.join(" ")) {
        for option in options.iter().filter(|option| line.given(option)) {
            if let Some(unmet) = conditions.iter().find(|when| !line.holds(when)) {
                return Err(line.refused(option, unmet));
            }
        }
    }
    Ok(())
}

/// The command with the conditions of its options in their help.
pub(super) fn explained(command: Command, path: &str) -> Command {
    let command = command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        explained(sub, path.trim_start())
    });
    command.mut_args(|arg| {
        let row = rows(path).iter().find(|(options, _)| options.contains(&name(&arg)));
        match (row, arg.get_help()) {
            (Some((_, conditions @ [_, ..])), Some(help)) => {
                let word = |when: &When| match when {
                    IsNot(..) | Without(..) => when.to_string(),
                    _ => format!("only with {when}"),
                };
                let help = format!("{help} [{}]", conditions.iter().map(word).collect::<Vec<_>>().join("; "));
                arg.help(help)
            }
            _ => arg,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;

    /// Every command that does something, with its path.
    fn commands(command: &Command, path: &str) -> Vec<(String, Command)> {
        let subcommands = command.get_subcommands();
        let under =
            subcommands.flat_map(|sub| commands(sub, format!("{path} {}", sub.get_name()).trim_start()));
        let under: Vec<_> = under.collect();
        if under.is_empty() { vec![(path.to_owned(), command.clone())] } else { under }
    }

    fn options(command: &Command) -> Vec<&str> {
        command.get_arguments().map(name).filter(|name| !["json", "help", "version"].contains(name)).collect()
    }

    #[test]
    fn every_option_of_every_command_stands_in_one_row() {
        let commands = commands(&Cli::command(), "");
        assert_eq!(commands.len(), 17);
        for (path, command) in &commands {
            let mut listed: Vec<&str> =
                rows(path).iter().flat_map(|(options, _)| options.iter().copied()).collect();
            let mut options = options(command);
            listed.sort_unstable();
            options.sort_unstable();
            assert_eq!(listed, options, "{path}: say of a new option what it applies to");
        }
    }

    #[test]
    fn conditions_name_options_and_values_that_exist() {
        fn named(when: &When, command: &Command) {
            let arg = |option: &str| {
                let found = command.get_arguments().find(|arg| name(arg) == option);
                found.unwrap_or_else(|| panic!("{} has no --{option}", command.get_name())).clone()
            };
            match when {
                Is(option, words) | IsNot(option, words) => {
                    let possible = arg(option).get_possible_values();
                    for word in words.iter().filter(|_| !possible.is_empty()) {
                        assert!(possible.iter().any(|value| value.get_name() == *word), "--{option} {word}");
                    }
                }
                With(options) | Without(options) | File(options, ..) => {
                    options.iter().for_each(|option| drop(arg(option)));
                }
                Any(conditions) => conditions.iter().for_each(|when| named(when, command)),
            }
        }
        for (path, command) in commands(&Cli::command(), "") {
            for when in rows(&path).iter().flat_map(|(_, conditions)| conditions.iter()) {
                named(when, &command);
            }
        }
    }

    #[test]
    fn a_refusal_says_what_an_option_is_for() {
        for (line, says) in [
            (
                "run --train f --method mf --pooling near",
                "--pooling is not an option of --method mf: it is of youtube-dnn, dssm, contrastive",
            ),
            ("run --train f --p 2", "--p is not an option of --method item2vec: it is of node2vec"),
            (
                "run --train f --method deepwalk --graph bipartite --top-k 7",
                "--top-k is not an option of --graph bipartite: it is of jaccard, cosine, co-count, lift, pmi",
            ),
            (
                "run --train f --method deepwalk --top-k 7",
                "--top-k needs --graph jaccard, cosine, co-count, lift, pmi",
            ),
            (
                "run --train f --method mf --session-gap 30m",
                "--session-gap is not an option of --method mf: it is of --method item2vec or --graph adjacency",
            ),
            (
                "run --train f --sampler uniform --exponent 0.5",
                "--exponent does nothing with --sampler uniform",
            ),
            (
                "run --train f --method dssm --feature-types a=list",
                "--feature-types needs --user-features or --item-features",
            ),
            (
                "run --train f --method dssm --no-ids --id-dropout 0.1",
                "--id-dropout does nothing with --no-ids",
            ),
            (
                "train --model m --train f.parquet --no-header --out o",
                "--no-header is not an option of --train f.parquet: it is of --format csv, tsv or --delimiter or delimited text in --train",
            ),
            (
                "embed-graph --edges e --out v.txt --method deepwalk --negatives 3",
                "--negatives is not an option of --method deepwalk: it is of --loss ns or --method node2vec, node2vec+",
            ),
            (
                "embed-graph --edges e --out v.txt --loss hs --negatives 3",
                "--negatives does nothing with --loss hs",
            ),
            ("eval --recommendations l --test t --metric ip", "--metric needs --vectors"),
            (
                "neighbors a --vectors v.txt --table output",
                "--table is not an option of --vectors v.txt: it is of .safetensors in --vectors",
            ),
        ] {
            let words = std::iter::once("nearfield").chain(line.split_whitespace());
            let matches = Cli::command().try_get_matches_from(words).unwrap();
            assert_eq!(Cli::check(&matches).unwrap_err().to_string(), says, "{line}");
        }
    }
}
