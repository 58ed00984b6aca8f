use embed_core::gemm::gemm;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Rows of a block of work that is not a product. Fixed, so that sums over blocks do not depend on the threads.
pub(crate) const ROWS: usize = 128;

/// Multiplications below which a product is not worth a second thread: some 40 µs.
const WORTH_A_THREAD: usize = 1 << 22;

/// Values that a task passes over at least: to wake another thread costs as much.
const PER_TASK: usize = 1 << 15;

/// Blocks of [`ROWS`] rows of so many columns that a task takes at least.
pub(crate) fn per_task(columns: usize) -> usize {
    PER_TASK.div_ceil(ROWS * columns.max(1))
}

/// A row-major matrix whose memory is kept from batch to batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buffer {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Buffer {
    /// Of no rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes another shape; what is in it is then unspecified.
    pub fn resize(&mut self, rows: usize, columns: usize) {
        self.values.resize(rows * columns, 0.0);
        (self.rows, self.columns) = (rows, columns);
    }

    /// Takes another shape and is zero everywhere.
    pub fn zero(&mut self, rows: usize, columns: usize) {
        self.resize(rows, columns);
        self.values.fill(0.0);
    }

    /// Takes the shape and the values of another matrix.
    pub fn assign(&mut self, from: ArrayView2<'_, f32>) {
        self.resize(from.nrows(), from.ncols());
        self.view_mut().assign(&from);
    }

    /// Rows and columns.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// The matrix.
    ///
    /// # Panics
    /// Never: the shape is that of the memory.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the invariant of the type")]
    pub fn view(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.rows, self.columns), &self.values).expect("the shape of the memory")
    }

    /// The matrix, to be changed.
    ///
    /// # Panics
    /// Never: the shape is that of the memory.
    #[expect(clippy::expect_used, reason = "the invariant of the type")]
    pub fn view_mut(&mut self) -> ArrayViewMut2<'_, f32> {
        ArrayViewMut2::from_shape((self.rows, self.columns), &mut self.values)
            .expect("the shape of the memory")
    }

    /// The values, row after row.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The values, row after row, to be changed.
    pub fn as_slice_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// A row.
    ///
    /// # Panics
    /// When there is none of that number.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// A row, to be changed.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }
}

/// `c = alpha · a · b + beta · c` on the threads of rayon's current pool.
///
/// An element's bits do not depend on how a product is cut ([`embed_core::gemm`]), so it is cut into as many parts
/// as there are threads.
///
/// # Panics
/// When the shapes do not fit.
pub fn product(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    beta: f32,
    mut c: ArrayViewMut2<'_, f32>,
) {
    let ((m, n), k) = (c.dim(), a.ncols());
    let threads = rayon::current_num_threads();
    if threads == 1 || m * n * k < WORTH_A_THREAD {
        return gemm(alpha, a, b, beta, c);
    }
    if m >= n {
        let part = m.div_ceil(threads).next_multiple_of(8);
        (a.axis_chunks_iter(Axis(0), part).into_par_iter())
            .zip(c.axis_chunks_iter_mut(Axis(0), part).into_par_iter())
            .for_each(|(a, c)| gemm(alpha, a, b, beta, c));
    } else {
        let part = n.div_ceil(threads).next_multiple_of(8);
        (b.axis_chunks_iter(Axis(1), part).into_par_iter())
            .zip(c.axis_chunks_iter_mut(Axis(1), part).into_par_iter())
            .for_each(|(b, c)| gemm(alpha, a, b, beta, c));
    }
}

/// A row of a matrix whose rows are contiguous.
///
/// # Panics
/// When they are not, or there is none of that number.
#[track_caller]
#[expect(clippy::expect_used, reason = "all matrices of this crate are row-major")]
pub(crate) fn row<'a>(matrix: &ArrayView2<'a, f32>, row: usize) -> &'a [f32] {
    (*matrix).index_axis_move(Axis(0), row).to_slice().expect("contiguous rows")
}

/// The rows of a block of [`ROWS`], one after the other.
///
/// # Panics
/// When rows are not contiguous, or there is no such block.
#[track_caller]
#[expect(clippy::expect_used, reason = "all matrices of this crate are row-major")]
pub(crate) fn block<'a>(matrix: &ArrayView2<'a, f32>, block: usize) -> &'a [f32] {
    let rows = (block * ROWS)..matrix.nrows().min((block + 1) * ROWS);
    (*matrix).slice_axis_move(Axis(0), rows.into()).to_slice().expect("contiguous rows")
}

/// Works on each block of [`ROWS`] rows, in parallel; it is told the block's number.
pub(crate) fn each_block<R: Send>(
    mut y: ArrayViewMut2<'_, f32>,
    work: impl Fn(usize, &mut [f32]) -> R + Sync,
) -> Vec<R> {
    let least = per_task(y.ncols());
    let blocks = y.axis_chunks_iter_mut(Axis(0), ROWS).into_par_iter().enumerate();
    blocks
        .with_min_len(least)
        .map(|(number, mut y)| work(number, y.as_slice_mut().unwrap_or_default()))
        .collect()
}

