//! The sections of lists and codes. `docs/format.md` describes them.

use std::io::{Seek, Write};

use embed_core::store::{Fault, Reader, StoreError, Writer};
use embed_core::{Metric, Space};
use serde::{Deserialize, Serialize};

use super::coarse::Coarse;
use super::payload::{Layout, Payload};
use super::{Exact, Ivf, IvfParams, NONE};
use crate::aligned::Aligned;
use crate::id_map::Names;
use crate::pq::Codebook;
use crate::rotation::Rotation;
use crate::scoring::{Scoring, square};
use crate::sq::Sq8;
use crate::tune::Efforts;
use crate::{Codes, Coding, Refine};

/// What the header of an index file says of lists and codes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    listed: bool,
    /// Lists there are, and slots in all.
    lists: u64,
    slots: u64,
    nlist: u64,
    nprobe: u64,
    refine: u64,
    iterations: u64,
    codes: CodesKind,
    exact: ExactKind,
    opq: bool,
    longest: f32,
    longest_centroid: f32,
    error: f32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum CodesKind {
    Flat,
    Sq8,
    Pq { m: u32 },
    PqFast { m: u32 },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum ExactKind {
    None,
    Flat,
    Sq8,
}

fn small(m: usize) -> u32 {
    u32::try_from(m).unwrap_or(u32::MAX)
}

impl Header {
    pub(crate) fn listed(&self) -> bool {
        self.listed
    }

    pub(crate) fn of(index: &Ivf) -> Self {
        let params = &index.params;
        Self {
            listed: index.listed,
            lists: index.coarse.len() as u64,
            slots: index.ids.len() as u64,
            nlist: params.nlist as u64,
            nprobe: params.nprobe as u64,
            refine: params.refine as u64,
            iterations: params.iterations as u64,
            codes: match params.coding.codes {
                Codes::Flat => CodesKind::Flat,
                Codes::Sq8 => CodesKind::Sq8,
                Codes::Pq { m } => CodesKind::Pq { m: small(m) },
                Codes::PqFast { m } => CodesKind::PqFast { m: small(m) },
            },
            exact: match params.coding.refine {
                Refine::None => ExactKind::None,
                Refine::Flat => ExactKind::Flat,
                Refine::Sq8 => ExactKind::Sq8,
            },
            opq: params.coding.opq,
            longest: index.longest,
            longest_centroid: index.coarse.longest,
            error: index.error,
        }
    }
}

pub(crate) fn write<'w, W: Write + Seek>(
    index: &Ivf,
    writer: &'w mut Writer<W>,
) -> Result<&'w mut Writer<W>, StoreError> {
    writer
        .section("centroids", &index.coarse.centroids)?
        .section("biases", &index.coarse.biases)?
        .section("radii", &index.radii)?
        .section("starts", &index.starts)?
        .section("ids", &index.ids)?
        .section("terms", index.payload.terms())?;
    match &index.payload {
        Payload::Flat { table, .. } => writer.section("vectors", table)?,
        Payload::Sq8 { codec, blocks, .. } => {
            writer.section("scales", &scales(codec))?.section("codes", blocks)?
        }
        Payload::Pq { book, codes, .. } | Payload::Fast { book, blocks: codes, .. } => writer
            .section("parts", &parts(book))?
            .section("codebook", &book.values)?
            .section("codes", codes)?,
    };
    match &index.exact {
        Exact::None => writer.section("positions", &index.positions)?,
        Exact::Flat(table) => writer.section("exact", table)?,
        Exact::Sq8 { codec, codes, terms } => writer
            .section("exact-scales", &scales(codec))?
            .section("exact-codes", codes)?
            .section("exact-terms", terms)?,
    };
    if let Some(rotation) = &index.rotation {
        writer.section("rotation", &rotation.matrix)?;
    }
    Ok(writer)
}

fn parts(book: &Codebook) -> Vec<u32> {
    book.borders.iter().map(|&border| small(border)).collect()
}

fn scales(codec: &Sq8) -> Vec<f32> {
    [&codec.mid[..], &codec.step].concat()
}

/// What all families have.
pub(crate) struct Common {
    pub(crate) n: usize,
    pub(crate) dim: usize,
    pub(crate) metric: Metric,
    pub(crate) space: Space,
    pub(crate) names: Names,
}

