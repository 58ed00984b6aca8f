//! AVX-512F: sixteen lanes.

use std::arch::x86_64::*;

use super::generic::{Vector, entry_points};

#[derive(Clone, Copy)]
pub(super) struct Lanes(__m512);

/// The first `n` lanes on, for `n` below sixteen.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "fifteen bits at most")]
fn first(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

/// Swaps neighbours.
const NEIGHBOURS: i32 = 0b10_11_00_01;
/// Swaps the pairs of a quarter.
const PAIRS: i32 = 0b01_00_11_10;

impl Vector for Lanes {
    const WIDTH: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for sixteen f32.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        // SAFETY: lanes that are off are not read, and the caller's pointer is valid for those that are on.
        Self(unsafe { _mm512_maskz_loadu_ps(first(n), from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's pointer is valid for sixteen f32.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, n: usize) {
        // SAFETY: lanes that are off are not written, and the caller's pointer is valid for those that are on.
        unsafe { _mm512_mask_storeu_ps(to, first(n), self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }

    /// Halves are added, then quarters, then neighbours, then pairs.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the processor has AVX-512F, and so AVX.
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            let eight = _mm256_add_ps(_mm512_castps512_ps256(self.0), high);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehdup_ps(four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehl_ps(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn sum4([a, b, c, d]: [Self; 4]) -> [f32; 4] {
        // SAFETY: the processor has AVX-512F; the array is four f32 wide.
        unsafe {
            // The halves of two vectors, then the quarters of four.
            let ab = _mm512_add_ps(
                _mm512_shuffle_f32x4::<0b01_00_01_00>(a.0, b.0),
                _mm512_shuffle_f32x4::<0b11_10_11_10>(a.0, b.0),
            );
            let cd = _mm512_add_ps(
                _mm512_shuffle_f32x4::<0b01_00_01_00>(c.0, d.0),
                _mm512_shuffle_f32x4::<0b11_10_11_10>(c.0, d.0),
            );
            let quarters = _mm512_add_ps(
                _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd),
                _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd),
            );
            let two = _mm512_add_ps(quarters, _mm512_permute_ps::<NEIGHBOURS>(quarters));
            let one = _mm512_add_ps(two, _mm512_permute_ps::<PAIRS>(two));
            // The first lane of each quarter.
            let place = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);
            let sums_first = _mm512_castps512_ps128(_mm512_permutexvar_ps(place, one));
            let mut sums = [0.0; 4];
            _mm_storeu_ps(sums.as_mut_ptr(), sums_first);
            sums
        }
    }
}

entry_points!(Lanes, accumulators = 4, features = "avx512f");
