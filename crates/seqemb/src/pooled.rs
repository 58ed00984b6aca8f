use std::num::NonZeroU32;
use std::sync::Arc;

use embed_core::{EmbedError, Embedder, Embeddings, ItemId, KeyTable, Metric, Space, kernel};
use serde::{Deserialize, Serialize};

use crate::ParamsError;

/// Which table a user's vector is scored against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Scoring {
    /// Output vectors, by inner product: what the training maximised, "which items come with these".
    #[default]
    InOut,
    /// Input vectors, usually by cosine: "which items are like these".
    InIn,
}

/// How a history becomes one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pooling {
    /// Each item's vector is brought to length 1 before the mean, so that no item outweighs the others. False.
    pub normalize: bool,
    /// Recency: an item so many places before the last one weighs half as much as it. `None`: all weigh alike.
    pub half_life: Option<NonZeroU32>,
}

/// The user side of item vectors: a history becomes the weighted mean of its items' input vectors. An item that
/// comes twice counts twice. Items weigh alike unless [`Pooling::half_life`] or [`Pooled::weighted`] says otherwise. Items
/// whose rows were not trained ([`Embeddings::untrained`]) say nothing and are passed over.
///
/// `4 · dim` bytes an item, 4 more with weights. O(history · dim).
///
/// ```
/// use embed_core::{Embedder, Embeddings, Vocab};
/// use ndarray::array;
/// use seqemb::{Pooled, Pooling};
///
/// let items = Embeddings::new(Vocab::from_keys(["tent", "stove"])?, array![[1.0, 3.0], [3.0, 1.0]])?;
/// let user = Pooled::new(&items, items.space(), Pooling::default());
/// assert_eq!(user.embed(&[0, 1][..])?, [2.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pooled {
    vectors: Embeddings,
    space: Space,
    metric: Option<Metric>,
    half_life: Option<NonZeroU32>,
    /// Weight of each item; empty when all weigh alike.
    weights: Vec<f32>,
}

impl Pooled {
    /// Pools rows of `items`; the result is to be scored against vectors of `space`.
    #[must_use]
    pub fn new(items: &Embeddings, space: Space, pooling: Pooling) -> Self {
        let vectors = if pooling.normalize { items.normalized() } else { items.clone() };
        Self { vectors, space, metric: None, half_life: pooling.half_life, weights: Vec::new() }
    }

    /// The same, to be scored by `metric`: an index of another one is refused.
    #[must_use]
    pub fn scored_by(self, metric: Metric) -> Self {
        Self { metric: Some(metric), ..self }
    }

    /// The same with a weight for each item, beside that of recency: see [`popularity_weights`] for those that tame popular
    /// items.
    ///
    /// # Errors
    /// [`ParamsError::Number`] when a weight is negative or not finite, [`ParamsError::Count`] when there is not one an
    /// item.
    pub fn weighted(self, weights: Vec<f32>) -> Result<Self, ParamsError> {
        let n = self.vectors.len();
        if weights.len() != n {
            return Err(ParamsError::Count { name: "weights", got: weights.len(), least: n, most: n });
        }
        if let Some(&got) = weights.iter().find(|weight| !(0.0..=1e30).contains(*weight)) {
            return Err(ParamsError::Number { name: "weight", got: got.into(), least: 0.0, most: 1e30 });
        }
        Ok(Self { weights, ..self })
    }
}

/// Weights `max(count, 1)^exponent`: with an exponent below 0, popular items, which say little about a user, weigh less.
///
/// # Errors
/// [`ParamsError::Number`] when the exponent is not in ±10.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a weight in f32")]
pub fn popularity_weights(counts: &[u64], exponent: f64) -> Result<Vec<f32>, ParamsError> {
    if !(-10.0..=10.0).contains(&exponent) {
        return Err(ParamsError::Number { name: "exponent", got: exponent, least: -10.0, most: 10.0 });
    }
    // Relative to the greatest, so that nothing overflows.
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let top = if exponent > 0.0 { most } else { 1.0 };
    Ok(counts.iter().map(|&count| ((count.max(1) as f64 / top).powf(exponent)) as f32).collect())
}

impl Embedder<[ItemId]> for Pooled {
    fn dim(&self) -> usize {
        self.vectors.dim()
    }

    fn space(&self) -> Space {
        self.space
    }

