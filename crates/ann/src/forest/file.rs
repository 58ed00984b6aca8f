//! A forest in an index file.

use std::io::{Seek, Write};

use embed_core::store::{Fault, Reader, StoreError, Writer};
use embed_core::{Metric, Space};
use serde::{Deserialize, Serialize};

use super::{LEAF, Planes, RpForest, search};
use crate::ForestParams;
use crate::aligned::Aligned;
use crate::hnsw::{Codes, code_stride};
use crate::id_map::Names;
use crate::scoring::Scoring;
use crate::tune::Efforts;

/// The family's part of the header.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    trees: u32,
    leaf: u64,
    search_k: u64,
    spread: f32,
    planes: u64,
    leaves: u64,
}

impl Header {
    pub(crate) fn of(forest: &RpForest) -> Self {
        Self {
            trees: u32::try_from(forest.trees).unwrap_or(u32::MAX),
            leaf: forest.leaf as u64,
            search_k: forest.search_k as u64,
            spread: forest.spread,
            planes: forest.planes.len() as u64,
            leaves: forest.leaves.len() as u64 - 1,
        }
    }
}

pub(crate) fn write<W: Write + Seek>(forest: &RpForest, writer: &mut Writer<W>) -> Result<(), StoreError> {
    writer
        .section("vectors", &forest.table)?
        .section("ids", &forest.ids)?
        .section("positions", &forest.positions)?
        .section("codes", &forest.codes.rows)?
        .section("scales", &forest.codes.scales)?
        .section("centre", &forest.codes.centre)?
        .section("normals", &forest.planes.normals.rows)?
        .section("normals.scales", &forest.planes.normals.scales)?
        .section("children", &forest.planes.children)?
        .section("leaves", &forest.leaves)?
        .section("members", &forest.members)?
        .section("roots", &forest.roots)?;
    Ok(())
}

pub(crate) fn read(
    reader: &Reader,
    header: &Header,
    (n, dim): (usize, usize),
    (metric, space): (Metric, Space),
    names: Names,
) -> Result<RpForest, StoreError> {
    let field = |field: &str, expected: u64, got: u64| {
        reader.malformed(Fault::Field { field: field.to_owned(), expected, got })
    };
    let size = |got: u64| usize::try_from(got).unwrap_or(usize::MAX);
    let params = ForestParams {
        trees: header.trees as usize,
        leaf: size(header.leaf),
        search_k: size(header.search_k),
    };
    params.validate().map_err(|e| field(e.name, e.most as u64, e.got as u64))?;
    params.check_shape(n, dim).map_err(|e| field(e.name, e.most as u64, e.got as u64))?;
    let planes = size(header.planes);
    let bytes = |rows: usize| rows.saturating_mul(code_stride(dim));
    Ok(RpForest {
        metric,
        dim,
        trees: params.trees,
        leaf: params.leaf,
        search_k: params.search_k,
        spread: header.spread,
        table: reader.section_of_len::<f32>("vectors", n.saturating_mul(dim))?.into(),
        ids: reader.section_of_len::<u32>("ids", n)?.into(),
        positions: reader.section_of_len::<u32>("positions", n)?.into(),
        codes: Codes {
            scoring: Scoring::of(metric),
            rows: reader.section_of_len::<u8>("codes", bytes(n))?.into(),
            scales: reader.section_of_len::<f32>("scales", n.saturating_mul(2))?.into(),
            centre: reader.section_of_len::<f32>("centre", dim)?.into(),
        },
        planes: Planes {
            normals: Codes {
                scoring: Scoring::Dot,
                rows: reader.section_of_len::<u8>("normals", bytes(planes))?.into(),
                scales: reader.section_of_len::<f32>("normals.scales", planes.saturating_mul(2))?.into(),
                centre: Aligned::copy(&vec![0.0; dim]),
            },
            children: reader.section_of_len::<u32>("children", planes.saturating_mul(2))?.into(),
        },
        leaves: reader.section_of_len::<u32>("leaves", size(header.leaves).saturating_add(1))?.into(),
        members: reader.section_of_len::<u32>("members", n.saturating_mul(params.trees))?.into(),
        roots: reader.section_of_len::<u32>("roots", params.trees)?.into(),
        efforts: Efforts::default(),
        space,
        names,
        scratch: search::ScratchPool::default(),
    })
}

/// Checks that trees lead where something is, that planes lie somewhere, and that rows and positions belong to
/// each other.
pub(crate) fn verify(reader: &Reader, forest: &RpForest) -> Result<(), StoreError> {
    let field =
        |field: String, expected: u64, got: u64| Err(reader.malformed(Fault::Field { field, expected, got }));
    let n = forest.ids.len();
    for (position, &id) in forest.ids.iter().enumerate() {
        if forest.positions.get(id as usize).is_none_or(|&p| p as usize != position) {
            return field(format!("row at position {position}"), n as u64, id.into());
        }
    }
    let numbers = &forest.planes.normals.scales;
    if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
        return field(format!("finite value {at} of section normals.scales"), 0, at as u64);
    }
    if !(forest.spread.is_finite() && forest.spread >= 0.0) {
        return field("bits of a finite spread".to_owned(), 0, forest.spread.to_bits().into());
    }
    let (planes, leaves) = (forest.planes.len(), forest.leaves.len() - 1);
    let leads = |child: u32| {
        if child & LEAF == 0 { (child as usize) < planes } else { ((child & !LEAF) as usize) < leaves }
    };
    for (i, &child) in forest.planes.children.iter().enumerate() {
        if !leads(child) || child & LEAF == 0 && child as usize <= i / 2 {
            return field(format!("child {} of plane {}", i % 2, i / 2), planes as u64, child.into());
        }
    }
    if let Some(tree) = forest.roots.iter().position(|&root| !leads(root)) {
        return field(format!("root of tree {tree}"), planes as u64, forest.roots[tree].into());
    }
    if let Some(leaf) = forest.leaves.windows(2).position(|ends| ends[0] > ends[1]) {
        return field(
            format!("end of leaf {leaf}"),
            forest.leaves[leaf].into(),
            forest.leaves[leaf + 1].into(),
        );
    }
    let last = forest.leaves.last().copied().unwrap_or_default();
    if last as usize != forest.members.len() {
        return field("end of the last leaf".to_owned(), forest.members.len() as u64, last.into());
    }
    if let Some(slot) = forest.members.iter().position(|&position| position as usize >= n) {
        return field(format!("member {slot}"), n as u64, forest.members[slot].into());
    }
    Ok(())
}
