//! Product quantization (Jégou, Douze & Schmid 2011): a vector is cut into parts, and each part is replaced by
//! the number of the nearest of a few centroids.

mod aware;
mod borders;
mod tables;
mod training;

use embed_core::{Assigner, KMeans, KMeansError, KMeansParams, Parallelism, Run};
use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

pub(crate) use self::aware::weight;
pub(crate) use self::borders::even;
pub(crate) use self::tables::{FastTable, Tables};
pub(crate) use self::training::Training;

/// The centroids of every part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codebook {
    /// Where each part starts, and the end: `m + 1` components from 0 to all, none before the one ahead of it.
    pub(crate) borders: Vec<usize>,
    /// Centroids of a part: 16 or 256.
    pub(crate) k: usize,
    /// Part after part, `[width, k]` each: component after component of all centroids.
    pub(crate) values: Vec<f32>,
}

/// Rounds of k-means of a part, and the rows that it is trained on: with 16 centroids, which need few, and with 256.
const ROUNDS: [usize; 2] = [12, 25];
const SAMPLES: [usize; 2] = [16_384, 65_536];

/// Rows a centroid that count at least.
const LEAST: usize = 64;
/// Bytes that are trained on at once, and those that k-means needs for a row beside its components.
const HELD: usize = 4 << 20;
const BESIDE: usize = 24;

impl Codebook {
    /// Rows that training looks at.
    pub(crate) fn sample(k: usize) -> usize {
        SAMPLES[usize::from(k > 16)]
    }

    /// Trains `k` centroids for each of `m` parts of the rows, so many parts at once as are a few MiB. Parts divide
    /// what the components deviate; under a rotation, which can do that itself, they are even. Of a part that is wider than
    /// others fewer rows count, at least 64 a centroid.
    pub(crate) fn train(
        rows: &Training<'_>,
        m: usize,
        k: usize,
        seed: u64,
        parallelism: Parallelism,
    ) -> Result<Self, KMeansError> {
        let borders = match rows.rotation {
            Some(_) => even(rows.dim, m),
            None => borders::balanced(&rows.deviations(parallelism)?, m),
        };
        let usual = rows.dim.div_ceil(m);
        let part = |part: usize, columns: &mut Vec<f32>| {
            let width = borders[part + 1] - borders[part];
            let n = (rows.n * usual).checked_div(width).unwrap_or(0).max(LEAST * k).min(rows.n);
            columns.clear();
            columns.reserve_exact(n * width);
            columns.resize(n * width, 0.0);
            rows.columns(columns, borders[part]..borders[part + 1], Parallelism::All)?;
            let params = KMeansParams { iterations: ROUNDS[usize::from(k > 16)], ..KMeansParams::new(k) };
            let mut run = Run::seeded(seed.wrapping_add(part as u64)).on(Parallelism::All);
            KMeans::fit_all(columns, width, &params, &mut run)
        };
        let together = HELD / ((4 * usual + BESIDE) * rows.n).max(1);
        // The same room for one part after the other: what is given back stays with the thread that gave it.
        let mut rooms = vec![Vec::new(); together.clamp(1, m.max(1))];
        let mut values = Vec::with_capacity(rows.dim * k);
        for parts in (0..m).collect::<Vec<_>>().chunks(rooms.len()) {
            let trained: Vec<Result<KMeans, KMeansError>> = parallelism.install(|| {
                parts.par_iter().zip(&mut rooms).map(|(&p, columns)| part(p, columns)).collect()
            })?;
            for means in trained {
                for column in means?.centroids.columns() {
                    values.extend(column);
                    // With fewer rows than centroids, the last ones are copies of the first.
                    let first = column.first().copied().unwrap_or(0.0);
                    values.extend(std::iter::repeat_n(first, k - column.len()));
                }
            }
        }
        Ok(Self { borders, k, values })
    }

    pub(crate) fn m(&self) -> usize {
        self.borders.len() - 1
    }

    /// The centroids of a part, `[width, k]`.
    fn part(&self, part: usize) -> &[f32] {
        &self.values[self.borders[part] * self.k..self.borders[part + 1] * self.k]
    }