pub(crate) fn read(reader: &Reader, header: &Header, common: Common) -> Result<Ivf, StoreError> {
    let Common { n, dim, metric, space, names } = common;
    let field = |field: &str, expected: u64, got: u64| {
        reader.malformed(Fault::Field { field: field.to_owned(), expected, got })
    };
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let codes = match header.codes {
        CodesKind::Flat => Codes::Flat,
        CodesKind::Sq8 => Codes::Sq8,
        CodesKind::Pq { m } => Codes::Pq { m: m as usize },
        CodesKind::PqFast { m } => Codes::PqFast { m: m as usize },
    };
    let refine = match header.exact {
        ExactKind::None => Refine::None,
        ExactKind::Flat => Refine::Flat,
        ExactKind::Sq8 => Refine::Sq8,
    };
    let params = IvfParams {
        nlist: size(header.nlist),
        nprobe: size(header.nprobe),
        coding: Coding { codes, opq: header.opq, refine },
        refine: size(header.refine),
        iterations: size(header.iterations),
    };
    params.validate().map_err(|e| field(e.name, e.most as u64, e.got as u64))?;
    let (lists, slots) = (size(header.lists), size(header.slots));
    if !(1..=IvfParams::MAX_LISTS).contains(&lists) || !header.listed && lists != 1 {
        return Err(field("number of lists", 1, header.lists));
    }
    let layout = Layout::of(codes, dim);
    if slots >= NONE as usize || !slots.is_multiple_of(layout.block) || slots < n {
        return Err(field("number of slots", n as u64, header.slots));
    }
    if dim > Sq8::MAX_DIM && (codes != Codes::Flat || refine == Refine::Sq8) {
        return Err(field("dim", Sq8::MAX_DIM as u64, dim as u64));
    }
    let squared = Scoring::of(metric) == Scoring::L2;
    let floats = |name: &str, len: usize| -> Result<Aligned<f32>, StoreError> {
        Ok(reader.section_of_len::<f32>(name, len)?.into())
    };
    let bytes = |name: &str, len: usize| -> Result<Aligned<u8>, StoreError> {
        Ok(reader.section_of_len::<u8>(name, len)?.into())
    };
    let ids = |name: &str, len: usize| -> Result<Aligned<u32>, StoreError> {
        Ok(reader.section_of_len::<u32>(name, len)?.into())
    };
    let codec = |name: &str| -> Result<Sq8, StoreError> {
        let scales = floats(name, 2 * dim)?;
        Ok(Sq8 { mid: scales[..dim].to_vec(), step: scales[dim..].to_vec() })
    };
    let book = |m: usize, k: usize| -> Result<Codebook, StoreError> {
        let borders: Vec<usize> = ids("parts", m + 1)?.iter().map(|&border| border as usize).collect();
        let mut before = 0;
        for (part, &border) in borders.iter().enumerate() {
            let least = if part == m { dim } else { before };
            if border < least || border > dim || part == 0 && border > 0 {
                return Err(field(&format!("start of part {part}"), least as u64, border as u64));
            }
            before = border;
        }
        Ok(Codebook { borders, k, values: floats("codebook", dim.saturating_mul(k))?.to_vec() })
    };
    let terms = floats("terms", if squared { slots } else { 0 })?;
    let blocks = || bytes("codes", (slots / layout.block).saturating_mul(layout.bytes));
    let payload = match codes {
        Codes::Flat => Payload::Flat { table: floats("vectors", slots.saturating_mul(dim))?, terms },
        Codes::Sq8 => Payload::Sq8 { codec: codec("scales")?, blocks: blocks()?, terms },
        Codes::Pq { m } => Payload::Pq { book: book(m, 256)?, codes: blocks()?, terms },
        Codes::PqFast { m } => Payload::Fast { book: book(m, 16)?, blocks: blocks()?, terms },
    };
    let exact = match refine {
        Refine::None => Exact::None,
        Refine::Flat => Exact::Flat(floats("exact", n.saturating_mul(dim))?),
        Refine::Sq8 => Exact::Sq8 {
            codec: codec("exact-scales")?,
            codes: bytes("exact-codes", n.saturating_mul(dim))?,
            terms: floats("exact-terms", if squared { n } else { 0 })?,
        },
    };
    let rotated = header.opq && codes.m().is_some();
    let rotation = if rotated {
        Some(Rotation { matrix: floats("rotation", dim.saturating_mul(dim))?, dim })
    } else {
        None
    };
    Ok(Ivf {
        metric,
        dim,
        n,
        params,
        listed: header.listed,
        rotation,
        coarse: Coarse::opened(
            floats("centroids", lists.saturating_mul(dim))?,
            floats("biases", lists)?,
            header.longest_centroid,
            dim,
        ),
        radii: floats("radii", lists)?,
        starts: ids("starts", lists + 1)?,
        ids: ids("ids", slots)?,
        positions: if refine == Refine::None { ids("positions", n)? } else { Aligned::copy(&[]) },
        payload,
        exact,
        longest: header.longest,
        error: header.error,
        efforts: Efforts::default(),
        space,
        names,
    })
}

