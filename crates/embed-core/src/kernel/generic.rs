//! The loops of all kernels, written once over the vectors of an instruction set.
//!
//! The order in which a product is summed depends on nothing but its length: component `i` goes to lane
//! `i % WIDTH` of accumulator `i / WIDTH % ACCS`, the last incomplete vector to the last accumulator; then
//! accumulators are added, then lanes. One row or four at once, aligned or not: the same bits.
#![allow(clippy::needless_range_loop, reason = "accumulators are walked beside offsets")]

use super::prefetch::prefetch;

/// Vectors of an instruction set.
///
/// # Safety
/// Methods may only be called where the processor has the instruction set. Pointers are valid for `WIDTH`
/// f32, or for `n` of them in the `_first` methods, where `n < WIDTH`; they need no more alignment than f32.
pub(super) trait Vector: Copy {
    /// Lanes.
    const WIDTH: usize;
    /// Whether there are registers for four rows at once.
    const FOUR_ROWS: bool = true;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// The first `n` lanes from memory, the others zero. Reads nothing beyond them.
    unsafe fn load_first(from: *const f32, n: usize) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `n` lanes and nothing beyond them.
    unsafe fn store_first(self, to: *mut f32, n: usize);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    /// `self · factor + addend`.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The sum of the lanes.
    unsafe fn sum(self) -> f32;
    /// The sums of the lanes of four vectors, each the bits of its [`Vector::sum`].
    unsafe fn sum4(four: [Self; 4]) -> [f32; 4];
}

/// What is summed over the components of two vectors.
pub(super) trait Term {
    /// `sum` with the term of `x` and `y` added.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    unsafe fn add_to<V: Vector>(sum: V, x: V, y: V) -> V;
}

/// `x · y`
pub(super) struct Product;

impl Term for Product {
    #[inline(always)]
    unsafe fn add_to<V: Vector>(sum: V, x: V, y: V) -> V {
        // SAFETY: handed on.
        unsafe { x.mul_add(y, sum) }
    }
}

/// `(x − y)²`
pub(super) struct SquaredDifference;

impl Term for SquaredDifference {
    #[inline(always)]
    unsafe fn add_to<V: Vector>(sum: V, x: V, y: V) -> V {
        // SAFETY: handed on.
        unsafe {
            let difference = x.sub(y);
            difference.mul_add(difference, sum)
        }
    }
}

/// Sums the terms of `query` with each of `R` rows, lane by lane.
///
/// # Safety
/// The processor has the instruction set of `V`; all pointers are valid for reading `dim` f32.
#[inline(always)]
unsafe fn accumulate<V: Vector, T: Term, const R: usize, const ACCS: usize>(
    query: *const f32,
    rows: [*const f32; R],
    dim: usize,
) -> [V; R] {
    // SAFETY: every load starts at `at` and ends at most at `dim`, by the condition before it.
    unsafe {
        let mut sums = [[V::splat(0.0); ACCS]; R];
        let mut at = 0;
        while dim - at >= ACCS * V::WIDTH {
            for acc in 0..ACCS {
                let x = V::load(query.add(at + acc * V::WIDTH));
                for r in 0..R {
                    sums[r][acc] = T::add_to(sums[r][acc], x, V::load(rows[r].add(at + acc * V::WIDTH)));
                }
            }
            at += ACCS * V::WIDTH;
        }
        for acc in 0..ACCS - 1 {
            if dim - at >= V::WIDTH {
                let x = V::load(query.add(at));
                for r in 0..R {
                    sums[r][acc] = T::add_to(sums[r][acc], x, V::load(rows[r].add(at)));
                }
                at += V::WIDTH;
            }
        }
        if at < dim {
            let x = V::load_first(query.add(at), dim - at);
            for r in 0..R {
                let y = V::load_first(rows[r].add(at), dim - at);
                sums[r][ACCS - 1] = T::add_to(sums[r][ACCS - 1], x, y);
            }
        }
        // Loops of constant length, all in registers; the methods of arrays may be calls through memory.
        let mut lanes = [V::splat(0.0); R];
        for r in 0..R {
            let mut left = ACCS;
            while left > 1 {
                let half = left / 2;
                for acc in 0..half {
                    sums[r][acc] = sums[r][acc].add(sums[r][left - half + acc]);
                }
                left -= half;
            }
            lanes[r] = sums[r][0];
        }
        lanes
    }
}

/// The sum of the terms of two vectors.
///
/// # Safety
/// The processor has the instruction set of `V`; both pointers are valid for reading `dim` f32.
#[inline(always)]
pub(super) unsafe fn one<V: Vector, T: Term, const ACCS: usize>(
    query: *const f32,
    row: *const f32,
    dim: usize,
) -> f32 {
    // SAFETY: handed on.
    unsafe {
        let [lanes] = accumulate::<V, T, 1, ACCS>(query, [row], dim);
        lanes.sum()
    }
}

