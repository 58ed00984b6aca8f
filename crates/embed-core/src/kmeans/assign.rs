use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::kernel::argmax;
use crate::{Parallelism, ParallelismError, gemm};

/// Rows of a block.
const ROWS: usize = 128;
/// Products of a block that stay in the cache.
const PRODUCTS: usize = 1 << 17;

/// Room that a thread needs for a block.
struct Scratch {
    products: Vec<f32>,
    /// For rows that have to be read.
    rows: Vec<f32>,
}

/// Finds the nearest of some centroids, by a matrix product: the largest `x · c − |c|² / 2`, ties to the lower
/// number. A row's answer does not depend on the rows beside it.
#[derive(Debug, Clone)]
pub struct Assigner<'c> {
    centroids: ArrayView2<'c, f32>,
    /// `−|c|² / 2`
    biases: Vec<f32>,
}

impl<'c> Assigner<'c> {
    /// Over centroids `[k, dim]`. O(k · dim).
    #[must_use]
    pub fn new(centroids: ArrayView2<'c, f32>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "summed in f64, kept in f32")]
        let bias = |row: ndarray::ArrayView1<'_, f32>| {
            (-0.5 * row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()) as f32
        };
        Self { centroids, biases: centroids.rows().into_iter().map(bias).collect() }
    }

    /// The nearest centroid of each row `[n, dim]`, and `x · c − |c|² / 2`. O(n · k · dim).
    ///
    /// # Errors
    /// [`ParallelismError`] when the threads cannot be started.
    ///
    /// # Panics
    /// When the rows have another dimension than the centroids.
    pub fn assign(
        &self,
        rows: ArrayView2<'_, f32>,
        parallelism: Parallelism,
    ) -> Result<(Vec<u32>, Vec<f32>), ParallelismError> {
        self.blocks(rows.nrows(), parallelism, |these, scratch, nearest, scores| {
            self.block(rows.slice(ndarray::s![these, ..]), &mut scratch.products, nearest, scores);
        })
    }

    /// [`Assigner::assign`] for rows that `read` writes by their numbers, on any thread.
    ///
    /// # Errors
    /// [`ParallelismError`] when the threads cannot be started.
    pub fn assign_read(
        &self,
        rows: Range<usize>,
        read: &(dyn Fn(usize, &mut [f32]) + Sync),
        parallelism: Parallelism,
    ) -> Result<(Vec<u32>, Vec<f32>), ParallelismError> {
        let dim = self.centroids.ncols();
        self.blocks(rows.len(), parallelism, |these, scratch, nearest, scores| {
            scratch.rows.resize(these.len() * dim, 0.0);
            if dim > 0 {
                let slots = scratch.rows.chunks_exact_mut(dim);
                slots.zip(these).for_each(|(out, row)| read(rows.start + row, out));
            }
            if let Ok(rows) = ArrayView2::from_shape((nearest.len(), dim), &scratch.rows[..]) {
                self.block(rows, &mut scratch.products, nearest, scores);
            }
        })
    }

    /// What `block` writes for `n` rows, block by block, in parallel.
    fn blocks(
        &self,
        n: usize,
        parallelism: Parallelism,
        block: impl Fn(Range<usize>, &mut Scratch, &mut [u32], &mut [f32]) + Sync,
    ) -> Result<(Vec<u32>, Vec<f32>), ParallelismError> {
        let (mut nearest, mut scores) = (vec![0; n], vec![0.0; n]);
        let k = self.biases.len();
        if k == 0 {
            return Ok((nearest, scores));
        }
        // So few rows a block where there are many centroids that their products stay in the cache; a
        // product's bits do not depend on the block.
        let rows = (PRODUCTS / k).clamp(16, ROWS);
        parallelism.install(|| {
            nearest.par_chunks_mut(rows).zip(scores.par_chunks_mut(rows)).enumerate().for_each_init(
                || Scratch { products: vec![0.0; rows * k], rows: Vec::new() },
                |scratch, (b, (nearest, scores))| {
                    let from = b * rows;
                    block(from..from + nearest.len(), scratch, nearest, scores);
                },
            );
        })?;
        Ok((nearest, scores))
    }

    /// [`Assigner::assign`] on the calling thread, without the scores.
    ///
    /// # Panics
    /// When the rows have another dimension than the centroids.
    #[must_use]
    pub fn nearest(&self, rows: ArrayView2<'_, f32>) -> Vec<u32> {
        let (n, k) = (rows.nrows(), self.biases.len());
        let mut nearest = vec![0; n];
        if k == 0 {
            return nearest;
        }
        let block = (PRODUCTS / k).clamp(16, 1024);
        let (mut products, mut scores) = (vec![0.0; block.min(n) * k], vec![0.0; block.min(n)]);
        for (b, nearest) in nearest.chunks_mut(block).enumerate() {
            let rows = rows.slice(ndarray::s![b * block..b * block + nearest.len(), ..]);
            let n = nearest.len();
            self.block(rows, &mut products, nearest, &mut scores[..n]);
        }
        nearest
    }

    /// The answers for some rows; there is room for their products.
    fn block(
        &self,
        rows: ArrayView2<'_, f32>,
        products: &mut [f32],
        nearest: &mut [u32],
        scores: &mut [f32],
    ) {
        let products = &mut products[..rows.nrows() * self.biases.len()];
        if let Ok(out) = ArrayViewMut2::from_shape((rows.nrows(), self.biases.len()), &mut *products) {
            gemm::gemm(1.0, rows, self.centroids.t(), 0.0, out);
        }
        argmax::largest(products, &self.biases, nearest, scores);
    }
}
