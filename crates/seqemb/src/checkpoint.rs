//! Checkpoints of a training: `docs/format.md`, kind "training".

use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Kind, Reader, StoreError, Writer};
use embed_core::{SequenceSource, Vocab};
use serde::{Deserialize, Serialize};

use crate::trainer::Trainer;
use crate::{FitError, FitReport, Params, Training};

/// Header of kind `training`, version 1. The sections are `keys.text`, `keys.ends`, `counts`, `input` and
/// `output`, and `attention` with side information.
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

impl Training<'_> {
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
            let rows = table.to_rows();
            writer.section(name, rows.as_slice().unwrap_or_default())?;
        }
        if let Some(attention) = &self.trainer.attention {
            writer.section("attention", &attention.logits)?;
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
        Self::new(params, source, vocab, seed)?.restored(path)
    }

    /// A training that has just been made, taken up where it was saved: what [`Training::resume`] does for one without
    /// side information. Side information must be that of then.
    ///
    /// # Errors
    /// - [`CheckpointError::Store`] when the file cannot be read or does not match its checksums.
    /// - [`CheckpointError::Other`] names what differs.
    pub fn restored(self, path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let reader = Reader::open_verified(path, Self::KIND)?;
        let header: Header = reader.header()?;
        let mut training = self;
        let other = |what| Err(CheckpointError::Other { what });
        if header.params != training.params {
            return other("other settings");
        }
        if header.seed != training.seed {
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
        if header.report.stopped || header.report.epochs_done > training.params.epochs {
            return other("more passes than it was to have");
        }
        let Trainer { input, output, attention, .. } = &mut training.trainer;
        for (name, table) in [("input", &mut *input), ("output", &mut *output)] {
            let rows =
                reader.section_of_len::<f32>(name, table.n_rows().saturating_mul(training.params.dim))?;
            table.copy_rows(&rows);
        }
        let mut finite = input.is_finite() && output.is_finite();
        if let Some(attention) = attention {
            let logits = reader.section_of_len::<f32>("attention", attention.logits.len())?;
            finite &= logits.iter().all(|x| x.is_finite());
            attention.logits.copy_from_slice(&logits);
        }
        if !finite {
            return other("vectors that are not finite");
        }
        training.trainer.restore(header.blocks_drawn, header.chunks_done);
        training.report = header.report;
        Ok(training)
    }
}