    /// The codes of rows `[n, dim]`, `[n, m]`, on the calling thread.
    pub(crate) fn encode(&self, rows: ArrayView2<'_, f32>) -> Vec<u8> {
        let (n, m) = (rows.nrows(), self.m());
        let mut codes = vec![0; n * m];
        for part in 0..m {
            let (from, to) = (self.borders[part], self.borders[part + 1]);
            let Ok(centroids) = ArrayView2::from_shape((to - from, self.k), self.part(part)) else {
                continue;
            };
            let assigner = Assigner::new(centroids.reversed_axes());
            let nearest = assigner.nearest(rows.slice_axis(Axis(1), (from..to).into()));
            for (row, &code) in nearest.iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "at most 256 centroids")]
                let code = code as u8;
                codes[row * m + part] = code;
            }
        }
        codes
    }

    /// What a code stands for.
    pub(crate) fn decode(&self, code: impl Iterator<Item = u8>, row: &mut [f32]) {
        for (part, code) in (0..self.m()).zip(code) {
            let (from, to) = (self.borders[part], self.borders[part + 1]);
            let code = usize::from(code) % self.k;
            for (x, centroids) in row[from..to].iter_mut().zip(self.part(part).chunks_exact(self.k)) {
                *x = centroids[code];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use embed_core::testkit::clustered;
    use ndarray::Array2;

    use super::*;

    pub(super) fn trained(rows: &Array2<f32>, m: usize, k: usize) -> Codebook {
        let read = |row: usize, out: &mut [f32]| out.copy_from_slice(rows.row(row).as_slice().unwrap());
        let training = Training::plain(rows.nrows(), rows.ncols(), &read);
        Codebook::train(&training, m, k, 7, Parallelism::All).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_nearest_centroids() {
        let rows = clustered(600, 11, 6, 1);
        for (m, k) in [(4, 16), (3, 256), (1, 16), (16, 16)] {
            let book = trained(&rows, m, k);
            let codes = book.encode(rows.view());
            let (mut back, mut error) = (vec![0.0; 11], 0.0);
            for (row, code) in rows.rows().into_iter().zip(codes.chunks(m)) {
                book.decode(code.iter().copied(), &mut back);
                let distance = |row: &[f32], back: &[f32]| -> f32 {
                    row.iter().zip(back).map(|(x, y)| (x - y) * (x - y)).sum()
                };
                let row = row.to_vec();
                let own = distance(&row, &back);
                error += own;
                // No other code of a part is nearer.
                let mut other = back.clone();
                for other_code in 0..k.min(40) {
                    let mut changed = code.to_vec();
                    changed[0] = u8::try_from(other_code).unwrap();
                    book.decode(changed.into_iter(), &mut other);
                    assert!(distance(&row, &other) >= own - 1e-4);
                }
            }
            assert!(error / 600.0 < 14.0, "{m} parts of {k}: error {error}");
        }
    }

    #[test]
    fn tables_score_as_decoded_rows_do() {
        let rows = clustered(300, 21, 6, 2);
        let query = clustered(1, 21, 0, 3).into_raw_vec_and_offset().0;
        for (m, k) in [(5, 16), (7, 256), (24, 16), (8, 256), (23, 256)] {
            let book = trained(&rows, m, k);
            let tables = (k == 256).then(|| Tables::new(&book, &query));
            let fast = (k == 16).then(|| FastTable::new(&book, &query, 2.0));
            let mut back = vec![0.0; 21];
            for code in book.encode(rows.view()).chunks(m) {
                book.decode(code.iter().copied(), &mut back);
                let expected: f32 = query.iter().zip(&back).map(|(x, y)| x * y).sum();
                if let Some(tables) = &tables {
                    assert!((tables.sum(code) - expected).abs() < 1e-3);
                }
                if let Some(fast) = &fast {
                    let sum: u32 = code
                        .iter()
                        .enumerate()
                        .map(|(part, &c)| u32::from(fast.values[16 * part + usize::from(c)]))
                        .sum();
                    let got = fast.scale * sum as f32 + fast.offset;
                    assert!((got - 2.0 * expected).abs() < 0.5 * fast.scale * m as f32 + 1e-3);
                }
            }
        }
    }
}
