use std::ops::ControlFlow;
use std::path::Path;

use embed_core::ItemId;

use super::error::ReadError;
use super::options::BadRows;
use super::report::Reporter;
use super::row_error::{Field, Place, RowProblem};
use super::sink::Sink;
use crate::log::Interaction;

/// Gives an item's id, or none if it has none.
pub(super) type LookUp<'f> = dyn FnMut(&str) -> Result<Option<ItemId>, ReadError> + 'f;

/// Takes a sequence.
pub(super) type Show<'f> = dyn FnMut(&[ItemId]) -> ControlFlow<()> + 'f;

/// Makes a sequence of each run of rows of one user; holds the longest of them.
pub(super) struct Runs<'a, 'f> {
    file: &'a Path,
    policy: BadRows,
    look_up: &'a mut LookUp<'f>,
    show: &'a mut Show<'f>,
    user: String,
    sequence: Vec<ItemId>,
    rows: u64,
    /// Why it broke off.
    pub(super) failed: Option<ReadError>,
}

impl<'a, 'f> Runs<'a, 'f> {
    pub(super) fn new(
        file: &'a Path,
        policy: BadRows,
        look_up: &'a mut LookUp<'f>,
        show: &'a mut Show<'f>,
    ) -> Self {
        let (user, sequence) = (String::new(), Vec::new());
        Self { file, policy, look_up, show, user, sequence, rows: 0, failed: None }
    }

    /// Shows the run under way; to be called at the end of the file.
    pub(super) fn end_run(&mut self) -> ControlFlow<()> {
        if self.sequence.is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = (self.show)(&self.sequence);
        self.sequence.clear();
        flow
    }
}

impl Sink for Runs<'_, '_> {
    fn interaction(&mut self, interaction: &Interaction<'_>) -> ControlFlow<()> {
        self.rows += 1;
        if interaction.user != self.user {
            self.end_run()?;
            self.user.clear();
            self.user.push_str(interaction.user);
        }
        match (self.look_up)(interaction.item) {
            Ok(Some(item)) => self.sequence.push(item),
            Ok(None) if self.policy == BadRows::SkipAndCount => {}
            Ok(None) => {
                let problem =
                    RowProblem::UnknownItem { found: RowProblem::found(interaction.item.as_bytes()) };
                let error = Reporter::error(self.file, Place::Row(self.rows), Field::Item, problem);
                self.failed = Some(error.into());
                return ControlFlow::Break(());
            }
            Err(error) => {
                self.failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn user_without_items(&mut self, _: &str) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Lines of sessions are not read this way.
    fn name_session(&mut self, _: u64, _: &mut String) {}
}
