use embed_core::VocabError;

/// Why a log cannot be made, or cannot do what is asked.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum LogError {
    /// Columns of different length.
    #[error("the {column} column has {got} entries, the user column {expected}")]
    Length {
        /// Which column.
        column: &'static str,
        /// Entries of the user column.
        expected: usize,
        /// Entries of this one.
        got: usize,
    },
    /// A user or item id without a key.
    #[error("interaction {row}: {column} {id} is not below {n}, the number of keys")]
    UnknownId {
        /// Which column: user or item.
        column: &'static str,
        /// The interaction.
        row: usize,
        /// The id.
        id: u32,
        /// Number of keys.
        n: usize,
    },
    /// A weight that is NaN or infinite.
    #[error("interaction {row}: weight {got} is not finite")]
    Weight {
        /// The interaction.
        row: usize,
        /// The weight.
        got: f32,
    },
    /// Some interactions have a time (or a weight) and some have none.
    #[error("interaction {row} has {} {column}, unlike those before", if *.has { "a" } else { "no" })]
    Mixed {
        /// Which column: time or weight.
        column: &'static str,
        /// The first interaction unlike the others.
        row: usize,
        /// Whether that one has it.
        has: bool,
    },
    /// A time is needed and the log has none.
    #[error("{wanted} need the time of each interaction, and this log has no times")]
    NoTime {
        /// What needs it.
        wanted: &'static str,
    },
    /// A vocabulary in which the ids of this log would mean other keys.
    #[error("the {column} vocabulary given does not start with the {expected} keys of this log")]
    NotAnExtension {
        /// Which vocabulary: user or item.
        column: &'static str,
        /// Keys of this log.
        expected: usize,
    },
    /// Too many users or items.
    #[error(transparent)]
    Vocab(#[from] VocabError),
}

/// Why a log cannot be split.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SplitError {
    /// The share to hold out is not strictly between 0 and 1.
    #[error("a share of {got} cannot be held out: it must be above 0 and below 1")]
    Share {
        /// The share given.
        got: f64,
    },
    /// The log has no interactions.
    #[error("there are no interactions to split")]
    Empty,
    /// A split by time of a log without times.
    #[error("a split by time needs the time of each interaction, and this log has no times")]
    NoTime,
    /// All interactions have the same time, so no boundary parts them.
    #[error("all {interactions} interactions have time {time}: no boundary parts them")]
    OneTime {
        /// How many there are.
        interactions: usize,
        /// Their time.
        time: i64,
    },
    /// Nothing would be held out.
    #[error("nothing would be held out: {reason}")]
    NothingHeldOut {
        /// Why.
        reason: &'static str,
    },
}

/// Why a text is not a [`Split`](crate::Split).
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ParseSplitError {
    /// Not one of the rules.
    #[error("no split {got:?}: it is last, time:SHARE or ratio:SHARE (as in time:0.2)")]
    Rule {
        /// The text.
        got: String,
    },
    /// The share is no number above 0 and below 1.
    #[error("share {got:?} in {text:?} is not a number above 0 and below 1")]
    Share {
        /// The share.
        got: String,
        /// The whole text.
        text: String,
    },
}
