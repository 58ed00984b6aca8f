//! Checkpoints of a training: `docs/format.md`, kind "training".

use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Kind, Reader, StoreError, Writer};
use embed_core::{SequenceSource, Vocab};
use serde::{Deserialize, Serialize};

use crate::{FitError, FitReport, Params, Training};

/// Header of kind `training`, version 1. The sections are `keys.text`, `keys.ends`, `counts`, `input` and `output`.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: Params,
    report: FitReport,
    seed: u64,
    blocks_drawn: u64,
    chunks_done: u64,
}

/// Why a training could not be saved, or not taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The training itself failed.
    #[error(transparent)]
    Fit(#[from] FitError),
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

impl Training {
    /// The kind of a checkpoint.
    pub const KIND: Kind = Kind::new("training", 1);

    /// Writes all that a later [`Training::resume`] needs, in one step; a crash leaves the old file or the new one. What
    /// a sampler has learned is not in it.
    ///
    /// # Errors
    /// - [`CheckpointError::Store`] when the file cannot be written.
    /// - [`CheckpointError::Midway`] after a stop within a pass.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        if self.report.stopped {
            return Err(CheckpointError::Midway { epoch: self.report.epochs_done });
        }
        let header = Header {
            params: self.params.clone(),
            report: self.report.clone(),
            seed: self.seed,
            blocks_drawn: self.trainer.blocks_drawn(),
            chunks_done: self.trainer.chunks_done(),
        };
        let mut writer = Writer::create(path, Self::KIND, &header)?;
        writer.vocab("keys", &self.vocab)?;
        writer.section("counts", &self.survey.counts)?;
        // One table at a time is copied into the order of its rows.
        for (name, table) in [("input", &self.trainer.input), ("output", &self.trainer.output)] {
            let rows = table.clone().into_rows();
            writer.section(name, rows.as_slice().unwrap_or_default())?;
        }
        writer.finish()?;
        Ok(())
    }

    /// Takes up a training where it was saved. Settings, seed, keys and sequences must be those of then; more epochs may
    /// not be asked for, as the rate follows their number.
    ///
    /// # Errors
    /// - [`CheckpointError::Store`] when the file cannot be read or does not match its checksums.
    /// - [`CheckpointError::Other`] names what differs.
    /// - [`CheckpointError::Fit`] as [`Training::new`].
    pub fn resume(
        path: impl AsRef<Path>,
        params: &Params,
        source: &dyn SequenceSource,
        vocab: impl Into<Arc<Vocab>>,
        seed: u64,
    ) -> Result<Self, CheckpointError> {
        let reader = Reader::open_verified(path, Self::KIND)?;
        let header: Header = reader.header()?;
        let mut training = Self::new(params, source, vocab, seed)?;
        let other = |what| Err(CheckpointError::Other { what });
        if header.params != training.params {
            return other("other settings");
        }
        if header.seed != seed {
            return other("another seed");
        }
        let keys = reader.vocab("keys")?;
        if keys.len() != training.vocab.len() || !keys.keys().eq(training.vocab.keys()) {
            return other("other keys");
        }
        let counts = reader.section_of_len::<u64>("counts", keys.len())?;
        if counts[..] != training.survey.counts[..] || header.report.preparation != training.survey.report {
            return other("other sequences");
        }
        if header.report.stopped || header.report.epochs_done > params.epochs {
            return other("more passes than it was to have");
        }
        let n_outputs = training.tree.as_ref().map_or(keys.len(), crate::huffman::Huffman::n_nodes);
        let input = reader.section_of_len::<f32>("input", keys.len().saturating_mul(params.dim))?;
        let output = reader.section_of_len::<f32>("output", n_outputs.saturating_mul(params.dim))?;
        training.trainer.input.copy_rows(&input);
        training.trainer.output.copy_rows(&output);
        if !training.trainer.input.is_finite() || !training.trainer.output.is_finite() {
            return other("vectors that are not finite");
        }
        training.trainer.restore(header.blocks_drawn, header.chunks_done);
        training.report = header.report;
        Ok(training)
    }
}
