use embed_core::{FeatureFrame, FeatureType, FeatureValues, Vocab, VocabError};
use serde::{Deserialize, Serialize};

use super::{CodeTable, Coded, Coding, Feature, FeatureError, Records, Schema, Side, SideSchema};
use crate::layers::Bag;
use crate::matrix::Buffer;

/// How often training sees each key of one side.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The keys.
    pub keys: &'a Vocab,
    /// Interactions of each.
    pub counts: &'a [u64],
}

impl Seen<'_> {
    fn count(self, key: &str) -> u64 {
        self.keys.get(key).and_then(|id| self.counts.get(id as usize)).copied().unwrap_or(0)
    }
}

/// How a column becomes part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Column {
    /// By a table, one code a row.
    Code { table: usize },
    /// By a table, some codes a row.
    List { table: usize },
    /// `(x − mean) · scale`
    Number { mean: f64, scale: f64 },
    /// As it is.
    Vector { width: usize },
}

/// The schema of a model with what training says about it: vocabularies, means and deviations. Saved with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coder {
    schema: Schema,
    tables: Vec<CodeTable>,
    user: Vec<Column>,
    item: Vec<Column>,
}

impl Coder {
    /// Learns vocabularies and scales from the rows of what is seen in training. O(cells).
    ///
    /// # Errors
    /// [`FeatureError`]: a schema that contradicts itself, a column that is not there or of another type, a number that is none.
    pub fn fit(
        schema: &Schema,
        (users, items): (Option<&FeatureFrame>, Option<&FeatureFrame>),
        (seen_users, seen_items): (Seen<'_>, Seen<'_>),
    ) -> Result<Self, FeatureError> {
        schema.validate()?;
        let mut tables: Vec<CodeTable> = Vec::new();
        let sides = [(Side::Item, items, seen_items), (Side::User, users, seen_users)];
        for (side, _, seen) in sides {
            if let Some(id) = &schema.side(side).id {
                let coding = Coding::Vocabulary { least: id.least };
                let table = table(&mut tables, &id.table, coding)?;
                let least = u64::from(id.least.max(1));
                for (key, _) in seen.keys.keys().zip(seen.counts).filter(|(_, count)| **count >= least) {
                    intern(&mut tables[table], key)?;
                }
            }
        }
        // Vocabularies of ids are whole now; those of columns grow over both sides.
        let n_ids = tables.len();
        for (side, _, _) in sides {
            for feature in schema.side(side).features.iter().filter(|feature| feature.is_coded()) {
                let name = name(feature, side);
                let known = tables.iter().position(|table| table.name == name);
                if known.is_none_or(|table| table >= n_ids) {
                    table(&mut tables, &name, feature.coding)?;
                }
            }
        }
        for table in tables.iter_mut().skip(n_ids) {
            if let Coding::Vocabulary { least } = table.coding {
                let mut counts = (Vocab::new(), Vec::<u32>::new());
                for (side, frame, seen) in sides {
                    let of_table =
                        |feature: &&Feature| feature.is_coded() && name(feature, side) == table.name;
                    for feature in schema.side(side).features.iter().filter(of_table) {
                        let values = values(feature, side, frame)?;
                        let Some(frame) = frame else { continue };
                        count(values, frame.keys(), seen, &mut counts)
                            .map_err(|source| FeatureError::Vocab { table: table.name.clone(), source })?;
                    }
                }
                for (key, _) in counts.0.keys().zip(&counts.1).filter(|(_, n)| **n >= least.max(1)) {
                    intern(table, key)?;
                }
            }
        }
        let columns = |side, frame, seen| columns(schema, &tables, side, frame, seen);
        let (user, item) = (columns(Side::User, users, seen_users)?, columns(Side::Item, items, seen_items)?);
        Ok(Self { schema: schema.clone(), tables, user, item })
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The tables, in their order in the model.
    #[must_use]
    pub fn tables(&self) -> &[CodeTable] {
        &self.tables
    }

    pub(crate) fn tables_mut(&mut self) -> &mut [CodeTable] {
        &mut self.tables
    }

    pub(crate) fn columns(&self, side: Side) -> &[Column] {
        match side {
            Side::User => &self.user,
            Side::Item => &self.item,
        }
    }

    /// Codes all rows of a frame.
    ///
    /// # Errors
    /// [`FeatureError`] names a column that is missing or of another type, and the row of a number that is none.
    pub fn code(&self, side: Side, frame: &FeatureFrame) -> Result<Records, FeatureError> {
        self.code_keys(side, frame.keys(), Some(frame)).map(|(records, _)| records)
    }

    /// Codes a row for each key, from the row of a frame that has it; keys without one are unknown in every category, have empty
    /// lists, and zeros for numbers and vectors. Also gives how many keys those are.
    ///
    /// # Errors
    /// As [`Coder::code`].
    pub fn code_keys(
        &self,
        side: Side,
        keys: &Vocab,
        frame: Option<&FeatureFrame>,
    ) -> Result<(Records, usize), FeatureError> {
        let schema = self.schema.side(side);
        let rows: Vec<Option<usize>> = keys
            .keys()
            .map(|key| frame.and_then(|frame| frame.keys().get(key)).map(|row| row as usize))
            .collect();
        let missing =
            if schema.features.is_empty() { 0 } else { rows.iter().filter(|row| row.is_none()).count() };
        let mut columns = Vec::with_capacity(schema.features.len() + 1);
        let mut plan = self.columns(side).iter();
        if let (Some(_), Some(Column::Code { table })) = (&schema.id, self.columns(side).first()) {
            plan.next();
            let table = &self.tables[*table];
            columns.push(Coded::Codes(keys.keys().map(|key| table.code(key)).collect()));
        }
        for (feature, column) in schema.features.iter().zip(plan) {
            let values = values(feature, side, frame)?;
            columns.push(self.coded(*column, (feature, side), values, (&rows, keys))?);
        }
        Ok((Records::new(rows.len(), columns, self.limits(side)), missing))
    }

    /// Rows of which nothing is known: every category unknown, lists empty, numbers and vectors zero.
    #[must_use]
    pub fn unknown(&self, side: Side, rows: usize) -> Records {
        let coded = |column: &Column| match *column {
            Column::Code { .. } => Coded::Codes(vec![0; rows]),
            Column::List { .. } => {
                let mut bag = Bag::new();
                (0..rows).for_each(|_| bag.push(&[]));
                Coded::Lists(bag)
            }
            Column::Number { .. } | Column::Vector { .. } => {
                let mut values = Buffer::new();
                values.zero(rows, if let Column::Vector { width } = *column { width } else { 1 });
                Coded::Values(values)
            }
        };
        Records::new(rows, self.columns(side).iter().map(coded).collect(), self.limits(side))
    }

    /// Codes that each column can have, or its width.
    pub(crate) fn limits(&self, side: Side) -> Vec<usize> {
        let limit = |column: &Column| match *column {
            Column::Code { table } | Column::List { table } => self.tables[table].rows(),
            Column::Number { .. } => 1,
            Column::Vector { width } => width,
        };
        self.columns(side).iter().map(limit).collect()
    }

    /// Whether tables, columns and schema go together: what is read from a file may not.
    pub(crate) fn is_whole(&self) -> bool {
        let fits = |side| {
            let SideSchema { id, features } = self.schema.side(side);
            let kinds = id.iter().map(|_| FeatureType::Category).chain(features.iter().map(|f| f.kind));
            let columns = self.columns(side);
            let right = |(column, kind): (&Column, FeatureType)| match *column {
                Column::Code { table } => kind == FeatureType::Category && table < self.tables.len(),
                Column::List { table } => kind == FeatureType::List && table < self.tables.len(),
                Column::Number { mean, scale } => {
                    kind == FeatureType::Number && mean.is_finite() && scale.is_finite()
                }
                Column::Vector { .. } => kind == FeatureType::Vector,
            };
            columns.len() == kinds.clone().count() && columns.iter().zip(kinds).all(right)
        };
        self.schema.validate().is_ok() && fits(Side::User) && fits(Side::Item)
    }

    fn coded(
        &self,
        column: Column,
        (feature, side): (&Feature, Side),
        values: &FeatureValues,
        (rows, keys): (&[Option<usize>], &Vocab),
    ) -> Result<Coded, FeatureError> {
        let not_finite = |row: usize, got: String| FeatureError::NotFinite {
            side,
            column: feature.column.clone(),
            row: row + 1,
            key: (0..)
                .zip(rows)
                .find(|(_, at)| **at == Some(row))
                .and_then(|(id, _)| keys.key(id))
                .unwrap_or("")
                .to_owned(),
            got,
        };
        Ok(match (column, values) {
            (Column::Code { table }, FeatureValues::Categories(texts)) => {
                let table = &self.tables[table];
                Coded::Codes(rows.iter().map(|row| row.map_or(0, |row| table.code(texts.get(row)))).collect())
            }
            (Column::List { table }, FeatureValues::Lists(lists)) => {
                let (table, mut bag) = (&self.tables[table], Bag::new());
                for row in rows {
                    let texts = row.map(|row| lists.get(row)).into_iter().flatten();
                    bag.push_iter(texts.map(|text| table.code(text)).filter(|code| *code > 0));
                }
                Coded::Lists(bag)
            }
            (Column::Number { mean, scale }, FeatureValues::Numbers(numbers)) => {
                let mut buffer = Buffer::new();
                buffer.zero(rows.len(), 1);
                for (to, row) in buffer.as_slice_mut().iter_mut().zip(rows) {
                    let Some(row) = *row else { continue };
                    #[expect(clippy::cast_possible_truncation, reason = "rounds; infinite is refused")]
                    let value = ((numbers[row] - mean) * scale) as f32;
                    if !value.is_finite() {
                        return Err(not_finite(row, numbers[row].to_string()));
                    }
                    *to = value;
                }
                Coded::Values(buffer)
            }
            (Column::Vector { width }, FeatureValues::Vectors(vectors)) => {
                let (expected, got) = (width, vectors.ncols());
                if expected != got {
                    let column = feature.column.clone();
                    return Err(FeatureError::Width { side, column, expected, got });
                }
                let mut buffer = Buffer::new();
                buffer.zero(rows.len(), width);
                for (i, row) in rows.iter().enumerate() {
                    let Some(row) = *row else { continue };
                    for (to, from) in buffer.row_mut(i).iter_mut().zip(vectors.row(row)) {
                        if !from.is_finite() {
                            return Err(not_finite(row, from.to_string()));
                        }
                        *to = *from;
                    }
                }
                Coded::Values(buffer)
            }
            // Columns were made of features of these types.
            _ => return Err(kind(feature, side, values)),
        })
    }
}

/// The name of a feature's table.
fn name(feature: &Feature, side: Side) -> String {
    feature.table.clone().unwrap_or_else(|| format!("{side} {}", feature.column))
}

fn table(tables: &mut Vec<CodeTable>, name: &str, coding: Coding) -> Result<usize, FeatureError> {
    match tables.iter().position(|table| table.name == name) {
        Some(at) if tables[at].coding != coding => Err(FeatureError::TwoCodings { table: name.to_owned() }),
        Some(at) => Ok(at),
        None => {
            tables.push(CodeTable { name: name.to_owned(), coding, vocab: Vocab::new() });
            Ok(tables.len() - 1)
        }
    }
}

fn intern(table: &mut CodeTable, key: &str) -> Result<(), FeatureError> {
    let added = table.vocab.intern(key);
    added.map(drop).map_err(|source| FeatureError::Vocab { table: table.name.clone(), source })
}

fn kind(feature: &Feature, side: Side, values: &FeatureValues) -> FeatureError {
    let (expected, got) = (feature.kind, values.kind());
    FeatureError::Kind { side, column: feature.column.clone(), expected, got }
}

/// The values of a feature's column.
fn values<'f>(
    feature: &Feature,
    side: Side,
    frame: Option<&'f FeatureFrame>,
) -> Result<&'f FeatureValues, FeatureError> {
    let column = frame.and_then(|frame| frame.column(&feature.column));
    let column = column.ok_or_else(|| FeatureError::Missing { side, column: feature.column.clone() })?;
    if column.values.kind() == feature.kind {
        Ok(&column.values)
    } else {
        Err(kind(feature, side, &column.values))
    }
}

