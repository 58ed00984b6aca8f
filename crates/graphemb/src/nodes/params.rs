use seqemb::{Objective, Params, Preparation, Window};
use serde::{Deserialize, Serialize};

use crate::WalkParams;

/// Settings of [`Node2Vec`](crate::Node2Vec) and [`DeepWalk`](crate::DeepWalk): which walks are taken, and how vectors
/// are learned from them. The default is that of the node2vec paper with p = q = 1.
///
/// ```
/// use graphemb::NodeParams;
///
/// let mut params = NodeParams::node2vec(0.25, 0.25);
/// params.train.dim = 64;
/// params.walks.walks = 5;
/// # let _ = params;
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeParams {
    /// The walks of one pass. Each pass takes new ones.
    pub walks: WalkParams,
    /// The training; its epochs are the passes.
    pub train: Params,
}

impl NodeParams {
    /// node2vec as its authors set it (section 4): ten walks of 80 nodes, window 10, 128 components, five negatives.
    #[must_use]
    pub fn node2vec(p: f64, q: f64) -> Self {
        Self { walks: WalkParams { p, q, ..WalkParams::NODE2VEC }, train: Self::skip_gram() }
    }

    /// DeepWalk as its authors set it on BlogCatalog: 80 walks of 40 nodes, window 10, 128 components, hierarchical
    /// softmax.
    #[must_use]
    pub fn deepwalk() -> Self {
        let train = Params { objective: Objective::HierarchicalSoftmax, ..Self::skip_gram() };
        Self { walks: WalkParams::DEEPWALK, train }
    }

    /// Skip-gram on walks as they are, in one pass.
    fn skip_gram() -> Params {
        Params {
            dim: 128,
            window: Window::Sliding { size: 10, dynamic: true },
            epochs: 1,
            preparation: Preparation::NONE,
            ..Params::default()
        }
    }
}

impl Default for NodeParams {
    fn default() -> Self {
        Self::node2vec(1.0, 1.0)
    }
}
