//! `nearfield eval`: embeddings and recommendations from anywhere by the figures of `run`.

mod lists;
mod question;
mod result;
mod vectors;

use std::process::ExitCode;

use crate::args::EvalArgs;
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::outdir::OutDir;
use crate::output;
use crate::progress::Bars;
use result::Answer;

/// Runs `nearfield eval`.
pub(crate) fn eval(args: &EvalArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let out = args.out.as_deref().map(OutDir::claim).transpose()?;
    let mut bars = Bars::new(&cancel);
    let (question, measured) = match (&args.vectors, &args.recommendations) {
        (Some(path), _) => vectors::measure(args, path, &mut bars)?,
        (None, Some(path)) => lists::measure(args, path, &mut bars)?,
        (None, None) => unreachable!("clap asks for one of the two"),
    };
    let answer = Answer::new(args, &question, &measured, &mut bars)?;
    drop(bars);
    if let Some(out) = out {
        answer.save(args, &out)?;
        out.commit()?;
    }
    output::result(json, &answer.summary, || answer.text())?;
    Ok(ExitCode::SUCCESS)
}
