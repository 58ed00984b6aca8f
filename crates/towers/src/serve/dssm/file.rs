//! Model files: `docs/format.md`, kind "dssm".

use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{Embeddings, ItemId, Parallelism, RowMask, Space};
use serde::{Deserialize, Serialize};

use super::Dssm;
use super::model::shrink_unseen;
use crate::features::{Coded, Coder, Column, Records, Side};
use crate::layers::Bag;
use crate::matrix::Buffer;
use crate::models::{DssmParams, Encoder, TwoTower};
use crate::serve::served::{Served, item_vectors};
use crate::store::{field, holds, read_tensors, write_tensors};
use crate::train::{FitRecord, FitReport};

/// Header of kind `dssm`, version 1.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: DssmParams,
    fit: FitRecord,
    report: FitReport,
    coder: Coder,
    /// Fingerprint of the item vectors.
    space: Space,
}

impl Dssm {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("dssm", 1);

    /// Writes schema, vocabularies, coded features, tables, layers, keys, settings and the report into one container, in one step.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let header = Header {
            params: self.0.params.clone(),
            fit: self.fit_record().clone(),
            report: self.report().clone(),
            coder: self.coder().clone(),
            space: self.items().space(),
        };
        let mut writer = Writer::create(path, Self::KIND, &header)?;
        writer.vocab("items", self.items().vocab())?;
        writer.vocab("users", self.users())?;
        for (number, table) in self.coder().tables().iter().enumerate() {
            writer.vocab(&format!("table.{number}"), &table.vocab)?;
        }
        write(&mut writer, "user", &self.0.served.model.user.records)?;
        write(&mut writer, "item", &self.0.served.model.item.records)?;
        write_tensors(&mut writer, &self.tensors())?;
        writer.finish()
    }

    /// Reads what [`Dssm::save`] wrote, into memory, verifies all of it and computes the items' vectors.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read, is of another kind, does not match its checksums, or does not hold a model of
    /// finite numbers.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_container(&Reader::open_verified(path, Self::KIND)?)
    }

    /// The model in an open container; does not [`Reader::verify`] it.
    ///
    /// # Errors
    /// As [`Dssm::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let Header { params, fit, report, mut coder, space } = reader.header()?;
        let (items, users) = (Arc::new(reader.vocab("items")?), Arc::new(reader.vocab("users")?));
        if *coder.schema() != params.schema || !coder.is_whole() || params.validate().is_err() {
            return Err(field(reader, "settings", 1, 0));
        }
        for (number, table) in coder.tables_mut().iter_mut().enumerate() {
            table.vocab = reader.vocab(&format!("table.{number}"))?;
        }
        holds(reader, params.n_values(&coder))?;
        let user_records = Arc::new(read(reader, "user", &coder, Side::User, users.len())?);
        let item_records = Arc::new(read(reader, "item", &coder, Side::Item, items.len())?);
        let model = TwoTower::over_features(&params, &coder, (user_records, item_records), 1.0, 0);
        let mut model = model.map_err(|_| field(reader, "settings", 1, 0))?;
        read_tensors(reader, &mut model)?;
        let records = Arc::clone(&model.item.records);
        let shrink =
            |vectors: ndarray::ArrayViewMut2<'_, f32>| shrink_unseen(params.unseen, &records, vectors);
        let vectors = item_vectors(&model, items, Parallelism::All, shrink);
        let vectors = vectors.map_err(|_| field(reader, "threads", 1, 0))?;
        // The same values give the same vectors on one instruction set; on another they agree to rounding, and the space is
        // still theirs.
        let placed = vectors.map(Embeddings::into_parts).and_then(|(k, v)| Embeddings::in_space(k, v, space));
        let items = placed.map_err(|reason| reader.malformed(Fault::Embeddings { reason }))?;
        let known = |row: usize| ItemId::try_from(row).is_ok_and(|item| model.item.knows_by_content(&item));
        let items = items.with_trained(RowMask::from_fn(records.len(), known));
        let items = items.map_err(|reason| reader.malformed(Fault::Embeddings { reason }))?;
        let trained_users = RowMask::from_fn(users.len(), |_| true);
        let served = Served { model, record: fit, report, users, trained_users, items };
        Ok(Self::of(params, coder, served))
    }
}

fn write<W: Write + Seek>(writer: &mut Writer<W>, side: &str, records: &Records) -> Result<(), StoreError> {
    for (number, column) in records.columns().iter().enumerate() {
        let name = format!("{side}.{number}");
        match column {
            Coded::Codes(codes) => writer.section(&name, codes)?,
            Coded::Values(values) => writer.section(&name, values.as_slice())?,
            Coded::Lists(bag) => {
                let offsets: Vec<u64> = bag.offsets().iter().map(|&offset| offset as u64).collect();
                writer.section(&name, bag.ids())?.section(&format!("{name}.offsets"), &offsets)?
            }
        };
    }
    Ok(())
}

fn read(reader: &Reader, name: &str, coder: &Coder, side: Side, rows: usize) -> Result<Records, StoreError> {
    let field = |name: String, expected: usize, got: usize| field(reader, name, expected as u64, got as u64);
    let limits = coder.limits(side);
    let mut columns = Vec::with_capacity(limits.len());
    for ((number, column), &limit) in coder.columns(side).iter().enumerate().zip(&limits) {
        let name = format!("{name}.{number}");
        let known = |codes: &[u32]| match codes.iter().find(|code| **code as usize >= limit) {
            Some(&code) => Err(field(name.clone(), limit, code as usize)),
            None => Ok(()),
        };
        columns.push(match column {
            Column::Code { .. } => {
                let codes = reader.section_of_len::<u32>(&name, rows)?;
                known(&codes)?;
                Coded::Codes(codes.into_vec())
            }
            Column::List { .. } => {
                let codes = reader.section::<u32>(&name)?;
                known(&codes)?;
                let offsets = reader.section::<u64>(&format!("{name}.offsets"))?;
                let mut bag = Bag::new();
                let mut start = 0;
                if offsets.len() != rows + 1 || offsets.first() != Some(&0) {
                    return Err(field(format!("{name}.offsets"), rows + 1, offsets.len()));
                }
                for &end in offsets.iter().skip(1) {
                    let end = usize::try_from(end).unwrap_or(usize::MAX);
                    let Some(row) = codes.get(start..end) else {
                        return Err(field(format!("{name}.offsets"), codes.len(), end));
                    };
                    bag.push(row);
                    start = end;
                }
                Coded::Lists(bag)
            }
            Column::Number { .. } | Column::Vector { .. } => {
                let wanted = rows.saturating_mul(limit);
                let section = reader.section_of_len::<f32>(&name, wanted)?;
                if !crate::all_finite(&section) {
                    return Err(field(format!("finite values of {name}"), 1, 0));
                }
                let mut values = Buffer::new();
                values.resize(rows, limit);
                values.as_slice_mut().copy_from_slice(&section);
                Coded::Values(values)
            }
        });
    }
    Ok(Records::new(rows, columns, limits))
}
