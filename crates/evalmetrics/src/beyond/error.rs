use embed_core::{ItemId, ParallelismError};

/// Why lists were not measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeyondError {
    /// A cutoff of 0, which looks at nothing.
    #[error("cutoff 0 looks at no rank: give 1 or more")]
    ZeroCutoff,
    /// A catalogue without items.
    #[error("there is no item in the catalogue")]
    NoItems,
    /// Not one list.
    #[error("none of the {users} users has a list")]
    NoLists {
        /// How many users there are.
        users: usize,
    },
    /// What belongs to the items comes in another number than they do.
    #[error("{what} of {got} items, but the catalogue has {expected}")]
    Items {
        /// What was given.
        what: &'static str,
        /// Items of the catalogue.
        expected: usize,
        /// How many were given.
        got: usize,
    },
    /// What belongs to the users comes in another number than the lists do.
    #[error("{what} of {got} users, but lists of {expected}")]
    Users {
        /// What was given.
        what: &'static str,
        /// Number of lists.
        expected: usize,
        /// How many were given.
        got: usize,
    },
    /// An item of a list that is not in the catalogue.
    #[error("the list of user {user} has item {item}, but the catalogue has {n_items} items")]
    UnknownItem {
        /// The user.
        user: usize,
        /// The item.
        item: ItemId,
        /// Items of the catalogue.
        n_items: usize,
    },
    /// An item twice in one list.
    #[error("the list of user {user} has item {item} at ranks {first} and {second}")]
    DuplicateItem {
        /// The user.
        user: usize,
        /// The item.
        item: ItemId,
        /// Its first rank, from 1.
        first: usize,
        /// Its second rank.
        second: usize,
    },
    /// A NaN or infinite component of a vector.
    #[error("the vector of item {item} has {value} in column {column}")]
    NotFinite {
        /// The item.
        item: usize,
        /// The column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A value that is no number.
    #[error("value {at} is {value}")]
    BadValue {
        /// Its place.
        at: usize,
        /// NaN or infinite.
        value: f64,
    },
    /// No group to put anything into.
    #[error("at least one bucket is needed")]
    NoBuckets,
    /// The threads could not be started.
    #[error(transparent)]
    Parallelism(#[from] ParallelismError),
}
