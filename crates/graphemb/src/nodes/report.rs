use seqemb::ItemVectors;

/// What was learned of a graph's nodes, under the keys of the graph (or their numbers).
///
/// [`ItemVectors::input`] is what the papers call the embedding. An isolated node keeps its untrained vectors, and is never
/// an answer of what is built on them: [`NodeVectors::untrained`].
#[derive(Debug, Clone, PartialEq)]
pub struct NodeVectors {
    /// Both tables.
    pub vectors: ItemVectors,
    /// The walks they were learned from.
    pub walks: WalkReport,
}

impl NodeVectors {
    /// Keys of the nodes that no walk of two nodes met: isolated ones, about which nothing was learned.
    pub fn untrained(&self) -> impl Iterator<Item = &str> {
        self.vectors.untrained()
    }
}

/// What walks were taken.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct WalkReport {
    /// Nodes of the graph.
    pub nodes: u64,
    /// Its edges.
    pub edges: u64,
    /// Nodes with no edge, about which nothing is learned.
    pub isolated: u64,
    /// Walks over all passes, those that end where they start included.
    pub walks: u64,
    /// Steps taken, also those of the reading that counts nodes before the training.
    pub steps: u64,
    /// Seconds that taking them took, within the time of the training.
    pub seconds: f64,
}

impl WalkReport {
    /// Steps per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn steps_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.steps as f64 / self.seconds } else { 0.0 }
    }
}
