//! Index files: containers of kind `index`. `docs/format.md` lists the sections.

use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{EmbeddingsError, Metric, Space};
use serde::{Deserialize, Serialize};

use crate::aligned::Aligned;
use crate::hnsw::{self, Hnsw, HnswReport, MAX_LAYERS};
use crate::id_map::{IdMap, Names};
use crate::ivf::{self, file::Common};
use crate::keys::Keys;
use crate::scoring::{Scoring, norm};
use crate::tune::Efforts;
use crate::{Flat, HnswParams, Index, Ivf, ProductGraph, Quantized, RpForest, forest};

/// Version 2 has ids of the rows.
const KIND: Kind = Kind::new("index", 2);
/// Version 3 has changes too.
pub(crate) const CHANGED: Kind = Kind::new("index", 3);
/// No row is so long that its bytes cannot be counted.
const MAX_DIM: usize = 1 << 31;

/// The header of version 1; version 2 goes on with the bound of the ids, a u64. New families are added at the end of
/// [`Family`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    n: u64,
    dim: u64,
    metric: Metric,
    space: Space,
    has_keys: bool,
    family: Family,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Family {
    Flat,
    Hnsw {
        m: u32,
        ef_construction: u32,
        ef_search: u32,
        /// Most rows of a node.
        copies: u64,
        /// Nodes of each layer, the ground first.
        layers: Vec<u64>,
        report: HnswReport,
        /// Whether there are codes.
        sq8: bool,
        product_graph: ProductGraph,
    },
    /// Lists, of vectors or codes; codes without lists.
    Ivf(ivf::file::Header),
    /// Trees.
    RpForest(forest::Header),
}

impl Header {
    fn of(index: &Index) -> Result<Self, StoreError> {
        let family = match index {
            Index::Flat(_) => Family::Flat,
            Index::Hnsw(hnsw) => Family::Hnsw {
                m: small(hnsw.m),
                ef_construction: small(hnsw.ef_construction),
                ef_search: small(hnsw.ef_search),
                copies: hnsw.copies as u64,
                layers: std::iter::once(hnsw.ground().len as u64)
                    .chain(hnsw.upper.iter().map(|layer| layer.size as u64))
                    .collect(),
                report: hnsw.report,
                sq8: hnsw.codes.is_some(),
                product_graph: hnsw.product_graph,
            },
            Index::Ivf(ivf) => Family::Ivf(ivf::file::Header::of(ivf)),
            Index::Quantized(codes) => Family::Ivf(ivf::file::Header::of(&codes.0)),
            Index::RpForest(forest) => Family::RpForest(forest::Header::of(forest)),
        };
        Ok(Self {
            n: index.len() as u64,
            dim: index.dim() as u64,
            metric: index.metric(),
            space: index.space(),
            has_keys: index.keys()?.is_some(),
            family,
        })
    }
}

/// Parameters are validated to be at most 65,536.
fn small(parameter: usize) -> u32 {
    u32::try_from(parameter).unwrap_or(u32::MAX)
}

pub(crate) fn save(index: &Index, path: &Path) -> Result<(), StoreError> {
    let header = Header::of(index)?;
    let mut writer = match bound(index) {
        None => Writer::create(path, KIND.at_version(1), &header)?,
        Some(bound) => Writer::create(path, KIND, &(header, bound))?,
    };
    write(index, &mut writer)?;
    writer.finish()
}

pub(crate) fn to_bytes(index: &Index) -> Result<Vec<u8>, StoreError> {
    let header = Header::of(index)?;
    let mut writer = match bound(index) {
        None => Writer::in_memory(KIND.at_version(1), &header)?,
        Some(bound) => Writer::in_memory(KIND, &(header, bound))?,
    };
    write(index, &mut writer)?;
    writer.into_bytes()
}

/// The header of an index within one of version 3, and the bound of its ids where they are not the row numbers.
pub(crate) type Headers = (Header, Option<u64>);

pub(crate) fn headers(index: &Index) -> Result<Headers, StoreError> {
    Ok((Header::of(index)?, bound(index)))
}

/// Bound of the ids, where they are not the row numbers.
fn bound(index: &Index) -> Option<u64> {
    index.names().ids.as_ref().map(|ids| ids.bound().into())
}

pub(crate) fn write<W: Write + Seek>(index: &Index, writer: &mut Writer<W>) -> Result<(), StoreError> {
    match index {
        Index::Flat(flat) => {
            writer.section("vectors", &flat.table)?.section("norms", &flat.norms)?;
        }
        Index::Ivf(ivf) => {
            ivf::file::write(ivf, writer)?;
        }
        Index::Quantized(codes) => {
            ivf::file::write(&codes.0, writer)?;
        }
        Index::Hnsw(hnsw) => {
            writer
                .section("vectors", &hnsw.table)?
                .section("ids", &hnsw.ids)?
                .section("starts", &hnsw.starts)?
                .section("nodes", &hnsw.nodes)?
                .section("ground", &hnsw.ground)?
                .section("upper", &hnsw.links)?;
            if let Some(codes) = &hnsw.codes {
                writer
                    .section("codes", &codes.rows)?
                    .section("scales", &codes.scales)?
                    .section("centre", &codes.centre)?;
            }
        }
        Index::RpForest(forest) => forest::write(forest, writer)?,
    }
    if let Some(efforts) = index.efforts_table() {
        efforts.write(writer)?;
    }
    if let Some(ids) = &index.names().ids {
        writer.section(IdMap::SECTION, ids.ids())?;
    }
    if let Some(keys) = index.keys()? {
        writer.vocab(Keys::SECTION, keys)?;
    }
    Ok(())
}

