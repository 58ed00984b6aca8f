use std::io::{Seek, Write};

use super::error::{Fault, StoreError};
use super::reader::Reader;
use super::writer::Writer;
use crate::Vocab;

impl<W: Write + Seek> Writer<W> {
    /// Adds keys as the sections `NAME.text` (all keys back to back, UTF-8) and `NAME.ends` (where each ends).
    ///
    /// # Errors
    /// As [`Writer::section`].
    pub fn vocab(&mut self, name: &str, vocab: &Vocab) -> Result<&mut Self, StoreError> {
        let (text, ends) = vocab.parts();
        self.section(&format!("{name}.text"), text.as_bytes())?;
        self.section(&format!("{name}.ends"), ends)
    }
}

impl Reader {
    /// The keys that [`Writer::vocab`] wrote under this name, as a copy in memory. O(bytes of text).
    ///
    /// # Errors
    /// As [`Reader::section`]; [`StoreError::Malformed`] with [`Fault::Utf8`], or with [`Fault::Vocab`] when
    /// the ends do not fit the text or a key comes twice.
    pub fn vocab(&self, name: &str) -> Result<Vocab, StoreError> {
        let section = format!("{name}.text");
        let text = self.section::<u8>(&section)?.into_vec();
        let text = String::from_utf8(text).map_err(|error| {
            self.malformed(Fault::Utf8 { section, position: error.utf8_error().valid_up_to() })
        })?;
        let ends = self.section::<u64>(&format!("{name}.ends"))?;
        Vocab::from_parts(&text, &ends).map_err(|reason| self.malformed(Fault::Vocab { reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    const KIND: Kind = Kind::new("test", 1);

    #[test]
    fn two_vocabularies_live_in_one_file() {
        let (items, users) =
            (Vocab::from_keys(["a b", "", "\n", "日本"]).unwrap(), Vocab::from_keys(["u"]).unwrap());
        let mut writer = Writer::in_memory(KIND, &0u8).unwrap();
        writer.vocab("items", &items).unwrap().vocab("users", &users).unwrap();
        let reader = Reader::from_bytes(&writer.into_bytes().unwrap(), KIND).unwrap();
        assert_eq!((reader.vocab("items").unwrap(), reader.vocab("users").unwrap()), (items, users));
    }

    #[test]
    fn stored_keys_that_are_none_are_refused() {
        let message = |text: &[u8], ends: &[u64]| {
            let mut writer = Writer::in_memory(KIND, &0u8).unwrap();
            writer.section("k.text", text).unwrap().section("k.ends", ends).unwrap();
            let reader = Reader::from_bytes(&writer.into_bytes().unwrap(), KIND).unwrap();
            reader.vocab("k").unwrap_err().to_string()
        };
        assert_eq!(message(b"a\xff", &[2]), "<memory>: section \"k.text\" is not UTF-8 at byte 1");
        assert!(message(b"aa", &[1, 2]).contains("duplicate key \"a\""));
        assert!(message(b"aa", &[3]).contains("key 0 ends at byte 3"));
    }
}
