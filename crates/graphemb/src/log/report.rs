/// What an item graph was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ItemGraphReport {
    /// Users with an item.
    pub users: u64,
    /// Users that were counted by a sample of their items.
    pub users_sampled: u64,
    /// Distinct items of users that were left out by sampling.
    pub items_left_out: u64,
    /// Pairs of items counted, over all users: `Σ |I_u| (|I_u| − 1)`, what the time follows.
    pub pairs_counted: u64,
    /// Items without an edge.
    pub isolated: u64,
}

/// What a session graph was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SessionGraphReport {
    /// Sequences read.
    pub sequences: u64,
    /// Items read.
    pub items: u64,
    /// Pairs counted.
    pub pairs: u64,
    /// Pairs of an item with itself, left out.
    pub repeats: u64,
    /// Items without an edge.
    pub isolated: u64,
}
