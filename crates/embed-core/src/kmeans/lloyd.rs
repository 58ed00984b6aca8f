use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{Assigner, KMeansError, Rounds};
use crate::Parallelism;

/// Rows that clusters are sought among, in a random order.
pub(super) struct Points {
    values: Vec<f32>,
    n: usize,
    pub(super) dim: usize,
    /// Squared length of each.
    squares: Vec<f32>,
}

impl Points {
    pub(super) fn gather(vectors: ArrayView2<'_, f32>, rows: &[usize]) -> Result<Self, KMeansError> {
        let dim = vectors.ncols();
        let mut values = Vec::with_capacity(rows.len() * dim);
        for &row in rows {
            for (column, &value) in vectors.row(row).iter().enumerate() {
                if !value.is_finite() {
                    return Err(KMeansError::NotFinite { row, column, value });
                }
                values.push(value);
            }
        }
        Ok(Self::new(values, rows.len(), dim))
    }

    pub(super) fn new(values: Vec<f32>, n: usize, dim: usize) -> Self {
        let square = |row: &[f32]| row.iter().map(|x| x * x).sum();
        let squares = if dim == 0 { vec![0.0; n] } else { values.chunks(dim).map(square).collect() };
        Self { values, n, dim, squares }
    }

    pub(super) fn len(&self) -> usize {
        self.n
    }

    pub(super) fn row(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.dim..(row as usize + 1) * self.dim]
    }

    /// The first rows, which are random ones.
    pub(super) fn first(&self, k: usize) -> Vec<f32> {
        self.values[..k * self.dim].to_vec()
    }

    pub(super) fn view(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.n, self.dim), &self.values)
            .unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
    }
}

/// Rows of each cluster, ascending, and where those of each start.
pub(super) fn members(nearest: &[u32], k: usize) -> (Vec<u32>, Vec<usize>) {
    let mut starts = vec![0; k + 1];
    nearest.iter().for_each(|&c| starts[c as usize + 1] += 1);
    (0..k).for_each(|c| starts[c + 1] += starts[c]);
    let (mut next, mut rows) = (starts.clone(), vec![0; nearest.len()]);
    for (row, &c) in (0..).zip(nearest) {
        rows[next[c as usize]] = row;
        next[c as usize] += 1;
    }
    (rows, starts)
}

/// Lloyd's rounds from given centroids; what comes out, and the mean squared distance before the last update.
pub(super) fn rounds(
    points: &Points,
    mut centroids: Vec<f32>,
    iterations: usize,
    rounds: &mut Rounds<'_, '_>,
) -> Result<(Vec<f32>, f64), KMeansError> {
    let dim = points.dim;
    let (k, mut error, mut before) = (centroids.len().checked_div(dim).unwrap_or(0), 0.0, Vec::new());
    if k == 0 {
        return Ok((centroids, error));
    }
    for _ in 0..iterations {
        rounds.tick()?;
        let parallelism = rounds.run.parallelism;
        let Ok(view) = ArrayView2::from_shape((k, dim), &centroids) else { break };
        let (nearest, scores) = Assigner::new(view).assign(points.view(), parallelism)?;
        // |x − c|² = |x|² − 2 (x · c − |c|² / 2)
        let distance = |row: usize| (points.squares[row] - 2.0 * scores[row]).max(0.0);
        error =
            (0..points.len()).map(|row| f64::from(distance(row))).sum::<f64>() / points.len().max(1) as f64;
        if nearest == before {
            break;
        }
        let (rows, starts) = members(&nearest, k);
        update(points, &rows, &starts, &mut centroids, parallelism)?;
        repair(points, &starts, distance, &nearest, &mut centroids);
        before = nearest;
    }
    Ok((centroids, error))
}

/// Every centroid becomes the mean of its rows, summed in f64 in the order of the rows.
fn update(
    points: &Points,
    rows: &[u32],
    starts: &[usize],
    centroids: &mut [f32],
    parallelism: Parallelism,
) -> Result<(), KMeansError> {
    let dim = points.dim;
    parallelism.install(|| {
        centroids.par_chunks_mut(dim).enumerate().with_min_len(8).for_each_init(
            || vec![0.0; dim],
            |sums: &mut Vec<f64>, (c, centroid)| {
                let members = &rows[starts[c]..starts[c + 1]];
                if members.is_empty() {
                    return;
                }
                sums.fill(0.0);
                for &row in members {
                    sums.iter_mut().zip(points.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                let share = 1.0 / members.len() as f64;
                #[expect(clippy::cast_possible_truncation, reason = "a mean of f32")]
                centroid.iter_mut().zip(&*sums).for_each(|(c, sum)| *c = (sum * share) as f32);
            },
        );
    })?;
    Ok(())
}

/// Centroids without rows move to the rows that are farthest from their own centroid, one from each cluster
/// as long as there are others.
fn repair(
    points: &Points,
    starts: &[usize],
    distance: impl Fn(usize) -> f32,
    nearest: &[u32],
    centroids: &mut [f32],
) {
    let k = starts.len() - 1;
    let empty: Vec<usize> = (0..k).filter(|&c| starts[c] == starts[c + 1]).collect();
    if empty.is_empty() {
        return;
    }
    let mut far: Vec<(f32, u32)> =
        (0..).zip(0..points.len()).map(|(id, row)| (distance(row), id)).filter(|&(d, _)| d > 0.0).collect();
    far.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    // A cluster gives its second row only after every other has given its first.
    let mut given = vec![0u32; k];
    let mut turns: Vec<(u32, u32)> = far
        .iter()
        .map(|&(_, row)| {
            let turn = &mut given[nearest[row as usize] as usize];
            *turn += 1;
            (*turn, row)
        })
        .collect();
    turns.sort_by_key(|&(turn, _)| turn);
    for (&c, &(_, row)) in empty.iter().zip(&turns) {
        let dim = points.dim;
        centroids[c * dim..(c + 1) * dim].copy_from_slice(points.row(row));
    }
}
