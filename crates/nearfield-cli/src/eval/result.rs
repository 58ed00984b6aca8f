use std::collections::BTreeMap;

use ndarray::Array2;
use nearfield::evalmetrics::RankingReport;
use nearfield::evalmetrics::certainty::{BootstrapParams, bootstrap_columns};
use serde::Serialize;

use super::question::Question;
use crate::args::{EvalArgs, Given};
use crate::detail::{Asked, Beyond, Detail};
use crate::error::CliError;
use crate::evaluation;
use crate::figures::Figures;
use crate::manifest::{self, InputFile};
use crate::outdir::OutDir;
use crate::output::{grouped, table};
use crate::progress::Bars;
use crate::shell::CommandLine;

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) method: RankingReport,
    /// The popularity baseline, where there is a log to count in.
    pub(super) baseline: Option<RankingReport>,
    /// Of the items that can be recommended, where there are some.
    pub(super) vectors: Option<Array2<f32>>,
}

/// The object of `--json`, and what run.json says.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    method: &'static str,
    n_users: usize,
    n_items: usize,
    n_train: usize,
    n_test: usize,
    n_test_users: usize,
    /// Items of the logs that cannot be recommended, and test interactions with them.
    n_unknown_items: usize,
    n_unreachable: usize,
    metrics: Figures,
    /// Where the true mean lies with 95 % confidence.
    intervals: BTreeMap<String, [f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beyond: Option<Beyond>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recall_by_popularity: Option<serde_json::Value>,
}

/// What a call answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) summary: Summary,
    detail: Option<Detail>,
}

impl Answer {
    /// # Errors
    /// [`CliError`].
    pub(super) fn new(
        args: &EvalArgs,
        question: &Question,
        measured: &Measured,
        bars: &mut Bars,
    ) -> Result<Self, CliError> {
        let n_items = question.items.len();
        let report = &measured.method;
        let asked = Asked {
            users: Some(&question.users),
            items: &question.items,
            counts: &question.counts,
            histories: &question.histories,
            truth: &question.truth,
            vectors: measured.vectors.as_ref().map(|vectors| vectors.view()),
            first_seen: None,
            now: 0,
            masked: question.masked,
        };
        let longest = args.cutoffs.as_slice().last().copied().unwrap_or_default();
        let detail = match &measured.baseline {
            Some(baseline) => Some(Detail::of(&asked, report, baseline, longest, args.work.parallelism())?),
            None => None,
        };
        let buckets = detail.as_ref().map(|detail| serde_json::to_value(&detail.recall_by_popularity));
        let summary = Summary {
            method: if args.vectors.is_some() { "vectors" } else { "recommendations" },
            n_users: question.users.len(),
            n_items,
            n_train: question.n_train,
            n_test: question.n_test,
            n_test_users: report.n_evaluated,
            n_unknown_items: question.n_unknown_items,
            n_unreachable: question.n_unreachable,
            metrics: Figures::of(report, n_items),
            intervals: intervals(args, report, bars)?,
            baseline: measured.baseline.as_ref().map(|report| Figures::of(report, n_items)),
            beyond: detail.as_ref().map(|detail| detail.beyond.clone()),
            recall_by_popularity: buckets.transpose().map_err(|source| CliError::Json { source })?,
        };
        Ok(Self { summary, detail })
    }

    /// The figures for people.
    pub(super) fn text(&self) -> String {
        let summary = &self.summary;
        let heading = format!("{} test users", grouped(summary.n_test_users as u64));
        let rows = summary.metrics.iter().map(|(name, value)| {
            let interval = summary.intervals.get(name);
            let interval = interval.map(|[low, high]| format!("{low:.4} … {high:.4}")).unwrap_or_default();
            let baseline = summary.baseline.as_ref().and_then(|baseline| baseline.get(name));
            let baseline = baseline.map(|value| format!("{value:.4}")).unwrap_or_default();
            vec![name.to_owned(), format!("{value:.4}"), interval, baseline]
        });
        let mut text = table(&[&heading, summary.method, "95 % interval", "popularity"], 1, rows);
        if let Some(beyond) = &summary.beyond {
            text += &format!("\n{}.", beyond.verdict);
        }
        text
    }

    /// Writes what `compare` and `report` read.
    ///
    /// # Errors
    /// [`CliError::Store`], [`CliError::Write`].
    pub(super) fn save(&self, args: &EvalArgs, out: &OutDir) -> Result<(), CliError> {
        #[derive(Serialize)]
        struct Manifest<'a> {
            command: String,
            settings: BTreeMap<&'static str, String>,
            inputs: Vec<InputFile>,
            #[serde(flatten)]
            summary: &'a Summary,
        }
        if let Some(detail) = &self.detail {
            detail.evaluation.save(&out.staged(evaluation::FILE))?;
        }
        let files = [&args.vectors, &args.recommendations, &args.users, &args.train];
        let inputs = files.into_iter().flatten().chain([&args.test]).map(|path| InputFile::of(path));
        let manifest = Manifest {
            command: command(args),
            settings: settings(args),
            inputs: inputs.collect::<Result<_, _>>()?,
            summary: &self.summary,
        };
        manifest::write(&out.staged(manifest::FILE), &manifest)
    }
}

/// The intervals of all figures that single users have.
fn intervals(
    args: &EvalArgs,
    report: &RankingReport,
    bars: &mut Bars,
) -> Result<BTreeMap<String, [f64; 2]>, CliError> {
    let Some(users) = &report.per_user else { return Ok(BTreeMap::new()) };
    let views: Vec<&[f64]> = users.columns.iter().map(|column| column.values.as_slice()).collect();
    let all = bootstrap_columns(&views, &BootstrapParams::default(), &mut args.work.run(0, bars))?;
    Ok(users.columns.iter().zip(all).map(|(column, i)| (column.name(), [i.low, i.high])).collect())
}

fn settings(args: &EvalArgs) -> BTreeMap<&'static str, String> {
    let mut settings = BTreeMap::from([("k", args.cutoffs.to_string())]);
    if args.vectors.is_some() {
        settings.insert("metric", args.metric.name().to_owned());
        settings.extend(args.keep_seen.map(|keep| ("keep_seen", keep.to_string())));
        settings.extend(args.table.clone().map(|table| ("table", table)));
        settings.extend(args.against.clone().map(|table| ("against", table)));
    }
    settings
}

fn command(args: &EvalArgs) -> String {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let line = CommandLine::new("nearfield eval")
        .maybe("--vectors", path(&args.vectors))
        .maybe("--recommendations", path(&args.recommendations))
        .maybe("--keys", path(&args.keys))
        .maybe("--users", path(&args.users))
        .maybe("--table", args.table.as_ref())
        .maybe("--against", args.against.as_ref())
        .maybe("--metric", args.vectors.is_some().then_some(args.metric))
        .maybe("--train", path(&args.train))
        .path("--test", &args.test);
    args.layout
        .append(line)
        .value("-k", &args.cutoffs)
        .flag("--keep-seen", args.keep_seen == Some(true))
        .flag("--keep-seen=false", args.keep_seen == Some(false))
        .maybe("--out", path(&args.out))
        .finish()
}
