//! `nearfield index`: build, search, tune and bench.

mod bench;
mod build;
mod search;
mod tune;

use std::process::ExitCode;

use crate::args::{IndexArgs, IndexCommand};
use crate::error::CliError;

pub(crate) use bench::{Bench, Family, Point, whole};
pub(crate) use build::refuse_overwriting;

/// Runs `nearfield index`.
pub(crate) fn index(args: &IndexArgs, json: bool) -> Result<ExitCode, CliError> {
    match &args.command {
        IndexCommand::Build(args) => build::build(args, json),
        IndexCommand::Search(args) => search::search(args, json),
        IndexCommand::Tune(args) => tune::tune(args, json),
        IndexCommand::Bench(args) => bench::bench(args, json),
    }
}
