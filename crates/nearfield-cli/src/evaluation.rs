//! `evaluation.nf`: what every test user got from a run, so that runs can be compared user by user.

use std::path::Path;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use serde::{Deserialize, Serialize};

/// Name of the file in a run's folder.
pub(crate) const FILE: &str = "evaluation.nf";

/// Header: [`Header`]. Sections: see docs/format.md.
const KIND: Kind = Kind::new("evaluation", 1);

/// Most columns a file may have.
const MOST_COLUMNS: usize = 1 << 12;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// Length of the lists that `shown` looks at.
    cutoff: u64,
    n_users: u64,
    /// Items that can be recommended.
    n_items: u64,
    /// Names like `recall@20`.
    columns: Vec<String>,
}

/// What the users of a test got, from the method and from the popularity baseline.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Evaluation {
    /// Length of the lists that [`Side::shown`] looks at.
    pub(crate) cutoff: usize,
    /// Names of the values, like `recall@20`.
    pub(crate) columns: Vec<String>,
    /// What each user was asked: a hash of the user's key and of the keys of what is to be found. Two runs
    /// have the same number where they were asked the same.
    pub(crate) tasks: Vec<u64>,
    /// Interactions of each user in training.
    pub(crate) activity: Vec<u32>,
    /// Interactions of each item in training.
    pub(crate) popularity: Vec<u64>,
    pub(crate) method: Side,
    pub(crate) baseline: Side,
}

/// What one of the two gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Side {
    /// Values of the users, column by column `[columns, users]`.
    pub(crate) values: Vec<f32>,
    /// Lists that hold each item.
    pub(crate) shown: Vec<u32>,
}

impl Evaluation {
    /// Writes the file in one step.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn save(&self, path: &Path) -> Result<(), StoreError> {
        let header = Header {
            cutoff: self.cutoff as u64,
            n_users: self.tasks.len() as u64,
            n_items: self.popularity.len() as u64,
            columns: self.columns.clone(),
        };
        let mut writer = Writer::create(path, KIND, &header)?;
        writer
            .section("tasks", &self.tasks)?
            .section("activity", &self.activity)?
            .section("popularity", &self.popularity)?;
        for (name, side) in [("method", &self.method), ("baseline", &self.baseline)] {
            writer
                .section(&format!("{name}.values"), &side.values)?
                .section(&format!("{name}.shown"), &side.shown)?;
        }
        writer.finish()
    }

    /// Reads and verifies a file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let reader = Reader::open_verified(path, KIND)?;
        let header: Header = reader.header()?;
        let field = |field: &str, expected: u64, got: u64| {
            reader.malformed(Fault::Field { field: field.to_owned(), expected, got })
        };
        let size =
            |name, value: u64| usize::try_from(value).map_err(|_| field(name, u64::from(u32::MAX), value));
        let (n_users, n_items) = (size("n_users", header.n_users)?, size("n_items", header.n_items)?);
        let width = header.columns.len();
        let cells = n_users.checked_mul(width).filter(|_| width <= MOST_COLUMNS);
        let cells = cells.ok_or_else(|| field("columns", MOST_COLUMNS as u64, width as u64))?;
        let side = |name: &str| -> Result<Side, StoreError> {
            let values = reader.section_of_len::<f32>(&format!("{name}.values"), cells)?.into_vec();
            if let Some(place) = values.iter().position(|value| !(0.0..=1.0).contains(value)) {
                return Err(field(&format!("{name}.values"), 1, place as u64));
            }
            Ok(Side { values, shown: reader.section_of_len(&format!("{name}.shown"), n_items)?.into_vec() })
        };
        Ok(Self {
            cutoff: size("cutoff", header.cutoff)?,
            tasks: reader.section_of_len("tasks", n_users)?.into_vec(),
            activity: reader.section_of_len("activity", n_users)?.into_vec(),
            popularity: reader.section_of_len("popularity", n_items)?.into_vec(),
            method: side("method")?,
            baseline: side("baseline")?,
            columns: header.columns,
        })
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The values of a column on one side, one a user.
    pub(crate) fn values<'a>(&self, side: &'a Side, column: usize) -> &'a [f32] {
        let n = self.tasks.len();
        side.values.get(column * n..(column + 1) * n).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Evaluation {
        let side = |value| Side { values: vec![value; 6], shown: vec![3, 0] };
        Evaluation {
            cutoff: 10,
            columns: vec!["recall@10".to_owned(), "ndcg@10".to_owned()],
            tasks: vec![7, 8, 9],
            activity: vec![1, 2, 3],
            popularity: vec![4, 2],
            method: side(0.5),
            baseline: side(0.25),
        }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        example().save(&path).unwrap();
        let read = Evaluation::open(&path).unwrap();
        assert_eq!(read, example());
        assert_eq!(read.values(&read.method, read.column("ndcg@10").unwrap()), [0.5; 3]);
        assert_eq!(read.column("map@10"), None);
    }

    #[test]
    fn damage_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        example().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for place in (0..bytes.len()).step_by(5) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x21;
            std::fs::write(&path, &damaged).unwrap();
            assert!(Evaluation::open(&path).is_err(), "byte {place}");
            std::fs::write(&path, &bytes[..place]).unwrap();
            assert!(Evaluation::open(&path).is_err(), "cut at {place}");
        }
        let mut wrong = example();
        wrong.method.values[4] = f32::NAN;
        wrong.save(&path).unwrap();
        assert!(Evaluation::open(&path).is_err(), "not a figure");
        wrong = example();
        wrong.baseline.shown.pop();
        wrong.save(&path).unwrap();
        assert!(Evaluation::open(&path).is_err(), "a length");
    }
}
