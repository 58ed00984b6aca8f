use bhtsne::{Neighbor, tSNE};
use embed_core::{Metric, Parallelism, Progress, Run, SeededRng};
use ndarray::{Array2, ArrayView2};

use super::{Pca, ProjectError};
use crate::intrinsic::{Distance, NeighborGraph, check, unit_rows};
use crate::number::float;

/// A map on which near neighbours stay near: t-SNE with the forces of Barnes and Hut's tree.
///
/// Neighbours are exact, found on all threads. The layout starts from the first two principal components and is made on
/// one thread by the crate `bhtsne`, whose sums on several threads depend on which of them was faster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tsne {
    /// How far apart two vectors are.
    pub distance: Distance,
    /// About how many neighbours of each are kept near, from 1 to 100; at most a third of the vectors are.
    pub perplexity: f64,
    /// Steps of the layout, from 1 to 100,000; in the first quarter, at most 250, clusters are drawn together.
    pub epochs: usize,
}

impl Default for Tsne {
    /// Cosine, perplexity 30, 500 steps.
    fn default() -> Self {
        Self { distance: Distance::default(), perplexity: 30.0, epochs: 500 }
    }
}

impl Tsne {
    /// The most vectors that can be laid out.
    pub const MOST: usize = 200_000;

    /// Checks the settings; [`Tsne::project`] does it first.
    ///
    /// # Errors
    /// [`ProjectError::Setting`].
    pub fn validate(&self) -> Result<(), ProjectError> {
        for (name, least, most, got) in
            [("perplexity", 1.0, 100.0, self.perplexity), ("epochs", 1.0, 100_000.0, float(self.epochs))]
        {
            if !(least..=most).contains(&got) {
                return Err(ProjectError::Setting { name, least, most, got });
            }
        }
        Ok(())
    }

    /// The places of vectors `[n, dim]` on a plane, `[n, 2]`.
    ///
    /// The observer is told of every step; a stop is heard before the layout begins, and else when it ends.
    ///
    /// # Errors
    /// - As [`Tsne::validate`].
    /// - [`ProjectError::Vectors`] for fewer than two vectors, and for those that are not finite.
    /// - [`ProjectError::TooMany`] for more than [`Tsne::MOST`].
    /// - [`ProjectError::Stopped`], [`ProjectError::Parallelism`].
    ///
    /// # Complexity
    /// O(n² · dim) for the neighbours in matrix products, O(n (perplexity + log n)) a step. Memory: about 3 · perplexity · 60 bytes a vector.
    ///
    /// # Determinism
    /// The same bits on any number of threads, by the seed of `run`.
    ///
    /// # Reference
    /// van der Maaten & Hinton 2008; van der Maaten, Accelerating t-SNE Using Tree-Based Algorithms, 2014; Kobak &
    /// Berens 2019 for the start.
    pub fn project(
        &self,
        vectors: ArrayView2<'_, f32>,
        run: &mut Run<'_>,
    ) -> Result<Array2<f32>, ProjectError> {
        self.validate()?;
        check(vectors, 2)?;
        let n = vectors.nrows();
        if n > Self::MOST {
            return Err(ProjectError::TooMany { got: n, limit: Self::MOST });
        }
        let unit = (self.distance == Distance::Cosine).then(|| unit_rows(vectors));
        let rows = unit.as_ref().map_or(vectors, |unit| unit.view());
        if n < FEW {
            // Fewer than the neighbours of one.
            let places = start(rows, run)?.into_iter();
            #[expect(clippy::cast_possible_truncation, reason = "places need no more digits")]
            return Ok(Array2::from_shape_vec((n, 2), places.map(|place| place as f32).collect())
                .unwrap_or_default());
        }
        let perplexity = self.perplexity.min(float(n - 1) / 3.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 3 to 300")]
        let k = (3.0 * perplexity) as usize;
        let graph = NeighborGraph::exact(rows, Metric::L2, k, None, run)?;
        let neighbors: Vec<Vec<Neighbor<f64>>> = graph
            .iter()
            .map(|(_, list)| {
                let one = |n: &embed_core::Neighbor| Neighbor {
                    index: n.id as usize,
                    distance: f64::from(-n.score).max(0.0).sqrt(),
                };
                list.iter().map(one).collect()
            })
            .collect();
        drop(graph);
        let start = start(rows, run)?;
        let epochs = self.epochs;
        if !run.report(&Progress::new("layout", 0, epochs as u64).unit("epochs")).goes_on() {
            return Err(ProjectError::Stopped { done: 0, total: epochs });
        }
        let places =
            Parallelism::Sequential.install(|| layout(&neighbors, start, perplexity, epochs, run))??;
        if let Some(at) = places.iter().position(|place| !place.is_finite()) {
            return Err(ProjectError::Diverged { row: at / 2 });
        }
        #[expect(clippy::cast_possible_truncation, reason = "places need no more digits")]
        let places = places.into_iter().map(|place| place as f32).collect();
        Ok(Array2::from_shape_vec((n, 2), places).unwrap_or_default())
    }
}

/// Vectors that have three others are laid out; fewer stay where their principal components put them.
const FEW: usize = 4;

/// The first two principal components at a deviation of 10⁻⁴, and a hundredth of that of noise, which parts what
/// lies in one place.
fn start(rows: ArrayView2<'_, f32>, run: &mut Run<'_>) -> Result<Vec<f64>, ProjectError> {
    let axes = rows.ncols().min(2);
    let pca = Pca::fit(rows, axes, run)?;
    let places = pca.transform(rows)?;
    let scale = 1e-4 / pca.variances()[0].sqrt().max(f64::MIN_POSITIVE);
    let mut rng = SeededRng::stream(run.seed, "t-SNE start", 0);
    let mut place = |row: usize, axis: usize| {
        let noise = 1e-6 * (rng.unit_f64() - 0.5);
        let of = if axis < axes { f64::from(places[[row, axis]]) } else { 0.0 };
        (of * scale).clamp(-1.0, 1.0) + noise
    };
    Ok((0..rows.nrows()).flat_map(|row| [(row, 0), (row, 1)]).map(|(row, axis)| place(row, axis)).collect())
}

/// Cells of the tree that are seen under a smaller ratio of width to distance count as one point.
const THETA: f64 = 0.5;

fn layout(
    neighbors: &[Vec<Neighbor<f64>>],
    start: Vec<f64>,
    perplexity: f64,
    epochs: usize,
    run: &mut Run<'_>,
) -> Result<Vec<f64>, ProjectError> {
    let (mut stopped, total) = (None, epochs as u64);
    let tell = |epoch: usize, _: &[f64]| {
        let flow = run.report(&Progress::new("layout", epoch as u64 + 1, total).unit("epochs"));
        if !flow.goes_on() {
            stopped.get_or_insert(epoch + 1);
        }
    };
    // The crate looks at its points only to count them.
    let points = vec![(); neighbors.len()];
    let mut tsne: tSNE<'_, f64, ()> = tSNE::new(&points);
    tsne.perplexity(perplexity)
        .epochs(epochs)
        .stop_lying_epoch((epochs / 4).min(250))
        .momentum_switch_epoch((epochs / 4).min(250))
        .initial_embedding(start)
        .epoch_callback(tell)
        .barnes_hut_with_neighbors(THETA, neighbors);
    let places = tsne.embedding();
    drop(tsne);
    match stopped {
        Some(done) => Err(ProjectError::Stopped { done, total: epochs }),
        None => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Flow, testkit};

    fn quick() -> Tsne {
        Tsne { epochs: 200, perplexity: 10.0, ..Tsne::default() }
    }

    #[test]
    fn neighbours_stay_neighbours() {
        let vectors = testkit::clustered(600, 20, 6, 3);
        let places = quick().project(vectors.view(), &mut Run::seeded(1)).unwrap();
        let graph = |vectors: ArrayView2<'_, f32>, metric| {
            NeighborGraph::exact(vectors, metric, 10, None, &mut Run::default()).unwrap()
        };
        let (before, after) = (graph(vectors.view(), Metric::Cosine), graph(places.view(), Metric::L2));
        let kept: usize = before
            .iter()
            .zip(after.iter())
            .map(|((_, a), (_, b))| a.iter().filter(|n| b.iter().any(|m| m.id == n.id)).count())
            .sum();
        // By chance 10 · 10 / 599 of ten.
        assert!(kept > 600 * 3, "{kept} of 6000");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
        let vectors = testkit::clustered(5000, 4, 6, 3);
        let tsne = Tsne { epochs: 12, ..quick() };
        let of =
            |seed, threads| tsne.project(vectors.view(), &mut Run::seeded(seed).threads(threads)).unwrap();
        let one = of(1, 1);
        assert_eq!((of(1, 2), of(1, 7)), (one.clone(), one.clone()));
        assert_ne!(of(2, 1), one);
    }

