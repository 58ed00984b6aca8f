use embed_core::{EmbedError, Embedder, ItemId, KeyTable, Metric, Parallelism, Space, kernel};
use ndarray::ArrayViewMut2;

use super::IdTowers;
use super::blocks::{Kept, embed_blocks};
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

thread_local! {
    static KEPT: Kept<UserTape> = Kept::default();
}

impl IdTowers {
    fn check(&self, input: UserInput<'_>) -> Result<u32, EmbedError> {
        let tables = &self.model.tables;
        if let Some(table) = self.folded.history {
            if let Some(item) = tables[table].unknown(input.history) {
                return Err(EmbedError::UnknownItem { item, n_items: tables[table].len() });
            }
            if input.history.is_empty() && self.folded.users.is_none() {
                return Err(EmbedError::Empty { what: "history" });
            }
        }
        let Some(table) = self.folded.users else { return Ok(0) };
        let user = input.user.ok_or(EmbedError::Empty { what: "user's id, which the model needs" })?;
        let n_users = tables[table].len();
        if user as usize >= n_users {
            return Err(EmbedError::Implementation { source: Box::new(UnknownUser { user, n_users }) });
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
        let (expected, got) = (self.params.dim, out.len());
        if expected != got {
            return Err(EmbedError::Dimension { expected, got });
        }
        let user = self.check(input)?;
        self.folded.apply(&self.model.tables, user, input.history, out, tape);
        if self.params.similarity == Similarity::Cosine {
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
        let most = self.params.max_history;
        let made = (self.params.dim, self.params.similarity);
        let check = |input| self.check(input);
        embed_blocks(inputs, made, (parallelism, out), &KEPT, check, |(inputs, users), rows, tape| {
            let last = |history: &'_ [ItemId]| history.len().saturating_sub(most);
            let histories = inputs.iter().map(|input| &input.history[last(input.history)..]);
            self.folded.infer_histories(&self.model.tables, users, histories, rows, tape);
        })
    }
}

impl<'a> Embedder<UserInput<'a>> for IdTowers {
    fn dim(&self) -> usize {
        self.params.dim
    }

    fn space(&self) -> Space {
        self.items.space()
    }

    fn metric(&self) -> Option<Metric> {
        Some(Self::metric(self))
    }

    fn keys(&self) -> Option<KeyTable> {
        Some(KeyTable::from(self.items.vocab().clone()))
    }

    fn embed_into(&self, input: &UserInput<'a>, out: &mut [f32]) -> Result<(), EmbedError> {
        KEPT.with_borrow_mut(|(_, tape)| self.embed_with(*input, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&UserInput<'a>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserInput<'a>> = inputs.iter().map(|input| **input).collect();
        self.batch(&inputs, parallelism, out)
    }
}

impl Embedder<[ItemId]> for IdTowers {
    fn dim(&self) -> usize {
        self.params.dim
    }

    fn space(&self) -> Space {
        self.items.space()
    }

    fn metric(&self) -> Option<Metric> {
        Some(Self::metric(self))
    }

    fn keys(&self) -> Option<KeyTable> {
        Some(KeyTable::from(self.items.vocab().clone()))
    }

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        KEPT.with_borrow_mut(|(_, tape)| self.embed_with(UserInput { user: None, history }, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&[ItemId]],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserInput<'_>> =
            inputs.iter().map(|history| UserInput { user: None, history }).collect();
        self.batch(&inputs, parallelism, out)
    }
}
