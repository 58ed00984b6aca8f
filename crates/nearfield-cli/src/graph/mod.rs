//! `nearfield graph` and `nearfield embed-graph`.

mod build;
mod embed;
pub(crate) mod of_log;

use std::process::ExitCode;

use crate::args::{GraphArgs, GraphCommand};
use crate::error::CliError;

pub(crate) use embed::embed_graph;

/// Runs `nearfield graph`.
pub(crate) fn graph(args: &GraphArgs, json: bool) -> Result<ExitCode, CliError> {
    match &args.command {
        GraphCommand::Build(args) => build::build(args, json),
    }
}
