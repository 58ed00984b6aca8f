use serde::{Deserialize, Serialize};

/// What predicts what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Architecture {
    /// The centre predicts each of its contexts (word2vec's "sg"): every pair counts by itself, so rare items get
    /// their share.
    #[default]
    SkipGram,
    /// The mean of the contexts predicts the centre: one prediction a place, several times faster. The gradient of
    /// the mean goes to each context divided by their number, as the derivative says; word2vec.c and others leave
    /// the division out.
    Cbow,
}

/// Whether an item has one vector or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Tables {
    /// As a centre and as a context an item is another vector: word2vec.
    #[default]
    Separate,
    /// One vector serves as both, in half the memory: scores of in×out and in×in are the same. An item is then never its
    /// own negative.
    Shared,
}

/// What a prediction is contrasted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Objective {
    /// Negatives, drawn.
    #[default]
    NegativeSampling,
    /// The other branch at each node on the way to the item in a Huffman tree of the counts (Morin & Bengio 2005):
    /// about log₂ n decisions, no sampler. The output table of an item is then the sum over its path of half of each
    /// node's vector, with the sign of the branch: the first-order term of its log probability, so that
    /// in×out scoring goes on to work.
    HierarchicalSoftmax,
}

/// Frequent items are left out at random, anew in each pass. `f` is an item's share of all items, `t` the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Subsample {
    /// Kept with probability `√(t / f)`, at most 1: the formula of the paper (Mikolov et al. 2013b, section 2.3).
    Paper(f64),
    /// Kept with probability `√(t / f) + t / f`, at most 1: what word2vec.c and gensim do.
    Code(f64),
}

impl Subsample {
    /// The threshold.
    #[must_use]
    pub fn threshold(self) -> f64 {
        match self {
            Self::Paper(threshold) | Self::Code(threshold) => threshold,
        }
    }

    /// Probability that an occurrence of an item with this share is kept.
    #[must_use]
    pub fn kept(self, share: f64) -> f64 {
        let ratio = self.threshold() / share.max(f64::MIN_POSITIVE);
        match self {
            Self::Paper(_) => ratio.sqrt().min(1.0),
            Self::Code(_) => (ratio.sqrt() + ratio).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formulas_are_as_published() {
        assert_eq!(Subsample::Paper(1e-3).kept(0.1), 0.1);
        assert!((Subsample::Code(1e-3).kept(0.1) - 0.11).abs() < 1e-12);
        for formula in [Subsample::Paper(1e-3), Subsample::Code(1e-3)] {
            assert_eq!((formula.kept(1e-3), formula.kept(0.0)), (1.0, 1.0));
        }
    }
}
