use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use embed_core::{FeatureFrame, FeatureType};

use super::super::cells::{Keys as Cells, Numbers};
use super::super::error::{ColumnNames, ReadError};
use super::super::parquet::{Batches, names};
use super::super::row_error::{Field, Place, RowProblem};
use super::building::Building;
use super::plan::Plan;
use super::{FeatureOptions, Keys, feature};

/// Reads Parquet, a batch at a time.
pub(super) fn read(file: &Path, options: &FeatureOptions) -> Result<FeatureFrame, ReadError> {
    let (mut batches, schema) = Batches::open(file)?;
    let types: Vec<DataType> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    let own = |number: usize| Some(own(&types[number]));
    let mut plan = Plan::new(file, &names(&schema), ColumnNames::Schema, options, own)?;
    let mut keys = Keys::new(file);
    let mut before = 0;
    let failed = |row, source| ReadError::Parquet { file: file.to_owned(), row, source };
    while let Some(batch) = batches.next().map_err(|e| failed(before, e))? {
        let wrong = |name: &str, number: usize, expected| ReadError::ColumnType {
            file: file.to_owned(),
            field: Field::Feature,
            column: name.to_owned(),
            got: types[number].to_string(),
            expected,
        };
        let column = |number: usize| -> ArrayRef { RecordBatch::column(&batch, number).clone() };
        let (array, mut buffer) = (column(plan.key), String::new());
        let cells = Cells::of(array.as_ref()).ok_or_else(|| wrong("key", plan.key, "text or integers"))?;
        for row in 0..batch.num_rows() {
            let place = Place::Row(before + row as u64 + 1);
            let key = cells.get(row, &mut buffer).map_err(|problem| feature(file, place, "key", problem))?;
            keys.add(place, key)?;
        }
        for (number, building) in &mut plan.columns {
            let array = column(*number);
            let taker = Taker::of(array.as_ref(), building.kind());
            let taker = taker.ok_or_else(|| wrong(&building.name, *number, expected(building.kind())))?;
            for row in 0..batch.num_rows() {
                let place = Place::Row(before + row as u64 + 1);
                let taken = taker.take(row, building, &mut buffer);
                taken.map_err(|problem| feature(file, place, &building.name, problem))?;
            }
        }
        before += batch.num_rows() as u64;
    }
    keys.frame(Some(plan.columns.into_iter().map(|(_, column)| column.finish()).collect()))
}

fn own(kind: &DataType) -> FeatureType {
    let floats = |kind: &DataType| matches!(kind, DataType::Float32 | DataType::Float64);
    match kind {
        kind if floats(kind) => FeatureType::Number,
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
            if floats(inner.data_type()) { FeatureType::Vector } else { FeatureType::List }
        }
        _ => FeatureType::Category,
    }
}

fn expected(kind: FeatureType) -> &'static str {
    match kind {
        FeatureType::Category => "text or integers",
        FeatureType::List => "lists of text or integers, or text parted by |",
        FeatureType::Number => "numbers, or text that is a number",
        FeatureType::Vector => "lists of numbers, or text",
    }
}

/// Takes the cells of an array.
enum Taker<'a> {
    Texts(Cells<'a>),
    Numbers(Numbers<'a>),
    Lists(&'a dyn Array, FeatureType),
}

impl<'a> Taker<'a> {
    fn of(array: &'a dyn Array, kind: FeatureType) -> Option<Self> {
        let nested = matches!(
            array.data_type(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
        );
        match kind {
            FeatureType::List | FeatureType::Vector if nested => Some(Self::Lists(array, kind)),
            FeatureType::Number => match Numbers::of(array) {
                Some(numbers) => Some(Self::Numbers(numbers)),
                None => Cells::of(array).map(Self::Texts),
            },
            _ => Cells::of(array).map(Self::Texts),
        }
    }

    fn take(&self, row: usize, to: &mut Building, buffer: &mut String) -> Result<(), RowProblem> {
        match self {
            Self::Numbers(numbers) => to.number(numbers.get(row)),
            Self::Texts(cells) => match cells.get(row, buffer) {
                Ok(text) => to.text(text),
                Err(RowProblem::Empty { .. }) => to.text(""),
                Err(problem) => Err(problem),
            },
            Self::Lists(array, kind) => {
                let values = list(*array, row);
                let n = values.as_ref().map_or(0, Array::len);
                if *kind == FeatureType::Vector {
                    let numbers = values.as_ref().and_then(|values| Numbers::of(values.as_ref()));
                    let row = (0..n).map(|i| numbers.as_ref().and_then(|n| n.get(i)).unwrap_or(f64::NAN));
                    return to.vector(row);
                }
                let mut texts = Vec::with_capacity(n);
                if let Some(cells) = values.as_ref().and_then(|values| Cells::of(values.as_ref())) {
                    for i in 0..n {
                        match cells.get(i, buffer) {
                            Ok(text) => texts.push(text.to_owned()),
                            Err(RowProblem::Empty { .. }) => {}
                            Err(problem) => return Err(problem),
                        }
                    }
                }
                to.list(texts.iter().map(String::as_str));
                Ok(())
            }
        }
    }
}

/// The values of a list; none of a null.
fn list(array: &dyn Array, row: usize) -> Option<ArrayRef> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::List(_) => Some(array.as_list_opt::<i32>()?.value(row)),
        DataType::LargeList(_) => Some(array.as_list_opt::<i64>()?.value(row)),
        DataType::FixedSizeList(..) => Some(array.as_fixed_size_list_opt()?.value(row)),
        _ => None,
    }
}
