use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::error::{ColumnNames, OptionsError, ReadError};
use super::row_error::Field;

/// Which column holds a field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
pub enum Column {
    /// By the usual names (see [`Columns`]); without a header, the user is column 0 and the item column 1, and
    /// no time or weight is read.
    #[default]
    Usual,
    /// Not read.
    Absent,
    /// The column of this name: exactly, or but for a RecBole type (`user_id` finds `user_id:token`). A number
    /// that is no name is a position.
    Named(String),
    /// The column at this place, from 0.
    Position(usize),
}

/// Which columns hold user, item, time and weight.
///
/// Read from text as `user=NAME,item=NAME,time=NAME,weight=NAME`, each part at most once and none needed; an
/// empty name (`weight=`) leaves a field out, a number is a position from 0 unless a column has it as its name.
///
/// Usual names, in any case, with or without a RecBole type, the first that there is:
///
/// | field | names | |
/// |---|---|---|
/// | user | `user`, `user_id`, `userid`, `uid`, `session_id`, `sessionid` | needed |
/// | item | `item`, `item_id`, `itemid`, `iid`, `movie_id`, `movieid`, `product_id`, `productid` | needed |
/// | time | `time`, `timestamp`, `ts`, `datetime`, `date` | optional |
/// | weight | `weight`, `rating`, `score` | optional |
///
/// A time is a number of [`TimeUnit`](super::TimeUnit)s (fractions round down), or an RFC 3339 date with or
/// without time of day and offset (UTC without). A weight is a finite number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
pub struct Columns {
    /// The user's key.
    pub user: Column,
    /// The item's key.
    pub item: Column,
    /// The time.
    pub time: Column,
    /// The weight.
    pub weight: Column,
}

const USER: &[&str] = &["user", "user_id", "userid", "uid", "session_id", "sessionid"];
const ITEM: &[&str] = &["item", "item_id", "itemid", "iid", "movie_id", "movieid", "product_id", "productid"];
const TIME: &[&str] = &["time", "timestamp", "ts", "datetime", "date"];
const WEIGHT: &[&str] = &["weight", "rating", "score"];

/// The places of the columns in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) user: usize,
    pub(crate) item: usize,
    pub(crate) time: Option<usize>,
    pub(crate) weight: Option<usize>,
}

impl Places {
    fn all(self) -> impl Iterator<Item = (Field, usize)> {
        let columns = [
            (Field::User, Some(self.user)),
            (Field::Item, Some(self.item)),
            (Field::Time, self.time),
            (Field::Weight, self.weight),
        ];
        columns.into_iter().filter_map(|(field, place)| Some((field, place?)))
    }

    /// What is read from which column.
    pub(crate) fn describe(self, names: &[String]) -> Vec<(Field, String)> {
        self.all().map(|(field, place)| (field, names[place].clone())).collect()
    }

    /// What a column is read as; itself if it is not read.
    pub(crate) fn field_at(self, column: Field) -> Field {
        let read_as = self.all().find(|&(_, place)| Field::Column(place) == column);
        read_as.map_or(column, |(field, _)| field)
    }
}

impl Columns {
    /// Whether nothing was chosen.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn validate(&self) -> Result<(), OptionsError> {
        for (field, column) in [(Field::User, &self.user), (Field::Item, &self.item)] {
            if *column == Column::Absent {
                return Err(OptionsError::Needed { field });
            }
        }
        Ok(())
    }

    pub(crate) fn validate_without_header(&self) -> Result<(), OptionsError> {
        for column in [&self.user, &self.item, &self.time, &self.weight] {
            if let Column::Named(name) = column
                && name.parse::<usize>().is_err()
            {
                return Err(OptionsError::NameWithoutHeader { name: name.clone() });
            }
        }
        Ok(())
    }

    /// Finds the columns among those of a file.
    pub(crate) fn places(
        &self,
        file: &Path,
        present: &[String],
        names: ColumnNames,
    ) -> Result<Places, ReadError> {
        let search = Search { file, present, names };
        let needed = |field, column: &Column, usual: &[&str], position| {
            let found = search.find(field, column, usual, Some(position))?;
            found.ok_or_else(|| search.missing(field, usual[0].to_owned()))
        };
        Ok(Places {
            user: needed(Field::User, &self.user, USER, 0)?,
            item: needed(Field::Item, &self.item, ITEM, 1)?,
            time: search.find(Field::Time, &self.time, TIME, None)?,
            weight: search.find(Field::Weight, &self.weight, WEIGHT, None)?,
        })
    }
}

