use std::path::Path;

use embed_core::formats::{npy, vecs};
use embed_core::{Embeddings, ItemId};
use ndarray::Array2;
use nearfield::ann::{BuildError, Truth, TuneError};

use super::named;
use crate::args::IndexBenchArgs;
use crate::error::CliError;
use crate::progress::Bars;

/// The true neighbours: from a file, or searched for.
pub(super) fn truth<'a>(
    args: &IndexBenchArgs,
    items: &'a Embeddings,
    queries: &'a Embeddings,
    bars: &mut Bars,
) -> Result<Truth<'a>, CliError> {
    let (vectors, rows) = (items.vectors(), queries.vectors());
    let truth = match &args.truth {
        Some(path) => Truth::of_ids(vectors, rows, args.metric, &ids(path, args.k, items.len())?),
        None => {
            let mut run = args.work.run(args.seed, bars);
            Truth::exact(vectors, rows, args.metric, args.k, &mut run)
        }
    };
    truth.map_err(|error| match error {
        TuneError::Build(BuildError::Cancelled { .. }) => CliError::Cancelled,
        error => named(args, error),
    })
}

/// The first k rows of each line; where there are fewer vectors than k, as many as those.
fn ids(path: &Path, k: usize, n: usize) -> Result<Vec<Vec<ItemId>>, CliError> {
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let table: Array2<i64> = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("npy") => npy::read_i64(path)?,
        Some("ivecs") => vecs::read_ivecs(path)?,
        _ => return Err(CliError::NotTruth { path: path.to_owned() }),
    };
    let k = k.min(n);
    if table.ncols() < k {
        return Err(CliError::ShortTruth { path: path.to_owned(), k, got: table.ncols() });
    }
    // What is no row is refused with its place.
    let id = |&id: &i64| ItemId::try_from(id).unwrap_or(ItemId::MAX);
    Ok(table.rows().into_iter().map(|row| row.iter().take(k).map(id).collect()).collect())
}
