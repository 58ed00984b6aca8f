//! Model files: `docs/format.md`, kind "reranker".

use std::path::Path;
use std::sync::Arc;

use embed_core::SeededRng;
use embed_core::store::{Kind, Reader, StoreError, Writer};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::net::Net;
use super::{RerankParams, Reranker};
use crate::layers::Table;
use crate::models::TowersParams;
use crate::store::{field, holds, read_tensors, write_tensors};
use crate::train::{FitRecord, FitReport};

/// Header of kind `reranker`, version 1. The sections are the keys `items`, and one array of each tensor.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: RerankParams,
    fit: FitRecord,
    report: FitReport,
    dim: u32,
}

impl Reranker {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("reranker", 1);

    /// Writes vectors, layers, keys, settings and the report into one container, in one step.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let header = Header {
            params: self.params.clone(),
            fit: self.record.clone(),
            report: self.report.clone(),
            dim: u32::try_from(self.net.items.dim()).unwrap_or(u32::MAX),
        };
        let mut writer = Writer::create(path, Self::KIND, &header)?;
        writer.vocab("items", &self.items)?;
        write_tensors(&mut writer, &self.tensors())?;
        writer.finish()
    }

    /// Reads what [`Reranker::save`] wrote, into memory, and verifies all of it.
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
    /// As [`Reranker::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let Header { params, fit, report, dim } = reader.header()?;
        let items = Arc::new(reader.vocab("items")?);
        let dim = dim as usize;
        holds(reader, params.n_values(items.len(), dim))?;
        if params.validate().is_err() || !(1..=TowersParams::MAX_DIM).contains(&dim) {
            return Err(field(reader, "settings", 1, 0));
        }
        let table = Table::from_rows(Array2::zeros((items.len(), dim)));
        let net = Net::new(&params, table, &mut SeededRng::new(0));
        let mut net = net.map_err(|_| field(reader, "settings", 1, 0))?;
        read_tensors(reader, &mut net)?;
        Ok(Self { params, record: fit, report, net, items })
    }
}
