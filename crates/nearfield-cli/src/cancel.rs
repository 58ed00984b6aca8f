use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{CliError, EXIT_CANCELLED};

/// Whether the user asked to stop. The first Ctrl-C (or a polite kill) asks; the second quits at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let cancel = Self::default();
        let asked = cancel.clone();
        ctrlc::set_handler(move || {
            if asked.0.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(EXIT_CANCELLED));
            }
            crate::output::note("stopping; once more quits at once");
        })
        .map_err(|source| CliError::Signal { source })?;
        Ok(cancel)
    }

    /// Whether the user asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Ends work whose half is worth nothing.
    pub(crate) fn check(&self) -> Result<(), CliError> {
        if self.is_asked() { Err(CliError::Cancelled) } else { Ok(()) }
    }
}
