use std::ops::ControlFlow;

use super::columns::Places;
use super::error::{ColumnNames, ReadError};
use super::format::Format;
use super::input::Lines;
use super::options::{ReadOptions, TimeUnit};
use super::record::{Record, Records};
use super::report::Reporter;
use super::row_error::{Field, Place, RowProblem};
use super::sink::Sink;
use super::value;
use crate::log::Interaction;

/// Reads CSV or TSV.
pub(crate) fn read(
    lines: Lines<'_>,
    format: Format,
    options: &ReadOptions,
    reporter: &mut Reporter<'_>,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, ReadError> {
    let file = lines.file();
    let delimiter = options.delimiter.unwrap_or(if format == Format::Tsv { b'\t' } else { b',' });
    let mut records = Records::new(lines, delimiter, options.quoting);
    let names_from = if options.header { ColumnNames::Header } else { ColumnNames::Numbers };
    let mut layout = None;
    while let Some((record, problem)) = records.next()? {
        let Some((width, places)) = layout else {
            if let Some(problem) = problem {
                // The first row lays down the columns, so it cannot be skipped.
                let error = Reporter::error(file, Place::Line(record.line), Field::Row, problem);
                return Err(error.into());
            }
            let names = column_names(&record, options.header).map_err(|(field, problem)| {
                Reporter::error(file, Place::Line(record.line), field, problem)
            })?;
            let places = options.columns.places(file, &names, names_from)?;
            reporter.report.columns = places.describe(&names);
            layout = Some((names.len(), places));
            if !options.header && show(&record, names.len(), places, options, reporter, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            continue;
        };
        if let Some(problem) = problem {
            reporter.bad(Place::Line(record.line), Field::Row, problem)?;
        } else if show(&record, width, places, options, reporter, sink)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    reporter.report.blank_lines = records.blank_lines;
    Ok(ControlFlow::Continue(()))
}

/// The names in the header, or the numbers of the columns.
fn column_names(record: &Record<'_>, header: bool) -> Result<Vec<String>, (Field, RowProblem)> {
    (0..record.len())
        .map(|number| {
            if !header {
                return Ok(number.to_string());
            }
            record
                .text(number)
                .map(|name| name.trim().to_owned())
                .map_err(|problem| (Field::Column(number), problem))
        })
        .collect()
}

/// Shows a record to the sink, or has it refused or counted.
fn show(
    record: &Record<'_>,
    width: usize,
    places: Places,
    options: &ReadOptions,
    reporter: &mut Reporter<'_>,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, ReadError> {
    match interaction(record, width, places, options.time_unit) {
        Ok(interaction) => {
            reporter.report.rows += 1;
            Ok(sink.interaction(&interaction))
        }
        Err((field, problem)) => {
            reporter.bad(Place::Line(record.line), field, problem)?;
            Ok(ControlFlow::Continue(()))
        }
    }
}

fn interaction<'r>(
    record: &Record<'r>,
    width: usize,
    places: Places,
    unit: TimeUnit,
) -> Result<Interaction<'r>, (Field, RowProblem)> {
    if record.len() != width {
        return Err((Field::Row, RowProblem::FieldCount { expected: width, got: record.len() }));
    }
    record.check_utf8().map_err(|(field, problem)| (places.field_at(field), problem))?;
    let key = |field, place| match record.text(place) {
        Ok("") => Err((field, RowProblem::Empty { expected: "a key" })),
        text => text.map_err(|problem| (field, problem)),
    };
    let optional = |field, place: Option<usize>| {
        place.map(|place| record.text(place)).transpose().map_err(|problem| (field, problem))
    };
    let time = optional(Field::Time, places.time)?.map(|text| value::time(text, unit)).transpose();
    let weight = optional(Field::Weight, places.weight)?.map(value::weight).transpose();
    Ok(Interaction {
        user: key(Field::User, places.user)?,
        item: key(Field::Item, places.item)?,
        time: time.map_err(|problem| (Field::Time, problem))?,
        weight: weight.map_err(|problem| (Field::Weight, problem))?,
    })
}
