use serde::{Deserialize, Serialize};

use crate::LogGraphError;

/// How the similarity of items becomes a graph. The default: Jaccard, each item's 50 nearest, users of more than 1,000
/// items by a sample of 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemGraphParams {
    /// How alike two items are, from the users they share.
    pub similarity: Similarity,
    /// Nearest items of each item that are kept. 50.
    pub top_k: usize,
    /// Least number of users that two items must share. 1.
    pub min_support: u32,
    /// A user with more items counts by a sample of so many, drawn from the run's seed: the cost grows with the square
    /// of this. 1,000.
    pub max_user_items: usize,
    /// Which of the nearest become edges. Either side's.
    pub keep: Keep,
}

/// How alike two items are. `c` users have both, `a` and `b` have each, of `N` users in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Similarity {
    /// `c / (a + b − c)`.
    #[default]
    Jaccard,
    /// `c / √(a b)`.
    Cosine,
    /// `c`.
    CoCount,
    /// `c N / (a b)`: how much more often together than by chance.
    Lift,
    /// `ln` of the lift, where it is above 0 (positive pointwise mutual information).
    Pmi,
}

/// Which pairs become edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Keep {
    /// Pairs of which one item is among the nearest of the other; undirected.
    #[default]
    Either,
    /// Pairs of which each item is among the nearest of the other; undirected.
    Both,
    /// Each item's own nearest; directed.
    Own,
}

impl Similarity {
    /// The similarity; 0 when there is none to speak of.
    #[must_use]
    pub fn score(self, together: u32, a: u32, b: u32, users: u32) -> f32 {
        let [c, a, b, n] = [together, a, b, users].map(f64::from);
        let score = match self {
            Self::Jaccard => c / (a + b - c),
            Self::Cosine => c / (a * b).sqrt(),
            Self::CoCount => c,
            Self::Lift => c * n / (a * b),
            Self::Pmi => (c * n / (a * b)).ln().max(0.0),
        };
        #[expect(clippy::cast_possible_truncation, reason = "a score in f32")]
        if score.is_finite() { score as f32 } else { 0.0 }
    }
}

impl ItemGraphParams {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`LogGraphError::Count`] names the first that is out of its range.
    pub fn validate(&self) -> Result<(), LogGraphError> {
        for (name, got, least) in [
            ("top_k", self.top_k as u64, 1),
            ("min_support", self.min_support.into(), 1),
            ("max_user_items", self.max_user_items as u64, 2),
        ] {
            let most = u32::MAX.into();
            if !(least..=most).contains(&got) {
                return Err(LogGraphError::Count { name, got, least, most });
            }
        }
        Ok(())
    }
}

impl Default for ItemGraphParams {
    fn default() -> Self {
        Self {
            similarity: Similarity::Jaccard,
            top_k: 50,
            min_support: 1,
            max_user_items: 1000,
            keep: Keep::Either,
        }
    }
}
