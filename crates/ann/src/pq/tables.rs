use embed_core::kernel::codes;

use super::Codebook;

/// The products of a query's parts with their 256 centroids: a product with a decoded row is a sum of look-ups.
#[derive(Debug, Clone)]
pub(crate) struct Tables(Vec<[f32; 256]>);

impl Tables {
    /// For a codebook of 256 centroids a part. O(dim · 256).
    pub(crate) fn new(book: &Codebook, query: &[f32]) -> Self {
        let mut tables = vec![[0.0; 256]; book.m()];
        for (part, sums) in tables.iter_mut().enumerate() {
            let query = &query[book.borders[part]..book.borders[part + 1]];
            let centroids = book.part(part).chunks_exact(book.k);
            for (&x, centroids) in query.iter().zip(centroids) {
                embed_core::kernel::axpy(x, centroids, sums);
            }
        }
        Self(tables)
    }

    /// The product with a decoded row, as the sum of four interleaved sums.
    #[inline]
    pub(crate) fn sum(&self, code: &[u8]) -> f32 {
        let mut sums = [0.0; 4];
        let ((fours, rest), (tables, last)) = (code.as_chunks::<4>(), self.0.as_chunks::<4>());
        for (four, tables) in fours.iter().zip(tables) {
            for ((sum, &c), table) in sums.iter_mut().zip(four).zip(tables) {
                *sum += table[usize::from(c)];
            }
        }
        for (&c, table) in rest.iter().zip(last) {
            sums[0] += table[usize::from(c)];
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }
}

/// Tables of 16 entries in bytes, for look-ups in registers.
#[derive(Debug, Clone)]
pub(crate) struct FastTable {
    /// `[parts, 16]`, zeros beyond the m parts there are.
    pub(crate) values: Vec<u8>,
    /// `factor` times the product is `scale · sum + offset`, to about half a step a part.
    pub(crate) scale: f32,
    /// See `scale`.
    pub(crate) offset: f32,
}

impl FastTable {
    /// All parts share the step that brings the widest of them to 255. O(dim · 16).
    pub(crate) fn new(book: &Codebook, query: &[f32], factor: f32) -> Self {
        let mut values = vec![0u8; book.m().next_multiple_of(8) * 16];
        let (scale, offset) = codes::lookup_table(query, &book.borders, &book.values, &mut values);
        Self { values, scale: factor * scale, offset: factor * offset }
    }
}
