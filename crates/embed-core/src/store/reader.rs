use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::codec;
use super::element::{Element, ElementType, sealed::Sealed};
use super::error::{Fault, StoreError};
use super::layout::{self, Entry, Kind, PRELUDE, Prelude};
use super::mmap::{Backing, Region};
use super::slice::SharedSlice;

/// An open container.
///
/// Opening maps the file and checks its start, header and section table: O(1) in the length of the arrays.
/// Sections are views into the map; they keep it alive. [`Reader::verify`] reads everything.
///
/// **The file must stay as it is while it is mapped.** Our own writers replace files by a rename and never
/// write into them, so a reader goes on with the old file. Another program that writes into the file in place
/// changes values under the reader, and one that truncates it in place kills the process at the next access
/// beyond the new end (`SIGBUS` on Unix). [`Reader::read`] takes a copy instead and is free of this.
#[derive(Clone)]
pub struct Reader {
    path: PathBuf,
    backing: Arc<Backing>,
    prelude: Prelude,
    entries: Vec<Entry>,
}

impl Reader {
    /// Maps a container and checks that it is of `kind`.
    ///
    /// # Errors
    /// - [`StoreError::Io`] when the file cannot be opened; [`StoreError::NotAFile`] for a folder or a device.
    /// - [`StoreError::Malformed`] when it is no container, is of another kind or of a newer version, has
    ///   another length than it says, or its start, header or section table do not match their checksums.
    pub fn open(path: impl AsRef<Path>, kind: Kind) -> Result<Self, StoreError> {
        Self::open_any(path)?.of_kind(kind)
    }

    /// [`Reader::open`], then [`Reader::verify`]. Reads the whole file.
    ///
    /// # Errors
    /// As both.
    pub fn open_verified(path: impl AsRef<Path>, kind: Kind) -> Result<Self, StoreError> {
        let reader = Self::open(path, kind)?;
        reader.verify()?;
        Ok(reader)
    }

    /// Maps a container whatever it holds; see [`Reader::kind`].
    ///
    /// # Errors
    /// As [`Reader::open`], without the kind.
    pub fn open_any(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let file = open_file(path)?;
        let io = |action| move |source| StoreError::Io { path: path.to_owned(), action, source };
        let len = file.metadata().map_err(io("look it up"))?.len();
        if len < PRELUDE as u64 {
            let fault = Fault::TooShort { expected: PRELUDE as u64, got: len };
            return Err(StoreError::Malformed { path: path.to_owned(), fault });
        }
        let backing = Backing::map(&file).map_err(io("map"))?;
        Self::over(path.to_owned(), backing)
    }

    /// Reads a container into memory: independent of what happens to the file later, at the price of its
    /// length in memory.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn read(path: impl AsRef<Path>, kind: Kind) -> Result<Self, StoreError> {
        let path = path.as_ref();
        open_file(path)?;
        let bytes = fs::read(path).map_err(|source| StoreError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        Self::over(path.to_owned(), Backing::copy(&bytes))?.of_kind(kind)
    }

    /// A container from its bytes, which are copied.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] as for [`Reader::open`].
    pub fn from_bytes(bytes: &[u8], kind: Kind) -> Result<Self, StoreError> {
        Self::over(PathBuf::from("<memory>"), Backing::copy(bytes))?.of_kind(kind)
    }

    fn over(path: PathBuf, backing: Backing) -> Result<Self, StoreError> {
        let parse = || {
            let prelude = Prelude::parse(backing.bytes())?;
            let entries = layout::parse_table(backing.bytes(), &prelude)?;
            Ok((prelude, entries))
        };
        match parse() {
            Ok((prelude, entries)) => Ok(Self { path, backing: Arc::new(backing), prelude, entries }),
            Err(fault) => Err(StoreError::Malformed { path, fault }),
        }
    }

    fn of_kind(self, kind: Kind) -> Result<Self, StoreError> {
        if self.prelude.kind != kind.name {
            let (expected, got) = (kind.name.to_owned(), self.prelude.kind.clone());
            return Err(self.malformed(Fault::Kind { expected, got }));
        }
        let got = self.prelude.kind_version;
        if got == 0 || got > kind.version {
            let kind_name = kind.name.to_owned();
            return Err(self.malformed(Fault::KindVersion { kind: kind_name, expected: kind.version, got }));
        }
        Ok(self)
    }

