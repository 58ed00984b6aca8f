use std::fmt::Write;
use std::ops::ControlFlow;

use crate::builder::LogBuilder;
use crate::error::LogError;
use crate::log::Interaction;

/// What becomes of the rows of a file. Breaking ends the reading.
pub(crate) trait Sink {
    /// Takes an interaction.
    fn interaction(&mut self, interaction: &Interaction<'_>) -> ControlFlow<()>;

    /// Takes a user that has no item on its line.
    fn user_without_items(&mut self, user: &str) -> ControlFlow<()>;

    /// Writes into `user` what the session on a line is called.
    fn name_session(&mut self, line: u64, user: &mut String);
}

/// Shows interactions to a function.
pub(crate) struct Visit<F>(pub(crate) F);

impl<F: FnMut(&Interaction<'_>) -> ControlFlow<()>> Sink for Visit<F> {
    fn interaction(&mut self, interaction: &Interaction<'_>) -> ControlFlow<()> {
        (self.0)(interaction)
    }

    fn user_without_items(&mut self, _: &str) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn name_session(&mut self, line: u64, user: &mut String) {
        write_number(line, user);
    }
}

/// Gathers interactions into a log.
pub(crate) struct Gather {
    pub(crate) builder: LogBuilder,
    /// Why it broke off.
    pub(crate) failed: Option<LogError>,
    /// Users that were known before this file: its sessions are none of theirs.
    known_users: usize,
    /// What is added to a line's number so that it names no such user.
    shift: u64,
}

impl Gather {
    pub(crate) fn new(builder: LogBuilder) -> Self {
        let known_users = builder.user_keys().len();
        Self { builder, failed: None, known_users, shift: known_users as u64 }
    }

    fn note<T>(&mut self, result: Result<T, LogError>) -> ControlFlow<()> {
        match result {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Sink for Gather {
    fn interaction(&mut self, interaction: &Interaction<'_>) -> ControlFlow<()> {
        let result = self.builder.push(interaction);
        self.note(result)
    }

    fn user_without_items(&mut self, user: &str) -> ControlFlow<()> {
        let result = self.builder.add_user(user);
        self.note(result)
    }

    fn name_session(&mut self, line: u64, user: &mut String) {
        // At most `known_users` keys can be in the way, so this ends.
        loop {
            write_number(line + self.shift, user);
            let taken = self.builder.user_keys().get(user).is_some_and(|id| (id as usize) < self.known_users);
            if !taken {
                return;
            }
            self.shift += 1;
        }
    }
}

fn write_number(number: u64, text: &mut String) {
    text.clear();
    // Writing to a String cannot fail.
    let _ = write!(text, "{number}");
}
