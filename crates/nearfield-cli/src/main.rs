//! The `nearfield` command. See `nearfield --help`.
#![forbid(unsafe_code)]

mod args;
mod cancel;
mod compare;
mod demo;
mod detail;
mod embed;
mod error;
mod eval;
mod evaluation;
mod export;
mod features;
mod figures;
mod graph;
mod histories;
mod index;
mod inspect;
mod keys;
mod labels;
mod machine;
mod manifest;
mod model;
mod neighbors;
mod outdir;
mod output;
mod pairing;
mod progress;
mod recommend;
mod report;
mod run;
mod shell;
mod train;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use args::{Cli, Command};
use error::{CliError, EXIT_FAILED, EXIT_USAGE};

fn main() -> ExitCode {
    let parsed = Cli::definition()
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return explain(&error),
    };
    match Cli::check(&matches).and_then(|()| dispatch(&cli)) {
        Ok(code) => code,
        Err(error) => {
            output::failure(cli.json, &error.line());
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: &Cli) -> Result<ExitCode, CliError> {
    match &cli.command {
        Command::Demo(args) => demo::demo(args, cli.json),
        Command::Run(args) => run::run(args, cli.json),
        Command::Train(args) => train::train(args, cli.json),
        Command::Neighbors(args) => neighbors::neighbors(args, cli.json),
        Command::Recommend(args) => recommend::recommend(args, cli.json),
        Command::Embed(args) => embed::embed(args, cli.json),
        Command::Export(args) => export::export(args, cli.json),
        Command::Index(args) => index::index(args, cli.json),
        Command::Graph(args) => graph::graph(args, cli.json),
        Command::EmbedGraph(args) => graph::embed_graph(args, cli.json),
        Command::Eval(args) => eval::eval(args, cli.json),
        Command::Inspect(args) => inspect::inspect(args, cli.json),
        Command::Compare(args) => compare::compare(args, cli.json),
        Command::Report(args) => report::report(args, cli.json),
    }
}

/// Help and the version go to stdout; a wrong command line is an error like any other.
fn explain(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match output::ignore_closed_pipe(error.print()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(EXIT_FAILED),
        };
    }
    // The line did not parse, so whether it asks for JSON is seen from its words.
    let json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    output::failure(json, &first_paragraph(error));
    ExitCode::from(EXIT_USAGE)
}

/// What is wrong, without the usage that clap appends.
fn first_paragraph(error: &clap::Error) -> String {
    if matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return "no command given: demo, run, train, neighbors, recommend, embed, export, index, graph, embed-graph, eval, inspect, compare or report (try --help)"
            .to_owned();
    }
    let text = error.render().to_string();
    let lines = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let line = words.join(" ");
    format!("{} (try --help)", line.strip_prefix("error: ").unwrap_or(&line))
}