    /// Where the container came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of what the container holds.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.prelude.kind
    }

    /// Version of what the container holds.
    #[must_use]
    pub fn kind_version(&self) -> u32 {
        self.prelude.kind_version
    }

    /// Bytes of the file.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.prelude.file_len
    }

    /// Name, type and number of values of each section, in file order.
    pub fn sections(&self) -> impl ExactSizeIterator<Item = (&str, ElementType, u64)> {
        self.entries.iter().map(|e| (e.name.as_str(), e.element, e.len / e.element.size() as u64))
    }

    /// The header.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] with [`Fault::Header`] when it is not an `H`.
    pub fn header<H: DeserializeOwned>(&self) -> Result<H, StoreError> {
        let (header, _) = layout::directory(self.backing.bytes(), &self.prelude);
        codec::decode(header).map_err(|reason| self.malformed(Fault::Header { reason }))
    }

    /// The values of a section: a view into the file (a copy where the machine is big-endian). O(1).
    ///
    /// # Errors
    /// [`StoreError::Malformed`] with [`Fault::MissingSection`] or [`Fault::ElementType`].
    pub fn section<T: Element>(&self, name: &str) -> Result<SharedSlice<T>, StoreError> {
        let missing = || self.malformed(Fault::MissingSection { section: name.to_owned() });
        let entry = self.entries.iter().find(|entry| entry.name == name).ok_or_else(missing)?;
        if entry.element != T::TYPE {
            let section = name.to_owned();
            let fault = Fault::ElementType { section, expected: T::TYPE, got: entry.element };
            return Err(self.malformed(fault));
        }
        let range = to_range(entry).ok_or_else(missing)?;
        if cfg!(target_endian = "big") {
            let bytes = self.backing.bytes().get(range).ok_or_else(missing)?;
            return Ok(<T as Sealed>::from_le(bytes).into());
        }
        Region::new(Arc::clone(&self.backing), range).map(SharedSlice::mapped).ok_or_else(missing)
    }

    /// [`Reader::section`], which must hold `expected` values.
    ///
    /// # Errors
    /// As [`Reader::section`], and [`Fault::SectionLength`].
    pub fn section_of_len<T: Element>(
        &self,
        name: &str,
        expected: usize,
    ) -> Result<SharedSlice<T>, StoreError> {
        let values = self.section(name)?;
        if values.len() != expected {
            let section = name.to_owned();
            let fault = Fault::SectionLength { section, expected: expected as u64, got: values.len() as u64 };
            return Err(self.malformed(fault));
        }
        Ok(values)
    }

    /// Reads the whole file and checks each section's checksum and that all padding is zero. With what
    /// opening has checked, no byte of the file is left out.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] with [`Fault::Checksum`] or [`Fault::Padding`] for the first that fails.
    pub fn verify(&self) -> Result<(), StoreError> {
        let file = self.backing.bytes();
        let mut end = PRELUDE + self.prelude.header_len as usize;
        for entry in &self.entries {
            let Some(range) = to_range(entry) else { continue };
            self.check_padding(end..range.start)?;
            end = range.end;
            let got = xxh3_64(file.get(range).unwrap_or_default());
            if got != entry.checksum {
                let field = format!("section {:?}", entry.name);
                return Err(self.malformed(Fault::Checksum { field, expected: entry.checksum, got }));
            }
        }
        self.check_padding(end..usize::try_from(self.prelude.table_offset()).unwrap_or(usize::MAX))
    }

    fn check_padding(&self, range: Range<usize>) -> Result<(), StoreError> {
        let padding = self.backing.bytes().get(range.clone()).unwrap_or_default();
        match padding.iter().position(|&byte| byte != 0) {
            None => Ok(()),
            Some(i) => {
                let position = (range.start + i) as u64;
                Err(self.malformed(Fault::Padding { position, got: padding[i] }))
            }
        }
    }

    /// An error about this file, for what a kind demands beyond the container.
    #[must_use]
    pub fn malformed(&self, fault: Fault) -> StoreError {
        StoreError::Malformed { path: self.path.clone(), fault }
    }
}

/// Opens a regular file. A pipe is refused before it is opened, because opening would wait for a writer.
fn open_file(path: &Path) -> Result<File, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), action: "open", source };
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(StoreError::NotAFile { path: path.to_owned() });
    }
    File::open(path).map_err(io)
}

