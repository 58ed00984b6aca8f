//! Model files: `docs/format.md`, kind "id-towers".

use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{Parallelism, Space};
use serde::{Deserialize, Serialize};

use super::IdTowers;
use super::any::trained_users;
use super::served::{Served, item_vectors};
use crate::models::{TowersParams, TwoTower};
use crate::store::{field, holds, read_tensors, write_tensors};
use crate::train::{FitRecord, FitReport};

/// Header of kind `id-towers`. The sections are the keys `items` and `users`, and one array of each tensor, by name; in version 2 also
/// `items.trained` and `users.trained`, where not all were.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: TowersParams,
    fit: FitRecord,
    report: FitReport,
    /// Fingerprint of the item vectors.
    space: Space,
}

impl IdTowers {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("id-towers", 2);

    /// Writes tables, layers, keys, settings and the report into one container, in one step. Version 1 where
    /// all items and, if they are known by id, all users were trained.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let Served { record, report, users, trained_users, items, .. } = &self.0.served;
        let header = Header {
            params: self.0.params.clone(),
            fit: record.clone(),
            report: report.clone(),
            space: items.space(),
        };
        let users_differ = self.0.params.user_id && !trained_users.is_full();
        let version = 1 + u32::from(users_differ || items.trained_rows().is_some());
        let mut writer = Writer::create(path, Self::KIND.at_version(version), &header)?;
        writer.vocab("items", items.vocab())?;
        writer.vocab("users", users)?;
        writer.trained("items.trained", items)?;
        if users_differ {
            writer.section("users.trained", trained_users.words())?;
        }
        write_tensors(&mut writer, &self.tensors())?;
        writer.finish()
    }

    /// Reads what [`IdTowers::save`] wrote, into memory, verifies all of it and computes the items' vectors.
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
    /// As [`IdTowers::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let Header { params, fit, report, space } = reader.header()?;
        let (items, users) = (Arc::new(reader.vocab("items")?), Arc::new(reader.vocab("users")?));
        holds(reader, params.n_values(users.len(), items.len()))?;
        if params.validate().is_err() {
            return Err(field(reader, "settings", 1, 0));
        }
        let model = TwoTower::new(&params, users.len(), items.len(), 1.0, 0);
        let mut model = model.map_err(|_| field(reader, "settings", 1, 0))?;
        read_tensors(reader, &mut model)?;
        let vectors = item_vectors(&model, items, Parallelism::All, |_| {})
            .map_err(|_| field(reader, "threads", 1, 0))?;
        let items = vectors.map_err(|reason| reader.malformed(Fault::Embeddings { reason }))?;
        // The same values give the same vectors on one instruction set; on another they agree to rounding, and the space is
        // still theirs.
        let (keys, vectors) = items.into_parts();
        let items = embed_core::Embeddings::in_space(keys, vectors, space)
            .map_err(|reason| reader.malformed(Fault::Embeddings { reason }))?;
        let items = reader.trained("items.trained", items)?;
        let trained_users = trained_users(reader, users.len())?;
        let served = Served { model, record: fit, report, users, trained_users, items };
        Ok(Self::of(params, served))
    }
}
