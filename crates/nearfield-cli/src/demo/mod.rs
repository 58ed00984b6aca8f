//! `nearfield demo`: the whole line on a made-up log whose truth is known.

mod log;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use embed_core::store::atomic_write;
use embed_core::{AnnIndex, Filter, ItemId, Metric, SearchRequest};
use nearfield::ann::Flat;
use serde::Serialize;

use crate::args::{DemoArgs, RunArgs, WorkArgs};
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::outdir::OutDir;
use crate::output;
use crate::progress::Bars;
use crate::run::{Done, Summary, execute};
use crate::shell::{CommandLine, program, quoted};
use log::TasteLog;

const LOG: &str = "log.csv";
const GROUPS: &str = "groups.csv";
/// Neighbours that are looked at for their group.
const NEIGHBORS: usize = 10;

/// How often neighbours share the planted group.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct SameGroup {
    same_group_share: f64,
    /// What neighbours drawn at random would share.
    same_group_by_chance: f64,
}

#[derive(Serialize)]
struct Object<T: Serialize> {
    #[serde(flatten)]
    run: T,
    #[serde(flatten)]
    groups: SameGroup,
    next: Vec<String>,
}

/// Runs `nearfield demo`.
pub(crate) fn demo(args: &DemoArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let out = OutDir::claim(&args.out)?;
    let log = TasteLog::generate(args.seed);
    write_log(&log, &out)?;
    let run = run_args(args);
    let done = execute(&run, &out.staged(LOG), Some(command(args)), &out, &cancel)?;
    let groups = same_group(&done, &log, args.work)?;
    out.commit()?;
    done.say_if_stopped(&args.out);
    done.report(&args.out, Some(&args.out.join(GROUPS)), args.work, &cancel)?;
    let next = next_commands(&args.out);
    let object = Object { run: done.summary.object(&args.out), groups, next: next.clone() };
    output::result(json, &object, || text(&log, &done.summary, groups, &args.out, &next))?;
    Ok(done.exit_code())
}

fn run_args(args: &DemoArgs) -> RunArgs {
    RunArgs::on_file(&args.out.join(LOG), &args.out, args.seed, args.work)
}

fn command(args: &DemoArgs) -> String {
    CommandLine::new("nearfield demo")
        .path("--out", &args.out)
        .value("--seed", args.seed)
        .maybe("--threads", args.work.threads())
        .finish()
}

fn write_log(log: &TasteLog, out: &OutDir) -> Result<(), CliError> {
    use std::io::Write;
    atomic_write(out.staged(LOG), |file| {
        writeln!(file, "user,item,time")?;
        log.clicks.iter().try_for_each(|click| writeln!(file, "{},{},{}", click.user, click.item, click.time))
    })?;
    atomic_write(out.staged(GROUPS), |file| {
        writeln!(file, "item,group")?;
        log.groups.iter().try_for_each(|(item, group)| writeln!(file, "{item},{group}"))
    })?;
    Ok(())
}

/// The share of each item's nearest neighbours, by cosine, that are of its group.
fn same_group(done: &Done, log: &TasteLog, work: WorkArgs) -> Result<SameGroup, CliError> {
    let Some((_, items)) = done.model.tables().into_iter().next() else {
        return Ok(SameGroup::default());
    };
    let of: HashMap<&str, &str> = log.groups.iter().map(|(item, group)| (item.as_str(), *group)).collect();
    let groups: Vec<Option<&str>> = items.vocab().keys().map(|key| of.get(key).copied()).collect();
    let index = Flat::build(items, Metric::Cosine, &mut work.run(0, &mut Bars::unstoppable()))?;
    let ids: Vec<ItemId> = (0..).take(items.len()).collect();
    let requests: Vec<SearchRequest<'_>> = ids
        .iter()
        .map(|id| SearchRequest::k(NEIGHBORS).filter(Filter::Deny(std::slice::from_ref(id))))
        .collect();
    let lists = index.search_batch(items.vectors(), &requests, work.parallelism())?;
    let (mut same, mut total) = (0u32, 0u32);
    for (own, list) in groups.iter().zip(&lists) {
        total += u32::try_from(list.len()).unwrap_or(u32::MAX);
        let shared = list.iter().filter(|near| groups[near.id as usize] == *own).count();
        same += u32::try_from(shared).unwrap_or(u32::MAX);
    }
    Ok(SameGroup {
        same_group_share: f64::from(same) / f64::from(total.max(1)),
        same_group_by_chance: TasteLog::chance_of_same_group(),
    })
}

/// Commands that work on what the demo leaves behind.
fn next_commands(out: &Path) -> Vec<String> {
    let (program, dir) = (program(), quoted(out));
    let vectors = quoted(out.join(crate::run::save::VECTORS));
    vec![
        format!("{program} neighbors --vectors {vectors} jazz-001"),
        format!("{program} recommend --model {dir} --user user-0001"),
        format!("{program} recommend --model {dir} --history \"jazz-001,blues-002\""),
        format!("{program} run --train {} --split ratio:0.2 --out nearfield-out", quoted(out.join(LOG))),
    ]
}

fn text(log: &TasteLog, summary: &Summary, groups: SameGroup, out: &Path, next: &[String]) -> String {
    let mut text = format!(
        "A made-up log: {} clicks on {} in {} groups of taste ({}).\n",
        output::grouped(log.clicks.len() as u64),
        output::counted(log.groups.len(), "item"),
        TasteLog::n_groups(),
        out.join(LOG).display(),
    );
    text += &summary.text();
    let (share, chance) = (100.0 * groups.same_group_share, 100.0 * groups.same_group_by_chance);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "Of an item's {NEIGHBORS} nearest neighbours {share:.1} % are of its group; chance would give {chance:.1} %."
    );
    text += "Try next:\n";
    for command in next {
        let _ = writeln!(text, "  {command}");
    }
    text
}
