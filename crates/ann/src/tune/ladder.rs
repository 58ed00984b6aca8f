use embed_core::AnnIndex;

use crate::ivf::IvfParams;
use crate::{HnswParams, Index, Refine};

/// The next effort is at least one and a quarter times as large.
const STEP: (usize, usize) = (1, 4);

impl Index {
    /// Efforts worth measuring for searches of `k` answers, ascending, in steps of a quarter, up to where every row
    /// is looked at. One only where the family has no knob.
    #[must_use]
    pub fn effort_ladder(&self, k: usize) -> Vec<usize> {
        let n = self.len().max(1);
        let k = k.clamp(1, n);
        let (least, most) = match self {
            Self::Hnsw(_) => (k, n.min(HnswParams::EF.1)),
            Self::RpForest(forest) => (forest.leaf.clamp(k, n), n),
            Self::Ivf(ivf) => (1, ivf.lists().min(IvfParams::MAX_LISTS)),
            Self::Quantized(codes) if codes.coding().refine != Refine::None => (1, n.div_ceil(k)),
            Self::Flat(_) | Self::Quantized(_) => (1, 1),
        };
        let next = |&effort: &usize| {
            let next = effort.saturating_add((effort * STEP.0 / STEP.1).max(1)).min(most);
            (next > effort).then_some(next)
        };
        std::iter::successors(Some(least), next).collect()
    }
}

#[cfg(test)]
mod tests {
    use embed_core::testkit::clustered;
    use embed_core::{Metric, Run};

    #[test]
    fn ladders_end_where_all_is_looked_at() {
        let vectors = clustered(300, 4, 3, 1);
        for (spec, first, last) in [
            ("Flat", 1, 1),
            ("SQ8", 1, 1),
            ("PQ2x8,Refine(Flat)", 1, 30),
            ("IVF17,Flat", 1, 17),
            ("HNSW4", 10, 300),
            ("RPForest2", 128, 300),
        ] {
            let family: crate::IndexSpec = spec.parse().unwrap();
            let ladder = family.build(&vectors, Metric::L2, &mut Run::default()).unwrap().effort_ladder(10);
            assert_eq!((ladder[0], *ladder.last().unwrap()), (first, last), "{spec}: {ladder:?}");
            assert!(ladder.is_sorted_by(|a, b| a < b), "{spec}: {ladder:?}");
        }
        let none = crate::IndexSpec::Hnsw { m: 4 };
        let none = none.build(&ndarray::Array2::zeros((0, 3)), Metric::L2, &mut Run::default()).unwrap();
        assert_eq!(none.effort_ladder(10), [1]);
    }
}
