use std::time::Instant;

use embed_core::{Csr, Sequences, Vocab};
use nearfield::graphemb::{DeepWalk, Graph, ItemGraphParams, Node2Vec, NodeParams, WalkParams};
use nearfield::seqemb::{Params, Window};
use serde::Serialize;

use super::item_vectors::training;
use super::{Learned, dim};
use crate::args::{GraphKind, Method, RunArgs};
use crate::error::CliError;
use crate::graph::of_log::{LogGraph, of_log};
use crate::model::Model;
use crate::progress::Bars;
use crate::run::data::Dataset;

/// A graph of a log, and the walks on it, for `run.json`.
#[derive(Debug, Clone, Serialize)]
pub(in crate::run) struct GraphSettings {
    kind: GraphKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    similar: Option<ItemGraphParams>,
    walks: WalkParams,
    nodes: usize,
    edges: u64,
    isolated: usize,
}

/// DeepWalk and node2vec: skip-gram over walks on a graph of the log.
pub(super) fn walked(args: &RunArgs, data: &Dataset, bars: &mut Bars) -> Result<Learned, CliError> {
    let kind = args.graph.kind();
    let preset = preset(kind);
    let mut params = args.graph.over(NodeParams { train: args.sequence.over(preset.train), ..preset });
    params.train.dim = dim(args, data.items.len());
    params.train.epochs = args.learn.epochs.unwrap_or(params.train.epochs);
    params.walks.validate()?;
    params.train.validate()?;
    let start = Instant::now();
    // A row for each user where there are users, so that a row is the node of its user.
    let by_user = data.users.as_ref().filter(|_| !data.next_item);
    let histories = if by_user.is_some() { data.histories.clone() } else { rows(&data.sequences) };
    let similar = ItemGraphParams {
        top_k: args.graph.top_k().unwrap_or(ItemGraphParams::default().top_k),
        ..ItemGraphParams::default()
    };
    let mut run = args.work.run(args.learn.seed, bars);
    let made = of_log(kind, &histories, &data.sequences, &similar, 1, &mut run)?;
    let graph = made.graph();
    let settings = GraphSettings {
        kind,
        similar: kind.similarity().map(|similarity| ItemGraphParams { similarity, ..similar }),
        walks: params.walks,
        nodes: graph.n_nodes(),
        edges: graph.n_edges(),
        isolated: graph.n_isolated(),
    };
    let mut fit = |graph: &Graph| match args.learn.method {
        Method::Deepwalk => DeepWalk::fit_until_stopped(&params, graph, None, &mut run),
        _ => Node2Vec::fit_until_stopped(&params, graph, None, &mut run),
    };
    let (model, report) = match made {
        LogGraph::Items(graph) => {
            let vectors = fit(&graph.with_keys(data.items.clone())?)?.vectors;
            let report = vectors.report.clone();
            (Model::Items(vectors), report)
        }
        LogGraph::UsersItems(bipartite) => {
            let nodes = fit(&bipartite.graph)?.vectors;
            let users = match by_user {
                Some(users) => users.clone(),
                None => Vocab::from_keys((0..bipartite.n_users).map(|row| row.to_string()))?.into(),
            };
            let vectors = bipartite.split(&nodes, users, data.items.clone())?;
            let report = vectors.items.report.clone();
            (Model::UsersItems(vectors), report)
        }
    };
    let training = training(&params.train, &report, start.elapsed().as_secs_f64())?;
    Ok(Learned { model, training, graph: Some(settings) })
}

/// Settings for walks on the graph of a log: those for users and items were chosen on a validation part of Gowalla
/// (docs/graphs.md); the others are the papers' with shorter walks and a nearer window.
fn preset(kind: GraphKind) -> NodeParams {
    let walks = WalkParams { walks: 10, length: 40, ..WalkParams::default() };
    let sliding = |size| Window::Sliding { size, dynamic: true };
    let train = match kind {
        GraphKind::Bipartite => Params {
            window: sliding(2),
            negatives: 10,
            exponent: 0.35,
            rate: 0.1,
            epochs: 3,
            ..NodeParams::default().train
        },
        _ => Params { window: sliding(5), ..NodeParams::default().train },
    };
    NodeParams { walks, train }
}

fn rows(sequences: &Sequences) -> Csr {
    Csr::from_rows(sequences.iter())
}
