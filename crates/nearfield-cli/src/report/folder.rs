//! What the folder of a run holds, as the report reads it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::bench;
use super::chart::Tone;
use crate::error::CliError;
use crate::evaluation::{self, Evaluation};
use crate::index::Bench;
use crate::manifest;

/// A run, read from its folder.
#[derive(Debug)]
pub(super) struct RunFolder {
    /// How the report calls it.
    pub(super) name: String,
    pub(super) tone: Tone,
    pub(super) dir: PathBuf,
    manifest: Value,
    /// Values of single users; runs that were stopped have none.
    pub(super) evaluation: Option<Evaluation>,
}

/// All that a report is about.
#[derive(Debug, Default)]
pub(super) struct Folders {
    pub(super) runs: Vec<RunFolder>,
    pub(super) benches: Vec<Bench>,
}

impl Folders {
    /// Reads folders of runs and of index benches.
    ///
    /// # Errors
    /// [`CliError::NotARunFolder`] for a folder that is neither, [`CliError::Store`] for a damaged file.
    pub(super) fn read(dirs: &[PathBuf]) -> Result<Self, CliError> {
        let mut folders = Self::default();
        for dir in dirs {
            let bench = bench::read(dir)?;
            if manifest::marks(dir) {
                let number = folders.runs.len();
                folders.runs.push(RunFolder::read(dir, number)?);
            } else if bench.is_none() {
                return Err(CliError::NotARunFolder { path: dir.clone() });
            }
            folders.benches.extend(bench);
        }
        folders.name();
        Ok(folders)
    }

    /// Runs are called by their folder; by the whole path where two folders have one name.
    fn name(&mut self) {
        let short: Vec<String> = self.runs.iter().map(|run| last_part(&run.dir)).collect();
        for (i, run) in self.runs.iter_mut().enumerate() {
            let alone = short.iter().filter(|name| **name == short[i]).count() == 1;
            run.name = if alone { short[i].clone() } else { run.dir.display().to_string() };
        }
    }
}

fn last_part(dir: &Path) -> String {
    // `.` and `..` have no last part of their own.
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned())
}

impl RunFolder {
    fn read(dir: &Path, number: usize) -> Result<Self, CliError> {
        let path = dir.join(evaluation::FILE);
        let evaluation = path.exists().then(|| Evaluation::open(&path)).transpose()?;
        Ok(Self {
            name: String::new(),
            tone: Tone::Run(number),
            dir: dir.to_owned(),
            manifest: manifest::read(dir)?,
            evaluation,
        })
    }

    /// What run.json says at a path of names.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.manifest, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// A number of run.json.
    pub(super) fn number(&self, path: &[&str]) -> Option<f64> {
        self.get(path).and_then(Value::as_f64)
    }

    /// A count of run.json.
    pub(super) fn count(&self, path: &[&str]) -> Option<u64> {
        self.get(path).and_then(Value::as_u64)
    }

    /// Words of run.json.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path).and_then(Value::as_str)
    }

    /// The names of the run's figures, in order.
    pub(super) fn figures(&self) -> Vec<&str> {
        let metrics = self.get(&["metrics"]).and_then(Value::as_object);
        metrics.map(|metrics| metrics.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The figure to look at first: NDCG at the longest list, or what there is.
    pub(super) fn main_figure(&self, measure: &str) -> Option<String> {
        let prefix = format!("{measure}@");
        let names = self.figures();
        let at = |name: &&&str| name.strip_prefix(&prefix).and_then(|k| k.parse::<u64>().ok());
        let found = names.iter().filter(|name| at(name).is_some()).max_by_key(|name| at(name));
        found.map(|name| (*name).to_owned())
    }
}