pub(crate) fn open(path: &Path) -> Result<Index, StoreError> {
    from_reader(&Reader::open(path, CHANGED)?)
}

pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Index, StoreError> {
    from_reader(&Reader::from_bytes(bytes, CHANGED)?)
}

/// The index of an open file without changes.
pub(crate) fn from_reader(reader: &Reader) -> Result<Index, StoreError> {
    let headers = match reader.kind_version() {
        1 => (reader.header()?, None),
        2 => {
            let (header, bound) = reader.header()?;
            (header, Some(bound))
        }
        _ => {
            // It would be an index without them.
            let field = "the file has pending changes, open it with ann::Changed::open or ann::Live::open; its version";
            let got = reader.kind_version().into();
            return Err(reader.malformed(Fault::Field { field: field.to_owned(), expected: 2, got }));
        }
    };
    with_headers(reader, headers)
}

pub(crate) fn with_headers(reader: &Reader, headers: Headers) -> Result<Index, StoreError> {
    let mut index = family_from(reader, headers)?;
    if let Some(efforts) = index.efforts_mut() {
        *efforts = Efforts::read(reader)?;
    }
    Ok(index)
}

fn family_from(reader: &Reader, (header, bound): Headers) -> Result<Index, StoreError> {
    let field = |field: &str, expected: u64, got: u64| {
        reader.malformed(Fault::Field { field: field.to_owned(), expected, got })
    };
    let most = match header.family {
        Family::Flat => Flat::MAX_ROWS,
        Family::Hnsw { .. } => Hnsw::MAX_ROWS,
        Family::Ivf(_) => Ivf::MAX_ROWS,
        Family::RpForest(_) => RpForest::MAX_ROWS,
    };
    let rows = usize::try_from(header.n).ok().filter(|&n| n <= most);
    let n = rows.ok_or_else(|| field("number of vectors", most as u64, header.n))?;
    let dim = usize::try_from(header.dim).ok().filter(|dim| (1..=MAX_DIM).contains(dim));
    let dim = dim.ok_or_else(|| field("dim", 1, header.dim))?;
    // Where that is more than all memory, no section is so long.
    let table =
        |rows: usize| reader.section_of_len::<f32>("vectors", rows.saturating_mul(dim)).map(Into::into);
    let ids = bound.map(|bound| IdMap::read(reader, n, bound)).transpose()?.map(Arc::new);
    let n_keys = ids.as_ref().map_or(n, |ids| ids.bound() as usize);
    let names = Names { keys: Keys::of_file(reader, header.has_keys.then_some(n_keys)), ids };
    let (metric, space) = (header.metric, header.space);
    if !Scoring::knows(metric) {
        return Err(field("metric", 0, metric as u64));
    }
    match header.family {
        Family::Ivf(family) => {
            let listed = family.listed();
            let ivf = ivf::file::read(reader, &family, Common { n, dim, metric, space, names })?;
            Ok(if listed { Index::Ivf(ivf) } else { Index::Quantized(Quantized(ivf)) })
        }
        Family::Flat => {
            let norms = reader.section_of_len::<f32>("norms", n)?.into();
            Ok(Index::Flat(Flat { metric, dim, table: table(n)?, norms, space, names }))
        }
        Family::RpForest(header) => {
            Ok(Index::RpForest(forest::read(reader, &header, (n, dim), (metric, space), names)?))
        }
        Family::Hnsw { m, ef_construction, ef_search, copies, layers, report, sq8, product_graph } => {
            let params = HnswParams {
                m: m as usize,
                ef_construction: ef_construction as usize,
                ef_search: ef_search as usize,
                sq8,
                product_graph,
            };
            params.validate().map_err(|e| field(e.name, e.most as u64, e.got as u64))?;
            if layers.is_empty() || layers.len() > MAX_LAYERS {
                return Err(field("number of layers", MAX_LAYERS as u64, layers.len() as u64));
            }
            let mut below = header.n;
            let mut sizes = Vec::with_capacity(layers.len());
            for (l, &size) in layers.iter().enumerate() {
                if size > below || size == 0 && header.n > 0 {
                    return Err(field(&format!("size of layer {l}"), below, size));
                }
                below = size;
                sizes.push(usize::try_from(size).unwrap_or(usize::MAX));
            }
            let nodes = sizes[0];
            if sq8 && dim > hnsw::MAX_CODED_DIM {
                return Err(field("dim", hnsw::MAX_CODED_DIM as u64, header.dim));
            }
            if copies > header.n {
                return Err(field("copies", header.n, copies));
            }
            let starts = if nodes == n { 0 } else { nodes + 1 };
            let slots = |sizes: &[usize], width: usize| {
                sizes.iter().fold(0usize, |sum, size| sum.saturating_add(size.saturating_mul(width)))
            };
            Ok(Index::Hnsw(Hnsw {
                metric,
                dim,
                m: params.m,
                ef_construction: params.ef_construction,
                ef_search: params.ef_search,
                product_graph: params.product_graph,
                table: table(nodes)?,
                copies: usize::try_from(copies).unwrap_or(usize::MAX),
                starts: reader.section_of_len::<u32>("starts", starts)?.into(),
                ids: reader.section_of_len::<u32>("ids", n)?.into(),
                nodes: reader.section_of_len::<u32>("nodes", n)?.into(),
                ground: reader.section_of_len::<u32>("ground", slots(&sizes[..1], 2 * params.m))?.into(),
                links: reader.section_of_len::<u32>("upper", slots(&sizes[1..], params.m))?.into(),
                upper: hnsw::uppers(&sizes, params.m),
                codes: if sq8 { Some(codes_of(reader, metric, nodes, dim)?) } else { None },
                report,
                efforts: Efforts::default(),
                space,
                names,
                scratch: hnsw::ScratchPool::default(),
            }))
        }
    }
}

