use serde::Serialize;

use super::NeighborGraph;
use crate::number::float;

/// Whether some items are neighbours of everything, and others of nothing. `N(i)` is how many of the lists of
/// a graph item `i` is in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Hubness {
    /// Neighbours in a list.
    pub k: usize,
    /// `E[(N − μ)³] / σ³`: near 0 without hubs, large with them.
    pub skewness: f64,
    /// The item that is in most lists, ties to the lowest.
    pub largest_hub: u32,
    /// How many lists it is in.
    pub largest: usize,
    /// Share of the items that are in no list.
    pub antihubs: f64,
    /// Half of `Σ |N − μ| / Σ N`: the share of places that would have to move for all to be in as many.
    pub robin_hood: f64,
    /// Lists.
    pub n: usize,
}

/// How often each item is a neighbour. Over the lists of all items, or of those that were drawn. O(items + places).
///
/// # Reference
/// Radovanović, Nanopoulos & Ivanović, Hubs in Space, 2010, section 3; Feldbauer et al. 2018 for the Robin Hood
/// index.
#[must_use]
pub fn hubness(graph: &NeighborGraph) -> Hubness {
    let mut counts = vec![0usize; graph.n_items()];
    for (_, neighbors) in graph.iter() {
        neighbors.iter().for_each(|neighbor| counts[neighbor.id as usize] += 1);
    }
    let n = float(counts.len());
    let total = float(counts.iter().sum());
    let mean = total / n;
    let moment = |power: i32| counts.iter().map(|&c| (float(c) - mean).powi(power)).sum::<f64>() / n;
    let deviation = moment(2).sqrt();
    let (largest_hub, largest) = (0u32..)
        .zip(&counts)
        .fold((0, 0), |best, (item, &count)| if count > best.1 { (item, count) } else { best });
    Hubness {
        k: graph.k(),
        skewness: if deviation > 0.0 { moment(3) / deviation.powi(3) } else { 0.0 },
        largest_hub,
        largest,
        antihubs: float(counts.iter().filter(|&&c| c == 0).count()) / n,
        robin_hood: if total > 0.0 {
            0.5 * counts.iter().map(|&c| (float(c) - mean).abs()).sum::<f64>() / total
        } else {
            0.0
        },
        n: graph.items().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Metric, Run};
    use ndarray::array;

    /// A star: everything is nearest to the middle, item 2, whose own nearest is item 0.
    #[test]
    fn a_star_by_hand() {
        let star = array![[0.9, 0.0], [0.0, 1.1], [0.0, 0.0], [-1.2, 0.0], [0.0, -1.3]];
        let graph = NeighborGraph::exact(star.view(), Metric::L2, 1, None, &mut Run::default()).unwrap();
        let got = hubness(&graph);
        assert_eq!((got.largest_hub, got.largest, got.antihubs, got.n), (2, 4, 0.6, 5));
        // N = 1 0 4 0 0: mean 1, squares 0 1 9 1 1 = 12/5, cubes 0 −1 27 −1 −1 = 24/5.
        assert!((got.skewness - 4.8 / 2.4f64.powf(1.5)).abs() < 1e-12);
        assert_eq!(got.robin_hood, 0.5 * 6.0 / 5.0);
    }
}
