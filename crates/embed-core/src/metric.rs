use serde::{Deserialize, Serialize};

use crate::kernel;

/// How near two vectors are. Every score is larger for nearer vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Metric {
    /// `x · y`.
    InnerProduct,
    /// `x · y / (|x| |y|)`; 0 when either vector is zero.
    Cosine,
    /// `−|x − y|²`.
    L2,
}

impl Metric {
    /// All metrics, for tests and listings.
    pub const ALL: [Self; 3] = [Self::InnerProduct, Self::Cosine, Self::L2];

    /// The score of two vectors `[dim]`: larger is nearer. O(dim).
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    pub fn score(self, x: &[f32], y: &[f32]) -> f32 {
        match self {
            Self::InnerProduct => kernel::dot(x, y),
            Self::L2 => -kernel::squared_l2(x, y),
            Self::Cosine => {
                let norms = kernel::norm(x) * kernel::norm(y);
                if norms > 0.0 { kernel::dot(x, y) / norms } else { 0.0 }
            }
        }
    }

    /// The least score that lies within `radius`: `−radius²` for [`Metric::L2`], where a radius is a
    /// distance, and nothing lies within a negative one (`+inf`); `radius` itself for the similarities, where
    /// it is the least similarity.
    #[must_use]
    pub fn radius_score(self, radius: f32) -> f32 {
        match self {
            Self::L2 if radius < 0.0 => f32::INFINITY,
            Self::L2 => -(radius * radius),
            Self::InnerProduct | Self::Cosine => radius,
        }
    }

    /// The short name used in file headers and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InnerProduct => "ip",
            Self::Cosine => "cosine",
            Self::L2 => "l2",
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no metric.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown metric {got:?}: expected ip, cosine or l2")]
pub struct ParseMetricError {
    /// The word.
    pub got: String,
}

impl std::str::FromStr for Metric {
    type Err = ParseMetricError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.name() == word)
            .ok_or_else(|| ParseMetricError { got: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for metric in Metric::ALL {
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        assert_eq!("dot".parse::<Metric>(), Err(ParseMetricError { got: "dot".into() }));
    }

    #[test]
    fn nothing_lies_within_a_negative_distance() {
        assert_eq!(Metric::L2.radius_score(3.0), -9.0);
        assert_eq!(Metric::L2.radius_score(-3.0), f32::INFINITY);
        assert_eq!(Metric::Cosine.radius_score(-0.5), -0.5);
    }
}
