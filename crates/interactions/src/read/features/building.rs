use embed_core::{FeatureColumn, FeatureType, FeatureValues, TextLists, Texts};
use ndarray::Array2;

use super::super::row_error::RowProblem;

const A_NUMBER: &str = "a finite number";

/// A column while it is read.
pub(super) struct Building {
    pub(super) name: String,
    /// What parts the categories of a cell of text.
    pub(super) blanks: bool,
    /// Whether categories with a `|` are lists: where nothing says what the column is.
    pub(super) open: bool,
    cells: Cells,
}

enum Cells {
    Categories(Texts),
    Lists(TextLists),
    Numbers(Vec<f64>),
    Vectors { width: usize, rows: usize, values: Vec<f32> },
}

impl Building {
    pub(super) fn new(name: String, kind: FeatureType) -> Self {
        let cells = match kind {
            FeatureType::Category => Cells::Categories(Texts::default()),
            FeatureType::List => Cells::Lists(TextLists::default()),
            FeatureType::Number => Cells::Numbers(Vec::new()),
            FeatureType::Vector => Cells::Vectors { width: 0, rows: 0, values: Vec::new() },
        };
        Self { name, blanks: false, open: false, cells }
    }

    /// What it holds.
    #[cfg(feature = "parquet")]
    pub(super) fn kind(&self) -> FeatureType {
        match self.cells {
            Cells::Categories(_) => FeatureType::Category,
            Cells::Lists(_) => FeatureType::List,
            Cells::Numbers(_) => FeatureType::Number,
            Cells::Vectors { .. } => FeatureType::Vector,
        }
    }

    /// Takes a cell of text.
    pub(super) fn text(&mut self, cell: &str) -> Result<(), RowProblem> {
        match &mut self.cells {
            Cells::Categories(texts) => texts.push(cell.trim()),
            Cells::Lists(lists) if self.blanks => lists.push(cell.split_whitespace()),
            Cells::Lists(lists) => lists.push(parts(cell)),
            Cells::Numbers(numbers) => numbers.push(number(cell)?),
            Cells::Vectors { .. } => {
                let words = cell.split([' ', '|', ',', ';', '\t', '[', ']']).filter(|word| !word.is_empty());
                let row = words.map(number).collect::<Result<Vec<f64>, _>>()?;
                return self.vector(row.into_iter());
            }
        }
        Ok(())
    }

    /// Takes a list.
    #[cfg(feature = "parquet")]
    pub(super) fn list<'t>(&mut self, row: impl Iterator<Item = &'t str>) {
        if let Cells::Lists(lists) = &mut self.cells {
            lists.push(row);
        }
    }

    /// Takes a number.
    #[cfg(feature = "parquet")]
    pub(super) fn number(&mut self, number: Option<f64>) -> Result<(), RowProblem> {
        let number = number.ok_or(RowProblem::Empty { expected: A_NUMBER })?;
        if let Cells::Numbers(numbers) = &mut self.cells {
            numbers.push(finite(number)?);
        }
        Ok(())
    }

    /// Takes a vector of the width of those before.
    pub(super) fn vector(&mut self, row: impl ExactSizeIterator<Item = f64>) -> Result<(), RowProblem> {
        let Cells::Vectors { width, rows, values } = &mut self.cells else { return Ok(()) };
        let got = row.len();
        if *rows == 0 {
            *width = got;
        }
        if got == 0 {
            return Err(RowProblem::Empty { expected: "a vector" });
        }
        if got != *width {
            return Err(RowProblem::Width { expected: *width, got });
        }
        for number in row {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounds, and what is too large becomes infinite"
            )]
            let narrow = finite(number)? as f32;
            values.push(narrow);
            finite(f64::from(narrow))?;
        }
        *rows += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> FeatureColumn {
        let values = match self.cells {
            Cells::Categories(texts) if self.open && texts.iter().any(|cell| cell.contains('|')) => {
                let mut lists = TextLists::default();
                texts.iter().for_each(|cell| lists.push(parts(cell)));
                FeatureValues::Lists(lists)
            }
            Cells::Categories(texts) => FeatureValues::Categories(texts),
            Cells::Lists(lists) => FeatureValues::Lists(lists),
            Cells::Numbers(numbers) => FeatureValues::Numbers(numbers),
            Cells::Vectors { width, rows, values } => {
                // Invariant: each row has `width` values.
                FeatureValues::Vectors(Array2::from_shape_vec((rows, width), values).unwrap_or_default())
            }
        };
        FeatureColumn { name: self.name, values }
    }
}

fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('|').map(str::trim).filter(|part| !part.is_empty())
}

fn number(text: &str) -> Result<f64, RowProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RowProblem::Empty { expected: A_NUMBER });
    }
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| RowProblem::Number { found: RowProblem::found(text.as_bytes()) })
}

fn finite(number: f64) -> Result<f64, RowProblem> {
    if number.is_finite() { Ok(number) } else { Err(RowProblem::Number { found: number.to_string() }) }
}
