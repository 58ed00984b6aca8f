use embed_core::{EmbedError, Embedder, ItemId, Parallelism, kernel};
use ndarray::ArrayViewMut2;

use super::Dssm;
use crate::features::Records;
use crate::models::{DssmUserTape, Similarity};
use crate::serve::blocks::{Kept, embed_blocks};
use crate::serve::embedders::{HistoryEmbedder, UserEmbedder, describe};

/// Whom a vector is wanted of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Who<'a> {
    /// Somebody of whom only a history is known.
    #[default]
    Nobody,
    /// A user of the training, by row.
    Known(u32),
    /// A row of features that [`Coder::code`](crate::features::Coder::code) has coded.
    Features(&'a Records, usize),
}

/// A user for the user tower.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct UserRecord<'a> {
    /// The user's features.
    pub who: Who<'a>,
    /// Their items, oldest first; ids of the model's catalogue.
    pub history: &'a [ItemId],
}

/// A user that there is not.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("row {row} is not among the {rows} rows of users")]
    Row { row: usize, rows: usize },
    #[error("the features were coded for another model")]
    OtherCoder,
}

impl From<Unknown> for EmbedError {
    fn from(error: Unknown) -> Self {
        Self::Implementation { source: Box::new(error) }
    }
}

thread_local! {
    static KEPT: Kept<DssmUserTape> = Kept::default();
}

impl Dssm {
    fn check<'r>(&'r self, input: &UserRecord<'r>) -> Result<(&'r Records, usize), EmbedError> {
        let user = &self.0.folded.0;
        let (records, row) = match input.who {
            Who::Nobody => (&self.0.nobody, 0),
            Who::Known(row) => (&*user.records, row as usize),
            Who::Features(records, _) if !records.are_like(&self.0.nobody) => {
                return Err(Unknown::OtherCoder.into());
            }
            Who::Features(records, row) => (records, row),
        };
        if row >= records.len() {
            return Err(Unknown::Row { row, rows: records.len() }.into());
        }
        let known = !matches!(input.who, Who::Nobody) && !records.columns().is_empty();
        if user.history.is_some() {
            let n_items = user.items.len();
            if let Some(&item) = input.history.iter().find(|item| **item as usize >= n_items) {
                return Err(EmbedError::UnknownItem { item, n_items });
            }
            if input.history.is_empty() && !known {
                return Err(EmbedError::Empty { what: "history" });
            }
        } else if !known {
            return Err(EmbedError::Empty { what: "user's features, which the model needs" });
        }
        Ok((records, row))
    }

    /// Writes the vector of a user into `out` `[dim]`, with memory that is the caller's: nothing is allocated once it has grown,
    /// but for what matrix products of self-attention need.
    ///
    /// # Errors
    /// [`EmbedError`] when nothing is known of the user, an item or a row is not there, features were coded for another model, or
    /// `out` has another length than `dim`.
    pub fn embed_with(
        &self,
        input: &UserRecord<'_>,
        tape: &mut DssmUserTape,
        out: &mut [f32],
    ) -> Result<(), EmbedError> {
        let (expected, got) = (self.0.params.dim, out.len());
        if expected != got {
            return Err(EmbedError::Dimension { expected, got });
        }
        let record = self.check(input)?;
        self.0.folded.0.apply(self.tables(), record, input.history, out, tape);
        if self.0.params.similarity == Similarity::Cosine {
            kernel::normalize(out);
        }
        Ok(())
    }

    fn batch(
        &self,
        inputs: &[UserRecord<'_>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<&UserRecord<'_>> = inputs.iter().collect();
        let user = &self.0.folded.0;
        let made = (self.0.params.dim, self.0.params.similarity);
        let check = |input| self.check(input);
        embed_blocks(&inputs, made, (parallelism, out), &KEPT, check, |(inputs, records), rows, tape| {
            user.clear(tape);
            for (input, record) in inputs.iter().zip(records) {
                user.push(*record, input.history, tape);
            }
            user.infer_pushed(self.tables(), rows, tape);
        })
    }
}

impl<'a> Embedder<UserRecord<'a>> for UserEmbedder<Dssm> {
    describe!();

    fn embed_into(&self, input: &UserRecord<'a>, out: &mut [f32]) -> Result<(), EmbedError> {
        KEPT.with_borrow_mut(|(_, tape)| self.0.embed_with(input, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&UserRecord<'a>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserRecord<'a>> = inputs.iter().map(|input| **input).collect();
        self.0.batch(&inputs, parallelism, out)
    }
}

impl Embedder<[ItemId]> for HistoryEmbedder<Dssm> {
    describe!();

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        let input = UserRecord { who: Who::Nobody, history };
        KEPT.with_borrow_mut(|(_, tape)| self.0.embed_with(&input, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&[ItemId]],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserRecord<'_>> =
            inputs.iter().map(|history| UserRecord { who: Who::Nobody, history }).collect();
        self.0.batch(&inputs, parallelism, out)
    }
}
