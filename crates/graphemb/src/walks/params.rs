use serde::{Deserialize, Serialize};

use crate::WalkError;

/// Which walks are taken. The default is that of the node2vec paper with p = q = 1: ten walks of 80 nodes from each
/// node, by weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WalkParams {
    /// Walks from each node. 10.
    pub walks: u32,
    /// Most nodes of a walk, its start included; a walk is shorter where it meets a dead end. 80.
    pub length: u32,
    /// Return parameter p: the way back weighs 1/p. 1.
    pub p: f64,
    /// In-out parameter q: a step to a node that the last one has no edge to weighs 1/q. 1.
    pub q: f64,
    /// Whether the graph's weights count; without them its neighbours are alike. True.
    pub weighted: bool,
    /// node2vec+ with this γ: an edge counts as one only from the mean weight of its end on, plus γ standard
    /// deviations. `None`: node2vec.
    pub extended: Option<f64>,
}

impl WalkParams {
    /// The setting of DeepWalk's authors on BlogCatalog: 80 walks of 40 nodes, all neighbours by their weight.
    pub const DEEPWALK: Self = Self { walks: 80, length: 40, p: 1.0, q: 1.0, weighted: true, extended: None };
    /// The setting of node2vec's authors: 10 walks of 80 nodes.
    pub const NODE2VEC: Self = Self { walks: 10, length: 80, p: 1.0, q: 1.0, weighted: true, extended: None };
    /// Most nodes of a walk.
    pub const MAX_LENGTH: u32 = 1 << 16;
    /// Most walks from a node.
    pub const MAX_WALKS: u32 = 1 << 24;

    /// Checks every setting.
    ///
    /// # Errors
    /// [`WalkError::Count`] and [`WalkError::Number`] name the first that is out of its range.
    pub fn validate(&self) -> Result<(), WalkError> {
        let count = |name, got: u32, most| match got {
            1.. if got <= most => Ok(()),
            _ => Err(WalkError::Count { name, got, least: 1, most }),
        };
        let number = |name, got: f64, least: f64, most: f64| {
            if (least..=most).contains(&got) {
                Ok(())
            } else {
                Err(WalkError::Number { name, got, least, most })
            }
        };
        count("walks", self.walks, Self::MAX_WALKS)?;
        count("length", self.length, Self::MAX_LENGTH)?;
        number("p", self.p, 1e-6, 1e6)?;
        number("q", self.q, 1e-6, 1e6)?;
        number("gamma", self.extended.unwrap_or(0.0), 0.0, 1e6)
    }
}

impl Default for WalkParams {
    fn default() -> Self {
        Self::NODE2VEC
    }
}
