use std::sync::{Arc, OnceLock};

use embed_core::Vocab;
use embed_core::store::{Fault, Reader, StoreError};

/// The name of the keys in a container.
pub(crate) const SECTION: &str = "keys";

/// The keys of nodes: given, or still in the file that the graph was opened from, where they are read when they
/// are first asked for, so that opening does not depend on their number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    known: OnceLock<Arc<Vocab>>,
    /// The file that the graph was opened from.
    pub(crate) file: Option<Reader>,
    /// The number of keys in the file, if it has some.
    in_file: Option<usize>,
}

impl Keys {
    pub(crate) fn given(keys: Arc<Vocab>) -> Self {
        let known = OnceLock::new();
        known.get_or_init(|| keys);
        Self { known, file: None, in_file: None }
    }

    pub(crate) fn of_file(reader: &Reader, in_file: Option<usize>) -> Self {
        Self { known: OnceLock::new(), file: Some(reader.clone()), in_file }
    }

    pub(crate) fn get(&self) -> Result<Option<&Arc<Vocab>>, StoreError> {
        if let (None, Some(reader), Some(n)) = (self.known.get(), &self.file, self.in_file) {
            let keys = reader.vocab(SECTION)?;
            if keys.len() != n {
                return Err(reader.malformed(Fault::SectionLength {
                    section: format!("{SECTION}.ends"),
                    expected: n as u64,
                    got: keys.len() as u64,
                }));
            }
            return Ok(Some(self.known.get_or_init(|| Arc::new(keys))));
        }
        Ok(self.known.get())
    }
}