    fn metric(&self) -> Option<Metric> {
        self.metric
    }

    fn keys(&self) -> Option<KeyTable> {
        Some(Arc::clone(self.vectors.vocab()).into())
    }

    /// # Errors
    /// - [`EmbedError::Empty`] for an empty history, one whose items all weigh 0, or one of items without trained rows.
    /// - [`EmbedError::UnknownItem`] names the first item that is not in the table.
    /// - [`EmbedError::Dimension`] when `out` has another length than `dim`.
    #[expect(clippy::cast_precision_loss, reason = "a history is shorter than 2²⁴")]
    fn embed_into(&self, history: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        if out.len() != self.dim() {
            return Err(EmbedError::Dimension { expected: self.dim(), got: out.len() });
        }
        if history.is_empty() {
            return Err(EmbedError::Empty { what: "history" });
        }
        let n_items = self.vectors.len();
        if let Some(&item) = history.iter().find(|&&item| item as usize >= n_items) {
            return Err(EmbedError::UnknownItem { item, n_items });
        }
        let trained: Vec<ItemId>;
        let history = if history.iter().all(|&item| self.vectors.is_trained(item)) {
            history
        } else {
            trained = history.iter().copied().filter(|&item| self.vectors.is_trained(item)).collect();
            &trained
        };
        if history.is_empty() {
            return Err(EmbedError::Empty { what: "trained part of the history" });
        }
        let weight = |at: usize| {
            let age = (history.len() - 1 - at) as f32;
            let recency = self.half_life.map_or(1.0, |places| (-age / places.get() as f32).exp2());
            recency * self.weights.get(history[at] as usize).copied().unwrap_or(1.0)
        };
        let total: f32 = (0..history.len()).map(weight).sum();
        if total.is_nan() || total <= 0.0 {
            return Err(EmbedError::Empty { what: "weight of the history" });
        }
        out.fill(0.0);
        for (at, &item) in history.iter().enumerate() {
            let row = self.vectors.row(item).ok_or(EmbedError::UnknownItem { item, n_items })?;
            kernel::axpy(weight(at) / total, row, out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::Vocab;
    use ndarray::array;

    fn items() -> Embeddings {
        let keys = Vocab::from_keys(["a", "b", "c"]).unwrap();
        Embeddings::new(keys, array![[4.0, 0.0], [0.0, 2.0], [0.0, 0.0]]).unwrap()
    }

    #[test]
    fn newer_items_weigh_more() {
        let pooling = Pooling { half_life: NonZeroU32::new(1), ..Pooling::default() };
        let user = Pooled::new(&items(), Space::ANY, pooling);
        // Weights 1/4, 1/2 and 1 over 7/4.
        let got = user.embed(&[0, 2, 1][..]).unwrap();
        assert!((got[0] - 4.0 / 7.0).abs() < 1e-6 && (got[1] - 8.0 / 7.0).abs() < 1e-6, "{got:?}");
    }

    #[test]
    fn popular_items_weigh_less() {
        let weights = popularity_weights(&[100, 1, 0], -0.5).unwrap();
        assert!((weights[0] - 0.1).abs() < 1e-6 && weights[1] == 1.0 && weights[2] == 1.0);
        let user = Pooled::new(&items(), Space::ANY, Pooling { normalize: true, ..Pooling::default() });
        let got = user.weighted(weights).unwrap().embed(&[0, 1][..]).unwrap();
        assert!((got[0] - 0.1 / 1.1).abs() < 1e-6 && (got[1] - 1.0 / 1.1).abs() < 1e-6, "{got:?}");
        assert!(popularity_weights(&[u64::MAX, 1], 10.0).unwrap().iter().all(|w| w.is_finite()));
    }

    #[test]
    fn bad_weights_are_named() {
        let user = || Pooled::new(&items(), Space::ANY, Pooling::default());
        assert!(matches!(user().weighted(vec![1.0]), Err(ParamsError::Count { got: 1, .. })));
        assert!(matches!(user().weighted(vec![1.0, f32::NAN, 1.0]), Err(ParamsError::Number { .. })));
        assert!(matches!(popularity_weights(&[1], f64::NAN), Err(ParamsError::Number { .. })));
        let zero = user().weighted(vec![0.0, 1.0, 1.0]).unwrap();
        assert!(matches!(zero.embed(&[0][..]), Err(EmbedError::Empty { .. })));
    }
}
