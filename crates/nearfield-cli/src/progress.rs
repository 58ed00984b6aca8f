use std::io::IsTerminal;

use embed_core::{Flow, Observer, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cancel::Cancel;
use crate::error::CliError;

/// Draws a bar for each stage of a run, on a terminal only, and stops the run when the user asks.
#[derive(Debug)]
pub(crate) struct Bars {
    cancel: Cancel,
    stage: String,
    bar: ProgressBar,
    visible: bool,
}

impl Bars {
    /// Bars on stderr; the run stops when `cancel` is asked.
    pub(crate) fn new(cancel: &Cancel) -> Self {
        Self {
            cancel: cancel.clone(),
            stage: String::new(),
            bar: ProgressBar::hidden(),
            visible: std::io::stderr().is_terminal(),
        }
    }

    /// Bars that go on whatever the user asks: for keeping what a stopped run has.
    pub(crate) fn unstoppable() -> Self {
        Self::new(&Cancel::default())
    }

    /// A stage that cannot say how far it is.
    pub(crate) fn stage(&mut self, stage: &str) {
        let _ = self.observe(&Progress::new(stage, 0, 0));
    }

    /// Whether the work may go on.
    ///
    /// # Errors
    /// [`CliError::Cancelled`].
    pub(crate) fn check(&self) -> Result<(), CliError> {
        self.cancel.check()
    }

    /// Takes the bar off the screen until the next report.
    pub(crate) fn clear(&mut self) {
        self.bar.finish_and_clear();
        self.stage.clear();
    }

    fn start(&mut self, progress: &Progress<'_>) {
        self.bar.finish_and_clear();
        progress.stage.clone_into(&mut self.stage);
        let target = if self.visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let length = (progress.total > 0).then_some(progress.total);
        self.bar = ProgressBar::with_draw_target(length, target)
            .with_style(style(length.is_some()))
            .with_prefix(self.stage.clone());
        if self.visible {
            self.bar.enable_steady_tick(std::time::Duration::from_millis(200));
        }
    }
}

fn style(known_length: bool) -> ProgressStyle {
    let template = if known_length {
        "{prefix:>12} [{bar:30}] {percent:>3} % · {elapsed} · {eta} left {wide_msg}"
    } else {
        "{prefix:>12} {spinner} {elapsed} {wide_msg}"
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Observer for Bars {
    fn observe(&mut self, progress: &Progress<'_>) -> Flow {
        if progress.stage != self.stage {
            self.start(progress);
        }
        if progress.total > 0 {
            self.bar.set_length(progress.total);
        }
        self.bar.set_position(progress.done);
        if let Some(loss) = progress.loss {
            self.bar.set_message(format!("· loss {loss:.4}"));
        }
        if self.cancel.is_asked() { Flow::Stop } else { Flow::Continue }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}
