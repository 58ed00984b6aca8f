use std::str::FromStr;

use super::nearest::nearest;
use super::{Codes, Coding, IndexSpec, Refine};
use crate::{HnswParams, ParamsError};

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
    #[error("{part:?} in index {spec:?}: {source}")]
    Number {
        /// The whole text.
        spec: String,
        /// The part with the number.
        part: String,
        /// Which values it takes.
        source: ParamsError,
    },
    /// A name that ends too early.
    #[error("index {spec:?} ends too early: {expected}")]
    Unfinished {
        /// The whole text.
        spec: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A part that is known, but not here.
    #[error("{part:?} cannot stand here in index {spec:?}: {expected}")]
    Misplaced {
        /// The whole text.
        spec: String,
        /// The part.
        part: String,
        /// What may stand there.
        expected: &'static str,
    },
}

/// One part of a name.
#[derive(Clone, Copy)]
enum Part {
    Hnsw(usize),
    Ivf(usize),
    Opq(usize),
    Forest(usize),
    Codes(Codes),
    Refine(Refine),
}

/// Numbers in names: name of the parameter, least, most.
const NLIST: (&str, usize, usize) = ("nlist", 1, 1 << 24);
const M: (&str, usize, usize) = ("m", 1, 1 << 12);
const TREES: (&str, usize, usize) = ("trees", 1, 1 << 12);
const DEFAULT_TREES: usize = 100;

const ONE_FAMILY: &str =
    "expected [OPQm,] [IVFn,] Flat, SQ8, PQmx8 or PQmx4fs [,Refine(Flat) or ,Refine(SQ8)]";
const SAME_M: &str = "a rotation is for the product codes that follow it, and of the same m";
const NOTHING: &str = "the family ends before it";

impl FromStr for IndexSpec {
    type Err = ParseSpecError;

    /// Upper and lower case are the same, and spaces about a part are left out; `"HNSW"`, `"IVF"` and
    /// `"RPForest"` alone take the default number.
    fn from_str(spec: &str) -> Result<Self, ParseSpecError> {
        // No family has more than four parts; a fifth is in the way of whatever comes before it.
        let texts: Vec<&str> = spec.split(',').map(str::trim).take(5).collect();
        let misplaced = |at: usize, expected| ParseSpecError::Misplaced {
            spec: spec.to_owned(),
            part: texts.get(at).copied().unwrap_or_default().to_owned(),
            expected,
        };
        let parts = texts.iter().map(|text| part(spec, text)).collect::<Result<Vec<Part>, _>>()?;
        let alone = |spec| if parts.len() == 1 { Ok(spec) } else { Err(misplaced(1, NOTHING)) };
        match parts[..] {
            [Part::Hnsw(m), Part::Codes(Codes::Sq8)] => return Ok(Self::HnswSq8 { m }),
            [Part::Hnsw(m), ..] => return alone(Self::Hnsw { m }),
            [Part::Forest(trees), ..] => return alone(Self::RpForest { trees }),
            [Part::Codes(Codes::Flat), ..] => return alone(Self::Flat),
            _ => {}
        }
        let (mut rest, mut at) = (&parts[..], 0);
        let mut take = |pattern: fn(Part) -> bool| -> Option<Part> {
            let (&first, others) = rest.split_first()?;
            pattern(first).then(|| {
                (rest, at) = (others, at + 1);
                first
            })
        };
        let opq = take(|p| matches!(p, Part::Opq(_)));
        let ivf = take(|p| matches!(p, Part::Ivf(_)));
        let codes = take(|p| matches!(p, Part::Codes(_)));
        let refine = take(|p| matches!(p, Part::Refine(_)));
        let Some(Part::Codes(codes)) = codes else {
            return Err(match refine {
                Some(_) => misplaced(at - 1, ONE_FAMILY),
                None if rest.is_empty() => {
                    ParseSpecError::Unfinished { spec: spec.to_owned(), expected: ONE_FAMILY }
                }
                None => misplaced(at, ONE_FAMILY),
            });
        };
        if !rest.is_empty() {
            return Err(misplaced(at, NOTHING));
        }
        if let Some(Part::Opq(m)) = opq
            && codes.m() != Some(m)
        {
            return Err(misplaced(0, SAME_M));
        }
        let refine = if let Some(Part::Refine(refine)) = refine { refine } else { Refine::None };
        if refine != Refine::None && codes == Codes::Flat {
            return Err(misplaced(at - 1, "vectors are exact already"));
        }
        let coding = Coding { codes, opq: opq.is_some(), refine };
        Ok(if let Some(Part::Ivf(nlist)) = ivf {
            Self::Ivf { nlist, coding }
        } else {
            Self::Quantized { coding }
        })
    }
}

fn part(spec: &str, text: &str) -> Result<Part, ParseSpecError> {
    let lower = text.to_ascii_lowercase();
    let letters = lower.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let (letters, rest) = lower.split_at(lower.len() - letters.len());
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let (digits, after) = rest.split_at(rest.len() - after.len());
    let wrong = |source| ParseSpecError::Number { spec: spec.to_owned(), part: text.to_owned(), source };
    let number = |(name, least, most): (&'static str, usize, usize), absent: Option<usize>| {
        let got = match absent {
            Some(absent) if digits.is_empty() => return Ok(absent),
            _ => digits.parse().unwrap_or(usize::MAX),
        };
        if (least..=most).contains(&got) {
            Ok(got)
        } else {
            Err(wrong(ParamsError { name, least, most, got }))
        }
    };
    Ok(match (letters, digits, after) {
        ("flat", "", "") => Part::Codes(Codes::Flat),
        ("sq", "8", "") => Part::Codes(Codes::Sq8),
        ("refine", "", "(flat)") => Part::Refine(Refine::Flat),
        ("refine", "", "(sq8)") => Part::Refine(Refine::Sq8),
        ("hnsw", _, "") => {
            let (least, most) = HnswParams::M;
            Part::Hnsw(number(("m", least, most), Some(HnswParams::default().m))?)
        }
        ("ivf", _, "") => Part::Ivf(number(NLIST, Some(0))?),
        ("rpforest", _, "") => Part::Forest(number(TREES, Some(DEFAULT_TREES))?),
        ("opq", _, "") if !digits.is_empty() => Part::Opq(number(M, None)?),
        ("pq", _, "x8") if !digits.is_empty() => Part::Codes(Codes::Pq { m: number(M, None)? }),
        ("pq", _, "x4fs") if !digits.is_empty() => Part::Codes(Codes::PqFast { m: number(M, None)? }),
        _ => {
            let nearest = nearest(text);
            return Err(ParseSpecError::Unknown { spec: spec.to_owned(), part: text.to_owned(), nearest });
        }
    })
}