struct Search<'a> {
    file: &'a Path,
    present: &'a [String],
    names: ColumnNames,
}

impl Search<'_> {
    fn find(
        &self,
        field: Field,
        column: &Column,
        usual: &[&str],
        position: Option<usize>,
    ) -> Result<Option<usize>, ReadError> {
        match column {
            Column::Absent => Ok(None),
            Column::Position(position) => self.at(field, *position).map(Some),
            Column::Named(name) => self.called(field, name).map(Some),
            Column::Usual if self.names == ColumnNames::Numbers => {
                position.map(|position| self.at(field, position)).transpose()
            }
            Column::Usual => {
                let same = |name: &str, usual: &str| untyped(name).eq_ignore_ascii_case(usual);
                let found =
                    usual.iter().find_map(|usual| self.only(field, |name| same(name, usual)).transpose());
                found.transpose()
            }
        }
    }

    fn at(&self, field: Field, position: usize) -> Result<usize, ReadError> {
        if position < self.present.len() {
            Ok(position)
        } else {
            Err(self.missing(field, position.to_string()))
        }
    }

    fn called(&self, field: Field, wanted: &str) -> Result<usize, ReadError> {
        if self.names != ColumnNames::Numbers {
            for same in [
                |name: &str, wanted: &str| name == wanted,
                |name: &str, wanted: &str| untyped(name) == wanted,
            ] {
                if let Some(place) = self.only(field, |name| same(name, wanted))? {
                    return Ok(place);
                }
            }
        }
        match wanted.parse() {
            Ok(position) if position < self.present.len() => Ok(position),
            _ => Err(self.missing(field, wanted.to_owned())),
        }
    }

    /// The one column whose name passes, if there is one.
    fn only(&self, field: Field, same: impl Fn(&str) -> bool) -> Result<Option<usize>, ReadError> {
        let mut found = (0..self.present.len()).filter(|&place| same(&self.present[place]));
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => Err(ReadError::AmbiguousColumn {
                file: self.file.to_owned(),
                field,
                name: self.present[first].clone(),
                first,
                second,
            }),
            (first, _) => Ok(first),
        }
    }

    fn missing(&self, field: Field, wanted: String) -> ReadError {
        let (file, present) = (self.file.to_owned(), self.present.to_vec());
        ReadError::MissingColumn { file, field, wanted, present, names: self.names }
    }
}

/// A column's name without the type that RecBole's atomic files add.
fn untyped(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((plain, "token" | "token_seq" | "float" | "float_seq")) => plain,
        _ => name,
    }
}

impl FromStr for Columns {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut columns = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let wrong = || OptionsError::Columns { got: part.to_owned() };
            let (field, name) = part.split_once('=').ok_or_else(wrong)?;
            let column = match field.trim() {
                "user" => &mut columns.user,
                "item" => &mut columns.item,
                "time" => &mut columns.time,
                "weight" => &mut columns.weight,
                _ => return Err(wrong()),
            };
            if *column != Column::Usual {
                return Err(wrong());
            }
            *column = if name.is_empty() { Column::Absent } else { Column::Named(name.to_owned()) };
        }
        columns.validate()?;
        Ok(columns)
    }
}

impl fmt::Display for Columns {
    /// The text that is read back as the same columns; a position is written as its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns =
            [("user", &self.user), ("item", &self.item), ("time", &self.time), ("weight", &self.weight)];
        let mut comma = "";
        for (field, column) in columns {
            match column {
                Column::Usual => continue,
                Column::Absent => write!(f, "{comma}{field}=")?,
                Column::Named(name) => write!(f, "{comma}{field}={name}")?,
                Column::Position(position) => write!(f, "{comma}{field}={position}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}
