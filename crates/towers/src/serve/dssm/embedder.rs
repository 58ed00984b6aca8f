use std::cell::RefCell;

use embed_core::{EmbedError, Embedder, ItemId, Parallelism, Space, kernel};
use ndarray::{Array2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::Dssm;
use crate::features::Records;
use crate::models::{DssmUserTape, Similarity};

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
    static TAPE: RefCell<DssmUserTape> = RefCell::default();
}

impl Dssm {
    /// Users whose vectors are made together.
    const AT_ONCE: usize = 256;

    fn check<'r>(&'r self, input: &UserRecord<'r>) -> Result<(&'r Records, usize), EmbedError> {
        let user = &self.folded.0;
        let (records, row) = match input.who {
            Who::Nobody => (&self.nobody, 0),
            Who::Known(row) => (&*user.records, row as usize),
            Who::Features(records, _) if !records.are_like(&self.nobody) => {
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
        let (expected, got) = (self.params.dim, out.len());
        if expected != got {
            return Err(EmbedError::Dimension { expected, got });
        }
        let record = self.check(input)?;
        self.folded.0.apply(&self.model.tables, record, input.history, out, tape);
        if self.params.similarity == Similarity::Cosine {
            kernel::normalize(out);
        }
        Ok(())
    }

    fn batch(
        &self,
        inputs: &[UserRecord<'_>],
        parallelism: Parallelism,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let dim = self.params.dim;
        if out.dim() != (inputs.len(), dim) {
            return Err(EmbedError::Shape { expected: (inputs.len(), dim), got: out.dim() });
        }
        let records = inputs.iter().map(|input| self.check(input)).collect::<Result<Vec<_>, _>>()?;
        let user = &self.folded.0;
        parallelism.install(|| {
            (out.axis_chunks_iter_mut(Axis(0), Self::AT_ONCE).into_par_iter())
                .zip(inputs.par_chunks(Self::AT_ONCE))
                .zip(records.par_chunks(Self::AT_ONCE))
                .for_each(|((mut out, inputs), records)| {
                    let mut tape = DssmUserTape::default();
                    user.clear(&mut tape);
                    for (input, record) in inputs.iter().zip(records) {
                        user.push(*record, input.history, &mut tape);
                    }
                    let mut rows = Array2::zeros((inputs.len(), dim));
                    user.infer_pushed(&self.model.tables, rows.view_mut(), &mut tape);
                    if self.params.similarity == Similarity::Cosine {
                        for mut row in rows.rows_mut() {
                            kernel::normalize(row.as_slice_mut().unwrap_or_default());
                        }
                    }
                    out.assign(&rows);
                });
        })?;
        Ok(())
    }
}

impl<'a> Embedder<UserRecord<'a>> for Dssm {
    fn dim(&self) -> usize {
        self.params.dim
    }

    fn space(&self) -> Space {
        self.items.space()
    }

    fn embed_into(&self, input: &UserRecord<'a>, out: &mut [f32]) -> Result<(), EmbedError> {
        TAPE.with_borrow_mut(|tape| self.embed_with(input, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&UserRecord<'a>],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserRecord<'a>> = inputs.iter().map(|input| **input).collect();
        self.batch(&inputs, parallelism, out)
    }
}

impl Embedder<[ItemId]> for Dssm {
    fn dim(&self) -> usize {
        self.params.dim
    }

    fn space(&self) -> Space {
        self.items.space()
    }

    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        let input = UserRecord { who: Who::Nobody, history };
        TAPE.with_borrow_mut(|tape| self.embed_with(&input, tape, out))
    }

    fn embed_batch_into(
        &self,
        inputs: &[&[ItemId]],
        parallelism: Parallelism,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), EmbedError> {
        let inputs: Vec<UserRecord<'_>> =
            inputs.iter().map(|history| UserRecord { who: Who::Nobody, history }).collect();
        self.batch(&inputs, parallelism, out)
    }
}
