use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use embed_core::{Csr, ItemId, Vocab};

use super::error::ReadError;
use super::format::Format;
use super::input::Lines;
use super::options::ReadOptions;
use super::report::{ReadReport, Reporter};
use super::row_error::{Field, Place, RowProblem};
use super::words::{next_text, words};

/// Next-item tasks: given the items before, which one comes next?
///
/// Memory: 8 bytes a task, 4 bytes an item of its prefix and 4 for its target.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefixTasks {
    prefixes: Csr,
    targets: Vec<ItemId>,
    items: Arc<Vocab>,
    n_known: usize,
}

impl PrefixTasks {
    /// Number of tasks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no task.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The items before each target, the earliest first: `[len]` rows, none empty.
    #[must_use]
    pub fn prefixes(&self) -> &Csr {
        &self.prefixes
    }

    /// The item that comes next, `[len]`.
    #[must_use]
    pub fn targets(&self) -> &[ItemId] {
        &self.targets
    }

    /// Keys of the items: those that were given, then those seen here first.
    #[must_use]
    pub fn item_keys(&self) -> &Arc<Vocab> {
        &self.items
    }

    /// Number of items that the vocabulary given did not have. Their ids are the last ones. They cannot be
    /// recommended by a model that has not seen them, and stay in the denominator as misses.
    #[must_use]
    pub fn n_new_items(&self) -> usize {
        self.items.len() - self.n_known
    }
}

/// Reads a file of next-item tasks, a line each: `item item …<TAB>target`, items parted by spaces. `items` is
/// the vocabulary of the log that was learned from; new items are appended to it.
///
/// `options.compression`, `bad_rows` and `max_record_bytes` matter; the others must be as by default, except
/// the format, which is not looked at.
///
/// # Errors
/// [`ReadError`] as for [`Log::read`](crate::Log::read); a line without exactly one tab, without items before
/// it or without exactly one after it is a malformed row.
pub fn read_prefixes(
    path: impl AsRef<Path>,
    options: &ReadOptions,
    items: Vocab,
) -> Result<(PrefixTasks, ReadReport), ReadError> {
    options.validate()?;
    read(Lines::open(path.as_ref(), options)?, options, items)
}

/// [`read_prefixes`] from any reader; `name` stands for the file in errors.
///
/// # Errors
/// As for [`read_prefixes`].
pub fn read_prefixes_from(
    reader: impl Read,
    name: &str,
    options: &ReadOptions,
    items: Vocab,
) -> Result<(PrefixTasks, ReadReport), ReadError> {
    options.validate()?;
    read(Lines::from_reader(reader, Path::new(name), options)?, options, items)
}

fn read(
    mut lines: Lines<'_>,
    options: &ReadOptions,
    mut items: Vocab,
) -> Result<(PrefixTasks, ReadReport), ReadError> {
    let file = lines.file();
    let n_known = items.len();
    let mut reporter = Reporter::new(file, options.bad_rows, Format::Sessions);
    reporter.report.gzip = lines.gzip();
    let (mut offsets, mut entries, mut targets) = (vec![0], Vec::new(), Vec::new());
    let mut buffer = Vec::new();
    let mut intern = |key: &str| {
        items.intern(key).map_err(|error| ReadError::Log { file: file.to_owned(), source: error.into() })
    };
    while let Some((line, text)) = next_text(&mut lines, &mut buffer, &mut reporter)? {
        match task(text) {
            Err((field, problem)) => reporter.bad(Place::Line(line), field, problem)?,
            Ok((prefix, target)) => {
                for item in words(prefix) {
                    entries.push(intern(item)?);
                }
                offsets.push(entries.len());
                targets.push(intern(target)?);
                reporter.report.rows += 1;
            }
        }
    }
    let report = reporter.finish()?;
    let prefixes = Csr::from_rows(offsets.windows(2).map(|pair| &entries[pair[0]..pair[1]]));
    Ok((PrefixTasks { prefixes, targets, items: Arc::new(items), n_known }, report))
}

/// The items before and the target.
fn task(text: &str) -> Result<(&str, &str), (Field, RowProblem)> {
    let mut parts = text.split('\t');
    let (Some(prefix), Some(target), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err((Field::Row, RowProblem::TaskParts { got: text.split('\t').count() }));
    };
    if words(prefix).next().is_none() {
        return Err((Field::Prefix, RowProblem::Empty { expected: "at least one item" }));
    }
    let mut after = words(target);
    match (after.next(), after.next()) {
        (Some(target), None) => Ok((prefix, target)),
        (None, _) => Err((Field::Target, RowProblem::Empty { expected: "one item" })),
        _ => Err((Field::Target, RowProblem::NotOneItem { found: RowProblem::found(target.as_bytes()) })),
    }
}

/// Whether the first line that is not blank is a next-item task (`item item …<TAB>target`): what tells a test
/// file of tasks from one of sessions, which has no tabs.
///
/// # Errors
/// [`ReadError`] when that line cannot be read.
pub fn is_prefix_file(path: impl AsRef<Path>, options: &ReadOptions) -> Result<bool, ReadError> {
    options.validate()?;
    let mut lines = Lines::open(path.as_ref(), options)?;
    let mut reporter = Reporter::new(path.as_ref(), options.bad_rows, Format::Sessions);
    let mut buffer = Vec::new();
    let first = next_text(&mut lines, &mut buffer, &mut reporter)?;
    Ok(first.is_some_and(|(_, text)| task(text).is_ok()))
}
