//! Files of labels: a key and what it is labelled with, one item a line.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use embed_core::{Csr, Vocab};
use nearfield::evalmetrics;
use nearfield::interactions::{ReadOptions, for_each_interaction};

use crate::error::CliError;
use crate::output::{self, counted};

/// What the items of a vocabulary are labelled with.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    /// Names of the labels, in the order in which they come in the file.
    pub(crate) names: Vec<String>,
    /// One row an item.
    rows: Vec<Vec<u32>>,
}

/// Unknown keys that are named.
const NAMED: usize = 3;

impl Labels {
    /// Reads lines of an item's key and its label: `.csv`, `.tsv`, or `.txt` with several labels on a line, all
    /// also with `.gz`. Several labels of an item are parted by `|` or stand on several lines. A first line
    /// whose key is unknown is a heading. Other keys that the vocabulary does not have are counted and named on
    /// stderr.
    ///
    /// # Errors
    /// [`CliError::ReadLog`]; [`CliError::NoLabels`] when no item of the vocabulary gets one.
    pub(crate) fn read(path: &Path, keys: &Vocab) -> Result<Self, CliError> {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut labels = Self { names: Vec::new(), rows: vec![Vec::new(); keys.len()] };
        let mut unknown: Vec<String> = Vec::new();
        let mut n_unknown = 0usize;
        let mut line = 0u64;
        let options = ReadOptions { header: false, ..ReadOptions::default() };
        for_each_interaction(path, &options, |row| {
            line += 1;
            let Some(item) = keys.get(row.user) else {
                if line > 1 {
                    n_unknown += 1;
                    if unknown.len() < NAMED {
                        unknown.push(format!("{:?}", row.user));
                    }
                }
                return ControlFlow::Continue(());
            };
            let own = &mut labels.rows[item as usize];
            for word in row.item.split('|').map(str::trim).filter(|word| !word.is_empty()) {
                let next = u32::try_from(labels.names.len()).unwrap_or(u32::MAX);
                let number = *numbers.entry(word.to_owned()).or_insert_with(|| {
                    labels.names.push(word.to_owned());
                    next
                });
                if !own.contains(&number) {
                    own.push(number);
                }
            }
            ControlFlow::Continue(())
        })?;
        if labels.names.is_empty() {
            return Err(CliError::NoLabels { path: path.to_owned() });
        }
        if n_unknown > 0 {
            let more = if n_unknown > unknown.len() { ", …" } else { "" };
            let lines = counted(n_unknown, "label");
            output::warning(&format!(
                "{}: {lines} of items that are not among the vectors left out: {}{more}",
                path.display(),
                unknown.join(", ")
            ));
        }
        Ok(labels)
    }

    /// The first label of an item.
    pub(crate) fn first(&self, item: u32) -> Option<u32> {
        self.rows.get(item as usize)?.first().copied()
    }

    /// The same for the metrics.
    pub(crate) fn of_items(&self) -> evalmetrics::Labels {
        evalmetrics::Labels::several(&Csr::from_rows(&self.rows))
    }
}
