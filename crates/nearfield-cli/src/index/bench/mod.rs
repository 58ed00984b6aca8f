//! `nearfield index bench`: recall, speed, build time and memory of index families on the user's vectors.

mod measure;
mod result;
mod truth;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use embed_core::Run;
use embed_core::formats::read_tensor;
use nearfield::ann::{BuildError, Codes, Coding, Index, IndexSpec, Refine, TuneError};

pub(crate) use self::result::{Bench, Family, Point, whole};
use super::build::refuse_other_space;
use crate::args::IndexBenchArgs;
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::output;
use crate::progress::Bars;
use crate::report;

/// What is written to the folder.
const PAGE: &str = "bench.html";
const JSON: &str = "bench.json";

/// Runs `nearfield index bench`.
pub(super) fn bench(args: &IndexBenchArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let written = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| CliError::Write { path, source }
    };
    // A folder that cannot be made is known before the work.
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).map_err(written(folder))?;
    }
    let mut bars = Bars::new(&cancel);
    bars.stage("read");
    let items = read_tensor(&args.vectors, args.table.as_deref())?;
    let queries = read_tensor(&args.queries, args.table.as_deref())?;
    refuse_other_space((&args.queries, queries.space()), (&args.vectors, items.space()))?;
    cancel.check()?;
    bars.stage("true neighbours");
    let truth = truth::truth(args, &items, &queries, &mut bars)?;
    let specs = match &args.specs {
        Some(specs) => specs.0.clone(),
        None => families(items.dim()),
    };
    let mut results = Vec::with_capacity(specs.len());
    for spec in specs {
        let threads = args.build_threads.map(usize::from);
        let mut run = match threads {
            Some(threads) => Run::seeded(args.seed).threads(threads).observed(&mut bars),
            None => args.work.run(args.seed, &mut bars),
        };
        let start = Instant::now();
        let built = match spec.build(items.vectors(), args.metric, &mut run) {
            Err(BuildError::Cancelled { .. }) => return Err(CliError::Cancelled),
            built => built?,
        };
        let build_seconds = start.elapsed().as_secs_f64();
        bars.stage(&spec.to_string());
        let sweep = measure::Sweep {
            index: &built,
            queries: queries.vectors(),
            truth: &truth,
            k: args.k,
            parallelism: args.work.parallelism(),
        };
        let curve = sweep.measure(&cancel).map_err(|e| named(args, e))?;
        results.push(Family {
            spec: built.spec().to_string(),
            build_seconds,
            bytes_per_vector: bytes_per_vector(&built)?,
            curve,
        });
    }
    drop(bars);
    let bench = Bench {
        vectors: args.vectors.display().to_string(),
        n: items.len(),
        dim: items.dim(),
        n_queries: queries.len(),
        metric: args.metric.name().to_owned(),
        k: args.k,
        threads: args.work.parallelism().count(),
        seed: args.seed,
        results,
    };
    if let Some(folder) = &args.out {
        let page = folder.join(PAGE);
        fs::write(&page, report::indexes(&bench)).map_err(written(&page))?;
        let file = folder.join(JSON);
        let mut text = serde_json::to_string_pretty(&bench).map_err(|source| CliError::Json { source })?;
        text.push('\n');
        fs::write(&file, text).map_err(written(&file))?;
    }
    output::result(json, &bench, || {
        let mut text = bench.table();
        if let Some(folder) = &args.out {
            text += &format!("\n{} and {JSON} are in {}", PAGE, folder.display());
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

/// One of each kind.
fn families(dim: usize) -> Vec<IndexSpec> {
    // Half a byte for every two components, of long vectors every four.
    let m = (if dim > 256 { dim / 4 } else { dim / 2 }).max(1);
    let fast = Coding { refine: Refine::Flat, ..Coding::new(Codes::PqFast { m }) };
    vec![
        IndexSpec::Flat,
        IndexSpec::Hnsw { m: 16 },
        IndexSpec::HnswSq8 { m: 16 },
        IndexSpec::Ivf { nlist: 0, coding: Coding::new(Codes::Flat) },
        IndexSpec::Ivf { nlist: 0, coding: fast },
        IndexSpec::RpForest { trees: 50 },
    ]
}

/// Bytes of the file, which are those in memory, for each vector.
fn bytes_per_vector(index: &Index) -> Result<f64, CliError> {
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more digits")]
    let (bytes, n) = (index.to_bytes()?.len() as f64, index.len().max(1) as f64);
    Ok(bytes / n)
}

fn named(args: &IndexBenchArgs, error: TuneError) -> CliError {
    match error {
        TuneError::Cancelled { .. } => CliError::Cancelled,
        TuneError::Search(source) => CliError::Queries { path: args.queries.clone(), source },
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::Metric;
    use embed_core::testkit::clustered;

    #[test]
    fn the_default_families_can_be_built() {
        for dim in [1, 2, 7, 300] {
            for spec in families(dim) {
                assert_eq!(spec.to_string().parse(), Ok(spec));
                spec.build(&clustered(50, dim, 3, 1), Metric::L2, &mut Run::default()).unwrap();
            }
        }
    }
}