/// Opening has checked that every section lies within the file, whose length is a `usize`.
fn to_range(entry: &Entry) -> Option<Range<usize>> {
    let start = usize::try_from(entry.offset).ok()?;
    Some(start..start.checked_add(usize::try_from(entry.len).ok()?)?)
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .field("kind", &self.prelude.kind)
            .field("kind_version", &self.prelude.kind_version)
            .field("sections", &self.sections().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Writer;

    const KIND: Kind = Kind::new("test", 2);

    fn sample() -> Vec<u8> {
        let mut writer = Writer::in_memory(KIND, &("hello".to_owned(), 5u8)).unwrap();
        writer.section("f", &[1.5f32, -2.0]).unwrap();
        writer.section("u", &[u64::MAX]).unwrap();
        writer.section::<u32>("none", &[]).unwrap();
        writer.section("text", "é".as_bytes()).unwrap();
        writer.into_bytes().unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let reader = Reader::from_bytes(&sample(), KIND).unwrap();
        reader.verify().unwrap();
        assert_eq!(reader.header::<(String, u8)>().unwrap(), ("hello".to_owned(), 5));
        assert_eq!(*reader.section::<f32>("f").unwrap(), [1.5, -2.0]);
        assert_eq!(*reader.section_of_len::<u64>("u", 1).unwrap(), [u64::MAX]);
        assert!(reader.section::<u32>("none").unwrap().is_empty());
        let names: Vec<_> = reader.sections().map(|(name, _, n)| (name, n)).collect();
        assert_eq!(names, [("f", 2), ("u", 1), ("none", 0), ("text", 2)]);
        assert_eq!((reader.kind(), reader.kind_version(), reader.file_len()), ("test", 2, 576));
    }

    #[test]
    fn every_refusal_names_both_values() {
        let message = |bytes: &[u8], kind| Reader::from_bytes(bytes, kind).unwrap_err().to_string();
        let bytes = sample();
        let other = Kind::new("index", 1);
        assert_eq!(message(&bytes, other), r#"<memory>: the file holds kind "test", expected "index""#);
        let old = Kind::new("test", 1);
        assert_eq!(message(&bytes, old), r#"<memory>: kind "test" has version 2, expected 1 to 1"#);
        assert_eq!(
            message(b"{}", KIND),
            "<memory>: 2 bytes are too few for a nearfield file, which has at least 64"
        );
        assert_eq!(
            message(&[b'{'; 64], KIND),
            r#"<memory>: not a nearfield file: it starts with "{{{{{{{{", expected "\x89NRF\r\n\x1a\n""#
        );
        let mut newer = bytes.clone();
        newer[8] = 9;
        assert_eq!(message(&newer, KIND), "<memory>: container version 9, expected 1");
        assert_eq!(
            message(&bytes[..bytes.len() - 1], KIND),
            "<memory>: the file has 575 bytes, its start says 576"
        );

        let reader = Reader::from_bytes(&bytes, KIND).unwrap();
        let error = |error: StoreError| error.to_string();
        assert_eq!(error(reader.section::<u8>("x").unwrap_err()), r#"<memory>: section "x" is missing"#);
        assert_eq!(
            error(reader.section::<u32>("f").unwrap_err()),
            r#"<memory>: section "f" holds f32, expected u32"#
        );
        assert_eq!(
            error(reader.section_of_len::<f32>("f", 3).unwrap_err()),
            r#"<memory>: section "f" holds 2 values, expected 3"#
        );
        assert!(error(reader.header::<u64>().unwrap_err()).contains("header"));
    }

    #[test]
    fn a_section_outlives_its_reader_and_the_name_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nf");
        let save = |values: &[u32]| {
            let mut writer = Writer::create(&path, KIND, &0u8).unwrap();
            writer.section("a", values).unwrap();
            writer.finish().unwrap();
        };
        save(&[1, 2, 3]);
        let mut old = Reader::open(&path, KIND).unwrap().section::<u32>("a").unwrap();
        save(&[4]);
        assert_eq!(*Reader::open_verified(&path, KIND).unwrap().section::<u32>("a").unwrap(), [4]);
        fs::remove_file(&path).unwrap();
        assert!(old.is_mapped() == cfg!(target_endian = "little"));
        let copy = old.clone();
        old.make_mut()[0] = 9;
        assert_eq!((&*copy, &*old), (&[1, 2, 3][..], &[9, 2, 3][..]));
        assert_eq!(copy.into_vec(), [1, 2, 3]);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Reader::open(folder.path(), KIND), Err(StoreError::NotAFile { .. })));
        let error = Reader::open(folder.path().join("missing.nf"), KIND).unwrap_err();
        assert!(matches!(error, StoreError::Io { action: "open", .. }));
        let path = folder.path().join("empty.nf");
        fs::write(&path, "").unwrap();
        for result in [Reader::open(&path, KIND), Reader::read(&path, KIND)] {
            let fault = Fault::TooShort { expected: 64, got: 0 }.to_string();
            assert!(result.unwrap_err().to_string().ends_with(&fault));
        }
    }

    #[test]
    fn bytes_of_the_other_order_decode_to_the_same_values() {
        let mut bytes = Vec::new();
        <f32 as Sealed>::extend_le(&[1.5, -0.0], &mut bytes);
        <u64 as Sealed>::extend_le(&[258], &mut bytes);
        assert_eq!(bytes, [0, 0, 0xc0, 0x3f, 0, 0, 0, 0x80, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(<u64 as Sealed>::from_le(&bytes[8..]), [258]);
        assert_eq!(<f32 as Sealed>::from_le(&bytes[..4]), [1.5]);
    }
}
