use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::atomic::AtomicFile;
use super::element::{Element, sealed::Sealed};
use super::error::{Fault, StoreError};
use super::layout::{ENTRY, Entry, Kind, MAX_SECTIONS, PRELUDE, Prelude, align};
use super::{codec, layout, mmap};

/// Writes a container: a header, then named sections in the order given.
///
/// Nothing is visible at the target until [`Writer::finish`]; dropping an unfinished writer, or any error,
/// leaves the old file as it was. Memory: a buffer of 256 KiB; sections are written through.
#[derive(Debug)]
#[must_use = "nothing is written before `finish`"]
pub struct Writer<W = AtomicFile> {
    out: W,
    path: PathBuf,
    prelude: Prelude,
    header: Vec<u8>,
    entries: Vec<Entry>,
    position: u64,
}

impl Writer {
    /// Starts a container of `kind` that is to replace `path`, or to be new there. `header` is encoded with
    /// serde: plain structs and enums without zero-sized elements, at most 1 MiB.
    ///
    /// # Errors
    /// - [`StoreError::NotAFile`], [`StoreError::Io`] as for [`AtomicFile::create`].
    /// - [`StoreError::Unwritable`] when the header cannot be encoded, or the kind's name is no name.
    pub fn create(path: impl AsRef<Path>, kind: Kind, header: &impl Serialize) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::over(AtomicFile::create(path)?, path.to_owned(), kind, header)
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`StoreError::Io`] as for [`AtomicFile::commit`].
    pub fn finish(self) -> Result<(), StoreError> {
        self.complete()?.commit()
    }
}

impl Writer<Cursor<Vec<u8>>> {
    /// Starts a container in memory.
    ///
    /// # Errors
    /// As [`Writer::create`], without those of the file system.
    pub fn in_memory(kind: Kind, header: &impl Serialize) -> Result<Self, StoreError> {
        Self::over(Cursor::new(Vec::new()), PathBuf::from("<memory>"), kind, header)
    }

    /// Completes the container.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the positions overflow.
    pub fn into_bytes(self) -> Result<Vec<u8>, StoreError> {
        Ok(self.complete()?.into_inner())
    }
}

impl<W: Write + Seek> Writer<W> {
    fn over(out: W, path: PathBuf, kind: Kind, header: &impl Serialize) -> Result<Self, StoreError> {
        let unwritable = |fault| StoreError::Unwritable { path: path.clone(), fault };
        layout::check_kind_name(kind.name).map_err(unwritable)?;
        let too_large = |_| Fault::TooManySections { limit: MAX_SECTIONS, got: usize::MAX };
        let header = codec::encode(header).map_err(|reason| unwritable(Fault::Header { reason }))?;
        let prelude = Prelude {
            kind: kind.name.to_owned(),
            kind_version: kind.version,
            file_len: 0,
            header_len: u32::try_from(header.len()).map_err(too_large).map_err(unwritable)?,
            n_sections: 0,
            directory: 0,
        };
        let mut writer = Self { out, path, prelude, header, entries: Vec::new(), position: 0 };
        writer.write(&[0; PRELUDE])?; // the true one comes last: an unfinished file is never taken for a file
        let header = std::mem::take(&mut writer.header);
        writer.write(&header)?;
        writer.header = header;
        Ok(writer)
    }

    /// Adds a section. O(n).
    ///
    /// # Errors
    /// - [`StoreError::Unwritable`] when the name is no name or is taken, or there are 1024 sections.
    /// - [`StoreError::Io`] when writing fails; the writer is then of no more use.
    pub fn section<T: Element>(&mut self, name: &str, values: &[T]) -> Result<&mut Self, StoreError> {
        self.section_chunks(name, [values])
    }

    /// Adds a section from parts, so that it need never be in memory as a whole.
    ///
    /// # Errors
    /// As [`Writer::section`].
    pub fn section_chunks<T: Element, C: AsRef<[T]>>(
        &mut self,
        name: &str,
        chunks: impl IntoIterator<Item = C>,
    ) -> Result<&mut Self, StoreError> {
        self.check_new(name).map_err(|fault| StoreError::Unwritable { path: self.path.clone(), fault })?;
        let offset = self.pad()?;
        let mut hash = Xxh3::new();
        let mut swapped = Vec::new();
        for chunk in chunks {
            let values: &[T] = chunk.as_ref();
            let bytes = if cfg!(target_endian = "little") {
                mmap::as_bytes(values)
            } else {
                swapped.clear();
                <T as Sealed>::extend_le(values, &mut swapped);
                &swapped
            };
            hash.update(bytes);
            self.write(bytes)?;
        }
        self.entries.push(Entry {
            name: name.to_owned(),
            element: T::TYPE,
            offset,
            len: self.position - offset,
            checksum: hash.digest(),
        });
        Ok(self)
    }

