//! Codes that products are estimated by (Guo et al. 2020, Accelerating large-scale inference with anisotropic
//! vector quantization).
//!
//! What a query's product with a near row is off by is for the most part the part of the code's error that is
//! parallel to the row. Codes here minimise `|e|² + w · (e · x)² / |x|²` of an error e of a row x, part after part,
//! from the codes of least distance on. Differs from the paper in the centroids, which are those of k-means.

use embed_core::gemm;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, aview1};

use super::Codebook;

/// Queries whose cosine with a row is at least so much are those that count.
const COSINE: f32 = 0.2;
/// Times that every part is looked at.
const SWEEPS: usize = 2;
/// Most centroids of a part.
const MOST: usize = 256;
/// Rows whose products with the centroids of a part are computed together.
const ROWS: usize = 64;

/// How much more an error along a row counts: `(dim − 1) t² / (1 − t²) − 1` (theorem 3.3).
#[expect(clippy::cast_precision_loss, reason = "dimensions are small")]
pub(crate) fn weight(dim: usize) -> f32 {
    let square = COSINE * COSINE;
    (dim.saturating_sub(1) as f32 * square / (1.0 - square) - 1.0).max(0.0)
}

impl Codebook {
    /// The codes of rows `[n, dim]`, `[n, m]`, with little error along `toward` `[n, dim]`. On the calling thread.
    pub(crate) fn encode_toward(
        &self,
        rows: ArrayView2<'_, f32>,
        toward: ArrayView2<'_, f32>,
        weight: f32,
    ) -> Vec<u8> {
        let m = self.m();
        let mut codes = self.encode(rows);
        let (mut products, mut along) = (vec![0.0; ROWS * self.k], vec![0.0; ROWS * self.k]);
        let squares: Vec<Vec<f32>> = (0..m).map(|part| self.squares(part)).collect();
        let chunks = rows.axis_chunks_iter(Axis(0), ROWS).zip(toward.axis_chunks_iter(Axis(0), ROWS));
        for ((rows, toward), codes) in chunks.zip(codes.chunks_mut(ROWS * m)) {
            let mut back = vec![0.0; rows.ncols()];
            let mut errors: Vec<Along> = Vec::with_capacity(rows.nrows());
            for ((row, x), code) in rows.rows().into_iter().zip(toward.rows()).zip(codes.chunks(m)) {
                self.decode(code.iter().copied(), &mut back);
                errors.push(Along::new(row.dot(&x) - x.dot(&aview1(&back)), weight / x.dot(&x)));
            }
            for _ in 0..SWEEPS {
                for part in 0..m {
                    let columns = self.borders[part]..self.borders[part + 1];
                    let Ok(centroids) = ArrayView2::from_shape((columns.len(), self.k), self.part(part))
                    else {
                        continue;
                    };
                    let (products, along) =
                        (&mut products[..rows.nrows() * self.k], &mut along[..rows.nrows() * self.k]);
                    let times = |rows: ArrayView2<'_, f32>, out: &mut [f32]| {
                        if let Ok(out) = ArrayViewMut2::from_shape((rows.nrows(), self.k), out) {
                            let rows = rows.slice_axis(Axis(1), columns.clone().into());
                            gemm::gemm(1.0, rows, centroids, 0.0, out);
                        }
                    };
                    times(toward, along);
                    let along = along.chunks_exact(self.k);
                    times(rows, products);
                    let products = products.chunks_exact(self.k);
                    let errors = errors.iter_mut().zip(products.zip(along)).zip(codes.chunks_mut(m));
                    for ((error, (products, along)), code) in errors {
                        error.choose(&squares[part], products, along, &mut code[part]);
                    }
                }
            }
        }
        codes
    }

    /// The squared lengths of a part's centroids.
    fn squares(&self, part: usize) -> Vec<f32> {
        let mut squares = vec![0.0; self.k];
        for component in self.part(part).chunks_exact(self.k) {
            squares.iter_mut().zip(component).for_each(|(square, x)| *square += x * x);
        }
        squares
    }
}

