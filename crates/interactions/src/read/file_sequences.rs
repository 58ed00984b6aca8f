use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embed_core::{ItemId, SequenceSource, SourceError, Vocab};

use super::error::ReadError;
use super::format::Format;
use super::input::Lines;
use super::options::ReadOptions;
use super::read_path;
use super::report::{ReadReport, Reporter};
use super::row_error::{Field, Place, RowProblem};
use super::runs::{LookUp, Runs, Show};
use super::words::next_line;

/// Sequences read from a file anew on each pass: a corpus larger than memory, plain or gzip.
///
/// | format | a sequence is |
/// |---|---|
/// | [`Format::UserItems`], [`Format::Sessions`] | each line with items; a user on several lines has several |
/// | [`Format::Csv`], [`Format::Tsv`], [`Format::Parquet`] | each run of rows of one user, in file order: a log sorted by user and time |
///
/// Memory: the vocabulary and the longest line or run (of Parquet, also a batch of rows and a row group's pages), whatever
/// the size of the file.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("visits.txt");
/// # std::fs::write(&path, "ann tent stove\nbob novel tent\n")?;
/// use embed_core::SequenceSource;
/// use interactions::{FileSequences, ReadOptions};
///
/// let (sequences, counts, _) = FileSequences::scan(&path, &ReadOptions::default())?;
/// assert_eq!((sequences.size_hint(), counts), (Some((2, 4)), vec![2, 1, 1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FileSequences {
    path: PathBuf,
    options: ReadOptions,
    format: Format,
    items: Arc<Vocab>,
    size: Option<(u64, u64)>,
}

impl FileSequences {
    /// Sequences over a known vocabulary. An item that it does not have is a malformed row.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be opened, or its format is not known.
    pub fn open(
        path: impl Into<PathBuf>,
        options: &ReadOptions,
        items: Arc<Vocab>,
    ) -> Result<Self, ReadError> {
        let path = path.into();
        let format = Format::resolve(options, &path)?;
        if format == Format::Parquet {
            File::open(&path).map_err(|source| ReadError::Io { file: path.clone(), source })?;
        } else {
            Lines::open(&path, options)?;
        }
        Ok(Self { path, options: options.clone(), format, items, size: None })
    }

    /// Sequences over the items of the file itself, found in one pass, with how often each item occurs,
    /// `[n_items]`.
    ///
    /// # Errors
    /// [`ReadError`] as for [`Log::read`](crate::Log::read).
    pub fn scan(
        path: impl Into<PathBuf>,
        options: &ReadOptions,
    ) -> Result<(Self, Vec<u64>, ReadReport), ReadError> {
        let mut found = Self::open(path, options, Arc::default())?;
        let (mut items, mut counts) = (Vocab::new(), Vec::new());
        let mut sequences = 0;
        let report = found.pass(
            &mut |item| {
                let id = items.intern(item);
                let id =
                    id.map_err(|error| ReadError::Log { file: found.path.clone(), source: error.into() })?;
                if id as usize == counts.len() {
                    counts.push(0);
                }
                counts[id as usize] += 1;
                Ok(Some(id))
            },
            &mut |_| {
                sequences += 1;
                ControlFlow::Continue(())
            },
        )?;
        found.items = Arc::new(items);
        found.size = Some((sequences, report.rows));
        Ok((found, counts, report))
    }

    /// Keys of the items.
    #[must_use]
    pub fn item_keys(&self) -> &Arc<Vocab> {
        &self.items
    }

    /// Shows every sequence once; `look_up` gives an item's id, or none if it has none.
    fn pass(&self, look_up: &mut LookUp<'_>, visit: &mut Show<'_>) -> Result<ReadReport, ReadError> {
        if matches!(self.format, Format::UserItems | Format::Sessions) {
            return self.lines(look_up, visit);
        }
        let mut runs = Runs::new(&self.path, self.options.bad_rows, look_up, visit);
        let report = read_path(&self.path, &self.options, &mut runs)?;
        match runs.failed.take() {
            Some(error) => Err(error),
            None => {
                // A visit that broke off has seen its last run.
                let _ = runs.end_run();
                Ok(report)
            }
        }
    }

    fn lines(&self, look_up: &mut LookUp<'_>, visit: &mut Show<'_>) -> Result<ReadReport, ReadError> {
        let mut lines = Lines::open(&self.path, &self.options)?;
        let mut reporter = Reporter::new(&self.path, self.options.bad_rows, self.format);
        reporter.report.gzip = lines.gzip();
        let (mut buffer, mut sequence) = (Vec::new(), Vec::new());
        while let Some((line, items)) = next_line(&mut lines, &mut buffer, &mut reporter)? {
            sequence.clear();
            let mut unknown = None;
            for item in items.skip(usize::from(self.format == Format::UserItems)) {
                match look_up(item)? {
                    Some(id) => sequence.push(id),
                    None => unknown = unknown.or(Some(item)),
                }
            }
            if let Some(item) = unknown {
                let problem = RowProblem::UnknownItem { found: RowProblem::found(item.as_bytes()) };
                reporter.bad(Place::Line(line), Field::Item, problem)?;
            } else if sequence.is_empty() {
                reporter.report.users_without_items += 1;
            } else {
                reporter.report.rows += sequence.len() as u64;
                if visit(&sequence).is_break() {
                    return Ok(reporter.report);
                }
            }
        }
        reporter.finish()
    }

    /// The path read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl SequenceSource for FileSequences {
    fn n_items(&self) -> usize {
        self.items.len()
    }

    fn size_hint(&self) -> Option<(u64, u64)> {
        self.size
    }

    fn for_each_sequence(
        &self,
        _epoch: u32,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let passed = self.pass(&mut |item| Ok(self.items.get(item)), visit);
        passed.map(drop).map_err(|error| SourceError::Implementation { source: error.into() })
    }
}
