use std::fmt;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Vocab;

/// What a column of features holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FeatureType {
    /// One category a row; an empty one is unknown.
    Category,
    /// Any number of categories a row.
    List,
    /// One number a row.
    Number,
    /// A vector a row, of one width.
    Vector,
}

impl FeatureType {
    /// All types with their words.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Category, "category"),
        (Self::List, "list"),
        (Self::Number, "number"),
        (Self::Vector, "vector"),
    ];

    /// The type of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind)
    }
}

impl fmt::Display for FeatureType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
    }
}

/// Texts back to back: one string and where each ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of that number; empty beyond the last.
    #[must_use]
    pub fn get(&self, number: usize) -> &str {
        let Some(&end) = self.ends.get(number) else { return "" };
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.text[start..end]
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|number| self.get(number))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Texts {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref()));
        all
    }
}

/// Rows of texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextLists {
    texts: Texts,
    ends: Vec<usize>,
}

impl TextLists {
    /// Appends a row.
    pub fn push<S: AsRef<str>>(&mut self, row: impl IntoIterator<Item = S>) {
        row.into_iter().for_each(|text| self.texts.push(text.as_ref()));
        self.ends.push(self.texts.len());
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A row; empty beyond the last.
    pub fn get(&self, row: usize) -> impl ExactSizeIterator<Item = &str> {
        let end = self.ends.get(row).copied().unwrap_or_default();
        let start = if row == 0 { 0 } else { self.ends.get(row - 1).copied().unwrap_or(end) };
        (start..end).map(|number| self.texts.get(number))
    }
}

/// The values of a column, a row a key.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureValues {
    /// [`FeatureType::Category`]
    Categories(Texts),
    /// [`FeatureType::List`]
    Lists(TextLists),
    /// [`FeatureType::Number`]
    Numbers(Vec<f64>),
    /// [`FeatureType::Vector`]: `[rows, width]`
    Vectors(Array2<f32>),
}

impl FeatureValues {
    /// What they are.
    #[must_use]
    pub fn kind(&self) -> FeatureType {
        match self {
            Self::Categories(_) => FeatureType::Category,
            Self::Lists(_) => FeatureType::List,
            Self::Numbers(_) => FeatureType::Number,
            Self::Vectors(_) => FeatureType::Vector,
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Categories(texts) => texts.len(),
            Self::Lists(lists) => lists.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Vectors(vectors) => vectors.nrows(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A named column of features.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureColumn {
    /// What it is called.
    pub name: String,
    /// Its values, a row a key.
    pub values: FeatureValues,
}

/// What is known of users or of items: a row a key, in named columns. As it was read; a model has its own coding of it.
///
/// ```
/// use embed_core::{FeatureColumn, FeatureFrame, FeatureValues, Vocab};
///
/// let colors = FeatureValues::Categories(["red", "blue"].iter().collect());
/// let frame = FeatureFrame::new(
///     Vocab::from_keys(["tent", "stove"])?,
///     vec![FeatureColumn { name: "color".to_owned(), values: colors }],
/// )?;
/// assert_eq!((frame.len(), frame.column("color").map(|c| c.values.len())), (2, Some(2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureFrame {
    keys: Vocab,
    columns: Vec<FeatureColumn>,
}

/// Columns that make no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A column of another length than the keys.
    #[error("column {column:?} has {got} rows, expected {expected}: one a key")]
    Length {
        /// The column.
        column: String,
        /// Number of keys.
        expected: usize,
        /// Its rows.
        got: usize,
    },
    /// Two columns of one name.
    #[error("two columns are called {column:?}")]
    Duplicate {
        /// The name.
        column: String,
    },
}

impl FeatureFrame {
    /// Puts keys and columns together.
    ///
    /// # Errors
    /// - [`FrameError::Length`] when a column has not a row a key.
    /// - [`FrameError::Duplicate`] when a name comes twice.
    pub fn new(keys: Vocab, columns: Vec<FeatureColumn>) -> Result<Self, FrameError> {
        for (number, column) in columns.iter().enumerate() {
            let (expected, got) = (keys.len(), column.values.len());
            if expected != got {
                return Err(FrameError::Length { column: column.name.clone(), expected, got });
            }
            if columns[..number].iter().any(|other| other.name == column.name) {
                return Err(FrameError::Duplicate { column: column.name.clone() });
            }
        }
        Ok(Self { keys, columns })
    }

    /// Of keys alone.
    #[must_use]
    pub fn of_keys(keys: Vocab) -> Self {
        Self { keys, columns: Vec::new() }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys, in the order of the rows.
    #[must_use]
    pub fn keys(&self) -> &Vocab {
        &self.keys
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[FeatureColumn] {
        &self.columns
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&FeatureColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_was_pushed() {
        let mut lists = TextLists::default();
        lists.push(["a", "bc"]);
        lists.push([""; 0]);
        lists.push(["", "d"]);
        let rows: Vec<Vec<&str>> = (0..4).map(|row| lists.get(row).collect()).collect();
        assert_eq!(rows, [vec!["a", "bc"], vec![], vec!["", "d"], vec![]]);
        let texts: Texts = ["x", "", "yz"].iter().collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["x", "", "yz"]);
        assert_eq!((texts.get(3), lists.len()), ("", 3));
    }

    #[test]
    fn columns_that_do_not_fit_are_named() {
        let keys = || Vocab::from_keys(["a", "b"]).unwrap();
        let column =
            |n| FeatureColumn { name: "age".to_owned(), values: FeatureValues::Numbers(vec![1.0; n]) };
        let short = FeatureFrame::new(keys(), vec![column(1)]);
        assert_eq!(short, Err(FrameError::Length { column: "age".to_owned(), expected: 2, got: 1 }));
        let twice = FeatureFrame::new(keys(), vec![column(2), column(2)]);
        assert_eq!(twice, Err(FrameError::Duplicate { column: "age".to_owned() }));
        assert!(FeatureType::ALL.iter().all(|(kind, word)| FeatureType::named(word) == Some(*kind)));
    }
}
