use std::borrow::Cow;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{Assigner, KMeansError, Rounds};
use crate::{Parallelism, ParallelismError};

/// Copies a row, by its number, to where it is wanted.
pub(super) type Read<'r> = &'r (dyn Fn(usize, &mut [f32]) + Sync);

/// Rows that clusters are sought among, in a random order.
pub(super) struct Points<'r> {
    rows: Rows<'r>,
    n: usize,
    pub(super) dim: usize,
    /// Squared length of each.
    squares: Vec<f32>,
}

enum Rows<'r> {
    Held(Cow<'r, [f32]>),
    /// Read anew in every round: the numbers of the rows.
    Read(Vec<u32>, Read<'r>),
}

impl<'r> Points<'r> {
    /// Rows that are there.
    pub(super) fn held(values: &'r [f32], n: usize, dim: usize) -> Result<Self, KMeansError> {
        Self { rows: Rows::Held(values.into()), n, dim, squares: Vec::new() }.measured(|row| row)
    }

    /// Rows that are read when they are needed.
    pub(super) fn read(rows: Vec<u32>, dim: usize, read: Read<'r>) -> Result<Self, KMeansError> {
        let (n, numbers) = (rows.len(), rows.clone());
        Self { rows: Rows::Read(rows, read), n, dim, squares: Vec::new() }
            .measured(|row| numbers[row] as usize)
    }

    /// Notes the lengths; `name` is what a row is called where a component is not finite.
    fn measured(mut self, name: impl Fn(usize) -> usize) -> Result<Self, KMeansError> {
        let (mut squares, mut room) = (Vec::with_capacity(self.n), Vec::new());
        for point in 0..self.n {
            let row = self.row(point, &mut room);
            if let Some((column, &value)) = row.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                return Err(KMeansError::NotFinite { row: name(point), column, value });
            }
            squares.push(row.iter().map(|x| x * x).sum());
        }
        self.squares = squares;
        Ok(self)
    }

    /// Some of the points, by their places.
    pub(super) fn part(&self, places: &[u32]) -> Self {
        let of = |place: &u32| *place as usize;
        let rows = match &self.rows {
            Rows::Held(values) => {
                let row = |place| &values[of(place) * self.dim..(of(place) + 1) * self.dim];
                Rows::Held(places.iter().flat_map(row).copied().collect::<Vec<_>>().into())
            }
            Rows::Read(rows, read) => Rows::Read(places.iter().map(|place| rows[of(place)]).collect(), *read),
        };
        let squares = places.iter().map(|place| self.squares[of(place)]).collect();
        Self { rows, n: places.len(), dim: self.dim, squares }
    }

    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// A point, in `room` where it has to be read.
    fn row<'t>(&'t self, point: usize, room: &'t mut Vec<f32>) -> &'t [f32] {
        match &self.rows {
            Rows::Held(values) => &values[point * self.dim..(point + 1) * self.dim],
            Rows::Read(rows, read) => {
                room.resize(self.dim, 0.0);
                read(rows[point] as usize, room);
                room
            }
        }
    }

    /// The first points, which are random ones.
    pub(super) fn first(&self, k: usize) -> Vec<f32> {
        let mut room = Vec::new();
        (0..k).flat_map(|point| self.row(point, &mut room).to_vec()).collect()
    }

    /// The nearest of some centroids `[k, dim]` to each point, and `x · c − |c|² / 2`.
    pub(super) fn assign(
        &self,
        centroids: &[f32],
        parallelism: Parallelism,
    ) -> Result<(Vec<u32>, Vec<f32>), ParallelismError> {
        let k = centroids.len().checked_div(self.dim).unwrap_or(0);
        let assigner = Assigner::new(view(centroids, k, self.dim));
        match &self.rows {
            Rows::Held(values) => assigner.assign(view(values, self.n, self.dim), parallelism),
            Rows::Read(rows, read) => {
                assigner.assign_read(0..self.n, &|point, out| read(rows[point] as usize, out), parallelism)
            }
        }
    }
}

fn view(values: &[f32], n: usize, dim: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((n, dim), values).unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
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
    points: &Points<'_>,
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
        let (nearest, scores) = points.assign(&centroids, parallelism)?;
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
    points: &Points<'_>,
    rows: &[u32],
    starts: &[usize],
    centroids: &mut [f32],
    parallelism: Parallelism,
) -> Result<(), KMeansError> {
    let dim = points.dim;
    parallelism.install(|| {
        centroids.par_chunks_mut(dim).enumerate().with_min_len(8).for_each_init(
            || (vec![0.0; dim], Vec::new()),
            |(sums, room): &mut (Vec<f64>, Vec<f32>), (c, centroid)| {
                let members = &rows[starts[c]..starts[c + 1]];
                if members.is_empty() {
                    return;
                }
                sums.fill(0.0);
                for &point in members {
                    let row = points.row(point as usize, room);
                    sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                let share = 1.0 / members.len() as f64;
                #[expect(clippy::cast_possible_truncation, reason = "a mean of f32")]
                centroid.iter_mut().zip(&*sums).for_each(|(c, sum)| *c = (sum * share) as f32);
            },
        );
    })?;
    Ok(())
}

/// Centroids without rows move to the rows that are farthest from their own centroid, one from each cluster; where
/// clusters are fewer, the rest follows in the next round.
fn repair(
    points: &Points<'_>,
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
    // The farthest row of each cluster; of several, the first.
    let mut far = vec![(0.0f32, 0usize); k];
    for (row, &cluster) in nearest.iter().enumerate() {
        let (most, distance) = (&mut far[cluster as usize], distance(row));
        if distance > most.0 {
            *most = (distance, row);
        }
    }
    far.retain(|&(distance, _)| distance > 0.0);
    far.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (dim, mut room) = (points.dim, Vec::new());
    for (&c, &(_, row)) in empty.iter().zip(&far) {
        centroids[c * dim..(c + 1) * dim].copy_from_slice(points.row(row, &mut room));
    }
}
