//! AVX2 with FMA: eight lanes.

use std::arch::x86_64::*;

use super::generic::{Vector, entry_points};

#[derive(Clone, Copy)]
pub(super) struct Lanes(__m256);

/// Eight lanes on, then eight off: `n` lanes are on in the eight that start at `8 - n`.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The first `n` lanes on.
///
/// # Safety
/// The processor has AVX2; `n` is at most eight.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    // SAFETY: eight words from `8 - n` on lie within the sixteen.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n).cast()) }
}

impl Vector for Lanes {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the processor has AVX.
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for eight f32.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        // SAFETY: lanes that are off are not read, and the caller's pointer is valid for those that are on.
        Self(unsafe { _mm256_maskload_ps(from, first(n)) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's pointer is valid for eight f32.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, n: usize) {
        // SAFETY: lanes that are off are not written, and the caller's pointer is valid for those that are on.
        unsafe { _mm256_maskstore_ps(to, first(n), self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the processor has AVX.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the processor has AVX.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the processor has FMA.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
    }

    /// Halves are added, then neighbours, then pairs.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the processor has AVX.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_add_ps(four, _mm_movehdup_ps(four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehl_ps(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn sum4([a, b, c, d]: [Self; 4]) -> [f32; 4] {
        // SAFETY: the processor has AVX; the array is four f32 wide.
        unsafe {
            let ab = _mm256_add_ps(
                _mm256_permute2f128_ps::<0x20>(a.0, b.0),
                _mm256_permute2f128_ps::<0x31>(a.0, b.0),
            );
            let cd = _mm256_add_ps(
                _mm256_permute2f128_ps::<0x20>(c.0, d.0),
                _mm256_permute2f128_ps::<0x31>(c.0, d.0),
            );
            // Neighbours of [a, c] in the low half and of [b, d] in the high one, then pairs.
            let two = _mm256_hadd_ps(ab, cd);
            let one = _mm256_hadd_ps(two, two);
            let (ac, bd) = (_mm256_castps256_ps128(one), _mm256_extractf128_ps::<1>(one));
            let mut sums = [0.0; 4];
            _mm_storeu_ps(sums.as_mut_ptr(), _mm_unpacklo_ps(ac, bd));
            sums
        }
    }
}

// Sixteen registers hold four rows of three accumulators and the query.
entry_points!(Lanes, accumulators = 3, features = "avx2,fma");
