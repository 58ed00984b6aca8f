//! `nearfield compare`: two runs user by user.

use std::path::Path;
use std::process::ExitCode;

use nearfield::evalmetrics::certainty::{
    BootstrapParams, Interval, RandomisationParams, bootstrap_columns, holm, paired_randomisation,
};
use serde::Serialize;

use crate::args::CompareArgs;
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::evaluation::{self, Evaluation};
use crate::manifest;
use crate::output::{self, counted, grouped};
use crate::pairing::Pairing;
use crate::progress::Bars;

/// A difference with a corrected p below this is said to be one.
const LEVEL: f64 = 0.05;

/// Two runs by one figure.
#[derive(Debug, Serialize)]
struct Row {
    figure: String,
    a: f64,
    b: f64,
    /// `a − b`, with its interval.
    difference: f64,
    low: f64,
    high: f64,
    /// Of the paired randomisation test.
    p: f64,
    /// After Holm's correction for the number of figures.
    p_corrected: f64,
    significant: bool,
    a_better: usize,
    alike: usize,
    b_better: usize,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    a: &'a Path,
    b: &'a Path,
    /// Test users that both were asked the same about.
    n_users: usize,
    n_users_a: usize,
    n_users_b: usize,
    level: f64,
    figures: Vec<Row>,
}

/// Runs `nearfield compare`.
pub(crate) fn compare(args: &CompareArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let (a, b) = (open(&args.a)?, open(&args.b)?);
    let pairing = Pairing::of(&a, &b);
    if pairing.len() == 0 {
        return Err(CliError::NothingShared { a: args.a.clone(), b: args.b.clone() });
    }
    for (dir, evaluation) in [(&args.a, &a), (&args.b, &b)] {
        let alone = evaluation.tasks.len() - pairing.len();
        if alone > 0 {
            let users = counted(alone, "test user");
            output::warning(&format!("{users} of {} not in the other test: left out", dir.display()));
        }
    }
    let figures = rows(&pairing, &a, &b, args, &cancel)?;
    let object = Object {
        a: &args.a,
        b: &args.b,
        n_users: pairing.len(),
        n_users_a: a.tasks.len(),
        n_users_b: b.tasks.len(),
        level: LEVEL,
        figures,
    };
    output::result(json, &object, || text(&object))?;
    Ok(ExitCode::SUCCESS)
}

fn open(dir: &Path) -> Result<Evaluation, CliError> {
    if !manifest::marks(dir) {
        return Err(CliError::NotARunFolder { path: dir.to_owned() });
    }
    let path = dir.join(evaluation::FILE);
    if !path.exists() {
        return Err(CliError::NotEvaluated { path: dir.to_owned() });
    }
    Ok(Evaluation::open(&path)?)
}

fn rows(
    pairing: &Pairing<'_>,
    a: &Evaluation,
    b: &Evaluation,
    args: &CompareArgs,
    cancel: &Cancel,
) -> Result<Vec<Row>, CliError> {
    let mut bars = Bars::new(cancel);
    let mut run = args.work.run(args.seed, &mut bars);
    let names: Vec<&str> = pairing.columns().collect();
    let pairs: Vec<_> = names.iter().filter_map(|name| pairing.values(name, &a.method, &b.method)).collect();
    let mut p = Vec::with_capacity(pairs.len());
    for (ours, theirs) in &pairs {
        p.push(paired_randomisation(ours, theirs, &RandomisationParams::default(), &mut run)?.p);
    }
    let differences: Vec<Vec<f64>> =
        pairs.iter().map(|(ours, theirs)| ours.iter().zip(theirs).map(|(a, b)| a - b).collect()).collect();
    let views: Vec<&[f64]> = differences.iter().map(Vec::as_slice).collect();
    let intervals: Vec<Interval> = bootstrap_columns(&views, &BootstrapParams::default(), &mut run)?;
    let corrected = holm(&p)?;
    let row = |(i, name): (usize, &&str)| {
        let count = |better: fn(&f64) -> bool| differences[i].iter().filter(|d| better(d)).count();
        Row {
            figure: (*name).to_owned(),
            a: mean(&pairs[i].0),
            b: mean(&pairs[i].1),
            difference: intervals[i].mean,
            low: intervals[i].low,
            high: intervals[i].high,
            p: p[i],
            p_corrected: corrected[i],
            significant: corrected[i] < LEVEL,
            a_better: count(|d| *d > 0.0),
            alike: count(|d| *d == 0.0),
            b_better: count(|d| *d < 0.0),
        }
    };
    Ok(names.iter().enumerate().map(row).collect())
}

#[expect(clippy::cast_precision_loss, reason = "users of a test")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn text(object: &Object<'_>) -> String {
    let heading = format!("{} shared test users", grouped(object.n_users as u64));
    let rows = object.figures.iter().map(|row| {
        vec![
            row.figure.clone(),
            format!("{:.4}", row.a),
            format!("{:.4}", row.b),
            format!("{:+.4}", row.difference),
            format!("{:+.4} … {:+.4}", row.low, row.high),
            format!("{:.4}", row.p_corrected),
            if row.significant { if row.difference > 0.0 { "a" } else { "b" } } else { "" }.to_owned(),
        ]
    });
    let table = output::table(&[&heading, "a", "b", "a − b", "95 % interval", "p", "better"], 1, rows);
    format!(
        "a: {}\nb: {}\n{table}\np: paired randomisation test, after Holm's correction for {}; a difference is named where p < {LEVEL}.",
        object.a.display(),
        object.b.display(),
        counted(object.figures.len(), "figure"),
    )
}
