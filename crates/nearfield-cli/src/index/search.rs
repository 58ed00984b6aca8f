use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use embed_core::formats::{npy, read_tensor};
use embed_core::{AnnIndex, Effort, Neighbor, SearchError, SearchRequest};
use ndarray::Array2;
use nearfield::ann::{Index, IndexSpec, Refine};
use serde::Serialize;

use super::build::{refuse_other_space, refuse_overwriting};
use crate::args::IndexSearchArgs;
use crate::error::CliError;
use crate::output::{self, counted, rate};

#[derive(Debug, Serialize)]
struct Searched {
    queries: usize,
    k: usize,
    seconds: f64,
    qps: f64,
}

/// Runs `nearfield index search`.
pub(super) fn search(args: &IndexSearchArgs, json: bool) -> Result<ExitCode, CliError> {
    let scores_path = scores_path(&args.out)?;
    for out in [&args.out, &scores_path] {
        refuse_overwriting(out, &args.queries)?;
        refuse_overwriting(out, &args.index)?;
    }
    let index = Index::open_verified(&args.index)?;
    if args.effort.is_some() && !has_effort(index.spec()) {
        return Err(CliError::NotAnOption {
            option: "--effort".to_owned(),
            with: format!("{}, which is {}", args.index.display(), index.spec()),
            of: "HNSW, IVF, RPForest and codes with Refine".to_owned(),
        });
    }
    let queries = read_tensor(&args.queries, args.table.as_deref())?;
    refuse_other_space((&args.queries, queries.space()), (&args.index, index.space()))?;
    if args.k > index.len() {
        output::note(&format!(
            "k {} is more than the {} vectors of the index: the rest is filled with -1",
            args.k,
            index.len()
        ));
    }
    let effort = match (args.effort, args.recall) {
        (Some(value), _) => Effort::Value(value),
        (None, Some(recall)) => Effort::Recall(recall),
        (None, None) => Effort::Default,
    };
    let request = [SearchRequest::k(args.k).effort(effort)];
    let start = Instant::now();
    let lists =
        index.search_batch(queries.vectors(), &request, args.work.parallelism()).map_err(|source| {
            match source {
                SearchError::Untuned { .. } | SearchError::BeyondTuning { .. } => {
                    CliError::Untuned { path: args.index.clone(), source }
                }
                source => CliError::Queries { path: args.queries.clone(), source },
            }
        })?;
    let seconds = start.elapsed().as_secs_f64();
    let (ids, scores) = arrays(&lists, args.k)?;
    npy::write_i64(&args.out, ids.view())?;
    npy::write_f32(&scores_path, scores.view())?;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
    let qps = if seconds > 0.0 { queries.len() as f64 / seconds } else { 0.0 };
    let searched = Searched { queries: queries.len(), k: args.k, seconds, qps };
    output::result(json, &searched, || text(&searched, &args.out, &scores_path))?;
    Ok(ExitCode::SUCCESS)
}

/// Presence of an effort in the searches of a family.
fn has_effort(spec: IndexSpec) -> bool {
    match spec {
        IndexSpec::Flat => false,
        IndexSpec::Quantized { coding } => coding.refine != Refine::None,
        _ => true,
    }
}

/// `F.scores.npy` beside `F.npy`.
fn scores_path(out: &Path) -> Result<PathBuf, CliError> {
    if out.extension().is_none_or(|extension| extension != "npy") {
        return Err(CliError::NotNpy { path: out.to_owned() });
    }
    Ok(out.with_extension("scores.npy"))
}

/// Ids and scores `[n, k]`; where there are fewer than k, −1 and minus infinity.
fn arrays(lists: &[Vec<Neighbor>], k: usize) -> Result<(Array2<i64>, Array2<f32>), CliError> {
    let mut ids = filled(lists.len(), k, -1)?;
    let mut scores = filled(lists.len(), k, f32::NEG_INFINITY)?;
    for (row, list) in lists.iter().enumerate() {
        for (column, neighbor) in list.iter().enumerate().take(k) {
            ids[[row, column]] = i64::from(neighbor.id);
            scores[[row, column]] = neighbor.score;
        }
    }
    Ok((ids, scores))
}

/// A table `[queries, k]`, if there is room for it.
fn filled<T: Clone>(queries: usize, k: usize, value: T) -> Result<Array2<T>, CliError> {
    let too_many = || CliError::TooManyResults { queries, k };
    let cells = queries.checked_mul(k).ok_or_else(too_many)?;
    let mut table = Vec::new();
    table.try_reserve_exact(cells).map_err(|_| too_many())?;
    table.resize(cells, value);
    Array2::from_shape_vec((queries, k), table).map_err(|_| too_many())
}

fn text(searched: &Searched, ids: &Path, scores: &Path) -> String {
    format!(
        "{}, {} neighbours each: {:.3} s, {} queries/s; ids in {}, scores in {}",
        counted(searched.queries, "query vector"),
        searched.k,
        searched.seconds,
        rate(searched.qps),
        ids.display(),
        scores.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lists_are_filled() {
        let (ids, scores) = arrays(&[vec![Neighbor::new(7, 0.5)], vec![]], 2).unwrap();
        assert_eq!(ids, ndarray::array![[7, -1], [-1, -1]]);
        assert_eq!((scores[[0, 0]], scores[[0, 1]]), (0.5, f32::NEG_INFINITY));
        assert!(arrays(&vec![vec![]; 2], usize::MAX).is_err());
    }

    #[test]
    fn scores_stand_beside_ids() {
        assert_eq!(scores_path(Path::new("a/b.npy")).unwrap(), Path::new("a/b.scores.npy"));
        assert!(scores_path(Path::new("a/b.txt")).is_err());
    }
}