fn codes_of(reader: &Reader, metric: Metric, nodes: usize, dim: usize) -> Result<hnsw::Codes, StoreError> {
    let bytes = nodes.saturating_mul(hnsw::code_stride(dim));
    Ok(hnsw::Codes {
        scoring: Scoring::of(metric),
        rows: reader.section_of_len::<u8>("codes", bytes)?.into(),
        scales: reader.section_of_len::<f32>("scales", nodes.saturating_mul(2))?.into(),
        centre: reader.section_of_len::<f32>("centre", dim)?.into(),
    })
}

/// Checks the file that an index was opened from, and that what it holds fits together.
pub(crate) fn verify(index: &Index) -> Result<(), StoreError> {
    let Names { keys, ids } = index.names();
    let Some(reader) = keys.file() else { return Ok(()) };
    reader.verify()?;
    keys.get()?;
    if let Some(ids) = ids {
        ids.verify(reader)?;
    }
    let field =
        |field: String, expected: u64, got: u64| Err(reader.malformed(Fault::Field { field, expected, got }));
    match index {
        Index::Ivf(ivf) => ivf::file::verify(ivf, reader)?,
        Index::Quantized(codes) => ivf::file::verify(&codes.0, reader)?,
        Index::Flat(flat) => {
            finite(reader, &flat.table, flat.dim)?;
            for (row, (vector, &stored)) in flat.table.chunks(flat.dim).zip(flat.norms.iter()).enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "as it was stored")]
                let expected = norm(vector) as f32;
                if stored.to_bits() != expected.to_bits() {
                    let (expected, got) = (expected.to_bits().into(), stored.to_bits().into());
                    return field(format!("bits of the norm of row {row}"), expected, got);
                }
            }
        }
        Index::RpForest(forest) => {
            finite(reader, &forest.table, forest.dim)?;
            forest::verify(reader, forest)?;
        }
        Index::Hnsw(hnsw) => {
            finite(reader, &hnsw.table, hnsw.dim)?;
            let (stored, mut rows) = (hnsw.stored(), 0);
            for node in (0..).take(hnsw.ground().len) {
                let mut before = None;
                for id in stored.ids(node) {
                    if hnsw.nodes.get(id as usize) != Some(&node) || before >= Some(id) {
                        return field(format!("node of row {id}"), node.into(), id.into());
                    }
                    before = Some(id);
                    rows += 1;
                }
            }
            // Each was named once, by its own node.
            if rows != hnsw.nodes.len() {
                return field("number of rows".to_owned(), hnsw.nodes.len() as u64, rows as u64);
            }
            let grounds = std::iter::once((hnsw.ground(), hnsw.ground.len()));
            let uppers = hnsw.upper.iter().map(|upper| (hnsw.layer(upper), upper.size * hnsw.m));
            for (l, (layer, slots)) in grounds.chain(uppers).enumerate() {
                let links = layer.links.get(..slots).unwrap_or_default();
                let bad = |&link: &u32| link != hnsw::NONE && link as usize >= layer.len;
                if let Some(slot) = links.iter().position(bad) {
                    let what =
                        format!("link {} of node {} in layer {l}", slot % layer.width, slot / layer.width);
                    return field(what, layer.len as u64 - 1, u64::from(links[slot]));
                }
            }
        }
    }
    Ok(())
}

fn finite(reader: &Reader, table: &Aligned<f32>, dim: usize) -> Result<(), StoreError> {
    match table.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(i) => {
            let (row, column) = (i / dim, i % dim);
            let reason = EmbeddingsError::NotFinite { key: row.to_string(), row, column, value: table[i] };
            Err(reader.malformed(Fault::Embeddings { reason }))
        }
    }
}
