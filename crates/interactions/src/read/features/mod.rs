//! Features of users or items: a key and named columns a row.

mod building;
#[cfg(feature = "parquet")]
mod parquet;
mod plan;

use std::path::Path;

use embed_core::{FeatureColumn, FeatureFrame, FeatureType, Vocab};

use self::plan::Plan;
use super::error::{ColumnNames, ReadError};
use super::format::Format;
use super::input::Lines;
use super::options::ReadOptions;
use super::record::{Record, Records};
use super::row_error::{Field, Place, RowError, RowProblem};

/// Which columns of a file of features are read, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeatureOptions {
    /// How the file is laid out: format, header, delimiter, quoting, packing. A malformed row is always an error.
    pub layout: ReadOptions,
    /// The column of the keys; by default the first.
    pub key: Option<String>,
    /// What columns hold, by name; of others see [`read_features`].
    pub types: Vec<(String, FeatureType)>,
    /// Whether only the columns of `types` are read, all of which there must be then.
    pub only_these: bool,
}

/// Reads what is known of users or items: CSV, TSV or Parquet.
///
/// | the name of the column | is read as | cells of text |
/// |---|---|---|
/// | is in [`FeatureOptions::types`] | that type | lists are parted by <code>\|</code>, vectors by blanks, commas, `;` or <code>\|</code> |
/// | ends in `:token`, `:token_seq`, `:float`, `:float_seq` (RecBole) | category, list, number, vector | parted by blanks |
/// | neither, in CSV and TSV | category; list, when a cell has a <code>\|</code> | |
/// | neither, in Parquet | text and integers: category; floats: number; lists of these: list, vector | |
///
/// Columns go by their name without the type. An empty category is unknown; an empty list is one; an empty number or vector is an
/// error, and so is one that is not finite.
///
/// # Errors
/// [`ReadError`]; [`ReadError::Feature`] names the row and the column, [`ReadError::DuplicateKey`] a key that comes twice.
pub fn read_features(path: impl AsRef<Path>, options: &FeatureOptions) -> Result<FeatureFrame, ReadError> {
    let path = path.as_ref();
    let layout = ReadOptions { columns: super::Columns::default(), ..options.layout.clone() };
    match Format::resolve(&layout, path)? {
        Format::Parquet => read_parquet(path, options),
        format @ (Format::UserItems | Format::Sessions) => {
            Err(ReadError::WrongFormat { file: path.to_owned(), wanted: "features", format })
        }
        format => text(Lines::open(path, &layout)?, format, options),
    }
}

/// [`read_features`] of text from any reader; `name` stands for the file.
///
/// # Errors
/// As [`read_features`].
pub fn read_features_from(
    reader: impl std::io::Read,
    name: &str,
    options: &FeatureOptions,
) -> Result<FeatureFrame, ReadError> {
    let path = Path::new(name);
    let layout = ReadOptions { columns: super::Columns::default(), ..options.layout.clone() };
    match Format::resolve(&layout, path)? {
        format @ (Format::UserItems | Format::Sessions | Format::Parquet) => {
            Err(ReadError::WrongFormat { file: path.to_owned(), wanted: "features", format })
        }
        format => text(Lines::from_reader(reader, path, &layout)?, format, options),
    }
}

fn text(lines: Lines<'_>, format: Format, options: &FeatureOptions) -> Result<FeatureFrame, ReadError> {
    let file = lines.file();
    let layout = &options.layout;
    let delimiter = layout.delimiter.unwrap_or(if format == Format::Tsv { b'\t' } else { b',' });
    let mut records = Records::new(lines, delimiter, layout.quoting);
    let mut keys = Keys::new(file);
    let mut plan: Option<Plan> = None;
    while let Some((record, problem)) = records.next()? {
        let place = Place::Line(record.line);
        if let Some(problem) = problem {
            return Err(row(file, place, Field::Row, problem).into());
        }
        let plan = match &mut plan {
            Some(plan) => plan,
            None => {
                let names = names(&record, layout.header)
                    .map_err(|(field, problem)| row(file, place, field, problem))?;
                let from = if layout.header { ColumnNames::Header } else { ColumnNames::Numbers };
                let new = plan.insert(Plan::of_text(file, &names, from, options)?);
                if layout.header {
                    continue;
                }
                new
            }
        };
        if record.len() != plan.width {
            let problem = RowProblem::FieldCount { expected: plan.width, got: record.len() };
            return Err(row(file, place, Field::Row, problem).into());
        }
        keys.add(place, cell(file, &record, place, plan.key)?)?;
        for (number, column) in &mut plan.columns {
            let text = cell(file, &record, place, *number)?;
            column.text(text).map_err(|problem| feature(file, place, &column.name, problem))?;
        }
    }
    keys.frame(plan.map(|plan| plan.columns.into_iter().map(|(_, column)| column.finish()).collect()))
}

fn names(record: &Record<'_>, header: bool) -> Result<Vec<String>, (Field, RowProblem)> {
    let name = |number: usize| match header {
        false => Ok(number.to_string()),
        true => {
            record.text(number).map(|name| name.trim().to_owned()).map_err(|p| (Field::Column(number), p))
        }
    };
    (0..record.len()).map(name).collect()
}

fn cell<'r>(file: &Path, record: &Record<'r>, place: Place, number: usize) -> Result<&'r str, ReadError> {
    record.text(number).map_err(|problem| row(file, place, Field::Column(number), problem).into())
}

fn row(file: &Path, place: Place, field: Field, problem: RowProblem) -> RowError {
    RowError { file: file.to_owned(), place, field, problem }
}

fn feature(file: &Path, place: Place, column: &str, problem: RowProblem) -> ReadError {
    ReadError::Feature { file: file.to_owned(), place, column: column.to_owned(), problem }
}

/// The keys of a file, each once.
struct Keys<'a> {
    file: &'a Path,
    keys: Vocab,
}

impl<'a> Keys<'a> {
    fn new(file: &'a Path) -> Self {
        Self { file, keys: Vocab::new() }
    }

    fn add(&mut self, place: Place, key: &str) -> Result<(), ReadError> {
        let file = || self.file.to_owned();
        if key.is_empty() {
            let problem = RowProblem::Empty { expected: "a key" };
            return Err(ReadError::Feature { file: file(), place, column: "key".to_owned(), problem });
        }
        if self.keys.get(key).is_some() {
            return Err(ReadError::DuplicateKey { file: file(), place, key: key.to_owned() });
        }
        let added = self.keys.intern(key);
        added.map(drop).map_err(|source| ReadError::Log { file: file(), source: source.into() })
    }

    fn frame(self, columns: Option<Vec<FeatureColumn>>) -> Result<FeatureFrame, ReadError> {
        let file = || self.file.to_owned();
        let Some(columns) = columns.filter(|_| !self.keys.is_empty()) else {
            return Err(ReadError::Empty { file: file() });
        };
        FeatureFrame::new(self.keys, columns)
            .map_err(|source| ReadError::Frame { file: self.file.to_owned(), source })
    }
}

#[cfg(feature = "parquet")]
fn read_parquet(path: &Path, options: &FeatureOptions) -> Result<FeatureFrame, ReadError> {
    parquet::read(path, options)
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(path: &Path, _: &FeatureOptions) -> Result<FeatureFrame, ReadError> {
    Err(ReadError::ParquetDisabled { file: path.to_owned() })
}