/// Checks that what an opened file holds fits together.
pub(crate) fn verify(index: &Ivf, reader: &Reader) -> Result<(), StoreError> {
    let field =
        |field: String, expected: u64, got: u64| Err(reader.malformed(Fault::Field { field, expected, got }));
    let layout = Layout::of(index.params.coding.codes, index.dim);
    let (mut before, mut rows, slots) = (0, 0usize, index.ids.len());
    for (list, &start) in index.starts.iter().enumerate() {
        let first_or_last = list == 0 && start != 0 || list == index.coarse.len() && start as usize != slots;
        if start < before || !(start as usize).is_multiple_of(layout.block) || first_or_last {
            return field(format!("start of list {list}"), before.into(), start.into());
        }
        before = start;
    }
    let mut seen = vec![false; index.n];
    for list in 0..small(index.coarse.len()) {
        let (mut last, mut padding) = (None, 0);
        for &id in &index.ids[index.slots(list)] {
            if id == NONE {
                padding += 1;
                continue;
            }
            let known = seen.get(id as usize).copied();
            if known != Some(false) || last >= Some(id) || padding > 0 {
                return field(format!("row in list {list}"), index.n as u64, id.into());
            }
            seen[id as usize] = true;
            last = Some(id);
            rows += 1;
        }
        if padding >= layout.block.max(1) && padding > 0 {
            return field(format!("empty slots of list {list}"), layout.block as u64, padding as u64);
        }
    }
    if rows != index.n {
        return field("number of rows".to_owned(), index.n as u64, rows as u64);
    }
    for (row, &position) in index.positions.iter().enumerate() {
        let there = index.ids.get(position as usize).copied();
        if there.map(|id| id as usize) != Some(row) {
            return field(format!("slot of row {row}"), row as u64, position.into());
        }
    }
    finite(index, reader)
}

/// Every number that a search reads is one.
fn finite(index: &Ivf, reader: &Reader) -> Result<(), StoreError> {
    let coarse = &index.coarse;
    let mut tables: Vec<(&str, &[f32])> =
        vec![("centroids", &coarse.centroids), ("biases", &coarse.biases), ("radii", &index.radii)];
    match &index.payload {
        Payload::Flat { table, .. } => tables.push(("vectors", table)),
        Payload::Sq8 { codec, .. } => tables.extend([("scales", &codec.mid[..]), ("scales", &codec.step)]),
        Payload::Pq { book, .. } | Payload::Fast { book, .. } => tables.push(("codebook", &book.values)),
    }
    match &index.exact {
        Exact::None => {}
        Exact::Flat(table) => tables.push(("exact", table)),
        Exact::Sq8 { codec, terms, .. } => tables.extend([
            ("exact-scales", &codec.mid[..]),
            ("exact-scales", &codec.step),
            ("exact-terms", terms),
        ]),
    }
    if let Some(rotation) = &index.rotation {
        tables.push(("rotation", &rotation.matrix));
    }
    // Terms of empty slots are minus infinity, so that nothing there scores.
    let terms = index.payload.terms();
    let infinite = terms.iter().zip(index.ids.iter()).position(|(t, &id)| id != NONE && t.is_nan());
    let wrong = tables.into_iter().find_map(|(name, table)| {
        // Squares may overflow; what is no number is damage.
        let bad = |x: &f32| {
            if matches!(name, "biases" | "radii" | "exact-terms") { x.is_nan() } else { !x.is_finite() }
        };
        table.iter().position(bad).map(|at| (name, at))
    });
    if let Some((name, at)) = wrong.or(infinite.map(|at| ("terms", at))) {
        let field = format!("finite value {at} of section {name}");
        return Err(reader.malformed(Fault::Field { field, expected: 0, got: at as u64 }));
    }
    if let Payload::Flat { table, terms } = &index.payload {
        for (slot, (row, term)) in table.chunks(index.dim).zip(terms.iter()).enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "as it was stored")]
            let expected = -square(row) as f32;
            if expected.to_bits() != term.to_bits() {
                let field = format!("bits of the square in slot {slot}");
                let (expected, got) = (expected.to_bits().into(), term.to_bits().into());
                return Err(reader.malformed(Fault::Field { field, expected, got }));
            }
        }
    }
    Ok(())
}
