//! Graphs of a log, for `graph build` and for `run`.

use embed_core::{Csr, Run, SequenceSource};
use nearfield::graphemb::{Graph, ItemGraphParams, UserItemGraph, item_graph, session_graph};

use crate::args::GraphKind;
use crate::error::CliError;

/// A graph of items alone, or of users and items.
#[derive(Debug)]
pub(crate) enum LogGraph {
    Items(Graph),
    UsersItems(UserItemGraph),
}

impl LogGraph {
    pub(crate) fn graph(&self) -> &Graph {
        match self {
            Self::Items(graph) => graph,
            Self::UsersItems(bipartite) => &bipartite.graph,
        }
    }
}

/// The graph of a kind: over users' items, or over sequences for what follows what.
///
/// # Errors
/// [`CliError::Cancelled`] when the user asked to stop, [`CliError::LogGraph`].
pub(crate) fn of_log(
    kind: GraphKind,
    histories: &Csr,
    sequences: &dyn SequenceSource,
    params: &ItemGraphParams,
    window: usize,
    run: &mut Run<'_>,
) -> Result<LogGraph, CliError> {
    let n_items = sequences.n_items();
    Ok(match kind.similarity() {
        Some(similarity) => {
            let params = ItemGraphParams { similarity, ..*params };
            LogGraph::Items(item_graph(histories, n_items, &params, run)?.0)
        }
        None if kind == GraphKind::Adjacency => LogGraph::Items(session_graph(sequences, window, run)?.0),
        None => LogGraph::UsersItems(UserItemGraph::build(histories, n_items, false)?),
    })
}
