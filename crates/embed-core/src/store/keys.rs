use std::sync::{Arc, OnceLock};

use super::error::{Fault, StoreError};
use super::reader::Reader;
use crate::Vocab;

/// The keys of what may lie in a file: given, or still in the file that it was opened from, where they are read when they
/// are first asked for, so that opening does not depend on their number.
#[derive(Debug, Clone, Default)]
pub struct StoredKeys {
    known: OnceLock<Arc<Vocab>>,
    file: Option<Reader>,
    /// The number of keys in the file, if it has some.
    in_file: Option<usize>,
}

impl From<Option<Arc<Vocab>>> for StoredKeys {
    fn from(keys: Option<Arc<Vocab>>) -> Self {
        let known = OnceLock::new();
        if let Some(keys) = keys {
            known.get_or_init(|| keys);
        }
        Self { known, file: None, in_file: None }
    }
}

impl StoredKeys {
    /// Their name in a container, for [`Writer::vocab`](super::Writer::vocab).
    pub const SECTION: &str = "keys";

    /// Those of an open file that says how many it has, or that it has none.
    #[must_use]
    pub fn of_file(reader: &Reader, in_file: Option<usize>) -> Self {
        Self { known: OnceLock::new(), file: Some(reader.clone()), in_file }
    }

    /// The keys, if there are some. O(1) once they were read.
    ///
    /// # Errors
    /// As [`Reader::vocab`], and [`StoreError::Malformed`] when the file has another number of them than it says.
    pub fn get(&self) -> Result<Option<&Arc<Vocab>>, StoreError> {
        if let (None, Some(reader), Some(n)) = (self.known.get(), &self.file, self.in_file) {
            let keys = reader.vocab(Self::SECTION)?;
            if keys.len() != n {
                return Err(reader.malformed(Fault::SectionLength {
                    section: format!("{}.ends", Self::SECTION),
                    expected: n as u64,
                    got: keys.len() as u64,
                }));
            }
            return Ok(Some(self.known.get_or_init(|| Arc::new(keys))));
        }
        Ok(self.known.get())
    }

    /// The file that they are of.
    #[must_use]
    pub fn file(&self) -> Option<&Reader> {
        self.file.as_ref()
    }
}
