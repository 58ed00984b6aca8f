//! `nearfield neighbors`: the items nearest to an item, by exact search.

use std::process::ExitCode;

use embed_core::formats::read_tensor;
use embed_core::{AnnIndex, Embeddings, Filter, ItemId, Run, SearchRequest};
use nearfield::ann::Flat;
use serde::Serialize;

use crate::args::NeighborsArgs;
use crate::error::CliError;
use crate::{keys, output};

/// A key and how near it is.
#[derive(Debug, Serialize)]
pub(crate) struct Scored {
    pub(crate) key: String,
    pub(crate) score: f32,
}

/// A key and what is near it.
#[derive(Debug, Serialize)]
pub(crate) struct Neighborhood<'a> {
    pub(crate) key: &'a str,
    pub(crate) neighbors: Vec<Scored>,
}

#[derive(Debug, Serialize)]
struct Results<'a> {
    results: Vec<Neighborhood<'a>>,
    metric: &'static str,
}

/// Runs `nearfield neighbors`.
pub(crate) fn neighbors(args: &NeighborsArgs, json: bool) -> Result<ExitCode, CliError> {
    let items = read_tensor(&args.vectors, args.table.as_deref())?;
    let ids: Vec<ItemId> =
        args.keys.iter().map(|key| keys::find(items.vocab(), "item", key)).collect::<Result<_, _>>()?;
    let others = items.len() - 1;
    if args.k > others {
        output::note(&format!("k {} is more than the {others} other items: all are given", args.k));
    }
    let index = Flat::build(&items, args.metric, &mut Run::default())?;
    let results = args
        .keys
        .iter()
        .zip(ids)
        .map(|(key, id)| Ok(Neighborhood { key, neighbors: nearest(&index, &items, id, args.k)? }));
    let results = Results { results: results.collect::<Result<_, CliError>>()?, metric: args.metric.name() };
    output::result(json, &results, || text(&results))?;
    Ok(ExitCode::SUCCESS)
}

/// The `k` nearest of the other items.
///
/// # Errors
/// [`CliError::Search`].
pub(crate) fn nearest(
    index: &Flat,
    items: &Embeddings,
    id: ItemId,
    k: usize,
) -> Result<Vec<Scored>, CliError> {
    let request = SearchRequest::k(k).filter(Filter::Deny(std::slice::from_ref(&id)));
    let found = index.search_by_id(id, &request)?;
    let named = found.iter().filter_map(|near| {
        items.vocab().key(near.id).map(|key| Scored { key: key.to_owned(), score: near.score })
    });
    Ok(named.collect())
}

fn text(results: &Results<'_>) -> String {
    let tables = results
        .results
        .iter()
        .map(|result| list(&format!("near {}", result.key), results.metric, &result.neighbors));
    tables.collect::<Vec<_>>().join("\n\n")
}

/// Ranked keys with their scores.
pub(crate) fn list(heading: &str, score: &str, items: &[Scored]) -> String {
    let rows = items
        .iter()
        .enumerate()
        .map(|(i, item)| vec![item.key.clone(), (i + 1).to_string(), format!("{:.4}", item.score)]);
    output::table(&[heading, "rank", score], 1, rows)
}
