//! `histories.nf`: what each user of the training log has, so that a user can be recommended to by key.

use std::path::Path;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{Csr, ItemId, Vocab};

/// Name of the file in a run's folder.
pub(crate) const FILE: &str = "histories.nf";

/// Header: the number of items as u64. Sections: `users.text` and `users.ends`, `offsets` (u64, one more than
/// users), `items` (u32, oldest first).
const KIND: Kind = Kind::new("histories", 1);

/// Writes the history of each user; row `u` belongs to user `u`.
pub(crate) fn save(path: &Path, users: &Vocab, histories: &Csr, n_items: usize) -> Result<(), StoreError> {
    let mut offsets = vec![0u64];
    let mut end = 0;
    for row in histories.rows() {
        end += row.len() as u64;
        offsets.push(end);
    }
    let mut writer = Writer::create(path, KIND, &(n_items as u64))?;
    writer.vocab("users", users)?.section("offsets", &offsets)?.section_chunks("items", histories.rows())?;
    writer.finish()
}

/// The users of a run and the history of one of them.
#[derive(Debug)]
pub(crate) struct Histories {
    users: Vocab,
    rows: Csr,
}

impl Histories {
    /// Reads and verifies a file about a catalogue of `n_items`.
    pub(crate) fn open(path: &Path, n_items: usize) -> Result<Self, StoreError> {
        let reader = Reader::open_verified(path, KIND)?;
        let header: u64 = reader.header()?;
        if header != n_items as u64 {
            let (field, expected) = ("n_items".to_owned(), n_items as u64);
            return Err(reader.malformed(Fault::Field { field, expected, got: header }));
        }
        let users = reader.vocab("users")?;
        let items = reader.section::<ItemId>("items")?.into_vec();
        let stored = reader.section::<u64>("offsets")?;
        let wrong = |section: &str, expected: usize, got: usize| {
            let section = section.to_owned();
            reader.malformed(Fault::SectionLength { section, expected: expected as u64, got: got as u64 })
        };
        if stored.len() != users.len() + 1 {
            return Err(wrong("offsets", users.len() + 1, stored.len()));
        }
        if let Some(&item) = items.iter().find(|&&item| item as usize >= n_items) {
            let (field, expected) = ("items".to_owned(), n_items as u64);
            return Err(reader.malformed(Fault::Field { field, expected, got: u64::from(item) }));
        }
        let offsets: Vec<usize> =
            stored.iter().map(|&offset| usize::try_from(offset).unwrap_or(usize::MAX)).collect();
        let (n_items, last) = (items.len(), offsets.last().copied().unwrap_or_default());
        let rows = Csr::new(offsets, items, Vec::new()).map_err(|_| wrong("items", last, n_items))?;
        Ok(Self { users, rows })
    }

    /// Keys of the users.
    pub(crate) fn users(&self) -> &Vocab {
        &self.users
    }

    /// What a user has, oldest first.
    pub(crate) fn of(&self, user: u32) -> &[ItemId] {
        self.rows.row(user as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_come_back_and_another_catalogue_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let users = Vocab::from_keys(["ann", "bob"]).unwrap();
        save(&path, &users, &Csr::from_rows([vec![2, 0], vec![]]), 3).unwrap();
        let read = Histories::open(&path, 3).unwrap();
        assert_eq!((read.users(), read.of(0), read.of(1)), (&users, &[2, 0][..], &[][..]));
        assert!(Histories::open(&path, 2).is_err());
        let bytes = std::fs::read(&path).unwrap();
        for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert!(Histories::open(&path, 3).is_err(), "cut at {end}");
        }
    }
}