/// [`product`] with factors 1 and 0, and then `work` on each block of [`ROWS`] rows of `c`, in order.
pub(crate) fn product_then<R: Send>(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    mut c: ArrayViewMut2<'_, f32>,
    work: impl Fn(&[f32]) -> R + Sync,
) -> Vec<R> {
    let part = a.nrows().div_ceil(rayon::current_num_threads()).next_multiple_of(ROWS);
    let parts: Vec<Vec<R>> = (a.axis_chunks_iter(Axis(0), part).into_par_iter())
        .zip(c.axis_chunks_iter_mut(Axis(0), part).into_par_iter())
        .map(|(a, mut c)| {
            gemm(1.0, a, b, 0.0, c.view_mut());
            let c = c.view();
            (0..c.nrows().div_ceil(ROWS)).map(|number| work(block(&c, number))).collect()
        })
        .collect();
    parts.into_iter().flatten().collect()
}

/// Works on each row of `y` with the same row of `x`, in parallel.
pub(crate) fn each_row(
    x: ArrayView2<'_, f32>,
    mut y: ArrayViewMut2<'_, f32>,
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    assert_eq!(x.nrows(), y.nrows(), "rows of two matrices");
    let least = per_task(y.ncols());
    let blocks = y.axis_chunks_iter_mut(Axis(0), ROWS).into_par_iter().enumerate();
    blocks.with_min_len(least).for_each(|(block, mut y)| {
        for (i, mut y) in y.rows_mut().into_iter().enumerate() {
            work(row(&x, block * ROWS + i), y.as_slice_mut().unwrap_or_default());
        }
    });
}

/// Works on each row, in parallel; it is told the row's number.
pub(crate) fn each_row_mut(mut y: ArrayViewMut2<'_, f32>, work: impl Fn(usize, &mut [f32]) + Sync) {
    let least = per_task(y.ncols());
    let blocks = y.axis_chunks_iter_mut(Axis(0), ROWS).into_par_iter().enumerate();
    blocks.with_min_len(least).for_each(|(block, mut y)| {
        for (i, mut y) in y.rows_mut().into_iter().enumerate() {
            work(block * ROWS + i, y.as_slice_mut().unwrap_or_default());
        }
    });
}

/// Sums over the rows of `[rows, columns]` of what `add` adds for each, in blocks that are summed in order.
pub(crate) fn sum_rows(rows: usize, columns: usize, add: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = (0..rows.div_ceil(ROWS))
        .into_par_iter()
        .map(|block| {
            let mut sum = vec![0.0; columns];
            (block * ROWS..rows.min((block + 1) * ROWS)).for_each(|row| add(row, &mut sum));
            sum
        })
        .collect();
    let mut total = vec![0.0; columns];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(t, x)| *t += x);
    }
    total
}

/// Whether all values are finite. O(n).
#[must_use]
pub fn all_finite(values: &[f32]) -> bool {
    // Not `all`: a sum of products with 0 vectorises, and is NaN exactly when a value is not finite.
    let mut lanes = [0.0f32; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x * 0.0);
    }
    lanes.iter().chain(rest).map(|x| x * 0.0).sum::<f32>() == 0.0
}

/// The values of an array in standard layout.
pub(crate) fn values(array: &Array2<f32>) -> &[f32] {
    array.as_slice().unwrap_or_default()
}

/// The values of an array in standard layout, to be changed.
pub(crate) fn values_mut(array: &mut Array2<f32>) -> &mut [f32] {
    array.as_slice_mut().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::{Parallelism, SeededRng};

    #[test]
    fn products_are_the_same_bits_on_any_threads() {
        let mut rng = SeededRng::new(1);
        let mut random =
            |rows, columns| Array2::from_shape_simple_fn((rows, columns), || rng.unit_f32() - 0.5);
        for (m, k, n) in [(300, 64, 130), (65, 700, 257), (3, 2, 1)] {
            let (a, b) = (random(m, k), random(k, n));
            let mut expected = Array2::zeros((m, n));
            gemm(1.0, a.view(), b.view(), 0.0, expected.view_mut());
            for threads in [1, 2, 7] {
                let parallelism = Parallelism::Threads(threads.try_into().unwrap());
                let mut c = Array2::zeros((m, n));
                parallelism.install(|| product(1.0, a.view(), b.view(), 0.0, c.view_mut())).unwrap();
                assert_eq!(c, expected, "{m} x {k} x {n} on {threads}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_found_anywhere() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 15, 16, 40] {
                let mut values = vec![1.0f32; 41];
                assert!(all_finite(&values));
                values[at] = bad;
                assert!(!all_finite(&values));
            }
        }
    }
}
