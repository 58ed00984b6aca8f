use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use embed_core::Space;
use embed_core::formats::read_tensor;
use nearfield::ann::BuildError;
use serde::Serialize;

use crate::args::IndexBuildArgs;
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::output::{self, counted, grouped};
use crate::progress::Bars;

#[derive(Debug, Serialize)]
struct Built {
    spec: String,
    metric: &'static str,
    n: usize,
    dim: usize,
    build_seconds: f64,
    /// Size of the file.
    bytes: u64,
}

/// Runs `nearfield index build`.
pub(super) fn build(args: &IndexBuildArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    refuse_overwriting(&args.out, &args.vectors)?;
    let mut bars = Bars::new(&cancel);
    bars.stage("read");
    let items = read_tensor(&args.vectors, args.table.as_deref())?;
    cancel.check()?;
    let start = Instant::now();
    let built = args.spec.build(&items, args.metric, &mut args.work.run(args.seed, &mut bars));
    let index = match built {
        Err(BuildError::Cancelled { .. }) => return Err(CliError::Cancelled),
        built => built?,
    };
    let build_seconds = start.elapsed().as_secs_f64();
    drop(bars);
    index.save(&args.out)?;
    let read = |source| CliError::Read { path: args.out.clone(), source };
    let built = Built {
        spec: index.spec().to_string(),
        metric: args.metric.name(),
        n: items.len(),
        dim: items.dim(),
        build_seconds,
        bytes: std::fs::metadata(&args.out).map_err(read)?.len(),
    };
    output::result(json, &built, || text(&built, &args.out))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses to write over a file that is read.
pub(crate) fn refuse_overwriting(out: &Path, input: &Path) -> Result<(), CliError> {
    let same = match (std::fs::canonicalize(out), std::fs::canonicalize(input)) {
        (Ok(out), Ok(input)) => out == input,
        _ => false,
    };
    if same { Err(CliError::OverwritesInput { path: out.to_owned() }) } else { Ok(()) }
}

/// Refuses vectors of one file for those of another that live in another space, as far as both say which.
pub(crate) fn refuse_other_space(
    (path, space): (&Path, Space),
    (other_path, other): (&Path, Space),
) -> Result<(), CliError> {
    if space.accepts(other) {
        return Ok(());
    }
    let (path, other_path) = (path.to_owned(), other_path.to_owned());
    Err(CliError::OtherSpace { path, space: space.id(), other_path, other: other.id() })
}

fn text(built: &Built, out: &Path) -> String {
    format!(
        "{} over {} of {} dimensions by {}: {:.2} s, {} bytes in {}",
        built.spec,
        counted(built.n, "vector"),
        built.dim,
        built.metric,
        built.build_seconds,
        grouped(built.bytes),
        out.display(),
    )
}
