//! Where what stands in a container: the arithmetic and the bytes of the prelude and the section table.
//!
//! The layout is canonical: the lengths decide every offset, so that no two parts overlap and each byte of
//! the file belongs to exactly one checksummed part or to zero padding.

use xxhash_rust::xxh3::xxh3_64;

use super::codec::MAX_HEADER;
use super::element::ElementType;
use super::error::Fault;

/// First bytes of every container. The high bit and the line ends show a transfer as text at once.
pub(super) const MAGIC: [u8; 8] = *b"\x89NRF\r\n\x1a\n";
/// Version of the container, not of what it holds.
pub(super) const CONTAINER_VERSION: u32 = 1;
/// Sections start on multiples of this, as cache lines and the widest vector registers do.
pub(super) const ALIGNMENT: u64 = 64;
/// Bytes of the prelude.
pub(super) const PRELUDE: usize = 64;
/// Bytes of an entry in the section table.
pub(super) const ENTRY: usize = 64;
/// Most sections of a container.
pub(super) const MAX_SECTIONS: usize = 1024;

const KIND_NAME: usize = 16;
const SECTION_NAME: usize = 32;

/// What a container holds, with the version of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// 1 to 16 characters of a-z, 0-9, '.', '-', '_'.
    pub name: &'static str,
    /// The version that is written, and the newest that is read; starts at 1.
    pub version: u32,
}

impl Kind {
    /// Vectors with their keys. Version 2 names the trained rows.
    pub const EMBEDDINGS: Self = Self::new("embeddings", 2);

    /// A kind by name and version.
    #[must_use]
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version }
    }

    /// The same in another version: what a writer takes whose data do not need the newest, so that older readers open it.
    #[must_use]
    pub const fn at_version(self, version: u32) -> Self {
        Self { version, ..self }
    }
}

/// The first [`PRELUDE`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prelude {
    pub(super) kind: String,
    pub(super) kind_version: u32,
    pub(super) file_len: u64,
    pub(super) header_len: u32,
    pub(super) n_sections: u32,
    /// Checksum of the header followed by the section table.
    pub(super) directory: u64,
}

/// One entry of the section table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) element: ElementType,
    pub(super) offset: u64,
    /// In bytes.
    pub(super) len: u64,
    pub(super) checksum: u64,
}

/// The next multiple of [`ALIGNMENT`], if there is one.
pub(super) fn align(position: u64) -> Option<u64> {
    position.checked_next_multiple_of(ALIGNMENT)
}

impl Prelude {
    pub(super) fn to_bytes(&self) -> [u8; PRELUDE] {
        let mut bytes = [0; PRELUDE];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&CONTAINER_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.kind_version.to_le_bytes());
        bytes[16..16 + self.kind.len()].copy_from_slice(self.kind.as_bytes());
        bytes[32..40].copy_from_slice(&self.file_len.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.header_len.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.n_sections.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.directory.to_le_bytes());
        let own = xxh3_64(&bytes[..56]);
        bytes[56..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// The prelude of a file, with all that can be known of it without the rest.
    pub(super) fn parse(file: &[u8]) -> Result<Self, Fault> {
        let Some(bytes) = file.first_chunk::<PRELUDE>() else {
            return Err(Fault::TooShort { expected: PRELUDE as u64, got: file.len() as u64 });
        };
        let magic = array(bytes, 0);
        if magic != MAGIC {
            return Err(Fault::Magic { expected: MAGIC, got: magic });
        }
        let version = u32::from_le_bytes(array(bytes, 8));
        if version != CONTAINER_VERSION {
            return Err(Fault::ContainerVersion { expected: CONTAINER_VERSION, got: version });
        }
        let (expected, got) = (u64::from_le_bytes(array(bytes, 56)), xxh3_64(&bytes[..56]));
        if expected != got {
            return Err(Fault::Checksum { field: "the prelude".to_owned(), expected, got });
        }
        let prelude = Self {
            kind: name_from(&bytes[16..32], "kind")?,
            kind_version: u32::from_le_bytes(array(bytes, 12)),
            file_len: u64::from_le_bytes(array(bytes, 32)),
            header_len: u32::from_le_bytes(array(bytes, 40)),
            n_sections: u32::from_le_bytes(array(bytes, 44)),
            directory: u64::from_le_bytes(array(bytes, 48)),
        };
        if prelude.file_len != file.len() as u64 {
            return Err(Fault::FileLength { expected: prelude.file_len, got: file.len() as u64 });
        }
        at_most("header length", MAX_HEADER as u64, u64::from(prelude.header_len))?;
        if prelude.n_sections as usize > MAX_SECTIONS {
            return Err(Fault::TooManySections { limit: MAX_SECTIONS, got: prelude.n_sections as usize });
        }
        let parts =
            PRELUDE as u64 + u64::from(prelude.header_len) + u64::from(prelude.n_sections) * ENTRY as u64;
        if parts > prelude.file_len {
            return Err(Fault::FileLength { expected: parts, got: prelude.file_len });
        }
        Ok(prelude)
    }

    /// Where the section table starts.
    pub(super) fn table_offset(&self) -> u64 {
        self.file_len - u64::from(self.n_sections) * ENTRY as u64
    }
}

impl Entry {
    pub(super) fn to_bytes(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..self.name.len()].copy_from_slice(self.name.as_bytes());
        bytes[32..36].copy_from_slice(&self.element.code().to_le_bytes());
        bytes[40..48].copy_from_slice(&self.offset.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.len.to_le_bytes());
        bytes[56..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; ENTRY]) -> Result<Self, Fault> {
        let name = name_from(&bytes[..SECTION_NAME], "section")?;
        let code = u32::from_le_bytes(array(bytes, 32));
        let field = |what: &str| format!("{what} of section {name:?}");
        let Some(element) = ElementType::from_code(code) else {
            return Err(Fault::Field { field: field("element code"), expected: 4, got: u64::from(code) });
        };
        let reserved = u32::from_le_bytes(array(bytes, 36));
        if reserved != 0 {
            return Err(Fault::Field {
                field: field("reserved field"),
                expected: 0,
                got: u64::from(reserved),
            });
        }
        let len = u64::from_le_bytes(array(bytes, 48));
        let size = element.size() as u64;
        if !len.is_multiple_of(size) {
            return Err(Fault::Field { field: field("length"), expected: len / size * size, got: len });
        }
        let offset = u64::from_le_bytes(array(bytes, 40));
        Ok(Self { element, offset, len, checksum: u64::from_le_bytes(array(bytes, 56)), name })
    }
}

