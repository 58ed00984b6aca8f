//! `nearfield report`: runs as one HTML page that needs nothing else.

mod bench;
mod certain;
mod chart;
mod folder;
mod map;
mod page;
mod projection;
mod section;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use embed_core::store::atomic_write;
use serde::Serialize;

use crate::args::{ReportArgs, WorkArgs};
use crate::cancel::Cancel;
use crate::error::CliError;
use crate::index::Bench;
use crate::output::{self, counted};
use crate::progress::Bars;
use certain::Certain;
use folder::Folders;
pub(crate) use projection::Projection;
pub(crate) use section::BUCKETS;

/// Name of the page that a run leaves in its folder.
pub(crate) const FILE: &str = "report.html";

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents<'a> {
    pub(crate) dirs: &'a [PathBuf],
    pub(crate) labels: Option<&'a Path>,
    pub(crate) map: Option<Projection>,
}

impl Contents<'_> {
    /// The first option given that the map alone uses.
    fn of_map(&self) -> Option<&'static str> {
        self.labels.map(|_| "--labels").or(self.map.map(|_| "--map"))
    }
}

/// The page of `nearfield index bench` alone.
pub(crate) fn indexes(bench: &Bench) -> String {
    let title = format!("Nearest-neighbour indexes over {}", bench.vectors);
    let lead = maud::html! { p.lead { (section::about_bench(bench)) } };
    let sections: Vec<page::Section> = section::bench(std::slice::from_ref(bench)).into_iter().collect();
    page::page(&title, &lead, &sections, None)
}

#[derive(Serialize)]
struct Object<'a> {
    out: &'a Path,
    bytes: u64,
    runs: usize,
    sections: Vec<&'static str>,
}

/// Runs `nearfield report`.
pub(crate) fn report(args: &ReportArgs, json: bool) -> Result<ExitCode, CliError> {
    let cancel = Cancel::listen()?;
    let mut bars = Bars::new(&cancel);
    let contents = Contents { dirs: &args.runs, labels: args.labels.as_deref(), map: args.map };
    let (page, sections) = make(&contents, args.work, &mut bars)?;
    drop(bars);
    write(&args.out, &page)?;
    let object = Object { out: &args.out, bytes: page.len() as u64, runs: args.runs.len(), sections };
    output::result(json, &object, || {
        format!(
            "{}: {} in {}",
            args.out.display(),
            counted(object.runs, "folder"),
            counted(page.len(), "byte")
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a page in one step.
///
/// # Errors
/// [`CliError::Write`].
pub(crate) fn write(out: &Path, page: &str) -> Result<(), CliError> {
    Ok(atomic_write(out, |file| file.write_all(page.as_bytes()))?)
}

/// The page, and which sections it has.
///
/// # Errors
/// [`CliError`]: folders that are no runs', damaged files, [`CliError::Cancelled`].
pub(crate) fn make(
    contents: &Contents<'_>,
    work: WorkArgs,
    bars: &mut Bars,
) -> Result<(String, Vec<&'static str>), CliError> {
    let folders = Folders::read(contents.dirs)?;
    let runs = &folders.runs;
    let certain = Certain::of(runs, work, bars)?;
    let map = match runs.first() {
        Some(run) => map::map(run, contents.labels, contents.map, work, bars)?,
        None => None,
    };
    if map.is_none()
        && let Some(option) = contents.of_map()
    {
        let with = contents.dirs.first().map(|dir| dir.display().to_string()).unwrap_or_default();
        let (option, of) = (option.to_owned(), "folders with item vectors".to_owned());
        return Err(CliError::NotAnOption { option, with, of });
    }
    let (map, map_data) = map.map_or((None, None), |map| (Some(map.section), Some(map.data)));
    let sections: Vec<page::Section> = [
        section::metrics(runs, &certain),
        map,
        section::data(runs),
        section::training(runs),
        section::exposure(runs),
        section::buckets(runs)?,
        section::bench(&folders.benches),
        section::sweep(runs),
        section::settings(runs),
    ]
    .into_iter()
    .flatten()
    .collect();
    let title = match runs.as_slice() {
        [] => "Indexes side by side".to_owned(),
        [run] => run.name.clone(),
        runs => runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(" · "),
    };
    let lead = section::overview(&folders, &certain);
    let page = page::page(&title, &lead, &sections, map_data.as_deref());
    Ok((page, sections.iter().map(|section| section.id).collect()))
}
