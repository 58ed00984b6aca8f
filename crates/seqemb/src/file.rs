//! Model files: `docs/format.md`, kind "item-vectors".

use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{EmbeddingsError, RowMask, Space};
use serde::{Deserialize, Serialize};

use crate::{FitReport, ItemVectors, Objective, Params, Tables};

/// Header of kind `item-vectors`. The sections are `keys.text`, `keys.ends`, `input` and `output`; in version 2 also
/// `trained`.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: Params,
    report: FitReport,
    input_space: Space,
    output_space: Space,
}

impl ItemVectors {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("item-vectors", 2);

    /// Writes both tables, the keys, the settings and the report into one container, in one step.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let header = Header {
            params: self.params.clone(),
            report: self.report.clone(),
            input_space: self.input.space(),
            output_space: self.output.space(),
        };
        // Version 1 where all rows are trained, which older readers open.
        let version = 1 + u32::from(self.input.trained_rows().is_some());
        let mut writer = Writer::create(path, Self::KIND.at_version(version), &header)?;
        writer.vocab("keys", self.input.vocab())?;
        writer.section("input", self.input.as_slice())?.section("output", self.output.as_slice())?;
        writer.trained("trained", &self.input)?;
        writer.finish()
    }

    /// Reads what [`ItemVectors::save`] wrote, into memory, and verifies all of it. O(n_items · dim).
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read, is of another kind, does not match its checksums, or
    /// does not hold two tables of finite vectors under distinct keys.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_container(&Reader::open_verified(path, Self::KIND)?)
    }

    /// The model in an open container; does not [`Reader::verify`] it.
    ///
    /// # Errors
    /// As [`ItemVectors::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let header: Header = reader.header()?;
        let most = Params::MAX_DIM as u64;
        let dim = header.params.dim;
        if dim == 0 || dim as u64 > most {
            let got = dim as u64;
            return Err(reader.malformed(Fault::Field {
                field: "dim".to_owned(),
                expected: got.clamp(1, most),
                got,
            }));
        }
        let keys = Arc::new(reader.vocab("keys")?);
        let input = reader.embeddings("input", keys.clone(), dim, header.input_space)?;
        let output = reader.embeddings("output", keys.clone(), dim, header.output_space)?;
        let vectors = Self { input, output, params: header.params, report: header.report };
        if reader.kind_version() == 1 {
            return vectors
                .with_zeros_untrained()
                .map_err(|reason| reader.malformed(Fault::Embeddings { reason }));
        }
        let (input, output) =
            (reader.trained("trained", vectors.input)?, reader.trained("trained", vectors.output)?);
        Ok(Self { input, output, ..vectors })
    }
    /// Files of version 1 do not say which rows were trained. Output vectors begin as zeros, and a row that was trained is
    /// not left at zero; with one table, or a tree, nothing tells.
    fn with_zeros_untrained(self) -> Result<Self, EmbeddingsError> {
        if self.params.tables == Tables::Shared || self.params.objective == Objective::HierarchicalSoftmax {
            return Ok(self);
        }
        let (rows, dim) = (self.output.as_slice(), self.output.dim());
        let trained = RowMask::from_fn(self.output.len(), |row| {
            rows[row * dim..(row + 1) * dim].iter().any(|&x| x != 0.0)
        });
        let trained = Arc::new(trained);
        let input = self.input.with_trained(Arc::clone(&trained))?;
        Ok(Self { input, output: self.output.with_trained(trained)?, ..self })
    }
}
