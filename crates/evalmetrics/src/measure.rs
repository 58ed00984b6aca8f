use serde::{Serialize, Serializer};

/// What is measured of a ranking, each at a cutoff K.
///
/// A user has a set of positives `R`; relevance is binary. `rel(p)` is 1 when the item at rank `p` (from 1) is
/// in `R`. The figure of a run is the mean over its users, but for [`Measure::Coverage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// `hr`: 1 when any of the first K is a positive, else 0.
    HitRate,
    /// `recall`: positives among the first K, over `|R|`.
    Recall,
    /// `capped_recall`: positives among the first K, over `min(K, |R|)`, so that 1 can be reached.
    CappedRecall,
    /// `precision`: positives among the first K, over K (also when fewer than K are recommended).
    Precision,
    /// `ndcg`: `Σ_{p≤K} rel(p) / log2(p + 1)`, over the same sum of `min(|R|, K)` positives at the first ranks
    /// (Järvelin & Kekäläinen 2002, with the discount that is common today).
    Ndcg,
    /// `mrr`: 1 / rank of the first positive, 0 when it is beyond K.
    Mrr,
    /// `map`: `Σ_{p≤K} rel(p) · (positives among the first p) / p`, over `min(|R|, K)`.
    Map,
    /// `coverage`: share of the catalogue that is among the first K of at least one user. Ties are broken by
    /// ascending id, as a system that serves the scores would.
    Coverage,
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 8] = [
        Self::HitRate,
        Self::Recall,
        Self::CappedRecall,
        Self::Precision,
        Self::Ndcg,
        Self::Mrr,
        Self::Map,
        Self::Coverage,
    ];

    /// What is measured unless something else is asked for: all but [`Measure::CappedRecall`].
    pub const USUAL: [Self; 7] =
        [Self::Recall, Self::Ndcg, Self::HitRate, Self::Mrr, Self::Map, Self::Precision, Self::Coverage];

    /// The short name, as in `recall@20`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HitRate => "hr",
            Self::Recall => "recall",
            Self::CappedRecall => "capped_recall",
            Self::Precision => "precision",
            Self::Ndcg => "ndcg",
            Self::Mrr => "mrr",
            Self::Map => "map",
            Self::Coverage => "coverage",
        }
    }

    /// Whether every user has a value of their own, of which the figure is the mean.
    #[must_use]
    pub fn is_per_user(self) -> bool {
        self != Self::Coverage
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A word that names no measure.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown measure {got:?}: expected hr, recall, capped_recall, precision, ndcg, mrr, map or coverage")]
pub struct ParseMeasureError {
    /// The word.
    pub got: String,
}

impl std::str::FromStr for Measure {
    type Err = ParseMeasureError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|measure| measure.name() == word)
            .ok_or_else(|| ParseMeasureError { got: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for measure in Measure::ALL {
            assert_eq!(measure.name().parse(), Ok(measure));
            assert_eq!(measure.to_string(), measure.name());
        }
        assert_eq!("auc".parse::<Measure>().unwrap_err().got, "auc");
    }
}
