use embed_core::{EmbedError, Embedder, ItemId, Parallelism, kernel};
use ndarray::ArrayViewMut2;

use super::IdTowers;
use super::blocks::{Kept, embed_blocks};
use super::embedders::{HistoryEmbedder, UserEmbedder, describe};
use crate::models::{Similarity, UserTape};

/// Whom a vector is wanted of: a user of the training, a history, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserInput<'a> {
    /// The row of the user, where the model knows users by id.
    pub user: Option<u32>,
    /// Their items, oldest first.
    pub history: &'a [ItemId],
}

/// A user that was not trained on.
#[derive(Debug, thiserror::Error)]
#[error("user {user} is not among the {n_users} users of the model")]
struct UnknownUser {
    user: u32,
    n_users: usize,
}

pub(super) fn unknown_user(user: u32, n_users: usize) -> EmbedError {
    EmbedError::Implementation { source: Box::new(UnknownUser { user, n_users }) }
}

thread_local! {
    static KEPT: Kept<UserTape> = Kept::default();
}

impl IdTowers {
    fn check(&self, input: UserInput<'_>) -> Result<u32, EmbedError> {
        let tables = &self.0.served.model.tables;
        if let Some(table) = self.0.folded.history {
            if let Some(item) = tables[table].unknown(input.history) {
                return Err(EmbedError::UnknownItem { item, n_items: tables[table].len() });
            }
            if input.history.is_empty() && self.0.folded.users.is_none() {
                return Err(EmbedError::Empty { what: "history" });
            }
        }
        let Some(table) = self.0.folded.users else { return Ok(0) };
        let user = input.user.ok_or(EmbedError::Empty { what: "user's id, which the model needs" })?;
        let n_users = tables[table].len();
        if user as usize >= n_users {
            return Err(unknown_user(user, n_users));
        }
        if !self.0.served.trained_users.contains(user as usize) {
            // The vector of that id is what it was before the first step.
            return Err(EmbedError::Empty { what: "history of the user in the training" });
        }
        Ok(user)
    }

    /// Writes the vector of a user into `out` `[dim]`, with memory that is the caller's: nothing is allocated once it has grown,
    /// but for what matrix products of self-attention need.
    ///
    /// # Errors
    /// [`EmbedError`] when the model knows too little of the user, or `out` has another length than `dim`.
    pub fn embed_with(
        &self,
        input: UserInput<'_>,
        tape: &mut UserTape,
        out: &mut [f32],
    ) -> Result<(), EmbedError> {
        let (expected, got) = (self.0.params.dim, out.len());
        if expected != got {
            return Err(EmbedError::Dimension { expected, got });
        }
        let user = self.check(input)?;
        self.0.folded.apply(&self.0.served.model.tables, user, input.history, out, tape);
        if self.0.params.similarity == Similarity::Cosine {
            kernel::normalize(out);
        }
        Ok(())
    }

    fn batch(
        &self,
        inputs: &[UserInput<'_>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let most = self.0.params.max_history;
        let made = (self.0.params.dim, self.0.params.similarity);
        let check = |input| self.check(input);
        embed_blocks(inputs, made, (parallelism, out), &KEPT, check, |(inputs, users), rows, tape| {
            let last = |history: &'_ [ItemId]| history.len().saturating_sub(most);
            let histories = inputs.iter().map(|input| &input.history[last(input.history)..]);
            self.0.folded.infer_histories(&self.0.served.model.tables, users, histories, rows, tape);
        })
    }
}

impl<'a> Embedder<UserInput<'a>> for UserEmbedder<IdTowers> {
    describe!();

    fn embed_into(&self, input: &UserInput<'a>, out: &mut [f32]) -> Result<(), EmbedError> {
        KEPT.with_borrow_mut(|(_, tape)| self.0.embed_with(*input, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&UserInput<'a>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserInput<'a>> = inputs.iter().map(|input| **input).collect();
        self.0.batch(&inputs, parallelism, out)
    }
}

impl Embedder<[ItemId]> for HistoryEmbedder<IdTowers> {
    describe!();

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        KEPT.with_borrow_mut(|(_, tape)| self.0.embed_with(UserInput { user: None, history }, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&[ItemId]],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserInput<'_>> =
            inputs.iter().map(|history| UserInput { user: None, history }).collect();
        self.0.batch(&inputs, parallelism, out)
    }
}
