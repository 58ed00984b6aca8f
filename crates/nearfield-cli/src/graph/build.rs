use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use embed_core::store::{AtomicFile, StoreError};
use embed_core::{Sequences, Vocab};
use nearfield::graphemb::{Graph, ItemGraphParams, Keep};
use nearfield::interactions::{Format, Log};
use serde::Serialize;

use super::of_log::{LogGraph, of_log};
use crate::args::{GraphBuildArgs, GraphKind, KeepWord};
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::index::refuse_overwriting;
use crate::output::{self, counted, grouped};
use crate::progress::Bars;

#[derive(Debug, Serialize)]
struct Built {
    similarity: GraphKind,
    nodes: usize,
    edges: u64,
    /// Nodes with no edge.
    isolated: usize,
    directed: bool,
    weighted: bool,
    interactions: usize,
    read_seconds: f64,
    build_seconds: f64,
}

/// Runs `nearfield graph build`.
pub(super) fn build(args: &GraphBuildArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    refuse_overwriting(&args.out, &args.train)?;
    let mut bars = Bars::new(&cancel);
    bars.stage("read");
    let start = Instant::now();
    let (log, report) = Log::read(&args.train, &args.layout.options())?;
    let read_seconds = start.elapsed().as_secs_f64();
    cancel.check()?;
    bars.clear();
    if report.bad_rows > 0 {
        output::warning(&format!("{} left out", counted(report.bad_rows, "malformed row")));
    }
    let start = Instant::now();
    let histories = log.histories();
    let sequences = match args.session_gap {
        Some(gap) => log.sessions(gap.duration())?,
        None => Sequences::from_rows(log.n_items(), histories.rows())?,
    };
    let params = ItemGraphParams {
        top_k: args.top_k,
        min_support: args.min_support,
        max_user_items: args.max_user_items,
        keep: match args.keep {
            KeepWord::Either => Keep::Either,
            KeepWord::Both => Keep::Both,
            KeepWord::Own => Keep::Own,
        },
        ..ItemGraphParams::default()
    };
    let mut run = args.work.run(args.seed, &mut bars);
    let made = of_log(args.similarity, &histories, &sequences, &params, args.window, &mut run)?;
    drop(bars);
    let keyed = keyed(made, &log, args.layout.format == Format::Sessions)?;
    save(&keyed, &args.out)?;
    let built = Built {
        similarity: args.similarity,
        nodes: keyed.n_nodes(),
        edges: keyed.n_edges(),
        isolated: keyed.n_isolated(),
        directed: keyed.is_directed(),
        weighted: keyed.is_weighted(),
        interactions: log.len(),
        read_seconds,
        build_seconds: start.elapsed().as_secs_f64(),
    };
    output::result(json, &built, || text(&built, &args.out))?;
    Ok(ExitCode::SUCCESS)
}

/// The graph under the log's keys. Where users and items meet in one graph, keys get `user:` and `item:` before them, as
/// the same word may name one of each.
fn keyed(made: LogGraph, log: &Log, sessions: bool) -> Result<Graph, CliError> {
    match made {
        LogGraph::Items(graph) => Ok(graph.with_keys(log.item_keys().clone())?),
        LogGraph::UsersItems(bipartite) => {
            let users = if sessions { "session" } else { "user" };
            let users = log.user_keys().keys().map(|key| format!("{users}:{key}"));
            let keys =
                Vocab::from_keys(users.chain(log.item_keys().keys().map(|key| format!("item:{key}"))))?;
            Ok(bipartite.graph.with_keys(keys)?)
        }
    }
}

/// A graph file, or lines of edges where the name says so.
fn save(graph: &Graph, out: &Path) -> Result<(), CliError> {
    let delimiter = match out.extension().and_then(|extension| extension.to_str()) {
        Some("txt") => ' ',
        Some("tsv") => '\t',
        Some("csv") => ',',
        _ => return Ok(graph.save(out)?),
    };
    let keys = graph.keys_or_numbers()?;
    let quoted = |node| {
        let key = keys.key(node).unwrap_or_default();
        if delimiter == ',' && key.contains([',', '"']) {
            format!("\"{}\"", key.replace('"', "\"\""))
        } else {
            key.to_owned()
        }
    };
    if let Some(key) = keys.keys().find(|key| key.contains(delimiter) && delimiter != ',') {
        return Err(CliError::KeyInText { path: out.to_owned(), key: key.to_owned() });
    }
    let mut file = AtomicFile::create(out)?;
    let failed = |source| StoreError::Io { path: out.to_owned(), action: "write", source };
    for (source, target, weight) in graph.edges() {
        let (source, target) = (quoted(source), quoted(target));
        writeln!(file, "{source}{delimiter}{target}{delimiter}{weight}").map_err(failed)?;
    }
    Ok(file.commit()?)
}

fn text(built: &Built, out: &Path) -> String {
    format!(
        "{} graph of {}: {}, {}, {} isolated; read in {:.2} s, built in {:.2} s; in {}",
        built.similarity.name(),
        counted(built.interactions, "interaction"),
        counted(built.nodes, "node"),
        counted(built.edges, "edge"),
        grouped(built.isolated),
        built.read_seconds,
        built.build_seconds,
        out.display(),
    )
}
