use std::path::Path;

use embed_core::ItemId;
use embed_core::store::{Kind, Reader, StoreError, Writer};
use serde::{Deserialize, Serialize};

use super::snapshot::{states_of, values_of};
use super::{FitRecord, FitReport, Training};
use crate::layers::Module;
use crate::matrix::all_finite;
use crate::models::{Encoder, Example};

/// Header of kind `towers-training`, version 1. The sections are `value.N`, `state.N` and `kept.N`, numbered as the model names
/// its arrays.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: FitRecord,
    report: FitReport,
    seed: u64,
    step: u64,
    best: f64,
    since_best: u32,
    plateau: f32,
    names: Vec<String>,
}

/// Why a training could not be saved, or not taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is of another training.
    #[error("the checkpoint is of a training with {what}")]
    Other {
        /// What differs.
        what: &'static str,
    },
    /// A pass was stopped midway; only whole passes can be taken up again.
    #[error("pass {epoch} was stopped midway: a checkpoint is made between passes")]
    Midway {
        /// The pass, from 0.
        epoch: u32,
    },
}

impl<U: Encoder<Example>, I: Encoder<ItemId>> Training<'_, U, I> {
    /// The kind of a checkpoint.
    pub const KIND: Kind = Kind::new("towers-training", 1);

    /// Writes all that a later [`Training::resume`] needs, in one step; a crash leaves the old file or the new one. What a
    /// sampler has learned is not in it.
    ///
    /// # Errors
    /// - [`CheckpointError::Store`] when the file cannot be written.
    /// - [`CheckpointError::Midway`] after a stop within a pass.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        if self.report.stopped {
            return Err(CheckpointError::Midway { epoch: self.report.epochs_done });
        }
        let header = Header {
            params: self.record(),
            report: self.report.clone(),
            seed: self.seed,
            step: self.step,
            best: self.best,
            since_best: self.since_best,
            plateau: self.plateau,
            names: self.names(),
        };
        let mut writer = Writer::create(path, Self::KIND, &header)?;
        let mut tensors = Vec::new();
        self.model.tensors("", &mut tensors);
        for (number, tensor) in tensors.iter().enumerate() {
            writer.section(&format!("value.{number}"), tensor.values)?;
        }
        for (number, values) in self.kept.values.iter().enumerate() {
            writer.section(&format!("kept.{number}"), values)?;
        }
        for (number, state) in states_of(&mut self.model).into_iter().enumerate() {
            writer.section::<f32>(&format!("state.{number}"), state.map_or(&[], |state| state.as_slice()))?;
        }
        writer.finish()?;
        Ok(())
    }

    /// Takes up a training where it was saved: `self` is the same training, newly begun.
    ///
    /// # Errors
    /// - [`CheckpointError::Store`] when the file cannot be read or does not match its checksums.
    /// - [`CheckpointError::Other`] names what differs.
    pub fn resume(mut self, path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let reader = Reader::open_verified(path, Self::KIND)?;
        let header: Header = reader.header()?;
        let other = |what| Err(CheckpointError::Other { what });
        if header.params != self.record() {
            return other("other settings");
        }
        if header.seed != self.seed {
            return other("another seed");
        }
        let same_positives = header.report.examples == self.report.examples
            && header.report.without_history == self.report.without_history;
        if !same_positives || header.names != self.names() {
            return other("other data or another model");
        }
        let whole = u64::from(header.report.epochs_done) * self.steps_per_epoch();
        if header.step > self.total_steps() || header.step != whole.min(self.total_steps()) {
            return other("another number of steps");
        }
        let mut finite = true;
        for (number, values) in values_of(&mut self.model).into_iter().enumerate() {
            for (kept, name) in [(false, "value"), (true, "kept")] {
                let section = reader.section_of_len::<f32>(&format!("{name}.{number}"), values.len())?;
                finite &= all_finite(&section);
                if kept {
                    self.kept.values[number].copy_from_slice(&section);
                } else {
                    values.copy_from_slice(&section);
                }
            }
        }
        for (number, state) in states_of(&mut self.model).into_iter().enumerate() {
            let section = reader.section::<f32>(&format!("state.{number}"))?;
            finite &= all_finite(&section);
            if let Some(state) = state {
                *state = section.into_vec();
            }
        }
        if !finite {
            return other("values that are not finite");
        }
        self.report = header.report;
        (self.step, self.best) = (header.step, header.best);
        (self.since_best, self.plateau) = (header.since_best, header.plateau);
        Ok(self)
    }

    fn names(&self) -> Vec<String> {
        let mut tensors = Vec::new();
        self.model.tensors("", &mut tensors);
        tensors.into_iter().map(|tensor| tensor.name).collect()
    }
}
