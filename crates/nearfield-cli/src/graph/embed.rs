use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use embed_core::Embeddings;
use embed_core::formats::{Format, FormatError, keys, npy, write_vectors};
use embed_core::store::Reader;
use nearfield::graphemb::{
    Columns, DeepWalk, EdgeOptions, Graph, GraphOptions, Layout, Node2Vec, NodeParams, NodeVectors,
};
use nearfield::seqemb::{Objective, Window};
use serde::Serialize;

use crate::args::{EmbedGraphArgs, LossWord, NodeMethod};
use crate::cancel::Cancel;
use crate::error::{CliError, EXIT_CANCELLED};
use crate::index::refuse_overwriting;
use crate::output::{self, counted, rate};
use crate::progress::Bars;

#[derive(Debug, Serialize)]
struct Embedded {
    nodes: u64,
    edges: u64,
    /// Nodes with no edge: their vectors are untrained.
    isolated: u64,
    /// Walks over all passes.
    walks: u64,
    steps_per_second: f64,
    train_seconds: f64,
    dim: usize,
    loss: f64,
    epochs_done: u32,
    seed: u64,
    cancelled: bool,
}

/// Runs `nearfield embed-graph`.
pub(crate) fn embed_graph(args: &EmbedGraphArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    refuse_overwriting(&args.out, &args.edges)?;
    known_ending(&args.out)?;
    let params = params(args);
    params.walks.validate()?;
    params.train.validate()?;
    let mut bars = Bars::new(&cancel);
    bars.stage("read");
    let graph = read(args)?;
    cancel.check()?;
    bars.clear();
    let start = Instant::now();
    let mut run = args.work.run(args.seed, &mut bars);
    let checkpoint = args.checkpoint.as_deref();
    let nodes = match args.method {
        NodeMethod::Deepwalk => DeepWalk::fit_until_stopped(&params, &graph, checkpoint, &mut run)?,
        _ => Node2Vec::fit_until_stopped(&params, &graph, checkpoint, &mut run)?,
    };
    let train_seconds = start.elapsed().as_secs_f64();
    drop(bars);
    let embedded = embedded(args, &nodes, train_seconds)?;
    save(&nodes.vectors.input, &args.out)?;
    if embedded.isolated > 0 {
        output::note(&format!(
            "{} without an edge: their vectors are untrained",
            counted(embedded.isolated, "node")
        ));
    }
    output::result(json, &embedded, || text(&embedded, &args.out))?;
    if embedded.cancelled {
        output::warning(&format!("stopped; what was learned until then is in {}", args.out.display()));
        return Ok(ExitCode::from(EXIT_CANCELLED));
    }
    Ok(ExitCode::SUCCESS)
}

/// A graph file of ours, or edges in text.
fn read(args: &EmbedGraphArgs) -> Result<Graph, CliError> {
    if Reader::open_any(&args.edges).is_ok() {
        let as_text = [
            ("--weighted", args.weighted),
            ("--directed", args.directed),
            ("--adjacency-list", args.adjacency_list),
            ("--triples", args.triples),
            ("--header", args.header),
        ];
        if let Some((option, _)) = as_text.into_iter().find(|(_, given)| *given) {
            return Err(CliError::TextOption { option, path: args.edges.clone() });
        }
        return Ok(Graph::open_verified(&args.edges)?);
    }
    let weighs = args.relations.iter().any(|(_, weight)| *weight != 1.0);
    let columns = match (args.triples, args.weighted) {
        (false, false) => Columns::default(),
        (false, true) => Columns::WEIGHTED,
        (true, false) => Columns::TRIPLES,
        (true, true) => Columns { weight: Some(3), ..Columns::TRIPLES },
    };
    let options = EdgeOptions {
        graph: GraphOptions {
            directed: args.directed,
            weighted: args.weighted || weighs,
            ..GraphOptions::default()
        },
        layout: if args.adjacency_list { Layout::Adjacency } else { Layout::Edges(columns) },
        header: args.header,
        kinds: args.relations.clone(),
        ..EdgeOptions::default()
    };
    let (graph, report) = Graph::read(&args.edges, &options)?;
    if report.lines_with_more_columns > 0 {
        let lines = counted(report.lines_with_more_columns, "line");
        output::note(&format!(
            "{lines} with more columns than are used (--weighted reads a third as the weight)"
        ));
    }
    if report.edges.parallel_merged > 0 && !args.adjacency_list {
        let merged = counted(report.edges.parallel_merged, "edge");
        output::note(&format!("{merged} merged into parallel ones"));
    }
    if report.other_kinds > 0 {
        output::note(&format!("{} of other relations left out", counted(report.other_kinds, "edge")));
    }
    Ok(graph)
}

