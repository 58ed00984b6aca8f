//! Which lists a query looks into.

use std::sync::OnceLock;

use embed_core::kernel::{
    self,
    codes::{self, BLOCK},
};

use super::payload::byte_at;
use super::reservoir::Reservoir;
use crate::aligned::Aligned;
use crate::scoring::{Scoring, square};
use crate::sq::Sq8;

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
    /// Made from the centroids when they are first asked for.
    bytes: OnceLock<Bytes>,
}

/// The centroids in a byte a component, in blocks: what is among the best by them is ranked by the centroids.
#[derive(Debug, Clone)]
struct Bytes {
    codec: Sq8,
    blocks: Vec<u8>,
}

/// Fewer lists are all ranked by their centroids.
const FEW: usize = 64;
/// Queries that are ranked together.
const TOGETHER: usize = 8;
/// Lists that are looked at in one go.
const CHUNK: usize = 256;

impl Coarse {
    pub(crate) fn new(scoring: Scoring, centroids: Aligned<f32>, dim: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "summed in f64, kept in f32")]
        let biases = Aligned::new(centroids.len() / dim, |out| {
            for (bias, centroid) in out.iter_mut().zip(centroids.chunks_exact(dim)) {
                *bias = if scoring == Scoring::L2 { (-0.5 * square(centroid)) as f32 } else { 0.0 };
            }
        });
        let longest = longest(&centroids, dim);
        Self::opened(centroids, biases, longest, dim)
    }

    /// From parts that fit together.
    pub(crate) fn opened(centroids: Aligned<f32>, biases: Aligned<f32>, longest: f32, dim: usize) -> Self {
        Self { centroids, biases, longest, dim, bytes: OnceLock::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.biases.len()
    }

    fn bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| {
            let dim = self.dim;
            let codec = Sq8::train_chunks(self.centroids.chunks(CHUNK * dim).map(<[f32]>::to_vec), dim);
            let size = codes::block_bytes(dim);
            let mut blocks = vec![0; self.len().div_ceil(BLOCK) * size];
            let mut code = vec![0; dim];
            for (list, centroid) in self.centroids.chunks_exact(dim).enumerate() {
                codec.encode(centroid, &mut code);
                let block = &mut blocks[list / BLOCK * size..][..size];
                code.iter().enumerate().for_each(|(i, &byte)| block[byte_at(list % BLOCK, i)] = byte);
            }
            Bytes { codec, blocks }
        })
    }

    /// For each query and number of lists, those to look into, best first: by product plus bias, ties to the
    /// lower number. A query's answer does not depend on the others.
    pub(crate) fn rank(&self, queries: &[(&[f32], usize)]) -> Vec<Vec<Probe>> {
        if self.len() < FEW || self.dim > Sq8::MAX_DIM {
            return queries.iter().map(|&(query, most)| self.rank_all(query, most)).collect();
        }
        let mut probes = Vec::with_capacity(queries.len());
        let bytes = self.bytes();
        let (width, lists) = (self.dim.next_multiple_of(4), self.len().next_multiple_of(BLOCK));
        let mut signed = Vec::with_capacity(TOGETHER * width);
        let mut sums = vec![0; TOGETHER.min(queries.len()) * lists];
        for queries in queries.chunks(TOGETHER) {
            signed.clear();
            let mut lines = Vec::with_capacity(queries.len());
            for (query, _) in queries {
                let coded = bytes.codec.query(Scoring::Dot, query, false);
                let end = signed.len() + width;
                signed.extend_from_slice(&coded.high);
                signed.resize(end, 0);
                lines.push((coded.scale, coded.offset));
            }
            let sums = &mut sums[..queries.len() * lists];
            codes::dot_blocks(&signed, width, &bytes.blocks, sums);
            for ((&(query, most), line), sums) in queries.iter().zip(lines).zip(sums.chunks_exact(lists)) {
                probes.push(self.rank_some(query, most, line, &sums[..self.len()]));
            }
        }
        probes
    }

    /// Ranks by the centroids what is among the best by their bytes.
    fn rank_some(&self, query: &[f32], most: usize, line: (f32, f32), sums: &[i32]) -> Vec<Probe> {
        let among = most.saturating_add(most / 4).saturating_add(8);
        if among >= self.len() {
            return self.rank_all(query, most);
        }
        let mut best = Reservoir::new(among, f32::NEG_INFINITY);
        let (mut hits, mut scores) = ([0; CHUNK], [0.0; CHUNK]);
        for (from, (sums, biases)) in
            (0u32..).step_by(CHUNK).zip(sums.chunks(CHUNK).zip(self.biases.chunks(CHUNK)))
        {
            let n = codes::select_sums(sums, line, biases, best.threshold(), &mut hits, &mut scores);
            for (&hit, &score) in hits[..n].iter().zip(&scores[..n]) {
                best.offer(from + hit, score);
            }
        }
        let mut lists: Vec<u32> = best.neighbors().iter().map(|n| n.id).collect();
        lists.sort_unstable();
        let mut products = vec![0.0; lists.len()];
        kernel::dot_gather(query, &self.centroids, &lists, &mut products);
        self.best(lists.into_iter().zip(products), most)
    }

    /// Ranks all lists by their centroids.
    pub(crate) fn rank_all(&self, query: &[f32], most: usize) -> Vec<Probe> {
        let mut products = vec![0.0; self.len()];
        kernel::dot_rows(query, &self.centroids, &mut products);
        self.best((0..).zip(products), most)
    }

    /// The best of some lists with their products.
    fn best(&self, lists: impl Iterator<Item = (u32, f32)>, most: usize) -> Vec<Probe> {
        let mut ranked: Vec<(f32, Probe)> = lists
            .map(|(list, product)| (product + self.biases[list as usize], Probe { list, product }))
            .collect();
        let order = |a: &(f32, Probe), b: &(f32, Probe)| b.0.total_cmp(&a.0).then(a.1.list.cmp(&b.1.list));
        if most < ranked.len() && most > 0 {
            ranked.select_nth_unstable_by(most - 1, order);
        }
        ranked.truncate(most);
        ranked.sort_unstable_by(order);
        ranked.into_iter().map(|(_, probe)| probe).collect()
    }
}

/// The length of the longest row, rounded up; finite.
pub(crate) fn longest(table: &[f32], dim: usize) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded up by more than a bit")]
    let longest = (table.chunks_exact(dim).map(square).fold(0.0, f64::max).sqrt() * 1.000_001) as f32;
    longest.min(f32::MAX)
}
