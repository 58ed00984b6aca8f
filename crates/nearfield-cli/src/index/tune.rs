use std::process::ExitCode;

use embed_core::AnnIndex;
use embed_core::formats::read_tensor;
use nearfield::ann::{Index, Sample, TuneError, TuneParams};
use serde::Serialize;

use super::build::{refuse_other_space, refuse_overwriting};
use crate::args::IndexTuneArgs;
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::output;
use crate::progress::Bars;

#[derive(Debug, Serialize)]
struct Tuned {
    k: usize,
    /// The least effort that reached the recall asked for, and what it reached.
    effort: u64,
    recall: f32,
    /// All that was measured for this k and is worth its cost.
    curve: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Point {
    effort: u64,
    recall: f32,
}

/// Runs `nearfield index tune`.
pub(super) fn tune(args: &IndexTuneArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    refuse_overwriting(&args.index, &args.queries)?;
    let mut index = Index::open_verified(&args.index)?;
    let queries = read_tensor(&args.queries, args.table.as_deref())?;
    refuse_other_space((&args.queries, queries.space()), (&args.index, index.space()))?;
    let vectors = args.vectors.as_ref().map(|path| read_tensor(path, args.table.as_deref())).transpose()?;
    let mut sample = Sample::new(queries.vectors());
    if let (Some(vectors), Some(path)) = (&vectors, &args.vectors) {
        refuse_other_space((path, vectors.space()), (&args.index, index.space()))?;
        sample = sample.against(vectors.vectors());
    }
    let params = TuneParams { recall: args.recall, k: args.k };
    let mut bars = Bars::new(&cancel);
    // Nothing is drawn at random.
    let tuned = index.tune(sample, &params, &mut args.work.run(0, &mut bars));
    drop(bars);
    let point = match tuned {
        Err(TuneError::Cancelled { .. }) => return Err(CliError::Cancelled),
        Err(TuneError::Search(source)) => {
            return Err(CliError::Queries { path: args.queries.clone(), source });
        }
        tuned => tuned?,
    };
    index.save(&args.index)?;
    let curve = index.efforts().iter().filter(|other| other.k == point.k);
    let tuned = Tuned {
        k: args.k,
        effort: point.effort,
        recall: point.recall,
        curve: curve.map(|point| Point { effort: point.effort, recall: point.recall }).collect(),
    };
    output::result(json, &tuned, || {
        let rows = tuned.curve.iter().map(|p| vec![p.effort.to_string(), format!("{:.4}", p.recall)]);
        let table = output::table(&["effort", &format!("recall@{}", args.k)], 0, rows);
        let last =
            format!("recall {} takes effort {}: kept in {}", args.recall, point.effort, args.index.display());
        format!("{table}\n{last}")
    })?;
    Ok(ExitCode::SUCCESS)
}