/// What a row's error has along the direction that counts.
struct Along {
    /// `e · x`
    left: f32,
    /// `w / |x|²`
    weight: f32,
}

impl Along {
    fn new(product: f32, weight: f32) -> Self {
        Self { left: product, weight: if weight.is_finite() { weight } else { 0.0 } }
    }

    /// The centroid of least loss in place of another; of several, the first. `products` are those of the row with
    /// each centroid, `along` those of the direction.
    fn choose(&mut self, squares: &[f32], products: &[f32], along: &[f32], code: &mut u8) {
        let without = self.left + along[usize::from(*code)];
        let mut losses = [f32::INFINITY; MOST];
        for (((loss, square), product), along) in losses.iter_mut().zip(squares).zip(products).zip(along) {
            let left = without - along;
            *loss = square - 2.0 * product + self.weight * left * left;
        }
        // The least of each lane first, in registers.
        let mut lanes = [f32::INFINITY; 16];
        for sixteen in losses.as_chunks::<16>().0 {
            lanes
                .iter_mut()
                .zip(sixteen)
                .for_each(|(least, loss)| *least = if loss < least { *loss } else { *least });
        }
        let least = lanes.into_iter().fold(f32::INFINITY, f32::min);
        // Where nothing is a number, the code stays.
        if least < f32::INFINITY
            && let Some(place) = losses.iter().position(|loss| *loss == least)
        {
            *code = u8::try_from(place).unwrap_or(*code);
        }
        self.left = without - along[usize::from(*code)];
    }
}

#[cfg(test)]
mod tests {
    use embed_core::testkit::clustered;

    use super::super::tests::trained;

    #[test]
    fn no_other_code_of_a_part_has_less_loss() {
        let rows = clustered(500, 12, 6, 4);
        for (m, k) in [(4, 16), (3, 256)] {
            let book = trained(&rows, m, k);
            let mut back = vec![0.0; 12];
            let mut loss = |row: &[f32], code: &[u8], weight: f64| {
                book.decode(code.iter().copied(), &mut back);
                let error = || row.iter().zip(&back).map(|(x, y)| f64::from(x - y));
                let along: f64 = error().zip(row).map(|(e, &x)| e * f64::from(x)).sum();
                let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                error().map(|e| e * e).sum::<f64>() + weight * along * along / square
            };
            let (plain, aware) =
                (book.encode(rows.view()), book.encode_toward(rows.view(), rows.view(), 2.0));
            let (mut better, mut worse) = (0.0, 0.0);
            for ((row, plain), aware) in rows.rows().into_iter().zip(plain.chunks(m)).zip(aware.chunks(m)) {
                let row = row.to_vec();
                let (before, after) = (loss(&row, plain, 2.0), loss(&row, aware, 2.0));
                assert!(after <= before + 1e-4, "{after} after {before}");
                better += before - after;
                worse += loss(&row, aware, 0.0) - loss(&row, plain, 0.0);
                // The last part was chosen with all others as they are.
                for other in 0..k {
                    let mut changed = aware.to_vec();
                    changed[m - 1] = u8::try_from(other).unwrap();
                    assert!(loss(&row, &changed, 2.0) >= after - 1e-3);
                }
            }
            assert!(better > 1.0 && worse >= 0.0, "{better} gained, {worse} farther");
        }
    }

    #[test]
    fn zero_rows_and_the_largest_numbers_have_codes() {
        let rows = ndarray::array![[0.0, 0.0], [f32::MAX, 1.0], [1.0, -f32::MAX], [0.5, 0.5]];
        let book = trained(&clustered(50, 2, 3, 1), 2, 16);
        assert!(book.encode_toward(rows.view(), rows.view(), 2.0).iter().all(|&code| code < 16));
    }
}