fn params(args: &EmbedGraphArgs) -> NodeParams {
    let mut params = match args.method {
        NodeMethod::Deepwalk => NodeParams::deepwalk(),
        NodeMethod::Node2vec | NodeMethod::Node2vecPlus => NodeParams::node2vec(1.0, 1.0),
    };
    let walks = &mut params.walks;
    walks.p = args.p.unwrap_or(walks.p);
    walks.q = args.q.unwrap_or(walks.q);
    walks.walks = args.walks.unwrap_or(walks.walks);
    walks.length = args.length.unwrap_or(walks.length);
    if args.method == NodeMethod::Node2vecPlus {
        walks.extended = Some(0.0);
    }
    let train = &mut params.train;
    train.dim = args.dim as usize;
    train.window = Window::Sliding { size: args.window, dynamic: true };
    train.epochs = args.epochs;
    train.negatives = args.negatives as usize;
    train.rate = args.rate;
    train.floor_rate = train.floor_rate.min(args.rate);
    match args.loss {
        Some(LossWord::Ns) => train.objective = Objective::NegativeSampling,
        Some(LossWord::Hs) => train.objective = Objective::HierarchicalSoftmax,
        None => {}
    }
    params
}

fn embedded(args: &EmbedGraphArgs, nodes: &NodeVectors, train_seconds: f64) -> Result<Embedded, CliError> {
    let report = &nodes.vectors.report;
    if report.stopped && report.items() == 0 {
        return Err(CliError::Cancelled);
    }
    Ok(Embedded {
        nodes: nodes.walks.nodes,
        edges: nodes.walks.edges,
        isolated: nodes.walks.isolated,
        walks: nodes.walks.walks,
        steps_per_second: nodes.walks.steps_per_second(),
        train_seconds,
        dim: nodes.vectors.params.dim,
        loss: report.final_loss(),
        epochs_done: report.epochs_done,
        seed: args.seed,
        cancelled: report.stopped,
    })
}

/// Refuses a name that says no format, before hours of work.
fn known_ending(out: &Path) -> Result<(), CliError> {
    match Format::of(out) {
        Some(_) => Ok(()),
        None => {
            let (path, expected) = (out.to_owned(), Format::ENDINGS);
            Err(FormatError::UnknownExtension { path, expected }.into())
        }
    }
}

/// Vectors under the keys of the nodes; beside .npy, which has no place for them, a file of keys.
fn save(nodes: &Embeddings, out: &Path) -> Result<(), CliError> {
    if Format::of(out) != Some(Format::Npy) {
        return Ok(write_vectors(out, nodes)?);
    }
    npy::write_f32(out, nodes.vectors())?;
    Ok(keys::write(keys_beside(out), nodes.vocab())?)
}

fn keys_beside(out: &Path) -> PathBuf {
    let mut name = OsString::from(out);
    name.push(".keys.txt");
    PathBuf::from(name)
}

fn text(embedded: &Embedded, out: &Path) -> String {
    format!(
        "{}, {}: {} ({} steps/s), {:.1} s, loss {:.4}; {} dimensions in {}",
        counted(embedded.nodes, "node"),
        counted(embedded.edges, "edge"),
        counted(embedded.walks, "walk"),
        rate(embedded.steps_per_second),
        embedded.train_seconds,
        embedded.loss,
        embedded.dim,
        out.display(),
    )
}
