use std::sync::Arc;

use embed_core::{Embeddings, Metric, RowMask, Vocab};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::cold::ColdError;
use crate::{FitError, FitReport, Params, Pooled, Pooling, Scoring};

/// What a training learned: both tables, how, and what happened. `8 · dim` bytes an item, and the keys, which
/// both tables share.
///
/// An item that no prepared sequence holds keeps its untrained vectors: small random numbers in the input
/// table, zeros in the output table. Both tables say which rows these are ([`ItemVectors::untrained`]), and what is built
/// on them leaves them out.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemVectors {
    /// Centre vectors `[n_items, dim]`.
    pub input: Embeddings,
    /// Context vectors `[n_items, dim]`.
    pub output: Embeddings,
    /// The settings of the training.
    pub params: Params,
    /// What happened.
    pub report: FitReport,
}

impl ItemVectors {
    /// The user side: histories of items to vectors that are scored against [`ItemVectors::targets`] of the
    /// same scoring.
    #[must_use]
    pub fn pooled(&self, pooling: Pooling, scoring: Scoring) -> Pooled {
        let pooled = Pooled::new(&self.input, self.targets(scoring).space(), pooling);
        match scoring {
            // What the training maximised.
            Scoring::InOut => pooled.scored_by(Metric::InnerProduct),
            Scoring::InIn => pooled,
        }
    }

    /// Keys of the items that no prepared sequence held: without a learned vector, they are never recommended. What to give
    /// to a method of [`crate::cold`], or to leave out.
    pub fn untrained(&self) -> impl Iterator<Item = &str> {
        self.input.untrained()
    }

    /// The item side: the table that the user's vector is scored against.
    #[must_use]
    pub fn targets(&self, scoring: Scoring) -> &Embeddings {
        match scoring {
            Scoring::InOut => &self.output,
            Scoring::InIn => &self.input,
        }
    }

    /// The same with cold items after the warm ones, which count as trained: `keys` of the new items, their input and output vectors
    /// `[n_new, dim]`, from [`crate::cold`] for example.
    ///
    /// # Errors
    /// - [`FitError::Cold`] when the tables have another shape.
    /// - [`FitError::Key`] when a key is there already, or cannot be one.
    /// - [`FitError::Vectors`] when a component is not finite.
    pub fn with_cold_items<S: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = S>,
        input: ArrayView2<'_, f32>,
        output: ArrayView2<'_, f32>,
    ) -> Result<Self, FitError> {
        let all = self.input.vocab().keys().map(str::to_owned);
        let vocab =
            Arc::new(Vocab::from_keys(all.chain(keys.into_iter().map(|key| key.as_ref().to_owned())))?);
        let n_new = vocab.len() - self.input.len();
        let join = |warm: &Embeddings, cold: ArrayView2<'_, f32>| -> Result<Embeddings, FitError> {
            for (what, expected, got) in
                [("cold rows", n_new, cold.nrows()), ("components", warm.dim(), cold.ncols())]
            {
                if expected != got {
                    return Err(ColdError::Shape { what, expected, got }.into());
                }
            }
            let rows: Array2<f32> = concatenate(Axis(0), &[warm.vectors(), cold]).map_err(|_| {
                ColdError::Shape { what: "components", expected: warm.dim(), got: cold.ncols() }
            })?;
            let trained = RowMask::from_fn(rows.nrows(), |row| {
                row >= warm.len() || u32::try_from(row).is_ok_and(|id| warm.is_trained(id))
            });
            let rows = rows.as_standard_layout().into_owned();
            Ok(Embeddings::new(vocab.clone(), rows)?.with_trained(trained)?)
        };
        Ok(Self {
            input: join(&self.input, input)?,
            output: join(&self.output, output)?,
            params: self.params.clone(),
            report: self.report.clone(),
        })
    }
}
