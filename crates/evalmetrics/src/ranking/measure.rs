use serde::{Deserialize, Serialize};

/// What is measured of a ranking: at a cutoff K, but for [`Measure::Auc`] and [`Measure::RPrecision`].
///
/// A user has a set of positives `R`; relevance is binary, but for [`Measure::GradedNdcg`]. `rel(p)` is 1 when the item at rank `p` (from 1) is
/// in `R`. The figure of a run is the mean over its users, but for [`Measure::Coverage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// `hr`: 1 when any of the first K is a positive, else 0.
    #[serde(rename = "hr")]
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
    /// `graded_ndcg`: `Σ_{p≤K} gain(p) / log2(p + 1)`, over the same sum of the `min(|R|, K)` largest gains at the
    /// first ranks. A positive's gain comes from its value in the truth by [`crate::Gain`]; without values every
    /// gain is 1 and this is [`Measure::Ndcg`] (Järvelin & Kekäläinen 2002; Burges et al. 2005).
    GradedNdcg,
    /// `mrr`: 1 / rank of the first positive, 0 when it is beyond K.
    Mrr,
    /// `map`: `Σ_{p≤K} rel(p) · (positives among the first p) / p`, over `min(|R|, K)`.
    Map,
    /// `auc`: the chance that a positive scores higher than a candidate that is none, a tie counting half: the
    /// mean over positives of `1 − (negatives above + ½ negatives tied) / negatives`. Of the whole ranking, so it
    /// needs scores, which are then computed twice. A positive that cannot be found counts 0.
    Auc,
    /// `r_precision`: positives among the first `|R|`, over `|R|`. Of the whole ranking: scores are computed
    /// twice; a list has nothing beyond its end.
    RPrecision,
    /// `coverage`: share of the catalogue that is among the first K of at least one user. Ties are broken by
    /// ascending id, as a system that serves the scores would.
    Coverage,
}

impl Measure {
    /// All measures.
    pub const ALL: [Self; 11] = [
        Self::HitRate,
        Self::Recall,
        Self::CappedRecall,
        Self::Precision,
        Self::Ndcg,
        Self::GradedNdcg,
        Self::Mrr,
        Self::Map,
        Self::Auc,
        Self::RPrecision,
        Self::Coverage,
    ];

    /// What is measured unless something else is asked for.
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
            Self::GradedNdcg => "graded_ndcg",
            Self::Mrr => "mrr",
            Self::Map => "map",
            Self::Auc => "auc",
            Self::RPrecision => "r_precision",
            Self::Coverage => "coverage",
        }
    }

    /// Whether it looks at the first K ranks; else it is of the whole ranking.
    #[must_use]
    pub fn has_cutoff(self) -> bool {
        !matches!(self, Self::Auc | Self::RPrecision)
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

/// A word that names no measure.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown measure {got:?}: expected hr, recall, capped_recall, precision, ndcg, graded_ndcg, mrr, map, auc, r_precision or coverage"
)]
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
        assert_eq!("accuracy".parse::<Measure>().unwrap_err().got, "accuracy");
        let json = serde_json::to_string(&Measure::ALL).unwrap();
        assert!(json.starts_with(r#"["hr","recall","capped_recall""#), "{json}");
        assert_eq!(serde_json::from_str::<Vec<Measure>>(&json).unwrap(), Measure::ALL);
    }
}
