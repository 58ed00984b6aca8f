use std::any::Any;
use std::error::Error;
use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::cells::{Keys, Numbers, Times};
use super::columns::Places;
use super::error::{ColumnNames, ReadError};
use super::options::ReadOptions;
use super::report::Reporter;
use super::row_error::{Field, Place, RowProblem};
use super::sink::Sink;
use super::value;
use crate::log::Interaction;

/// Rows decoded at once.
const BATCH: usize = 8192;

/// The decoder panicked. It is not ours, and a damaged file must not end the program.
#[derive(Debug, thiserror::Error)]
#[error("the decoder panicked, so the file is damaged: {message}")]
struct Panicked {
    message: String,
}

/// Reads Parquet, a batch of the columns asked for at a time.
pub(crate) fn read(
    file: &Path,
    options: &ReadOptions,
    reporter: &mut Reporter<'_>,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, ReadError> {
    let builder = open(file)?;
    let failed = |row, source| ReadError::Parquet { file: file.to_owned(), row, source };
    let names = names(builder.schema());
    let places = options.columns.places(file, &names, ColumnNames::Schema)?;
    reporter.report.columns = places.describe(&names);
    let wanted = reporter.report.columns.iter().filter_map(|(_, name)| names.iter().position(|n| n == name));
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let batches =
        guarded(|| builder.with_batch_size(BATCH).with_projection(mask).build()).map_err(|e| failed(0, e))?;
    let mut batches = Batches(batches);
    let mut row = 0;
    while let Some(batch) = batches.next().map_err(|e| failed(row, e))? {
        let columns = Columns::of(file, &batch, places, &names)?;
        if columns.show(row, batch.num_rows(), options, reporter, sink)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        row += batch.num_rows() as u64;
    }
    Ok(ControlFlow::Continue(()))
}

fn open(file: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, ReadError> {
    let opened = File::open(file).map_err(|source| ReadError::Io { file: file.to_owned(), source })?;
    let length = opened.metadata().map_err(|source| ReadError::Io { file: file.to_owned(), source })?.len();
    if length == 0 {
        return Err(ReadError::Empty { file: file.to_owned() });
    }
    guarded(|| ParquetRecordBatchReaderBuilder::try_new(opened)).map_err(|source| ReadError::Parquet {
        file: file.to_owned(),
        row: 0,
        source,
    })
}

/// Names of the columns.
pub(super) fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// Rows of a file, some at a time.
pub(super) struct Batches(ParquetRecordBatchReader);

impl Batches {
    /// All columns of a file.
    pub(super) fn open(file: &Path) -> Result<(Self, SchemaRef), ReadError> {
        let builder = open(file)?;
        let schema = builder.schema().clone();
        let batches = guarded(|| builder.with_batch_size(BATCH).build());
        let failed = |source| ReadError::Parquet { file: file.to_owned(), row: 0, source };
        Ok((Self(batches.map_err(failed)?), schema))
    }

    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, Box<dyn Error + Send + Sync>> {
        guarded(|| self.0.next().transpose().map_err(|error: ArrowError| error))
    }
}

/// Runs the decoder; its panic is an error.
fn guarded<T, E: Error + Send + Sync + 'static>(
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T, Box<dyn Error + Send + Sync>> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => Ok(result?),
        Err(panic) => Err(Panicked { message: message(&*panic) }.into()),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    RowProblem::found(text.unwrap_or("no message").as_bytes())
}

/// The columns of a batch that are read.
struct Columns<'b> {
    user: Keys<'b>,
    item: Keys<'b>,
    time: Option<Times<'b>>,
    weight: Option<Numbers<'b>>,
}

impl<'b> Columns<'b> {
    fn of(file: &Path, batch: &'b RecordBatch, places: Places, names: &[String]) -> Result<Self, ReadError> {
        let column = |field, place: usize, expected| {
            let name = &names[place];
            // A projected batch has the columns in file order; the place in the file finds the name.
            let column = batch.column_by_name(name);
            let wrong = |got: String| ReadError::ColumnType {
                file: file.to_owned(),
                field,
                column: name.clone(),
                got,
                expected,
            };
            column
                .map(|column| (column.as_ref(), wrong(column.data_type().to_string())))
                .ok_or_else(|| wrong("none".to_owned()))
        };
        let keys = |field, place| {
            let (array, wrong) = column(field, place, "text or integers")?;
            Keys::of(array).ok_or(wrong)
        };
        let time = places.time.map(|place| {
            let (array, wrong) = column(Field::Time, place, "timestamps, dates, numbers or text")?;
            Times::of(array).ok_or(wrong)
        });
        let weight = places.weight.map(|place| {
            let (array, wrong) = column(Field::Weight, place, "numbers")?;
            Numbers::of(array).ok_or(wrong)
        });
        Ok(Self {
            user: keys(Field::User, places.user)?,
            item: keys(Field::Item, places.item)?,
            time: time.transpose()?,
            weight: weight.transpose()?,
        })
    }

    fn show(
        &self,
        before: u64,
        n_rows: usize,
        options: &ReadOptions,
        reporter: &mut Reporter<'_>,
        sink: &mut impl Sink,
    ) -> Result<ControlFlow<()>, ReadError> {
        let (mut user, mut item) = (String::new(), String::new());
        for row in 0..n_rows {
            match self.interaction(row, options, &mut user, &mut item) {
                Ok(interaction) => {
                    reporter.report.rows += 1;
                    if sink.interaction(&interaction).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Err((field, problem)) => reporter.bad(Place::Row(before + row as u64 + 1), field, problem)?,
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn interaction<'t>(
        &'t self,
        row: usize,
        options: &ReadOptions,
        user: &'t mut String,
        item: &'t mut String,
    ) -> Result<Interaction<'t>, (Field, RowProblem)> {
        let time = self.time.as_ref().map(|times| times.get(row, options.time_unit)).transpose();
        let weight = self.weight.as_ref().map(|weights| weight(weights, row)).transpose();
        Ok(Interaction {
            user: self.user.get(row, user).map_err(|problem| (Field::User, problem))?,
            item: self.item.get(row, item).map_err(|problem| (Field::Item, problem))?,
            time: time.map_err(|problem| (Field::Time, problem))?,
            weight: weight.map_err(|problem| (Field::Weight, problem))?,
        })
    }
}

/// A weight as f32, which must be finite.
fn weight(weights: &Numbers<'_>, row: usize) -> Result<f32, RowProblem> {
    const EXPECTED: &str = "a finite number";
    let number = weights.get(row).ok_or(RowProblem::Empty { expected: EXPECTED })?;
    #[expect(clippy::cast_possible_truncation, reason = "rounds, and what is too large becomes infinite")]
    let narrow = number as f32;
    if narrow.is_finite() { Ok(narrow) } else { value::weight(&number.to_string()) }
}
