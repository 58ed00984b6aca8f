//! One query against rows, over any instruction set. The score of a row is the same bits alone and among
//! others: each row has accumulators of its own, filled in the same order.

use super::isa::Isa;
use super::simd::{Portable, Simd};

/// Accumulators a row: enough to hide the latency of a multiplication with addition.
const ACC: usize = 4;

/// Dot products, or squared distances where `L2`, of `q` with `R` rows, `d` floats each.
///
/// # Safety
/// The instruction set must be there; `q` and every row must be readable for `d` floats.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "rows and accumulators are walked side by side")]
unsafe fn score<S: Simd, const R: usize, const L2: bool>(
    q: *const f32,
    rows: [*const f32; R],
    d: usize,
) -> [f32; R] {
    // SAFETY: all offsets stay below `d`, so that the caller's promise covers every load.
    unsafe {
        let mut acc = [[S::zero(); ACC]; R];
        let step = |acc: S::V, x: S::V, y: S::V| {
            if L2 {
                let z = S::sub(x, y);
                S::fma(z, z, acc)
            } else {
                S::fma(x, y, acc)
            }
        };
        let mut at = 0;
        while at + ACC * S::LANES <= d {
            for a in 0..ACC {
                let x = S::load(q.add(at + a * S::LANES));
                for r in 0..R {
                    acc[r][a] = step(acc[r][a], x, S::load(rows[r].add(at + a * S::LANES)));
                }
            }
            at += ACC * S::LANES;
        }
        let mut a = 0;
        while at + S::LANES <= d {
            let x = S::load(q.add(at));
            for r in 0..R {
                acc[r][a] = step(acc[r][a], x, S::load(rows[r].add(at)));
            }
            at += S::LANES;
            a += 1;
        }
        if at < d {
            let x = S::load_part(q.add(at), d - at);
            for r in 0..R {
                acc[r][a] = step(acc[r][a], x, S::load_part(rows[r].add(at), d - at));
            }
        }
        let mut out = [0.0; R];
        for r in 0..R {
            out[r] = S::sum(S::add(S::add(acc[r][0], acc[r][1]), S::add(acc[r][2], acc[r][3])));
        }
        out
    }
}

