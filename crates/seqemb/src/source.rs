use std::ops::ControlFlow;

use embed_core::{ItemId, SequenceSource, SourceError};

use crate::FitError;

/// Why a reading ended early.
pub(crate) enum Break {
    /// On request.
    Stopped,
    /// By a failure.
    Error(FitError),
}

/// Shows the sequences of an epoch of a source after checking them; an error of `visit` ends the reading.
pub(crate) fn read(
    source: &dyn SequenceSource,
    epoch: u32,
    n_items: usize,
    mut visit: impl FnMut(&[ItemId]) -> Result<(), Break>,
) -> Result<bool, FitError> {
    let (mut failed, mut sequence_number) = (None, 0);
    source.for_each_sequence(epoch, &mut |sequence| {
        let visited = match sequence.iter().find(|&&item| item as usize >= n_items) {
            Some(&item) => Err(Break::Error(
                SourceError::UnknownItem { item, sequence: sequence_number, n_items }.into(),
            )),
            None => visit(sequence),
        };
        sequence_number += 1;
        match visited {
            Ok(()) => ControlFlow::Continue(()),
            Err(end) => {
                failed = Some(end);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        None => Ok(true),
        Some(Break::Stopped) => Ok(false),
        Some(Break::Error(error)) => Err(error),
    }
}
