use embed_core::{ItemId, Metric, Neighbor, Run};
use ndarray::ArrayView2;

use super::IntrinsicError;
use super::sample::sample;
use super::vectors::{check, unit_rows};
use crate::EmbeddingScorer;
use crate::exact::{Own, Unfinished, nearest};

/// The nearest neighbours of items among all others, exact, each list nearest first, ties by ascending id.
///
/// Memory: 8 bytes a neighbour.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborGraph {
    items: Vec<ItemId>,
    n_items: usize,
    k: usize,
    metric: Metric,
    /// Invariant: `k` for each of `items`.
    neighbors: Vec<Neighbor>,
}

impl NeighborGraph {
    /// The `k` nearest of every vector `[n_items, dim]`, or of `most` vectors drawn with the seed of `run`.
    ///
    /// With fewer than `k` others, all of them are neighbours.
    ///
    /// # Errors
    /// [`IntrinsicError::Zero`] for no neighbours or nobody to have them, [`IntrinsicError::TooFewRows`] for fewer than
    /// two, [`IntrinsicError::NotFinite`], [`IntrinsicError::Stopped`], [`IntrinsicError::Parallelism`].
    ///
    /// # Complexity
    /// O(queries · n_items · dim) in matrix products of blocks. Memory: 2 MiB a thread, and with cosine a copy of the vectors.
    ///
    /// # Determinism
    /// The same bits on any number of threads.
    pub fn exact(
        vectors: ArrayView2<'_, f32>,
        metric: Metric,
        k: usize,
        most: Option<usize>,
        run: &mut Run<'_>,
    ) -> Result<Self, IntrinsicError> {
        check(vectors, 2)?;
        if most == Some(0) {
            return Err(IntrinsicError::Zero { name: "most" });
        }
        let chosen = sample(vectors.nrows(), most.unwrap_or(usize::MAX), run.seed, "neighbours");
        let items: Vec<ItemId> = chosen.into_iter().filter_map(|item| ItemId::try_from(item).ok()).collect();
        Self::of(vectors, metric, k, &items, run)
    }

    /// The `k` nearest of the given items, in their order: the neighbours to look at.
    ///
    /// # Errors
    /// As [`NeighborGraph::exact`], and [`IntrinsicError::UnknownItem`] for an item without a vector.
    pub fn of(
        vectors: ArrayView2<'_, f32>,
        metric: Metric,
        k: usize,
        items: &[ItemId],
        run: &mut Run<'_>,
    ) -> Result<Self, IntrinsicError> {
        check(vectors, 2)?;
        if k == 0 {
            return Err(IntrinsicError::Zero { name: "k" });
        }
        let n_items = vectors.nrows();
        if let Some(&item) = items.iter().find(|&&item| item as usize >= n_items) {
            return Err(IntrinsicError::UnknownItem { item, n_items });
        }
        let k = k.min(n_items - 1);
        let standard = vectors.as_standard_layout();
        let unit = (metric == Metric::Cosine).then(|| unit_rows(vectors));
        let rows = unit.as_ref().map_or(standard.view(), |unit| unit.view());
        let scorer = EmbeddingScorer::of_finite(rows, rows, metric);
        let neighbors = nearest(&scorer, items, n_items, k, Own::Excluded, run).map_err(|why| match why {
            Unfinished::Stopped { done } => IntrinsicError::Stopped { done, total: items.len() },
            Unfinished::Threads(error) => IntrinsicError::Parallelism(error),
        })?;
        let mut graph = Self { items: items.to_vec(), n_items, k, metric, neighbors };
        if metric == Metric::L2 {
            graph.score_again(standard.view());
        }
        Ok(graph)
    }

    /// Squared distances as differences of norms lose the digits that near neighbours differ in.
    fn score_again(&mut self, vectors: ArrayView2<'_, f32>) {
        let (table, dim) = (vectors.as_slice().unwrap_or_default(), vectors.ncols());
        let row = |item: ItemId| &table[item as usize * dim..(item as usize + 1) * dim];
        for (&item, list) in self.items.iter().zip(self.neighbors.chunks_exact_mut(self.k)) {
            for neighbor in &mut *list {
                neighbor.score = Metric::L2.score(row(item), row(neighbor.id));
            }
            list.sort_unstable_by(Neighbor::nearest_first);
        }
    }

    /// The items whose neighbours are known, ascending where they were drawn.
    #[must_use]
    pub fn items(&self) -> &[ItemId] {
        &self.items
    }

    /// Number of vectors, whose neighbours are known or not.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Neighbours of each item.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// How near was measured.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Each item with its neighbours, nearest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ItemId, &[Neighbor])> {
        self.items.iter().copied().zip(self.neighbors.chunks_exact(self.k))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Filter, testkit};

    #[test]
    fn neighbours_are_those_of_the_definition() {
        let vectors = testkit::clustered(700, 6, 9, 3);
        for metric in Metric::ALL {
            let graph =
                NeighborGraph::exact(vectors.view(), metric, 5, Some(60), &mut Run::seeded(1)).unwrap();
            assert_eq!((graph.items().len(), graph.k(), graph.n_items()), (60, 5, 700));
            for (item, neighbors) in graph.iter() {
                let query = vectors.row(item as usize).to_vec();
                let others = Filter::Deny(std::slice::from_ref(&item));
                let exact = testkit::exact_top_k(vectors.view(), metric, &query, 5, others);
                assert_eq!(testkit::recall(&exact, neighbors), 1.0, "{metric}");
                let close = neighbors.iter().zip(&exact).all(|(a, b)| (a.score - b.score).abs() < 1e-5);
                assert!(close, "{metric}: {neighbors:?} is not {exact:?}");
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit_and_few_items_are_served() {
        let vectors = testkit::clustered(900, 8, 4, 1);
        let graph = |threads| {
            let mut run = Run::default().threads(threads);
            NeighborGraph::exact(vectors.view(), Metric::L2, 7, None, &mut run).unwrap()
        };
        assert_eq!((graph(2), graph(7)), (graph(1), graph(1)));
        let two = vectors.slice_axis(ndarray::Axis(0), ndarray::Slice::from(..2));
        let graph = NeighborGraph::of(two, Metric::Cosine, 9, &[1, 0, 1], &mut Run::default()).unwrap();
        assert_eq!(
            graph.iter().map(|(item, list)| (item, list[0].id)).collect::<Vec<_>>(),
            [(1, 0), (0, 1), (1, 0)]
        );
    }

    #[test]
    fn bad_input_is_named() {
        let vectors = testkit::clustered(20, 3, 2, 1);
        let fails = |k, items: &[u32]| {
            NeighborGraph::of(vectors.view(), Metric::L2, k, items, &mut Run::default()).unwrap_err()
        };
        assert!(matches!(fails(0, &[1]), IntrinsicError::Zero { name: "k" }));
        assert!(matches!(fails(1, &[1, 20]), IntrinsicError::UnknownItem { item: 20, n_items: 20 }));
        let one = vectors.slice_axis(ndarray::Axis(0), ndarray::Slice::from(..1));
        let error = NeighborGraph::exact(one, Metric::L2, 1, None, &mut Run::default()).unwrap_err();
        assert!(matches!(error, IntrinsicError::TooFewRows { least: 2, got: 1 }));
        let long = ndarray::array![[1e30f32], [1.0]];
        let error = NeighborGraph::exact(long.view(), Metric::L2, 1, None, &mut Run::default()).unwrap_err();
        assert!(matches!(error, IntrinsicError::TooLong { row: 0, .. }));
    }
}
