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
    /// Cold items of a log of one item, or cold users of a log of one user.
    #[error("the log has one {what}: it cannot be in both parts")]
    One {
        /// Item or user.
        what: &'static str,
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
    #[error(
        "no split {got:?}: it is last, time:SHARE, ratio:SHARE, cold-items:SHARE or cold-users:SHARE (as in time:0.2)"
    )]
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

/// Why a train and a test log are not what they should be.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum LeakageError {
    /// The two logs do not share their vocabularies, so that ids do not compare.
    #[error("train and test have other {column} vocabularies: bring one to the other's first")]
    Vocabularies {
        /// Which: user or item.
        column: &'static str,
    },
    /// One of the logs has no times.
    #[error("whether train lies before test cannot be told: {log} has no times")]
    NoTime {
        /// Train or test.
        log: &'static str,
    },
    /// What is to be found is in training already.
    #[error("{count} of {of} test interactions are in train too, as of user {user:?} and item {item:?}")]
    SharedPairs {
        /// Test interactions whose user and item are together in train.
        count: usize,
        /// All test interactions.
        of: usize,
        /// The user of the first.
        user: String,
        /// The item of the first.
        item: String,
    },
    /// Training knows what happened after the test began.
    #[error(
        "{count} of {of} train interactions are not before test, which begins at {begins}; the last is at {last}"
    )]
    Future {
        /// Train interactions at or after the first of test.
        count: usize,
        /// All train interactions.
        of: usize,
        /// The first time of test.
        begins: i64,
        /// The last time of train.
        last: i64,
    },
    /// Training knows what users did after what is to be found.
    #[error(
        "{count} of {of} train interactions are after the same user's first in test, as of user {user:?}"
    )]
    OwnFuture {
        /// Such interactions of train.
        count: usize,
        /// All train interactions.
        of: usize,
        /// The user of the first.
        user: String,
    },
    /// An item, or a user, that should be unknown to training.
    #[error("{count} of {of} test interactions have {what}s that are in train, as {key:?}")]
    NotCold {
        /// Item or user.
        what: &'static str,
        /// Such interactions of test.
        count: usize,
        /// All test interactions.
        of: usize,
        /// The key of the first.
        key: String,
    },
}