/// Scores of all rows, `R` at a time.
///
/// # Safety
/// As [`score`]; `row(i)` must be readable for `q.len()` floats for every `i < out.len()`.
#[inline(always)]
unsafe fn score_all<S: Simd, const R: usize, const L2: bool>(
    q: &[f32],
    row: impl Fn(usize) -> *const f32,
    out: &mut [f32],
) {
    let whole = out.len() / R * R;
    // SAFETY: `i` and `i + r` stay below `out.len()`; the rest is the caller's promise.
    unsafe {
        for i in (0..whole).step_by(R) {
            let scores = score::<S, R, L2>(q.as_ptr(), std::array::from_fn(|r| row(i + r)), q.len());
            out[i..i + R].copy_from_slice(&scores);
        }
        for (i, out) in out.iter_mut().enumerate().skip(whole) {
            *out = score::<S, 1, L2>(q.as_ptr(), [row(i)], q.len())[0];
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<const L2: bool>(q: &[f32], row: impl Fn(usize) -> *const f32, out: &mut [f32]) {
    // SAFETY: the instruction set is enabled here; the rows are the caller's promise.
    unsafe { score_all::<super::simd::Avx512, 4, L2>(q, row, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<const L2: bool>(q: &[f32], row: impl Fn(usize) -> *const f32, out: &mut [f32]) {
    // SAFETY: the instruction set is enabled here; the rows are the caller's promise.
    unsafe { score_all::<super::simd::Avx2, 2, L2>(q, row, out) }
}

/// # Safety
/// `isa` must be there, and `row(i)` readable for `q.len()` floats for every `i < out.len()`.
#[inline]
unsafe fn dispatch<const L2: bool>(isa: Isa, q: &[f32], row: impl Fn(usize) -> *const f32, out: &mut [f32]) {
    // SAFETY: the caller promises the instruction set and the rows.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512::<L2>(q, row, out),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2::<L2>(q, row, out),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => score_all::<super::simd::Neon, 4, L2>(q, row, out),
            Isa::Portable => score_all::<Portable, 2, L2>(q, row, out),
        }
    }
}

/// Scores of `q` with rows that lie back to back, on one instruction set.
pub(super) fn back_to_back<const L2: bool>(isa: Isa, q: &[f32], rows: &[f32], out: &mut [f32]) {
    let expected = q.len().checked_mul(out.len());
    assert_eq!(Some(rows.len()), expected, "rows hold {} values of {} each", out.len(), q.len());
    assert!(isa.is_available(), "{isa:?} is not available");
    let start = rows.as_ptr();
    // SAFETY: the instruction set is available, and row i ends at (i + 1) · dim ≤ rows.len(), as asserted.
    unsafe { dispatch::<L2>(isa, q, |i| start.add(i * q.len()), out) }
}

/// Scores of `q` with rows `ids` of a table, on one instruction set.
pub(super) fn gathered<const L2: bool>(isa: Isa, q: &[f32], table: &[f32], ids: &[u32], out: &mut [f32]) {
    assert_eq!(ids.len(), out.len(), "{} ids for {} scores", ids.len(), out.len());
    assert!(isa.is_available(), "{isa:?} is not available");
    if let Some(&last) = ids.iter().max() {
        let end = (last as usize).checked_add(1).and_then(|n| n.checked_mul(q.len()));
        assert!(end.is_some_and(|end| end <= table.len()), "row {last} is beyond the table");
    }
    let start = table.as_ptr();
    // SAFETY: the instruction set is available, and every row ends within the table, as asserted.
    unsafe { dispatch::<L2>(isa, q, |i| start.add(ids[i] as usize * q.len()), out) }
}

/// `y += alpha · x`, `d` floats.
///
/// # Safety
/// The instruction set must be there; the slices must be of one length.
#[inline(always)]
unsafe fn add_scaled<S: Simd>(alpha: f32, x: &[f32], y: &mut [f32]) {
    let whole = x.len() / S::LANES * S::LANES;
    // SAFETY: every offset stays below `whole`, which both slices reach.
    unsafe {
        let a = S::splat(alpha);
        for at in (0..whole).step_by(S::LANES) {
            let sum = S::fma(a, S::load(x.as_ptr().add(at)), S::load(y.as_ptr().add(at)));
            S::store(y.as_mut_ptr().add(at), sum);
        }
    }
    for (y, x) in y[whole..].iter_mut().zip(&x[whole..]) {
        *y = alpha.mul_add(*x, *y);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
unsafe fn axpy_avx512(alpha: f32, x: &[f32], y: &mut [f32]) {
    // SAFETY: the instruction set is enabled here; the lengths are the caller's promise.
    unsafe { add_scaled::<super::simd::Avx512>(alpha, x, y) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn axpy_avx2(alpha: f32, x: &[f32], y: &mut [f32]) {
    // SAFETY: the instruction set is enabled here; the lengths are the caller's promise.
    unsafe { add_scaled::<super::simd::Avx2>(alpha, x, y) }
}

/// `y += alpha · x` on one instruction set.
pub(super) fn axpy(isa: Isa, alpha: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "vectors of {} and {} components", x.len(), y.len());
    assert!(isa.is_available(), "{isa:?} is not available");
    // SAFETY: the instruction set is available and the lengths agree, as asserted.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => axpy_avx512(alpha, x, y),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => axpy_avx2(alpha, x, y),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => add_scaled::<super::simd::Neon>(alpha, x, y),
            Isa::Portable => {
                for (y, x) in y.iter_mut().zip(x) {
                    *y += alpha * x;
                }
            }
        }
    }
}
