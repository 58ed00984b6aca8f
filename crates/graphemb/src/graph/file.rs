//! Graph files: containers of kind `graph`. `docs/format.md` lists the sections.

use std::io::{Seek, Write};
use std::path::Path;

use embed_core::store::{Fault, Kind, Reader, StoreError, StoredKeys, Writer};
use serde::{Deserialize, Serialize};

use crate::Graph;

/// Header of kind `graph`, version 1. The sections are `offsets`, `neighbors`, with weights `weights`, and with keys
/// `keys.text` and `keys.ends`.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    n_nodes: u64,
    n_entries: u64,
    n_loops: u64,
    directed: bool,
    weighted: bool,
    has_keys: bool,
}

impl Graph {
    /// The kind of a graph file.
    pub const KIND: Kind = Kind::new("graph", 1);

    /// Writes rows, weights and keys in one step; a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let mut writer = Writer::create(path, Self::KIND, &self.header()?)?;
        self.write(&mut writer)?;
        writer.finish()
    }

    /// What [`Graph::save`] writes.
    ///
    /// # Errors
    /// [`StoreError`] when the keys cannot be read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut writer = Writer::in_memory(Self::KIND, &self.header()?)?;
        self.write(&mut writer)?;
        writer.into_bytes()
    }

    /// Maps a graph file: O(1) in nodes and edges. The arrays are read as they are needed; a damaged file that is not
    /// [verified](Graph::verify) may give wrong neighbours, but never a panic.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be mapped, is of another kind, or its arrays do not have the lengths that its
    /// header says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_reader(&Reader::open(path, Self::KIND)?)
    }

    /// [`Graph::open`], then [`Graph::verify`].
    ///
    /// # Errors
    /// As both.
    pub fn open_verified(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let graph = Self::open(path)?;
        graph.verify()?;
        Ok(graph)
    }

    /// A graph from the bytes of its file, which are copied.
    ///
    /// # Errors
    /// As [`Graph::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::from_reader(&Reader::from_bytes(bytes, Self::KIND)?)
    }

    fn header(&self) -> Result<Header, StoreError> {
        Ok(Header {
            n_nodes: self.n_nodes() as u64,
            n_entries: self.n_entries() as u64,
            n_loops: self.n_loops,
            directed: self.directed,
            weighted: self.weighted,
            has_keys: self.keys()?.is_some(),
        })
    }

    fn write<W: Write + Seek>(&self, writer: &mut Writer<W>) -> Result<(), StoreError> {
        writer.section("offsets", &self.offsets)?.section("neighbors", &self.neighbors)?;
        if self.weighted {
            writer.section("weights", &self.weights)?;
        }
        if let Some(keys) = self.keys()? {
            writer.vocab(StoredKeys::SECTION, keys)?;
        }
        Ok(())
    }

    fn from_reader(reader: &Reader) -> Result<Self, StoreError> {
        let header: Header = reader.header()?;
        let most = Self::MAX_NODES as u64;
        let n_nodes = usize::try_from(header.n_nodes).ok().filter(|&n| n <= Self::MAX_NODES);
        let n_nodes =
            n_nodes.ok_or_else(|| reader.malformed(field("number of nodes", most, header.n_nodes)))?;
        let n_entries = usize::try_from(header.n_entries).unwrap_or(usize::MAX);
        if header.n_loops > header.n_entries {
            return Err(reader.malformed(field("number of self-loops", header.n_entries, header.n_loops)));
        }
        Ok(Self {
            directed: header.directed,
            weighted: header.weighted,
            n_loops: header.n_loops,
            offsets: reader.section_of_len("offsets", n_nodes + 1)?,
            neighbors: reader.section_of_len("neighbors", n_entries)?,
            weights: if header.weighted {
                reader.section_of_len("weights", n_entries)?
            } else {
                Vec::new().into()
            },
            keys: StoredKeys::of_file(reader, header.has_keys.then_some(n_nodes)),
        })
    }

    /// Reads everything: the file's checksums, and that the arrays are a graph. Rows ascend without repeats, neighbours
    /// are nodes, weights are finite and above 0, and undirected edges stand at both ends. A graph that was built in
    /// memory is one. O(edges · log(degree)).
    ///
    /// # Errors
    /// [`StoreError::Malformed`] names the first thing that is wrong.
    pub fn verify(&self) -> Result<(), StoreError> {
        let Some(reader) = self.keys.file() else { return Ok(()) };
        reader.verify()?;
        self.keys()?;
        self.check().map_err(|fault| reader.malformed(fault))
    }

    fn check(&self) -> Result<(), Fault> {
        let entries = self.n_entries() as u64;
        let mut before = 0;
        for (node, &offset) in self.offsets.iter().enumerate() {
            let expected = if node == 0 { 0 } else { before };
            if offset < expected || offset > entries || (node == 0 && offset > 0) {
                return Err(field(&format!("offset of row {node}"), expected.min(entries), offset));
            }
            before = offset;
        }
        if before != entries {
            return Err(field("end of the last row", entries, before));
        }
        let mut loops = 0;
        for node in (0..).take(self.n_nodes()) {
            let row = self.neighbors(node);
            for (i, &neighbor) in row.iter().enumerate() {
                let name = || format!("neighbour {i} of node {node}");
                if neighbor as usize >= self.n_nodes() {
                    return Err(field(&name(), self.n_nodes() as u64, neighbor.into()));
                }
                if i > 0 && row[i - 1] >= neighbor {
                    return Err(field(&name(), u64::from(row[i - 1]) + 1, neighbor.into()));
                }
                let weight = self.weights(node).get(i).copied().unwrap_or(1.0);
                if !(weight.is_finite() && weight > 0.0) {
                    let bits = |weight: f32| u64::from(weight.to_bits());
                    return Err(field(&format!("bits of the weight of {}", name()), bits(1.0), bits(weight)));
                }
                if !self.directed && self.weight(neighbor, node) != Some(weight) {
                    return Err(field(&format!("mirror image of {}", name()), 1, 0));
                }
                loops += u64::from(neighbor == node);
            }
        }
        if loops != self.n_loops {
            return Err(field("number of self-loops", loops, self.n_loops));
        }
        Ok(())
    }
}

fn field(field: &str, expected: u64, got: u64) -> Fault {
    Fault::Field { field: field.to_owned(), expected, got }
}
