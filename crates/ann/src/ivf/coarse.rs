//! Which lists a query looks into.

use embed_core::gemm;
use embed_core::kernel::{self, codes};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::reservoir::Reservoir;
use crate::aligned::Aligned;
use crate::scoring::Scoring;

/// A list on a query's way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) list: u32,
    /// The product of the query with the centroid.
    pub(crate) product: f32,
}

/// The centres of the lists.
#[derive(Debug, Clone)]
pub(crate) struct Coarse {
    /// `[nlist, dim]`
    pub(crate) centroids: Aligned<f32>,
    /// Lists are ranked by the product with their centroid plus this, `[nlist]`.
    pub(crate) biases: Aligned<f32>,
    /// Longest centroid, for bounds of errors.
    pub(crate) longest: f32,
    pub(crate) dim: usize,
}

/// Queries from which on a matrix product is faster than the row kernels.
const FEWEST: usize = 4;

impl Coarse {
    pub(crate) fn new(scoring: Scoring, centroids: Aligned<f32>, dim: usize) -> Self {
        let squares: Vec<f64> =
            centroids.chunks(dim).map(|c| c.iter().map(|&x| f64::from(x) * f64::from(x)).sum()).collect();
        #[expect(clippy::cast_possible_truncation, reason = "summed in f64, kept in f32")]
        let biases = Aligned::new(squares.len(), |out| {
            for (bias, square) in out.iter_mut().zip(&squares) {
                *bias = if scoring == Scoring::L2 { (-0.5 * square) as f32 } else { 0.0 };
            }
        });
        let longest = longest(&centroids, dim);
        Self { centroids, biases, longest, dim }
    }

    pub(crate) fn len(&self) -> usize {
        self.biases.len()
    }

    fn centroid(&self, list: u32) -> &[f32] {
        &self.centroids[list as usize * self.dim..(list as usize + 1) * self.dim]
    }

    /// Products of each query with each centroid, by a matrix product; none where the row kernels are better.
    pub(crate) fn products(&self, queries: &[f32]) -> Vec<f32> {
        let (n, k) = (queries.len() / self.dim, self.len());
        if n < FEWEST {
            return Vec::new();
        }
        let mut products = vec![0.0; n * k];
        let shapes = (
            ArrayView2::from_shape((n, self.dim), queries),
            ArrayView2::from_shape((k, self.dim), &self.centroids[..]),
            ArrayViewMut2::from_shape((n, k), &mut products[..]),
        );
        if let (Ok(a), Ok(b), Ok(c)) = shapes {
            gemm::gemm(1.0, a, b.reversed_axes(), 0.0, c);
        }
        products
    }

    /// The `most` lists to look into first, best first: by product plus bias, ties to the lower number.
    /// `products` are those of the query, or empty. The answer is that of the row kernels: the matrix
    /// product, which sums in another order, only tells which lists may be among them.
    pub(crate) fn probes(&self, query: &[f32], length: f32, products: &[f32], most: usize) -> Vec<Probe> {
        const CHUNK: usize = 256;
        let mut best = Reservoir::new(most, f32::NEG_INFINITY);
        let (mut hits, mut scores, mut exact) = ([0; CHUNK], [0.0; CHUNK], [0.0; CHUNK]);
        let mut error = 0.0;
        if !products.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "a bound with room to spare")]
            let relative = (self.dim + 16) as f32 * 4.0 * f32::EPSILON;
            error = 2.0 * relative * self.longest * (length + self.longest);
            // The threshold that `most` lists reach by the matrix product, less what rounding may hide.
            for (chunk, (values, biases)) in products.chunks(CHUNK).zip(self.biases.chunks(CHUNK)).enumerate()
            {
                let n = codes::select(values, (1.0, 0.0), biases, best.threshold(), &mut hits, &mut scores);
                for (&hit, &score) in hits[..n].iter().zip(&scores[..n]) {
                    best.offer(list_id(chunk * CHUNK) + hit, score);
                }
            }
            let full = best.len() == most;
            best.ids().for_each(drop);
            let least = if full { best.threshold() - error } else { f32::NEG_INFINITY };
            best = Reservoir::new(most, f32::NEG_INFINITY);
            for (chunk, (values, biases)) in products.chunks(CHUNK).zip(self.biases.chunks(CHUNK)).enumerate()
            {
                let n = codes::select(values, (1.0, 0.0), biases, least, &mut hits, &mut scores);
                for hit in &mut hits[..n] {
                    *hit += list_id(chunk * CHUNK);
                }
                kernel::dot_gather(query, &self.centroids, &hits[..n], &mut exact[..n]);
                for (&list, &product) in hits[..n].iter().zip(&exact[..n]) {
                    best.offer(list, product + self.biases[list as usize]);
                }
            }
        }
        if products.is_empty() || !error.is_finite() {
            best = Reservoir::new(most, f32::NEG_INFINITY);
            for (chunk, (rows, biases)) in
                self.centroids.chunks(CHUNK * self.dim).zip(self.biases.chunks(CHUNK)).enumerate()
            {
                kernel::dot_rows(query, rows, &mut exact[..biases.len()]);
                for (list, (product, bias)) in (list_id(chunk * CHUNK)..).zip(exact.iter().zip(biases)) {
                    best.offer(list, product + bias);
                }
            }
        }
        let mut lists = Vec::new();
        best.drain_into(&mut lists);
        let probe = |list: u32| Probe { list, product: kernel::dot(query, self.centroid(list)) };
        lists.iter().map(|n| probe(n.id)).collect()
    }
}

/// The length of the longest row, rounded up.
pub(crate) fn longest(table: &[f32], dim: usize) -> f32 {
    let square = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    #[expect(clippy::cast_possible_truncation, reason = "rounded up by more than a bit")]
    let longest = (table.chunks(dim).map(square).fold(0.0, f64::max).sqrt() * 1.000_001) as f32;
    longest
}

#[expect(clippy::cast_possible_truncation, reason = "at most 2²⁴ lists")]
fn list_id(list: usize) -> u32 {
    list as u32
}
