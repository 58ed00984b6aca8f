use std::path::Path;

use embed_core::FeatureType;

use super::super::error::{ColumnNames, ReadError};
use super::super::row_error::Field;
use super::FeatureOptions;
use super::building::Building;

/// What is read of a file: the place of the key, and places and columns of features.
pub(super) struct Plan {
    pub(super) width: usize,
    pub(super) key: usize,
    pub(super) columns: Vec<(usize, Building)>,
}

impl Plan {
    /// Of columns that are text.
    pub(super) fn of_text(
        file: &Path,
        names: &[String],
        from: ColumnNames,
        options: &FeatureOptions,
    ) -> Result<Self, ReadError> {
        Self::new(file, names, from, options, |_| None)
    }

    /// `own` is the type that a column has by itself; text has none.
    pub(super) fn new(
        file: &Path,
        names: &[String],
        from: ColumnNames,
        options: &FeatureOptions,
        own: impl Fn(usize) -> Option<FeatureType>,
    ) -> Result<Self, ReadError> {
        let place = |wanted: &str| {
            let found = names.iter().position(|name| name == wanted);
            let found = found.or_else(|| names.iter().position(|name| untyped(name).0 == wanted));
            found.ok_or_else(|| ReadError::MissingColumn {
                file: file.to_owned(),
                field: Field::Feature,
                wanted: wanted.to_owned(),
                present: names.to_vec(),
                names: from,
            })
        };
        let key = options.key.as_deref().map_or(Ok(0), place)?;
        let mut given = vec![None; names.len()];
        for (name, kind) in &options.types {
            given[place(name)?] = Some(*kind);
        }
        let mut columns = Vec::new();
        for (number, name) in names.iter().enumerate() {
            if number == key || options.only_these && given[number].is_none() {
                continue;
            }
            let (plain, stated) = untyped(name);
            let known = given[number].or(stated).or_else(|| own(number));
            let mut column = Building::new(plain.to_owned(), known.unwrap_or(FeatureType::Category));
            column.blanks = stated.is_some();
            column.open = known.is_none();
            columns.push((number, column));
        }
        Ok(Self { width: names.len(), key, columns })
    }
}

/// A column's name and type, where it has one of RecBole's.
fn untyped(name: &str) -> (&str, Option<FeatureType>) {
    let kind = |word| match word {
        "token" => Some(FeatureType::Category),
        "token_seq" => Some(FeatureType::List),
        "float" => Some(FeatureType::Number),
        "float_seq" => Some(FeatureType::Vector),
        _ => None,
    };
    match name.rsplit_once(':').and_then(|(plain, word)| Some((plain, kind(word)?))) {
        Some((plain, kind)) => (plain, Some(kind)),
        None => (name, None),
    }
}