/// Counts the categories of a column over the rows that training sees.
fn count(
    values: &FeatureValues,
    keys: &Vocab,
    seen: Seen<'_>,
    (vocab, counts): &mut (Vocab, Vec<u32>),
) -> Result<(), VocabError> {
    let mut add = |text: &str| -> Result<(), VocabError> {
        if !text.is_empty() {
            let id = vocab.intern(text)? as usize;
            counts.resize(counts.len().max(id + 1), 0);
            counts[id] = counts[id].saturating_add(1);
        }
        Ok(())
    };
    for (row, key) in keys.keys().enumerate() {
        if seen.count(key) == 0 {
            continue;
        }
        match values {
            FeatureValues::Categories(texts) => add(texts.get(row))?,
            FeatureValues::Lists(lists) => lists.get(row).try_for_each(&mut add)?,
            FeatureValues::Numbers(_) | FeatureValues::Vectors(_) => {}
        }
    }
    Ok(())
}

fn columns(
    schema: &Schema,
    tables: &[CodeTable],
    side: Side,
    frame: Option<&FeatureFrame>,
    seen: Seen<'_>,
) -> Result<Vec<Column>, FeatureError> {
    let at = |name: &str| tables.iter().position(|table| table.name == name).unwrap_or(0);
    let side_schema = schema.side(side);
    let id = side_schema.id.iter().map(|id| Ok(Column::Code { table: at(&id.table) }));
    let features = side_schema.features.iter().map(|feature| {
        let values = values(feature, side, frame)?;
        Ok(match (feature.kind, values) {
            (FeatureType::Category, _) => Column::Code { table: at(&name(feature, side)) },
            (FeatureType::List, _) => Column::List { table: at(&name(feature, side)) },
            (_, FeatureValues::Vectors(vectors)) => Column::Vector { width: vectors.ncols() },
            (_, FeatureValues::Numbers(numbers)) => {
                let keys = frame.into_iter().flat_map(|frame| frame.keys().keys());
                let rows =
                    keys.zip(numbers).filter(|(key, _)| seen.count(key) > 0).map(|(_, number)| *number);
                let (mean, scale) = scale(rows);
                Column::Number { mean, scale }
            }
            _ => return Err(kind(feature, side, values)),
        })
    });
    id.chain(features).collect()
}

/// Mean and 1 / deviation of what is finite; the rest is refused when it is coded.
fn scale(rows: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for x in rows.filter(|x| x.is_finite()) {
        // Welford 1962
        n += 1.0;
        let before = x - mean;
        mean += before / n;
        squares += before * (x - mean);
    }
    let deviation = if n > 0.0 { f64::sqrt(squares / n) } else { 0.0 };
    // Squares of huge numbers overflow; such a column is centred only.
    let good = deviation.is_finite() && deviation > 0.0 && mean.is_finite() && (1.0 / deviation).is_finite();
    if good { (mean, 1.0 / deviation) } else { (if mean.is_finite() { mean } else { 0.0 }, 1.0) }
}
