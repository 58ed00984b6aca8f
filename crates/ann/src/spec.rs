use std::fmt;
use std::str::FromStr;

use embed_core::{Metric, Run};

use crate::{BuildError, Flat, Hnsw, HnswParams, Index, ParamsError, Vectors};

/// A family of indexes by the name its users know: `"Flat"`, `"HNSW32"`.
///
/// ```
/// use ann::IndexSpec;
///
/// assert_eq!("hnsw16".parse(), Ok(IndexSpec::Hnsw { m: 16 }));
/// assert_eq!(IndexSpec::Hnsw { m: 16 }.to_string(), "HNSW16");
/// assert_eq!(
///     "HSNW32".parse::<IndexSpec>().unwrap_err().to_string(),
///     r#"unknown part "HSNW32" in index "HSNW32"; the nearest is "HNSW32""#
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IndexSpec {
    /// [`Flat`].
    Flat,
    /// [`Hnsw`] with so many links a node; all else as in [`HnswParams::default`].
    Hnsw {
        /// [`HnswParams::m`].
        m: usize,
    },
}

/// Why a text names no family.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSpecError {
    /// A part that no family has.
    #[error("unknown part {part:?} in index {spec:?}; the nearest is {nearest:?}")]
    Unknown {
        /// The whole text.
        spec: String,
        /// The part.
        part: String,
        /// The valid part that is most like it.
        nearest: String,
    },
    /// A number that the family does not take.
    #[error("{part:?} in index {spec:?}")]
    Number {
        /// The whole text.
        spec: String,
        /// The part with the number.
        part: String,
        /// Which values it takes.
        source: ParamsError,
    },
}

impl IndexSpec {
    /// The family that serves most catalogues: exact up to 10,000 rows, where it is as fast as any, else a
    /// graph.
    #[must_use]
    pub fn for_rows(n: usize) -> Self {
        if n <= 10_000 { Self::Flat } else { Self::Hnsw { m: HnswParams::default().m } }
    }

    /// Builds an index of the family over `&Embeddings`, whose keys and space travel with it, or over an array
    /// `[n, dim]`.
    ///
    /// # Errors
    /// As [`Flat::build`] and [`Hnsw::build`].
    pub fn build<'v>(
        &self,
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        run: &mut Run<'_>,
    ) -> Result<Index, BuildError> {
        Ok(match *self {
            Self::Flat => Index::Flat(Flat::build(vectors, metric, run)?),
            Self::Hnsw { m } => Index::Hnsw(Hnsw::build(vectors, metric, &HnswParams::with_m(m), run)?),
        })
    }
}

impl fmt::Display for IndexSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat => f.write_str("Flat"),
            Self::Hnsw { m } => write!(f, "HNSW{m}"),
        }
    }
}

impl FromStr for IndexSpec {
    type Err = ParseSpecError;

    /// Upper and lower case are the same; `"HNSW"` alone takes the default number of links.
    fn from_str(spec: &str) -> Result<Self, ParseSpecError> {
        let part = spec.trim();
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &part[letters.len()..];
        if letters.eq_ignore_ascii_case("flat") && digits.is_empty() {
            return Ok(Self::Flat);
        }
        if letters.eq_ignore_ascii_case("hnsw") {
            let m = if digits.is_empty() {
                HnswParams::default().m
            } else {
                digits.parse().unwrap_or(usize::MAX)
            };
            let number =
                |source| ParseSpecError::Number { spec: spec.to_owned(), part: part.to_owned(), source };
            HnswParams::with_m(m).validate().map_err(number)?;
            return Ok(Self::Hnsw { m });
        }
        let nearest = nearest(letters, digits);
        Err(ParseSpecError::Unknown { spec: spec.to_owned(), part: part.to_owned(), nearest })
    }
}

/// The valid part with the fewest differing letters; the digits are kept where they are valid.
fn nearest(letters: &str, digits: &str) -> String {
    // A long text is like none of them, and comparing costs its length.
    let letters: String = letters.chars().take(32).map(|c| c.to_ascii_uppercase()).collect();
    if edits(&letters, "FLAT") < edits(&letters, "HNSW") {
        return IndexSpec::Flat.to_string();
    }
    let m = digits.parse().ok().filter(|&m| HnswParams::with_m(m).validate().is_ok());
    IndexSpec::Hnsw { m: m.unwrap_or(HnswParams::default().m) }.to_string()
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_and_printed() {
        for (text, spec) in [
            ("Flat", IndexSpec::Flat),
            (" flat ", IndexSpec::Flat),
            ("HNSW", IndexSpec::Hnsw { m: 32 }),
            ("hnsw2", IndexSpec::Hnsw { m: 2 }),
        ] {
            assert_eq!(text.parse(), Ok(spec));
            assert_eq!(spec.to_string().parse(), Ok(spec));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |text: &str| text.parse::<IndexSpec>().unwrap_err().to_string();
        assert_eq!(message("Flta"), r#"unknown part "Flta" in index "Flta"; the nearest is "Flat""#);
        assert_eq!(message("HNWS16"), r#"unknown part "HNWS16" in index "HNWS16"; the nearest is "HNSW16""#);
        assert_eq!(message("HNSW1"), r#""HNSW1" in index "HNSW1""#);
        for text in ["HNSW0", "HNSW257", "HNSW99999999999999999999999"] {
            assert!(matches!(text.parse::<IndexSpec>(), Err(ParseSpecError::Number { .. })), "{text}");
        }
        assert!("".parse::<IndexSpec>().is_err());
        assert!("Flat7".parse::<IndexSpec>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in ".{0,40}") {
            if let Ok(spec) = text.parse::<IndexSpec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }
}