/// The sums of the terms of a query with many rows, four at a time where that is of use; `row` gives the start
/// of a row.
///
/// # Safety
/// The processor has the instruction set of `V`; `query` and what `row` gives for numbers below `out.len()`
/// is valid for reading `dim` f32.
#[inline(always)]
pub(super) unsafe fn many<V: Vector, T: Term, const ACCS: usize>(
    query: *const f32,
    dim: usize,
    row: impl Fn(usize) -> *const f32,
    out: &mut [f32],
) {
    let at_once = if V::FOUR_ROWS { out.len() / 4 * 4 } else { 0 };
    let (fours, rest) = out.split_at_mut(at_once);
    let (fours, _) = fours.as_chunks_mut::<4>();
    for (block, out) in fours.iter_mut().enumerate() {
        let rows = [row(4 * block), row(4 * block + 1), row(4 * block + 2), row(4 * block + 3)];
        // SAFETY: handed on.
        *out = unsafe { V::sum4(accumulate::<V, T, 4, ACCS>(query, rows, dim)) };
    }
    for (i, out) in rest.iter_mut().enumerate() {
        // SAFETY: handed on.
        *out = unsafe { one::<V, T, ACCS>(query, row(at_once + i), dim) };
    }
}

/// Rows of fewer components are taken four at a time even where they lie back to back.
const LONG: usize = 64;

/// Bytes that are asked for ahead: the processor's own prefetch stops at the end of a page.
const AHEAD: usize = 2048;

/// [`many`] for rows that lie back to back. Long ones are taken one after the other: most come from memory, and the
/// processor's own prefetch follows one stream better than four.
///
/// # Safety
/// As [`many`]; row `i` starts at `rows + i · dim`.
#[inline(always)]
pub(super) unsafe fn in_order<V: Vector, T: Term, const ACCS: usize>(
    query: *const f32,
    dim: usize,
    rows: *const f32,
    out: &mut [f32],
) {
    if dim < LONG {
        // SAFETY: handed on.
        return unsafe { many::<V, T, ACCS>(query, dim, |i| rows.wrapping_add(i * dim), out) };
    }
    for (i, out) in out.iter_mut().enumerate() {
        let ahead = rows.wrapping_add(i * dim).cast::<u8>().wrapping_add(AHEAD);
        for line in (0..4 * dim).step_by(64) {
            prefetch(ahead.wrapping_add(line));
        }
        // SAFETY: handed on.
        *out = unsafe { one::<V, T, ACCS>(query, rows.add(i * dim), dim) };
    }
}

/// `y += alpha · x`.
///
/// # Safety
/// The processor has the instruction set of `V`; `x` is valid for reading and `y` for writing `dim` f32.
#[inline(always)]
pub(super) unsafe fn axpy<V: Vector>(alpha: f32, x: *const f32, y: *mut f32, dim: usize) {
    // SAFETY: every access starts at `at` and ends at most at `dim`, by the condition before it.
    unsafe {
        let factor = V::splat(alpha);
        let mut at = 0;
        while dim - at >= V::WIDTH {
            V::load(x.add(at)).mul_add(factor, V::load(y.add(at))).store(y.add(at));
            at += V::WIDTH;
        }
        if at < dim {
            let n = dim - at;
            let (x, old) = (V::load_first(x.add(at), n), V::load_first(y.add(at), n));
            x.mul_add(factor, old).store_first(y.add(at), n);
        }
    }
}

/// The entry points of an instruction set, compiled with its features.
macro_rules! entry_points {
    ($vector:ty, accumulators = $accs:literal $(, features = $features:literal)?) => {
        use super::generic::{Product, SquaredDifference, axpy as any_axpy, in_order, many, one};

        entry_points!(@reduction dot, dot_rows, dot_gather, Product, $vector, $accs $(, $features)?);
        entry_points!(
            @reduction squared_l2, squared_l2_rows, squared_l2_gather, SquaredDifference, $vector, $accs
            $(, $features)?
        );

        /// # Safety
        /// The processor has the instruction set; the slices have the same length.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
            // SAFETY: the slices are as long as each other.
            unsafe { any_axpy::<$vector>(alpha, x.as_ptr(), y.as_mut_ptr(), x.len()) }
        }
    };
    (
        @reduction $one:ident, $rows:ident, $gather:ident, $term:ty, $vector:ty, $accs:literal
        $(, $features:literal)?
    ) => {
        /// # Safety
        /// The processor has the instruction set; the slices have the same length.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn $one(a: &[f32], b: &[f32]) -> f32 {
            // SAFETY: the slices are as long as each other.
            unsafe { one::<$vector, $term, $accs>(a.as_ptr(), b.as_ptr(), a.len()) }
        }

        /// # Safety
        /// The processor has the instruction set; `rows` is `query.len() · out.len()` long.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn $rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
            // SAFETY: row `i` starts at `i · dim` and ends within the rows.
            unsafe { in_order::<$vector, $term, $accs>(query.as_ptr(), query.len(), rows.as_ptr(), out) }
        }

        /// # Safety
        /// The processor has the instruction set; `ids` is as long as `out`.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn $gather(query: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
            let dim = query.len();
            // SAFETY: `row` checks that the id's row lies within the table.
            unsafe {
                many::<$vector, $term, $accs>(
                    query.as_ptr(),
                    dim,
                    |i| super::row(table, dim, ids[i]).as_ptr(),
                    out,
                )
            }
        }
    };
}

pub(super) use entry_points;
