//! `nearfield run`: from a log to vectors, index, model and figures.

mod candidates;
pub(crate) mod data;
mod evaluate;
mod facts;
pub(crate) mod learn;
pub(crate) mod remarks;
pub(crate) mod save;
mod summary;

use std::path::Path;
use std::process::ExitCode;

use nearfield::ann::Index;
use nearfield::evalmetrics::EvalError;

use crate::args::{MeasureArgs, RunArgs, WorkArgs};
use crate::cancel::Cancel;
use crate::error::{CliError, EXIT_CANCELLED};
use crate::evaluation;
use crate::manifest::InputFile;
use crate::model::Model;
use crate::outdir::OutDir;
use crate::output::{self, counted};
use crate::progress::Bars;
use crate::report::{self, Contents};
use data::Dataset;
use evaluate::Measured;
use remarks::Remarks;
pub(crate) use summary::Summary;

/// Runs `nearfield run`.
pub(crate) fn run(args: &RunArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let out = OutDir::claim(&args.out)?;
    let done = execute(args, &args.input.train, None, &out, &cancel)?;
    out.commit()?;
    done.say_if_stopped(&args.out);
    done.report(&args.out, None, args.work, &cancel)?;
    output::result(json, &done.summary.object(&args.out), || {
        format!("{}{}", done.summary.text(), done.summary.next(&args.out))
    })?;
    Ok(done.exit_code())
}

/// What a run leaves behind beside its files.
pub(crate) struct Done {
    pub(crate) summary: Summary,
    pub(crate) model: Model,
}

impl Done {
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.summary.cancelled() { ExitCode::from(EXIT_CANCELLED) } else { ExitCode::SUCCESS }
    }

    /// Leaves the page about the run in its folder; none of a run that was stopped.
    ///
    /// # Errors
    /// [`CliError`]. A user who stops it now has the run all the same.
    pub(crate) fn report(
        &self,
        out: &Path,
        labels: Option<&Path>,
        work: WorkArgs,
        cancel: &Cancel,
    ) -> Result<(), CliError> {
        if self.summary.cancelled() {
            return Ok(());
        }
        let contents = Contents { dirs: &[out.to_owned()], labels, map: None };
        match report::make(&contents, work, &mut Bars::new(cancel)) {
            Ok((page, _)) => report::write(&out.join(report::FILE), &page),
            Err(CliError::Cancelled) => {
                output::note("stopped: the run is whole, but has no report.html (nearfield report makes it)");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn say_if_stopped(&self, out: &Path) {
        if self.summary.cancelled() {
            output::warning(&format!("stopped; what was learned until then is in {}", out.display()));
        }
    }
}

/// The whole line: reads, learns, indexes, measures, and writes all files aside in `out`.
///
/// `train` is where the train file lies now; `command` is what repeats this, if it is not `run` itself.
///
/// # Errors
/// [`CliError`]; [`CliError::Cancelled`] when the user asked to stop before anything was learned.
pub(crate) fn execute(
    args: &RunArgs,
    train: &Path,
    command: Option<String>,
    out: &OutDir,
    cancel: &Cancel,
) -> Result<Done, CliError> {
    let mut remarks = Remarks::default();
    let mut bars = Bars::new(cancel);
    bars.stage("read");
    let data = Dataset::read(args, train, &mut remarks)?;
    let inputs = fingerprints(args, train)?;
    cancel.check()?;
    remark(&args.measure, &data, &mut remarks);
    bars.clear();
    remarks.say();

    data.frames.check(args)?;
    let learned = learn::learn(args, &data, &mut bars)?;
    let (spec, metric, seed) = (args.learn.index, args.metric(), args.learn.seed);
    let index = learn::index(spec, learned.model.items(), metric, seed, args.work)?;
    let measured = measure(args, &data, &learned.model, &index, cancel, &mut bars)?;
    drop(bars);

    save::files(out, &data, &learned.model, &index)?;
    if let Some(detail) = measured.as_ref().and_then(|measured| measured.detail.as_ref()) {
        detail.evaluation.save(&out.staged(evaluation::FILE))?;
    }
    let summary = Summary::new(args, &data, &learned.training, &index, measured, remarks);
    save::manifest(out, args, command, &inputs, &summary, &learned)?;
    Ok(Done { summary, model: learned.model })
}

/// The figures; none when the user asked to stop before they were whole.
fn measure(
    args: &RunArgs,
    data: &Dataset,
    model: &Model,
    index: &Index,
    cancel: &Cancel,
    bars: &mut Bars,
) -> Result<Option<Measured>, CliError> {
    if cancel.is_asked() {
        return Ok(None);
    }
    match evaluate::evaluate(&args.measure, data, model, index, args.work, bars) {
        Err(CliError::Evaluate(EvalError::Stopped { .. })) => Ok(None),
        measured => measured.map(Some),
    }
}

fn fingerprints(args: &RunArgs, train: &Path) -> Result<Vec<InputFile>, CliError> {
    let mut files = vec![InputFile::of(train)?.called(&args.input.train)];
    let features = &args.features;
    for path in [&args.input.test, &features.user_features, &features.item_features].into_iter().flatten() {
        files.push(InputFile::of(path)?);
    }
    Ok(files)
}

/// What changes the meaning of the figures.
fn remark(args: &MeasureArgs, data: &Dataset, remarks: &mut Remarks) {
    let (cold, unseen) = (data.n_cold(), data.n_unseen());
    if cold > 0 {
        remarks.warn(format!(
            "{} without items in training: the method recommends nothing to them, and they count as misses",
            counted(cold, "test user")
        ));
    }
    if unseen > 0 {
        remarks.warn(format!(
            "{} with items that training did not see beside others: they count as misses",
            counted(unseen, "test interaction")
        ));
    }
    if !evaluate::keeps_seen(args, data) {
        let repeated = data.n_repeated();
        if repeated > 0 {
            remarks.warn(format!(
                "{} with an item that the user has in training: masked, they count as misses (--keep-seen ranks them)",
                counted(repeated, "test interaction")
            ));
        }
    }
    let longest = args.cutoffs.as_slice().last().copied().unwrap_or_default();
    if longest > data.items.len() {
        remarks.note(format!("k {longest} is more than the {} items that can be ranked", data.items.len()));
    }
}
