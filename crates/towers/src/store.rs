//! What the model files have in common: one array of each tensor, by number.

use std::io::{Seek, Write};

use embed_core::store::{Fault, Reader, StoreError, Writer};

use crate::layers::{Module, Tensor};
use crate::train::values_of;

/// A field that is not what the file says it is.
pub(crate) fn field(reader: &Reader, field: impl Into<String>, expected: u64, got: u64) -> StoreError {
    reader.malformed(Fault::Field { field: field.into(), expected, got })
}

/// Sections `tensor.N`.
pub(crate) fn write_tensors<W: Write + Seek>(
    writer: &mut Writer<W>,
    tensors: &[Tensor<'_>],
) -> Result<(), StoreError> {
    for (number, tensor) in tensors.iter().enumerate() {
        writer.section(&format!("tensor.{number}"), tensor.values)?;
    }
    Ok(())
}

/// What settings ask for is not allocated before the file is known to hold as many values.
pub(crate) fn holds(reader: &Reader, values: u64) -> Result<(), StoreError> {
    let most = reader.file_len() / size_of::<f32>() as u64;
    if values > most { Err(field(reader, "values", most, values)) } else { Ok(()) }
}

/// Fills a model of the same settings with what [`write_tensors`] wrote.
pub(crate) fn read_tensors(reader: &Reader, model: &mut impl Module) -> Result<(), StoreError> {
    for (number, values) in values_of(model).into_iter().enumerate() {
        let section = reader.section_of_len::<f32>(&format!("tensor.{number}"), values.len())?;
        if !crate::all_finite(&section) {
            return Err(field(reader, format!("finite values of tensor {number}"), 1, 0));
        }
        values.copy_from_slice(&section);
    }
    Ok(())
}
