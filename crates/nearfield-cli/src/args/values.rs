//! Values that are more than a number or a word.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

/// Why a value of a flag is none.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum ValueError {
    #[error("{got:?} is not a whole number above 0")]
    NotPositive { got: String },
    #[error("{got:?} is not a list of whole numbers above 0, as in 10,20")]
    Cutoffs { got: String },
    #[error("{got:?} is not a length of time, as in 90s, 30m, 2h or 1d")]
    Duration { got: String },
    #[error("{got:?} is not last, time:SHARE or ratio:SHARE, as in ratio:0.2")]
    Split { got: String },
    #[error("a share of {got} is held out: it must lie between 0 and 1")]
    Share { got: f64 },
    #[error("{got:?} is not one character that takes one byte, nor \"tab\"")]
    Delimiter { got: String },
    #[error("{got:?} is not NAME=COLUMN with NAME one of user, item, time, weight")]
    Column { got: String },
    #[error("column {name} is given twice")]
    ColumnTwice { name: String },
}

/// A whole number above 0.
pub(super) fn positive(text: &str) -> Result<usize, ValueError> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| ValueError::NotPositive { got: text.to_owned() })
}

/// A whole number above 0 that fits 32 bits.
pub(super) fn positive_u32(text: &str) -> Result<u32, ValueError> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| ValueError::NotPositive { got: text.to_owned() })
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

/// What of the log is held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SplitRule {
    /// Each user's last interaction.
    Last,
    /// All interactions after a moment, so that this share of them is held out.
    Time(f64),
    /// This share of each user's interactions.
    Ratio(f64),
}

impl FromStr for SplitRule {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ValueError::Split { got: text.to_owned() };
        if text == "last" {
            return Ok(Self::Last);
        }
        let (rule, share) = text.split_once(':').ok_or_else(wrong)?;
        let share: f64 = share.parse().map_err(|_| wrong())?;
        if !(share > 0.0 && share < 1.0) {
            return Err(ValueError::Share { got: share });
        }
        match rule {
            "time" => Ok(Self::Time(share)),
            "ratio" => Ok(Self::Ratio(share)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for SplitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Time(share) => write!(f, "time:{share}"),
            Self::Ratio(share) => write!(f, "ratio:{share}"),
        }
    }
}

/// How a log file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// By the file's name: .csv, .tsv, .parquet; anything else holds `user item item …` lines
    Auto,
    /// Comma-separated columns
    Csv,
    /// Tab-separated columns
    Tsv,
    /// Apache Parquet
    Parquet,
    /// A line a user: the user, then the items, separated by blanks
    UserItems,
    /// A line a session: items separated by blanks, no user
    Sessions,
}

impl InputFormat {
    /// The word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Parquet => "parquet",
            Self::UserItems => "user-items",
            Self::Sessions => "sessions",
        }
    }
}

/// Which column holds what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) user: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) weight: Option<String>,
}

impl Columns {
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "user" => Some(&mut self.user),
            "item" => Some(&mut self.item),
            "time" => Some(&mut self.time),
            "weight" => Some(&mut self.weight),
            _ => None,
        }
    }
}

impl FromStr for Columns {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut columns = Self::default();
        for part in text.split(',') {
            let wrong = || ValueError::Column { got: part.to_owned() };
            let (name, column) = part.split_once('=').ok_or_else(wrong)?;
            let slot = columns.slot(name.trim()).ok_or_else(wrong)?;
            if column.is_empty() {
                return Err(wrong());
            }
            if slot.replace(column.to_owned()).is_some() {
                return Err(ValueError::ColumnTwice { name: name.trim().to_owned() });
            }
        }
        Ok(columns)
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            [("user", &self.user), ("item", &self.item), ("time", &self.time), ("weight", &self.weight)];
        let words: Vec<String> = named
            .iter()
            .filter_map(|(name, column)| column.as_ref().map(|column| format!("{name}={column}")))
            .collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn splits_need_a_share_between_0_and_1() {
        assert_eq!("time:0.2".parse::<SplitRule>().unwrap(), SplitRule::Time(0.2));
        for wrong in ["first", "time", "time:", "ratio:0", "ratio:1", "ratio:nan", "ratio:-0.1", "last:0.1"] {
            assert!(wrong.parse::<SplitRule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn columns_are_named_once() {
        let columns: Columns = "user=u,item=i=d".parse().unwrap();
        assert_eq!((columns.user.as_deref(), columns.item.as_deref()), (Some("u"), Some("i=d")));
        assert_eq!(columns.to_string(), "user=u,item=i=d");
        for wrong in ["", "user", "user=", "who=x", "user=a,user=b"] {
            assert!(wrong.parse::<Columns>().is_err(), "{wrong}");
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
