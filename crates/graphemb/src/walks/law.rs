use crate::WalkParams;

/// The second-order law of node2vec, divided by its envelope max(1, 1/q), so that a candidate drawn by weight is
/// accepted with the probability named here.
///
/// The way back may weigh more than the envelope. What is above it is folded into the draw of candidates
/// (KnightKing, section 4.2), so that the envelope stays low.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Law {
    /// Of the way back, at most 1.
    pub(crate) back: f64,
    /// What the way back weighs above the envelope, as a multiple of its edge's weight.
    pub(crate) extra: f64,
    /// Of a node that the last one has an edge to.
    pub(crate) near: f64,
    /// Of any other.
    pub(crate) far: f64,
    /// The smaller of the two: below it no edge need be looked for.
    pub(crate) low: f64,
}

impl Law {
    pub(crate) fn new(params: &WalkParams) -> Self {
        let envelope = (1.0 / params.q).max(1.0);
        let back = 1.0 / params.p / envelope;
        let (near, far) = (1.0 / envelope, 1.0 / params.q / envelope);
        Self { back: back.min(1.0), extra: (back - 1.0).max(0.0), near, far, low: near.min(far) }
    }

    /// Whether the last node does not matter.
    pub(crate) fn is_first_order(&self) -> bool {
        self.back >= 1.0 && self.extra <= 0.0 && self.low >= 1.0
    }

    /// Whether edges from the last node to candidates matter.
    pub(crate) fn looks_for_edges(&self) -> bool {
        self.low < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acceptance_and_fold_give_back_the_weights() {
        for p in [0.25, 0.5, 1.0, 4.0] {
            for q in [0.25, 1.0, 3.0] {
                let law = Law::new(&WalkParams { p, q, ..WalkParams::default() });
                let scale = 1.0 / law.near;
                assert!((law.far * scale - 1.0 / q).abs() < 1e-12);
                assert!(((law.back + law.extra) * scale - 1.0 / p).abs() < 1e-12);
                assert!(law.near <= 1.0 && law.far <= 1.0 && law.back <= 1.0);
                assert_eq!(law.is_first_order(), p == 1.0 && q == 1.0);
            }
        }
    }
}
