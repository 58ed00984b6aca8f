//! Files of a model: `docs/format.md`, kind "graph-sage".

use std::io::{Seek, Write};
use std::path::Path;

use embed_core::Space;
use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use towers::layers::{Linear, Module, Param};

use super::layer::Layer;
use super::{Aggregator, GraphSage, SageParams, SageReport};

/// Header of kind `graph-sage`, version 1.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: SageParams,
    report: SageReport,
    n_features: u64,
    space: Space,
}

impl GraphSage {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("graph-sage", 1);

    /// Writes the layers, what nodes say to neighbours, their vectors and keys into one container, in one step.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let mut writer = Writer::create(path, Self::KIND, &self.header())?;
        self.write(&mut writer)?;
        writer.finish()
    }

    /// What [`GraphSage::save`] writes.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when the header is beyond its limit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut writer = Writer::in_memory(Self::KIND, &self.header())?;
        self.write(&mut writer)?;
        writer.into_bytes()
    }

    /// Reads what [`GraphSage::save`] wrote, into memory, and verifies all of it. O(nodes · width).
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read, is of another kind, does not match its checksums, or its arrays are not
    /// those of a model.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_container(&Reader::open_verified(path, Self::KIND)?)
    }

    /// The model of the bytes of its file; does not verify the checksums of the sections.
    ///
    /// # Errors
    /// As [`GraphSage::open`], without those checksums.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::from_container(&Reader::from_bytes(bytes, Self::KIND)?)
    }

    /// The model in an open container; does not [`Reader::verify`] it.
    ///
    /// # Errors
    /// As [`GraphSage::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let Header { params, report, n_features, space } = reader.header()?;
        if params.validate().is_err() {
            return Err(reader.malformed(field("valid settings", 1, 0)));
        }
        let most = SageParams::MAX_FEATURES as u64;
        if n_features > most || n_features + params.id_dim as u64 == 0 {
            return Err(reader.malformed(field("n_features", n_features.clamp(1, most), n_features)));
        }
        let n_features = usize::try_from(n_features).unwrap_or(usize::MAX);
        let keys = reader.vocab("keys")?;
        let (mut layers, mut messages) = (Vec::new(), Vec::new());
        let mut inputs = n_features + params.id_dim;
        for (k, of) in params.layers.iter().enumerate() {
            let pool = match params.aggregator {
                Aggregator::Mean => None,
                Aggregator::MaxPool { hidden } => {
                    let weight = param(reader, &format!("layer.{k}.pool.weight"), hidden, inputs)?;
                    let bias = param(reader, &format!("layer.{k}.pool.bias"), 1, hidden)?;
                    Some(Linear { weight, bias: Some(Param { decays: false, ..bias }) })
                }
            };
            let message = pool.as_ref().map_or(inputs, Linear::outputs);
            let weight = param(reader, &format!("layer.{k}.weight"), of.width, inputs + message)?;
            let activation = Layer::activation(k + 1 == params.layers.len());
            layers.push(Layer { pool, linear: Linear { weight, bias: None }, activation });
            messages.push(matrix(reader, &format!("messages.{k}"), keys.len(), message)?);
            inputs = of.width;
        }
        let nodes = reader.embeddings("vectors", keys, params.dim(), space)?;
        Ok(Self { params, report, n_features, layers, messages, nodes })
    }

    fn header(&self) -> Header {
        Header {
            params: self.params.clone(),
            report: self.report.clone(),
            n_features: self.n_features as u64,
            space: self.nodes.space(),
        }
    }

    fn write<W: Write + Seek>(&self, writer: &mut Writer<W>) -> Result<(), StoreError> {
        writer.vocab("keys", self.nodes.vocab())?;
        for (k, layer) in self.layers.iter().enumerate() {
            let mut tensors = Vec::new();
            layer.tensors(&format!("layer.{k}"), &mut tensors);
            for tensor in tensors {
                writer.section(&tensor.name, tensor.values)?;
            }
        }
        for (k, messages) in self.messages.iter().enumerate() {
            writer.section(&format!("messages.{k}"), messages.as_slice().unwrap_or_default())?;
        }
        writer.section("vectors", self.nodes.as_slice())?;
        Ok(())
    }
}

/// A parameter that only serves.
fn param(reader: &Reader, name: &str, rows: usize, columns: usize) -> Result<Param, StoreError> {
    let value = matrix(reader, name, rows, columns)?;
    Ok(Param { value, gradient: Array2::zeros((0, 0)), state: Vec::new(), decays: true })
}

/// Finite values `[rows, columns]`.
fn matrix(reader: &Reader, name: &str, rows: usize, columns: usize) -> Result<Array2<f32>, StoreError> {
    let values = reader.section_of_len::<f32>(name, rows.saturating_mul(columns))?.into_vec();
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        let bits = u64::from(value.to_bits());
        return Err(reader.malformed(field(&format!("bits of a value of {name}"), 0, bits)));
    }
    let got = values.len() as u64;
    Array2::from_shape_vec((rows, columns), values)
        .map_err(|_| reader.malformed(Fault::SectionLength { section: name.to_owned(), expected: got, got }))
}

fn field(field: &str, expected: u64, got: u64) -> Fault {
    Fault::Field { field: field.to_owned(), expected, got }
}
