//! NEON: four lanes.

use std::arch::aarch64::*;

use super::generic::{Vector, entry_points};

#[derive(Clone, Copy)]
pub(super) struct Lanes(float32x4_t);

impl Vector for Lanes {
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the processor has NEON.
        Self(unsafe { vdupq_n_f32(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for four f32.
        Self(unsafe { vld1q_f32(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        let mut lanes = [0.0f32; 4];
        // SAFETY: the caller's pointer is valid for `n` f32, and `n` is below four.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n);
            Self(vld1q_f32(lanes.as_ptr()))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's pointer is valid for four f32.
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, n: usize) {
        let mut lanes = [0.0f32; 4];
        // SAFETY: the caller's pointer is valid for `n` f32, and `n` is below four.
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), self.0);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, n);
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the processor has NEON.
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the processor has NEON.
        Self(unsafe { vsubq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the processor has NEON.
        Self(unsafe { vfmaq_f32(addend.0, self.0, factor.0) })
    }

    /// Neighbours are added, then pairs.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the processor has NEON.
        unsafe {
            let two = vpaddq_f32(self.0, self.0);
            vgetq_lane_f32::<0>(vpaddq_f32(two, two))
        }
    }

    #[inline(always)]
    unsafe fn sum4([a, b, c, d]: [Self; 4]) -> [f32; 4] {
        let mut sums = [0.0f32; 4];
        // SAFETY: the processor has NEON; the array is four f32 wide.
        unsafe {
            let one = vpaddq_f32(vpaddq_f32(a.0, b.0), vpaddq_f32(c.0, d.0));
            vst1q_f32(sums.as_mut_ptr(), one);
        }
        sums
    }
}

entry_points!(Lanes, accumulators = 4, features = "neon");
