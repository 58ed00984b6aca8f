//! Weighted sums over lists of rows, and the way back.

use super::logistic::Lane;
#[cfg(target_arch = "x86_64")]
use super::logistic_simd::{Avx2, Avx512};
use super::logistic_simd::{Lanes, Portable};

/// Lists of rows of a table, each row with a weight. List `k` ends at `ends[k]` and begins where the list before ends.
/// 8 bytes an entry, 4 a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lists<'a> {
    /// Ends, which do not fall; the last one is `rows.len()`.
    pub ends: &'a [u32],
    /// Rows of the table.
    pub rows: &'a [u32],
    /// A weight for each of them.
    pub weights: &'a [f32],
}

/// Rows are asked for so many entries ahead.
const AHEAD: usize = 8;

/// `out[k] = Σ weight · table[row]` over the entries of list `k`, in their order; zeros for an empty list.
///
/// Rows of `table` and `out` are `lanes` long. O(entries · lanes).
///
/// # Panics
/// When an entry names a row beyond the table, the ends do not describe the entries, or `out` is not one row a list.
pub fn sum_lists(table: &[Lane], lanes: usize, lists: &Lists<'_>, out: &mut [Lane]) {
    check(table.len(), lanes, lists, out.len());
    let (table, out) = (table.as_ptr().cast::<f32>(), out.as_mut_ptr().cast::<f32>());
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F; `check` passed.
            return unsafe { sum_on_avx512(table, lanes, lists, out) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA; `check` passed.
            return unsafe { sum_on_avx2(table, lanes, lists, out) };
        }
    }
    // SAFETY: `check` passed; the portable code needs no instruction set.
    unsafe { sum::<Portable>(table, lanes, lists, out) }
}

/// `table[row] += weight · change[k]` for each entry of each list `k`, in their order: the transpose of [`sum_lists`].
///
/// Rows of `table` and `change` are `lanes` long. O(entries · lanes).
///
/// # Panics
/// As [`sum_lists`].
pub fn add_lists(table: &mut [Lane], lanes: usize, lists: &Lists<'_>, change: &[Lane]) {
    check(table.len(), lanes, lists, change.len());
    let (table, change) = (table.as_mut_ptr().cast::<f32>(), change.as_ptr().cast::<f32>());
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F; `check` passed.
            return unsafe { add_on_avx512(table, lanes, lists, change) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA; `check` passed.
            return unsafe { add_on_avx2(table, lanes, lists, change) };
        }
    }
    // SAFETY: `check` passed; the portable code needs no instruction set.
    unsafe { add::<Portable>(table, lanes, lists, change) }
}

/// What the unchecked loops rely on.
fn check(table_lanes: usize, lanes: usize, lists: &Lists<'_>, other_lanes: usize) {
    assert!(lanes > 0, "rows have at least one lane");
    let Lists { ends, rows, weights } = lists;
    assert_eq!(rows.len(), weights.len(), "a weight for each row");
    assert_eq!(Some(other_lanes), ends.len().checked_mul(lanes), "one row a list");
    let ends_fit = ends.windows(2).all(|pair| pair[0] <= pair[1])
        && ends.last().map_or(0, |end| *end as usize) == rows.len();
    assert!(ends_fit, "the ends must describe the {} entries", rows.len());
    // `fold` vectorises where `max` does not.
    let most = rows.iter().copied().fold(0, |most: u32, row| most.max(row)) as usize;
    assert!(rows.is_empty() || most < table_lanes / lanes, "row {most} is beyond the table");
}

/// Calls `$f::<V, N>` for blocks of up to eight lanes, so that a block of a row stays in registers.
macro_rules! by_blocks {
    ($f:ident, $V:ty, $table:expr, $lanes:expr, $lists:expr, $other:expr) => {
        for first in (0..$lanes).step_by(8) {
            let at = first * Lane::WIDTH;
            let (table, other) = ($table.add(at), $other.add(at));
            match $lanes - first {
                1 => $f::<$V, 1>(table, $lanes, $lists, other),
                2 => $f::<$V, 2>(table, $lanes, $lists, other),
                3 => $f::<$V, 3>(table, $lanes, $lists, other),
                4 => $f::<$V, 4>(table, $lanes, $lists, other),
                5 => $f::<$V, 5>(table, $lanes, $lists, other),
                6 => $f::<$V, 6>(table, $lanes, $lists, other),
                7 => $f::<$V, 7>(table, $lanes, $lists, other),
                _ => $f::<$V, 8>(table, $lanes, $lists, other),
            }
        }
    };
}

