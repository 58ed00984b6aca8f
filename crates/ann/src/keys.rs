use std::sync::{Arc, OnceLock};

use embed_core::Vocab;
use embed_core::store::{Reader, StoreError};

/// The keys of an index: given at the build, or still in the file that the index was opened from, where they
/// are read when they are first asked for, so that opening does not depend on their number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    known: OnceLock<Arc<Vocab>>,
    file: Option<(Reader, usize)>,
}

/// The name of the keys in a container.
pub(crate) const SECTION: &str = "keys";

impl From<Option<Arc<Vocab>>> for Keys {
    fn from(keys: Option<Arc<Vocab>>) -> Self {
        let known = OnceLock::new();
        if let Some(keys) = keys {
            known.get_or_init(|| keys);
        }
        Self { known, file: None }
    }
}

impl Keys {
    /// The keys of `n` rows that lie in a container.
    pub(crate) fn in_file(reader: &Reader, n: usize) -> Self {
        Self { known: OnceLock::new(), file: Some((reader.clone(), n)) }
    }

    pub(crate) fn get(&self) -> Result<Option<&Arc<Vocab>>, StoreError> {
        if let (None, Some((reader, n))) = (self.known.get(), &self.file) {
            let keys = reader.vocab(SECTION)?;
            if keys.len() != *n {
                return Err(reader.malformed(embed_core::store::Fault::SectionLength {
                    section: format!("{SECTION}.ends"),
                    expected: *n as u64,
                    got: keys.len() as u64,
                }));
            }
            return Ok(Some(self.known.get_or_init(|| Arc::new(keys))));
        }
        Ok(self.known.get())
    }
}
