use embed_core::{EmbedError, ItemId, KeyTable, Metric, ParallelismError, ScoreError, SearchError, Space};

use crate::Measure;

/// Why a ranking was not evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// No cutoff was asked for.
    #[error("at least one cutoff is needed")]
    NoCutoffs,
    /// A cutoff of 0, which looks at nothing.
    #[error("cutoff 0 looks at no rank: give 1 or more")]
    ZeroCutoff,
    /// The same cutoff twice.
    #[error("cutoff {cutoff} is given twice")]
    RepeatedCutoff {
        /// The cutoff.
        cutoff: usize,
    },
    /// No measure was asked for.
    #[error("at least one measure is needed")]
    NoMeasures,
    /// The same measure twice.
    #[error("measure {measure} is given twice")]
    RepeatedMeasure {
        /// The measure.
        measure: Measure,
    },
    /// A catalogue without items.
    #[error("there is no item to rank")]
    NoItems,
    /// Nobody to take a mean over.
    #[error("none of the {users} users has a positive to find")]
    NobodyToEvaluate {
        /// How many users there are.
        users: usize,
    },
    /// What belongs to the users comes in another number than they do.
    #[error("{what} of {got} users, but the truth is of {expected}")]
    Users {
        /// What was given: seen items, lists, queries.
        what: &'static str,
        /// Rows of the truth.
        expected: usize,
        /// Rows given.
        got: usize,
    },
    /// More users than ids.
    #[error("{got} users, at most {limit} can be evaluated")]
    TooManyUsers {
        /// How many there are.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// More items than ids.
    #[error("{got} items, at most {limit} can be ranked")]
    TooManyItems {
        /// How many there are.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The scorer gave no scores.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// User vectors that are not meant to be scored against these items.
    #[error("the users' vectors are to be scored in space {:016x}, the items live in space {:016x}", .users.id(), .items.id())]
    Space {
        /// The space the users' vectors are meant for.
        users: Space,
        /// The space of the items.
        items: Space,
    },
    /// Vectors that are meant for another metric.
    #[error("the vectors are scored by {expected}, asked for was {got}")]
    Metric {
        /// The metric they are meant for.
        expected: Metric,
        /// The metric asked for, or that of the index.
        got: Metric,
    },
    /// Ids that name other items on two sides.
    #[error(
        "item {id} is {left:?} in the {what}, {right:?} on the other side: both must number the items alike"
    )]
    Keys {
        /// One side: embedder, index.
        what: &'static str,
        /// The first id of two names.
        id: ItemId,
        /// Its key there.
        left: String,
        /// Its key on the other side.
        right: String,
    },
    /// A score that has no place in an order.
    #[error("the score of user {user} for item {item} is {score}: scores are finite, or -inf for never")]
    BadScore {
        /// The user.
        user: u32,
        /// The item.
        item: ItemId,
        /// NaN or +inf.
        score: f32,
    },
    /// A measure of scores, asked of lists.
    #[error("{measure} is of the whole ranking: lists do not tell it, scores do")]
    NeedsScores {
        /// The measure.
        measure: Measure,
    },
    /// A measure of the whole catalogue, asked of some candidates.
    #[error("{measure} is of the whole catalogue: sampled candidates do not tell it")]
    NeedsCatalogue {
        /// The measure.
        measure: Measure,
    },
    /// A positive that is worth less than nothing, or no number.
    #[error("item {item} is worth {gain} to user {user}: gains are finite, and 0 or more")]
    BadGain {
        /// The user.
        user: u32,
        /// The item.
        item: ItemId,
        /// What the value of the truth makes of it.
        gain: f64,
    },
    /// No candidates beside the positives.
    #[error("sampled metrics need at least one negative a user")]
    NoNegatives,
    /// Vectors of users and of items that cannot be multiplied.
    #[error("users have {got} components, items have {expected}")]
    Dimension {
        /// Components of the items' vectors.
        expected: usize,
        /// Components of the users' vectors.
        got: usize,
    },
    /// A NaN or infinite component of a vector.
    #[error("the vector of {what} {row} has {value} in column {column}")]
    NotFinite {
        /// Whose vector: user or item.
        what: &'static str,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// An item twice in one list.
    #[error("the list of user {user} has item {item} at ranks {first} and {second}")]
    DuplicateItem {
        /// The user.
        user: u32,
        /// The item.
        item: ItemId,
        /// Its first rank, from 1.
        first: usize,
        /// Its second rank.
        second: usize,
    },
    /// An item of a list that is not in the catalogue.
    #[error("the list of user {user} has item {item}, but the catalogue has {n_items} items")]
    UnknownItem {
        /// The user.
        user: u32,
        /// The item.
        item: ItemId,
        /// Items of the catalogue.
        n_items: usize,
    },
    /// The vector of a user could not be made.
    #[error("user {user} has no vector")]
    Embed {
        /// The user.
        user: u32,
        /// Why.
        source: EmbedError,
    },
    /// The keys of the index cannot be read.
    #[error("the keys of the index cannot be read")]
    Index {
        /// Why.
        source: SearchError,
    },
    /// The index gave no answer.
    #[error("no list for user {user}")]
    Search {
        /// The user.
        user: u32,
        /// Why.
        source: SearchError,
    },
    /// The observer stopped the work.
    #[error("stopped after {done} of {total} users")]
    Stopped {
        /// Users done.
        done: usize,
        /// Users in all.
        total: usize,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}

impl EvalError {
    /// Refuses two numberings of the items that differ in what both have.
    pub(crate) fn check_keys(what: &'static str, left: &KeyTable, right: &KeyTable) -> Result<(), Self> {
        let Some(id) = left.first_difference(right) else { return Ok(()) };
        let key = |table: &KeyTable| table.key(id).unwrap_or_default().to_owned();
        Err(Self::Keys { what, id, left: key(left), right: key(right) })
    }
}
