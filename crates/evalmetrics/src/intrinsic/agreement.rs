use serde::Serialize;

use super::{IntrinsicError, NeighborGraph};
use crate::Labels;
use crate::number::float;

/// How far neighbours share a label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelAgreement {
    /// Neighbours looked at.
    pub k: usize,
    /// Share of an item's neighbours that have a label in common with it, mean over items.
    pub share: f64,
    /// Standard error of the share where the items are a sample of all, else 0.
    pub standard_error: f64,
    /// What the share would be with neighbours drawn at random.
    pub by_chance: f64,
    /// Labelled items that have labelled neighbours: what the mean is over.
    pub n: usize,
}

/// The share of neighbours that have a label in common with the item. Neighbours without labels are passed
/// over, and items without them.
///
/// By chance, an item would share a label with as many as have one of its labels: exact over all labelled
/// items, but where there are more than 2000 different sets of labels, of which some are then left out, evenly over
/// their order.
///
/// # Errors
/// [`IntrinsicError::Items`] when there is not a row of labels for each vector;
/// [`IntrinsicError::TooFewLabels`] when no item with a label has a neighbour with one.
pub fn label_agreement(graph: &NeighborGraph, labels: &Labels) -> Result<LabelAgreement, IntrinsicError> {
    let (expected, got) = (graph.n_items(), labels.n_items());
    if expected != got {
        return Err(IntrinsicError::Items { what: "labels", expected, got });
    }
    let mut shares = Vec::new();
    for (item, neighbors) in graph.iter().filter(|&(item, _)| !labels.of(item).is_empty()) {
        let labelled = neighbors.iter().filter(|n| !labels.of(n.id).is_empty()).count();
        let alike = neighbors.iter().filter(|n| labels.shared(item, n.id)).count();
        if labelled > 0 {
            shares.push(float(alike) / float(labelled));
        }
    }
    if shares.is_empty() {
        return Err(IntrinsicError::TooFewLabels { least: 1, got: 0 });
    }
    let sampled = graph.items().len() < graph.n_items();
    let of_all = if sampled { labels.n_labelled() } else { shares.len() };
    let (share, standard_error) = crate::number::sampled_mean(&shares, of_all);
    Ok(LabelAgreement { k: graph.k(), share, standard_error, by_chance: by_chance(labels), n: shares.len() })
}

/// Different sets of labels that are looked at, at most.
const SETS: usize = 2000;

/// The share of ordered pairs of labelled items that have a label in common.
fn by_chance(labels: &Labels) -> f64 {
    let n = labels.n_labelled();
    // Items with the same set of labels are alike.
    let mut sets: Vec<&[u32]> = labels.rows().filter(|row| !row.is_empty()).collect();
    sets.sort_unstable();
    let groups: Vec<(&[u32], usize)> =
        sets.chunk_by(|a, b| a == b).map(|group| (group[0], group.len())).collect();
    let mut alike = 0.0;
    if groups.iter().all(|(set, _)| set.len() == 1) {
        alike = groups.iter().map(|&(_, size)| float(size) * float(size - 1)).sum();
    } else {
        let mut pairs = 0.0;
        for (set, size) in groups.iter().step_by(groups.len().div_ceil(SETS)) {
            let shares =
                |other: &&(&[u32], usize)| set.iter().any(|label| other.0.binary_search(label).is_ok());
            let with: usize = groups.iter().filter(shares).map(|(_, size)| size).sum();
            alike += float(*size) * float(with - 1);
            pairs += float(*size) * float(n - 1);
        }
        return if n > 1 { alike / pairs } else { 0.0 };
    }
    if n > 1 { alike / (float(n) * float(n - 1)) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Csr, Metric, Run};
    use ndarray::array;

    #[test]
    fn neighbours_by_hand() {
        let line = array![[0.0], [1.0], [2.1], [3.3], [4.6]];
        let graph = NeighborGraph::exact(line.view(), Metric::L2, 2, None, &mut Run::default()).unwrap();
        // Neighbours: 0: 1 2 | 1: 0 2 | 2: 1 3 | 3: 2 4 | 4: 3 2. Item 3 has no label.
        let labels = Labels::single([Some(7), Some(7), Some(5), None, Some(5)]);
        let got = label_agreement(&graph, &labels).unwrap();
        // 0: ½, 1: ½, 2: 0 of {1}, 4: 1 of {2}.
        assert_eq!((got.share, got.n, got.k), (0.5, 4, 2));
        assert_eq!(got.by_chance, 4.0 / 12.0);
        assert_eq!(got.standard_error, 0.0);
        let genres = Labels::several(&Csr::from_rows([vec![1, 2], vec![2], vec![1], vec![], vec![3]]));
        assert_eq!(label_agreement(&graph, &genres).unwrap().share, (1.0 + 0.5 + 0.0 + 0.0) / 4.0);
        assert_eq!(by_chance(&genres), 4.0 / 12.0);
        let none = Labels::single([None; 5]);
        assert!(matches!(label_agreement(&graph, &none), Err(IntrinsicError::TooFewLabels { .. })));
        let short = Labels::single([Some(1)]);
        assert!(matches!(label_agreement(&graph, &short), Err(IntrinsicError::Items { .. })));
    }
}