    fn check_new(&self, name: &str) -> Result<(), Fault> {
        layout::check_section_name(name)?;
        if self.entries.len() >= MAX_SECTIONS {
            return Err(Fault::TooManySections { limit: MAX_SECTIONS, got: self.entries.len() + 1 });
        }
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(Fault::DuplicateSection { section: name.to_owned() });
        }
        Ok(())
    }

    fn complete(mut self) -> Result<W, StoreError> {
        self.pad()?;
        let table: Vec<u8> = self.entries.iter().flat_map(Entry::to_bytes).collect();
        self.write(&table)?;
        let mut directory = std::mem::take(&mut self.header);
        directory.extend_from_slice(&table);
        self.prelude.file_len = self.position;
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_SECTIONS entries")]
        {
            self.prelude.n_sections = (table.len() / ENTRY) as u32;
        }
        self.prelude.directory = xxh3_64(&directory);
        let bytes = self.prelude.to_bytes();
        let written = self.out.seek(SeekFrom::Start(0)).and_then(|_| self.out.write_all(&bytes));
        written.map_err(|source| self.io(source))?;
        Ok(self.out)
    }

    /// Zeros up to the next border, where the next part starts.
    fn pad(&mut self) -> Result<u64, StoreError> {
        let Some(border) = align(self.position) else {
            return Err(self.io(io::ErrorKind::FileTooLarge.into()));
        };
        while self.position < border {
            self.write(&[0])?;
        }
        Ok(border)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.out.write_all(bytes).map_err(|source| self.io(source))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), action: "write", source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Reader;

    const KIND: Kind = Kind::new("test", 1);

    /// A disk with room for so many bytes.
    struct FullAfter {
        room: usize,
        inner: Cursor<Vec<u8>>,
    }

    impl Write for FullAfter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let n = self.inner.write(&bytes[..bytes.len().min(self.room)])?;
            self.room -= n;
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for FullAfter {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.inner.seek(position)
        }
    }

    #[test]
    fn a_full_disk_is_an_error_wherever_it_strikes() {
        let save = |room| {
            let out = FullAfter { room, inner: Cursor::new(Vec::new()) };
            let mut writer = Writer::over(out, "full.nf".into(), KIND, &(1u32, 2u64))?;
            writer.section("a", &[1.0f32; 5])?.section("b", &[7u8; 65])?;
            writer.complete().map(|out| out.inner.into_inner())
        };
        let whole = save(usize::MAX).unwrap();
        let needed = whole.len() + PRELUDE; // the prelude is written twice
        assert_eq!(save(needed).unwrap(), whole);
        for room in 0..needed {
            let error = save(room).unwrap_err();
            assert!(
                matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
            );
        }
    }

    #[test]
    fn names_are_checked() {
        for name in ["", "Upper", "a b", "ü", "a\0", "a-name-of-more-than-sixteen-bytes"] {
            let kind = Kind { name: Box::leak(name.into()), version: 1 };
            assert!(matches!(Writer::in_memory(kind, &0u8), Err(StoreError::Unwritable { .. })), "{name:?}");
            let mut writer = Writer::in_memory(KIND, &0u8).unwrap();
            assert!(writer.section(name, &[0u8]).is_err(), "{name:?}");
        }
        let mut writer = Writer::in_memory(KIND, &0u8).unwrap();
        writer.section("a", &[0u8]).unwrap();
        let error = writer.section("a", &[0u8]).unwrap_err();
        assert_eq!(error.to_string(), "<memory>: cannot be written: section \"a\" is there twice");
    }

    #[test]
    fn chunks_and_a_whole_are_the_same_file() {
        let values: Vec<u32> = (0..1000).collect();
        let mut whole = Writer::in_memory(KIND, &0u8).unwrap();
        whole.section("a", &values).unwrap();
        let mut parts = Writer::in_memory(KIND, &0u8).unwrap();
        parts.section_chunks("a", values.chunks(7)).unwrap();
        assert_eq!(whole.into_bytes().unwrap(), parts.into_bytes().unwrap());
    }

    #[test]
    fn the_number_of_sections_is_bounded() {
        let mut writer = Writer::in_memory(KIND, &0u8).unwrap();
        for i in 0..MAX_SECTIONS {
            writer.section::<u8>(&i.to_string(), &[]).unwrap();
        }
        assert!(writer.section("more", &[0u8]).is_err());
        let reader = Reader::from_bytes(&writer.into_bytes().unwrap(), KIND).unwrap();
        assert_eq!(reader.sections().count(), MAX_SECTIONS);
    }
}
