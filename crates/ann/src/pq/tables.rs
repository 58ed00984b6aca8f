use super::Codebook;

/// The products of a query's parts with their centroids: a product with a decoded row is a sum of look-ups.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// `[m, k]`
    pub(crate) values: Vec<f32>,
    k: usize,
}

impl Tables {
    /// O(dim · k).
    pub(crate) fn new(book: &Codebook, query: &[f32]) -> Self {
        let k = book.k;
        let mut values = vec![0.0; book.m() * k];
        for (part, sums) in values.chunks_exact_mut(k).enumerate() {
            let query = &query[book.borders[part]..book.borders[part + 1]];
            let centroids = book.part(part).chunks_exact(k);
            if let Some(sums) = sums.as_mut_array::<16>() {
                for (&x, centroids) in query.iter().zip(centroids) {
                    sums.iter_mut().zip(centroids).for_each(|(sum, c)| *sum += x * c);
                }
            } else {
                for (&x, centroids) in query.iter().zip(centroids) {
                    embed_core::kernel::axpy(x, centroids, sums);
                }
            }
        }
        Self { values, k }
    }

    /// The product with a decoded row, as the sum of four interleaved sums.
    #[inline]
    pub(crate) fn sum(&self, code: &[u8]) -> f32 {
        let mut sums = [0.0; 4];
        let (fours, rest) = code.as_chunks::<4>();
        let mut tables = self.values.chunks_exact(self.k);
        for four in fours {
            for (sum, &c) in sums.iter_mut().zip(four) {
                *sum += tables.next().map_or(0.0, |table| table[usize::from(c)]);
            }
        }
        for &c in rest {
            sums[0] += tables.next().map_or(0.0, |table| table[usize::from(c)]);
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
    /// All parts share the step that brings the widest of them to 255.
    pub(crate) fn new(tables: &Tables, m: usize, factor: f32) -> Self {
        let (mut widest, mut sum) = (0.0f32, 0.0f64);
        let mut least = Vec::with_capacity(m);
        for part in tables.values.as_chunks::<16>().0 {
            let low = part.iter().fold(f32::INFINITY, |low, &x| if x < low { x } else { low });
            let high = part.iter().fold(f32::NEG_INFINITY, |high, &x| if x > high { x } else { high });
            widest = widest.max(high - low);
            sum += f64::from(low);
            least.push(low);
        }
        let step = widest / 255.0;
        let inverse = if step > 0.0 && step.is_finite() { 1.0 / step } else { 0.0 };
        let mut values = vec![0u8; m.next_multiple_of(8) * 16];
        let slots = values.as_chunks_mut::<16>().0;
        for ((slot, part), &low) in slots.iter_mut().zip(tables.values.as_chunks::<16>().0).zip(&least) {
            for (slot, &x) in slot.iter_mut().zip(part) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
                let entry = ((x - low) * inverse + 0.5) as i32 as u8;
                *slot = entry;
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
        let offset = (f64::from(factor) * sum) as f32;
        Self { values, scale: factor * step, offset }
    }
}