    #[test]
    fn strange_vectors_are_laid_out() {
        for (n, dim) in [(2, 3), (3, 1), (4, 2), (9, 1), (50, 2)] {
            for fill in [0.0, 1.0] {
                let same = Array2::<f32>::from_elem((n, dim), fill);
                let places = quick().project(same.view(), &mut Run::default()).unwrap();
                assert_eq!(places.dim(), (n, 2));
            }
            let line = Array2::from_shape_fn((n, dim), |(i, _)| i as f32 * 1e12);
            let euclidean = Tsne { distance: Distance::Euclidean, ..quick() };
            assert_eq!(euclidean.project(line.view(), &mut Run::default()).unwrap().dim(), (n, 2));
        }
    }

    #[test]
    fn bad_input_and_a_stop_are_named() {
        let vectors = testkit::clustered(20, 3, 2, 1);
        let fails = |tsne: Tsne| tsne.project(vectors.view(), &mut Run::default()).unwrap_err();
        for perplexity in [0.0, f64::NAN, 1e9] {
            let error = fails(Tsne { perplexity, ..quick() });
            assert!(matches!(error, ProjectError::Setting { name: "perplexity", .. }));
        }
        assert!(matches!(fails(Tsne { epochs: 0, ..quick() }), ProjectError::Setting { name: "epochs", .. }));
        let one = ndarray::array![[1.0f32]];
        assert!(matches!(quick().project(one.view(), &mut Run::default()), Err(ProjectError::Vectors(_))));
        let nan = ndarray::array![[1.0f32], [f32::NAN]];
        assert!(matches!(quick().project(nan.view(), &mut Run::default()), Err(ProjectError::Vectors(_))));
        let mut watch =
            |p: &Progress<'_>| if p.stage == "layout" && p.done == 9 { Flow::Stop } else { Flow::Continue };
        let stopped = quick().project(vectors.view(), &mut Run::default().observed(&mut watch));
        assert!(matches!(stopped, Err(ProjectError::Stopped { done: 9, total: 200 })), "{stopped:?}");
    }
}
