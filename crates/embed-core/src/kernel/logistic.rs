//! Logistic updates of skip-gram with negative sampling, many pairs a call.

#[cfg(target_arch = "x86_64")]
use super::logistic_simd::{Avx2, Avx512};
use super::logistic_simd::{Portable, update};

/// Sixteen components of a vector, aligned to a cache line. A row of a table is `dim.div_ceil(16)` of them,
/// padded with zeros, which every update leaves zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Lane(pub [f32; 16]);

impl Lane {
    /// Components in a lane.
    pub const WIDTH: usize = 16;

    /// Lanes of a row of `dim` components.
    #[must_use]
    pub fn per_row(dim: usize) -> usize {
        dim.div_ceil(Self::WIDTH)
    }

    /// The components of lanes, one after the other.
    #[must_use]
    pub fn components(lanes: &[Self]) -> &[f32] {
        // SAFETY: a lane is sixteen f32 without padding (C layout; its size is its alignment), so lanes that follow
        // each other are f32 that do; the result borrows what it is made of.
        unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * Self::WIDTH) }
    }

    /// The components of lanes, one after the other, to be changed.
    #[must_use]
    pub fn components_mut(lanes: &mut [Self]) -> &mut [f32] {
        // SAFETY: as in `components`; every f32 is a valid component.
        unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), lanes.len() * Self::WIDTH) }
    }
}

/// A centre and where its pairs end in [`Pairs::ops`]; they begin where those of the head before end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Row of the centre in the centre table.
    pub row: u32,
    /// End of its pairs.
    pub end: u32,
}

/// Pairs to update on, grouped by centre: 4 bytes a pair and 8 a centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs<'a> {
    /// The centres; ends do not fall and the last one is `ops.len()`.
    pub heads: &'a [Head],
    /// Row in the output table times two, plus one for a positive pair ([`op`]).
    pub ops: &'a [u32],
}

/// The code of a pair with row `row` of the output table, for [`Pairs::ops`].
#[inline]
#[must_use]
pub const fn op(row: u32, positive: bool) -> u32 {
    (row << 1) | positive as u32
}

/// How steep a step is, and where scores are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub rate: f32,
    /// Scores are clamped to ±`clamp` before the sigmoid; a clamped pair still gets its update.
    pub clamp: f32,
}

/// Pairs are taken in tiles of so many.
pub const TILE: usize = 16;

/// One step of stochastic gradient descent on each pair's logistic loss, in order; gives the sum of the
/// losses before their steps.
///
/// For a pair of centre `v` and output `u` with label `y ∈ {0, 1}` and `s = clamp(v · u)`, the loss is
/// `−ln σ(s)` for a positive and `−ln σ(−s)` for a negative pair, and the step is `g = rate · (y − σ(s))`,
/// `u += g · v`, `v += g · u`. Pairs are taken in tiles of [`TILE`], a small batch: all scores of a tile are
/// computed before its updates. Then, centre by centre, outputs are updated in order (so one that comes twice
/// gets both updates), and the centre after its last pair of the tile, as word2vec does over the negatives of
/// one pair. The sum is kept in f64; each summand has the precision of f32.
///
/// Rows are `lanes` long. O(pairs · lanes). The result depends on the instruction set in the last digits.
///
/// Mikolov, Sutskever, Chen, Corrado & Dean 2013, section 2.2.
///
/// # Panics
/// When a head or a pair names a row beyond its table, or the ends do not describe the pairs.
pub fn logistic_pairs(
    centres: &mut [Lane],
    outputs: &mut [Lane],
    lanes: usize,
    pairs: &Pairs<'_>,
    step: Step,
) -> f64 {
    check(centres.len(), outputs.len(), lanes, pairs);
    let (centres, outputs) = (centres.as_mut_ptr().cast::<f32>(), outputs.as_mut_ptr().cast::<f32>());
    // SAFETY: `check` passed.
    unsafe { dispatch(centres, outputs, lanes, pairs, step) }
}

/// As [`logistic_pairs`] where centres and outputs are rows of one table: a row that is updated as an output counts with
/// its update when it is a centre later. Of a pair of a row with itself only the centre's step is kept.
///
/// # Panics
/// As [`logistic_pairs`].
pub fn logistic_pairs_within(table: &mut [Lane], lanes: usize, pairs: &Pairs<'_>, step: Step) -> f64 {
    check(table.len(), table.len(), lanes, pairs);
    let table = table.as_mut_ptr().cast::<f32>();
    // SAFETY: `check` passed; the kernels need no distinct tables.
    unsafe { dispatch(table, table, lanes, pairs, step) }
}

/// # Safety
/// [`check`] passed for tables of which these are the first components.
unsafe fn dispatch(centres: *mut f32, outputs: *mut f32, lanes: usize, pairs: &Pairs<'_>, step: Step) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F; the rest is handed on.
            return unsafe { on_avx512(centres, outputs, lanes, pairs, step) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA; the rest is handed on.
            return unsafe { on_avx2(centres, outputs, lanes, pairs, step) };
        }
    }
    // SAFETY: handed on; the portable code needs no instruction set.
    unsafe { update::<Portable>(centres, outputs, lanes, pairs, step) }
}

/// What the unchecked kernels rely on.
fn check(centre_lanes: usize, output_lanes: usize, lanes: usize, pairs: &Pairs<'_>) {
    assert!(lanes > 0, "rows have at least one lane");
    if pairs.heads.is_empty() && pairs.ops.is_empty() {
        return;
    }
    let ends_fit = pairs.heads.windows(2).all(|pair| pair[0].end <= pair[1].end)
        && pairs.heads.last().map_or(0, |head| head.end as usize) == pairs.ops.len();
    assert!(ends_fit, "the ends of the heads must describe the {} pairs", pairs.ops.len());
    // `fold` vectorises where `max` does not.
    let greatest = |rows: u32, row: u32| rows.max(row);
    let rows = pairs.heads.iter().map(|head| head.row).fold(0, greatest) as usize + 1;
    assert!(rows <= centre_lanes / lanes, "centre row {rows} is beyond the table");
    let rows = (pairs.ops.iter().copied().fold(0, greatest) >> 1) as usize + 1;
    assert!(rows <= output_lanes / lanes, "output row {rows} is beyond the table");
}

/// # Safety
/// The processor has AVX-512F, and [`check`] passed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn on_avx512(
    centres: *mut f32,
    outputs: *mut f32,
    lanes: usize,
    pairs: &Pairs<'_>,
    step: Step,
) -> f64 {
    // SAFETY: handed on.
    unsafe { update::<Avx512>(centres, outputs, lanes, pairs, step) }
}

/// # Safety
/// The processor has AVX2 and FMA, and [`check`] passed.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn on_avx2(
    centres: *mut f32,
    outputs: *mut f32,
    lanes: usize,
    pairs: &Pairs<'_>,
    step: Step,
) -> f64 {
    // SAFETY: handed on.
    unsafe { update::<Avx2>(centres, outputs, lanes, pairs, step) }
}