/// The section table of a file whose prelude is known; every entry lies within the file, in order.
pub(super) fn parse_table(file: &[u8], prelude: &Prelude) -> Result<Vec<Entry>, Fault> {
    let (header, table) = directory(file, prelude);
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(header);
    hash.update(table);
    let got = hash.digest();
    if got != prelude.directory {
        return Err(Fault::Checksum {
            field: "header and section table".to_owned(),
            expected: prelude.directory,
            got,
        });
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(prelude.n_sections as usize);
    let mut end = PRELUDE as u64 + header.len() as u64;
    for bytes in table.as_chunks::<ENTRY>().0 {
        let entry = Entry::parse(bytes)?;
        let field = |what: &str| format!("{what} of section {:?}", entry.name);
        let expected = align(end).unwrap_or(u64::MAX);
        if entry.offset != expected {
            return Err(Fault::Field { field: field("offset"), expected, got: entry.offset });
        }
        let room = prelude.table_offset().saturating_sub(entry.offset);
        at_most(&field("length"), room, entry.len)?;
        if entries.iter().any(|other| other.name == entry.name) {
            return Err(Fault::DuplicateSection { section: entry.name });
        }
        end = entry.offset + entry.len;
        entries.push(entry);
    }
    let expected = align(end).unwrap_or(u64::MAX);
    if prelude.table_offset() != expected {
        return Err(Fault::Field {
            field: "start of the section table".to_owned(),
            expected,
            got: prelude.table_offset(),
        });
    }
    Ok(entries)
}

/// Header and section table, which the parsed prelude has shown to lie within the file.
pub(super) fn directory<'f>(file: &'f [u8], prelude: &Prelude) -> (&'f [u8], &'f [u8]) {
    let header = file.get(PRELUDE..PRELUDE + prelude.header_len as usize).unwrap_or_default();
    let table = file.len().saturating_sub(prelude.n_sections as usize * ENTRY);
    (header, file.get(table..).unwrap_or_default())
}

/// Refuses a section name that the table cannot hold.
pub(super) fn check_section_name(name: &str) -> Result<(), Fault> {
    check_name(name.as_bytes(), "section", SECTION_NAME)
}

/// Refuses a kind name that the prelude cannot hold.
pub(super) fn check_kind_name(name: &str) -> Result<(), Fault> {
    check_name(name.as_bytes(), "kind", KIND_NAME)
}

fn check_name(name: &[u8], field: &'static str, limit: usize) -> Result<(), Fault> {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(b);
    if name.is_empty() || name.len() > limit || !name.iter().all(plain) {
        return Err(Fault::Name { field, limit, got: String::from_utf8_lossy(name).into_owned() });
    }
    Ok(())
}

/// A name stored in a fixed field, padded with zeros.
fn name_from(bytes: &[u8], field: &'static str) -> Result<String, Fault> {
    let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    check_name(&bytes[..end], field, bytes.len())?;
    Ok(bytes[..end].iter().map(|&b| char::from(b)).collect())
}

fn at_most(field: &str, expected: u64, got: u64) -> Result<(), Fault> {
    if got > expected {
        return Err(Fault::Field { field: field.to_owned(), expected, got });
    }
    Ok(())
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[start..start + N]);
    out
}