/// # Safety
/// As [`Lanes`] says for `V`; [`check`] passed.
#[inline(always)]
unsafe fn sum<V: Lanes>(table: *const f32, lanes: usize, lists: &Lists<'_>, out: *mut f32) {
    // SAFETY: handed on; a block begins within its row.
    unsafe { by_blocks!(sum_block, V, table, lanes, lists, out) }
}

/// # Safety
/// As [`Lanes`] says for `V`; [`check`] passed.
#[inline(always)]
unsafe fn add<V: Lanes>(table: *mut f32, lanes: usize, lists: &Lists<'_>, change: *const f32) {
    // SAFETY: handed on; a block begins within its row.
    unsafe { by_blocks!(add_block, V, table, lanes, lists, change) }
}

/// # Safety
/// As [`sum`]; `N` lanes from `table` and `out` on are within their rows.
#[inline(always)]
unsafe fn sum_block<V: Lanes, const N: usize>(
    table: *const f32,
    lanes: usize,
    lists: &Lists<'_>,
    out: *mut f32,
) {
    let row = lanes * Lane::WIDTH;
    let mut start = 0;
    // SAFETY: rows are within the table and entries within the lists, as was checked.
    unsafe {
        for (k, &end) in lists.ends.iter().enumerate() {
            let mut sum = [V::zero(); N];
            for at in start..end as usize {
                if let Some(next) = lists.rows.get(at + AHEAD) {
                    for l in 0..N {
                        V::prefetch(table.wrapping_add(*next as usize * row + l * Lane::WIDTH));
                    }
                }
                let from = table.add(*lists.rows.get_unchecked(at) as usize * row);
                let weight = V::splat(*lists.weights.get_unchecked(at));
                for (l, sum) in sum.iter_mut().enumerate() {
                    *sum = V::load(from.add(l * Lane::WIDTH)).mul_add(weight, *sum);
                }
            }
            let to = out.add(k * row);
            for (l, sum) in sum.into_iter().enumerate() {
                sum.store(to.add(l * Lane::WIDTH));
            }
            start = end as usize;
        }
    }
}

/// # Safety
/// As [`add`]; `N` lanes from `table` and `change` on are within their rows.
#[inline(always)]
unsafe fn add_block<V: Lanes, const N: usize>(
    table: *mut f32,
    lanes: usize,
    lists: &Lists<'_>,
    change: *const f32,
) {
    let row = lanes * Lane::WIDTH;
    let mut start = 0;
    // SAFETY: rows are within the table and entries within the lists, as was checked.
    unsafe {
        for (k, &end) in lists.ends.iter().enumerate() {
            let mut step = [V::zero(); N];
            for (l, step) in step.iter_mut().enumerate() {
                *step = V::load(change.add(k * row + l * Lane::WIDTH));
            }
            for at in start..end as usize {
                if let Some(next) = lists.rows.get(at + AHEAD) {
                    for l in 0..N {
                        V::prefetch(table.wrapping_add(*next as usize * row + l * Lane::WIDTH));
                    }
                }
                let to = table.add(*lists.rows.get_unchecked(at) as usize * row);
                let weight = V::splat(*lists.weights.get_unchecked(at));
                for (l, step) in step.iter().enumerate() {
                    let to = to.add(l * Lane::WIDTH);
                    step.mul_add(weight, V::load(to)).store(to);
                }
            }
            start = end as usize;
        }
    }
}

/// # Safety
/// The processor has AVX-512F, and [`check`] passed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn sum_on_avx512(table: *const f32, lanes: usize, lists: &Lists<'_>, out: *mut f32) {
    // SAFETY: handed on.
    unsafe { sum::<Avx512>(table, lanes, lists, out) }
}

/// # Safety
/// The processor has AVX2 and FMA, and [`check`] passed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn sum_on_avx2(table: *const f32, lanes: usize, lists: &Lists<'_>, out: *mut f32) {
    // SAFETY: handed on.
    unsafe { sum::<Avx2>(table, lanes, lists, out) }
}

/// # Safety
/// The processor has AVX-512F, and [`check`] passed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn add_on_avx512(table: *mut f32, lanes: usize, lists: &Lists<'_>, change: *const f32) {
    // SAFETY: handed on.
    unsafe { add::<Avx512>(table, lanes, lists, change) }
}

