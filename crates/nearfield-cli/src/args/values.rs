//! Values that are more than a number or a word.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use nearfield::ann::{IndexSpec, ParseSpecError};
use nearfield::interactions::{Column, Columns, OptionsError};

/// Why a value of a flag is none.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum ValueError {
    #[error("{got:?} is no column and type: write COLUMN=category, list, number or vector")]
    FeatureType { got: String },
    #[error("{got:?} is not a whole number above 0")]
    NotPositive { got: String },
    #[error("{got:?} is not a list of whole numbers above 0, as in 10,20")]
    Cutoffs { got: String },
    #[error("{got:?} is not a length of time, as in 90s, 30m, 2h or 1d")]
    Duration { got: String },
    #[error("{got:?} is not a whole number above 0, nor \"basket\"")]
    Contexts { got: String },
    #[error("{got:?} is not a share above 0 and at most 1")]
    Recall { got: String },
    #[error("{got:?} is not one character that takes one byte, nor \"tab\"")]
    Delimiter { got: String },
    #[error("{got:?} names a column of weights, which no method uses: every interaction counts once")]
    Weight { got: String },
    #[error(transparent)]
    Columns(#[from] OptionsError),
}

/// A whole number above 0.
pub(super) fn positive(text: &str) -> Result<usize, ValueError> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| ValueError::NotPositive { got: text.to_owned() })
}

/// A whole number above 0 that fits 32 bits.
pub(super) fn positive_u32(text: &str) -> Result<u32, ValueError> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| ValueError::NotPositive { got: text.to_owned() })
}

/// A share above 0, at most 1.
pub(super) fn recall(text: &str) -> Result<f32, ValueError> {
    let inside = |r: &f32| *r > 0.0 && *r <= 1.0;
    text.parse().ok().filter(inside).ok_or_else(|| ValueError::Recall { got: text.to_owned() })
}

/// Index families between commas, though their names have commas too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Specs(pub(crate) Vec<IndexSpec>);

/// Most parts of a name.
const SPEC_PARTS: usize = 4;

impl FromStr for Specs {
    type Err = ParseSpecError;

    /// The longest run of parts that is a name is one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut specs = Vec::new();
        for group in text.split(';') {
            let parts: Vec<&str> = group.split(',').collect();
            let mut at = 0;
            while at < parts.len() {
                let name = |len: usize| parts[at..at + len].join(",").parse::<IndexSpec>();
                let longest = SPEC_PARTS.min(parts.len() - at);
                let Some((len, spec)) = (1..=longest).rev().find_map(|len| Some((len, name(len).ok()?)))
                else {
                    // What is wrong with the first part, if that cannot begin a name, else with all that follows.
                    let (first, all) = (name(1), name(longest));
                    let unknown =
                        matches!(first, Err(ParseSpecError::Unknown { .. } | ParseSpecError::Number { .. }));
                    specs.push(if unknown { first? } else { all? });
                    break;
                };
                specs.push(spec);
                at += len;
            }
        }
        Ok(Self(specs))
    }
}

/// The columns of users, items and times.
pub(super) fn columns(text: &str) -> Result<Columns, ValueError> {
    let columns: Columns = text.parse()?;
    match columns.weight {
        Column::Usual | Column::Absent => Ok(columns),
        _ => Err(ValueError::Weight { got: text.to_owned() }),
    }
}

/// The byte between two fields.
pub(super) fn delimiter(text: &str) -> Result<u8, ValueError> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() && byte != b'\n' && byte != b'\r' && byte != b'"' => Ok(byte),
        _ => Err(ValueError::Delimiter { got: text.to_owned() }),
    }
}

/// List lengths, ascending, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cutoffs(Vec<usize>);

impl Cutoffs {
    pub(crate) fn as_slice(&self) -> &[usize] {
        &self.0
    }
}

impl Default for Cutoffs {
    fn default() -> Self {
        Self(vec![10, 20])
    }
}

impl FromStr for Cutoffs {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: Result<Vec<usize>, _> = text.split(',').map(|part| positive(part.trim())).collect();
        let mut ks = parsed.map_err(|_| ValueError::Cutoffs { got: text.to_owned() })?;
        ks.sort_unstable();
        ks.dedup();
        Ok(Self(ks))
    }
}

impl fmt::Display for Cutoffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join(","))
    }
}

/// Which items of a sequence are contexts of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contexts {
    /// Those up to so many places away.
    Sliding(usize),
    /// A few from anywhere.
    Basket,
}

impl FromStr for Contexts {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "basket" {
            return Ok(Self::Basket);
        }
        positive(text).map(Self::Sliding).map_err(|_| ValueError::Contexts { got: text.to_owned() })
    }
}

impl fmt::Display for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sliding(size) => write!(f, "{size}"),
            Self::Basket => f.write_str("basket"),
        }
    }
}

/// How long nothing happens between two sessions, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionGap(u64);

impl SessionGap {
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for SessionGap {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: Option<u64> = text[..text.len() - unit.len()].parse().ok();
        let seconds = match unit {
            "" | "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            "d" => Some(86_400),
            _ => None,
        };
        number
            .zip(seconds)
            .and_then(|(number, seconds)| number.checked_mul(seconds))
            .filter(|&gap| gap > 0)
            .map(Self)
            .ok_or_else(|| ValueError::Duration { got: text.to_owned() })
    }
}

impl fmt::Display for SessionGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_is_taken() {
        let names = |text: &str| {
            text.parse::<Specs>().map(|specs| specs.0.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(
            names("Flat,hnsw32,SQ8,IVF1024,Flat,OPQ16,IVF8,PQ16x4fs,Refine(Flat),RPForest100").unwrap(),
            ["Flat", "HNSW32,SQ8", "IVF1024,Flat", "OPQ16,IVF8,PQ16x4fs,Refine(Flat)", "RPForest100"]
        );
        assert_eq!(names("HNSW32;SQ8; Flat").unwrap(), ["HNSW32", "SQ8", "Flat"]);
        assert_eq!(names("SQ8").unwrap(), ["SQ8"]);
        for (text, part) in [("Flat,Flta", "Flta"), ("HNSW32,IVF8", "IVF8"), ("HNSW1", "HNSW1"), ("", "")] {
            assert!(names(text).unwrap_err().to_string().contains(&format!("{part:?}")), "{text}");
        }
    }

    #[test]
    fn cutoffs_are_sorted_and_distinct() {
        assert_eq!("20, 10,20".parse::<Cutoffs>().unwrap().as_slice(), [10, 20]);
        for wrong in ["", "0", "10,,20", "ten", "-1"] {
            assert!(wrong.parse::<Cutoffs>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn gaps_have_units() {
        assert_eq!("30m".parse::<SessionGap>().unwrap().duration().as_secs(), 1800);
        assert_eq!("90".parse::<SessionGap>().unwrap(), "90s".parse().unwrap());
        for wrong in ["", "m", "0m", "1.5h", "30 m", "99999999999999999999d", "9999999999999999999d", "ü"] {
            assert!(wrong.parse::<SessionGap>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_column_of_weights_is_refused() {
        assert!(columns("user=0,item=1,weight=").is_ok());
        for weight in ["2", "rating"] {
            let got = format!("user=0,weight={weight}");
            assert_eq!(columns(&got), Err(ValueError::Weight { got }));
        }
    }

    #[test]
    fn a_delimiter_is_one_byte() {
        assert_eq!((delimiter("tab"), delimiter(";")), (Ok(b'\t'), Ok(b';')));
        for wrong in ["", "::", "é", "\n", "\""] {
            assert!(delimiter(wrong).is_err(), "{wrong:?}");
        }
    }
}