/// # Safety
/// The processor has AVX2 and FMA, and [`check`] passed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn add_on_avx2(table: *mut f32, lanes: usize, lists: &Lists<'_>, change: *const f32) {
    // SAFETY: handed on.
    unsafe { add::<Avx2>(table, lanes, lists, change) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    type Sum = fn(&[Lane], usize, &Lists<'_>, &mut [Lane]);
    type Add = fn(&mut [Lane], usize, &Lists<'_>, &[Lane]);

    #[expect(
        clippy::undocumented_unsafe_blocks,
        reason = "one for all: the lists are within, the set is there"
    )]
    fn kernels() -> Vec<(&'static str, Sum, Add)> {
        let mut all: Vec<(&'static str, Sum, Add)> = vec![
            ("dispatched", sum_lists, add_lists),
            (
                "portable",
                |t, l, s, o| unsafe { sum::<Portable>(t.as_ptr().cast(), l, s, o.as_mut_ptr().cast()) },
                |t, l, s, c| unsafe { add::<Portable>(t.as_mut_ptr().cast(), l, s, c.as_ptr().cast()) },
            ),
        ];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push((
                "avx2",
                |t, l, s, o| unsafe { sum_on_avx2(t.as_ptr().cast(), l, s, o.as_mut_ptr().cast()) },
                |t, l, s, c| unsafe { add_on_avx2(t.as_mut_ptr().cast(), l, s, c.as_ptr().cast()) },
            ));
        }
        all
    }

    fn rows(rng: &mut SeededRng, n: usize) -> Vec<Lane> {
        (0..n).map(|_| Lane(std::array::from_fn(|_| rng.unit_f32() - 0.5))).collect()
    }

    #[test]
    fn sums_and_their_transpose_are_the_naive_ones_at_every_width() {
        let mut rng = SeededRng::new(3);
        for lanes in [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17] {
            let (n_rows, lengths) = (23u32, [3u32, 0, 1, 7, 12, 0]);
            let ends: Vec<u32> = (1..=lengths.len()).map(|n| lengths[..n].iter().sum()).collect();
            let picked: Vec<u32> = (0..23).map(|_| rng.below(n_rows)).collect();
            let weights: Vec<f32> = (0..23).map(|_| rng.unit_f32()).collect();
            let lists = Lists { ends: &ends, rows: &picked, weights: &weights };
            let table = rows(&mut rng, n_rows as usize * lanes);
            let change = rows(&mut rng, ends.len() * lanes);
            let mut sums = vec![Lane::default(); change.len()];
            let mut added = table.clone();
            let mut start = 0;
            for (k, &end) in ends.iter().enumerate() {
                for at in start..end as usize {
                    for c in 0..lanes * 16 {
                        let (row, w) = (picked[at] as usize * lanes + c / 16, weights[at]);
                        sums[k * lanes + c / 16].0[c % 16] += w * table[row].0[c % 16];
                        added[row].0[c % 16] += w * change[k * lanes + c / 16].0[c % 16];
                    }
                }
                start = end as usize;
            }
            let near = |a: &[Lane], b: &[Lane]| {
                let pairs = Lane::components(a).iter().zip(Lane::components(b));
                pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-5
            };
            for (name, sum, add) in kernels() {
                let mut got = vec![Lane([9.0; 16]); change.len()];
                sum(&table, lanes, &lists, &mut got);
                assert!(near(&got, &sums), "{name}, {lanes} lanes");
                let mut got = table.clone();
                add(&mut got, lanes, &lists, &change);
                assert!(near(&got, &added), "{name}, {lanes} lanes, transpose");
            }
        }
    }

    #[test]
    fn lists_outside_their_tables_are_refused() {
        let refused = |ends: &[u32], picked: &[u32], weights: &[f32], out: usize| {
            std::panic::catch_unwind(|| {
                let lists = Lists { ends, rows: picked, weights };
                sum_lists(&[Lane::default(); 6], 2, &lists, &mut vec![Lane::default(); out]);
            })
            .is_err()
        };
        assert!(!refused(&[1, 2], &[0, 2], &[1.0; 2], 4));
        assert!(!refused(&[], &[], &[], 0));
        assert!(refused(&[1, 2], &[0, 3], &[1.0; 2], 4), "a row beyond the table");
        assert!(refused(&[2, 1], &[0, 2], &[1.0; 2], 4), "ends that fall");
        assert!(refused(&[1], &[0, 2], &[1.0; 2], 2), "an entry of no list");
        assert!(refused(&[1, 2], &[0, 2], &[1.0], 4), "an entry without a weight");
        assert!(refused(&[1, 2], &[0, 2], &[1.0; 2], 2), "a list without a row");
    }
}
